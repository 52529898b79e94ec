//! One attempt to have a request answered by a member: what is sent, and what comes of it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ajp13::exchange::RequestBody;
use http::{Method, Version};
use tokio::time::Instant;

use super::error::{Age, FailureKind, ForwardError};
use super::exchange::Exchange;
use super::pool::{Lease, Transport};
use super::wire::Moved;
use crate::client::Client;
use crate::clock;
use crate::connection_state::ConnectionState;
use crate::head::AnswerHead;
use crate::headers::RequestFields;
use crate::identity::User;
use crate::upload::Upload;

/// Bytes after which a long upload is counted.
const TELL_EVERY: u64 = 64 * 1024;

/// A request on its way to one member.
#[derive(Debug)]
pub(crate) struct Forward<'a> {
    pub(crate) method: &'a Method,
    /// Whether the request may be sent again when it is unknown whether a member has executed it (RFC 9110 section 9.2.2).
    pub(crate) idempotent: bool,
    pub(crate) version: Version,
    /// The path that the client asked for, with its escapes.
    #[cfg_attr(
        not(feature = "ftp"),
        allow(dead_code, reason = "only FTP members need it")
    )]
    pub(crate) asked: &'a str,
    /// The path that the member gets, with its escapes.
    pub(crate) path: &'a str,
    /// The part of `path` that stands for the mapping's path: empty or `/app`. A client must not leave it.
    #[cfg_attr(
        not(feature = "ftp"),
        allow(dead_code, reason = "only FTP members need it")
    )]
    pub(crate) root: &'a str,
    /// The client's query, with its escapes.
    pub(crate) query: Option<&'a str>,
    /// In place of the member's `timeout`.
    pub(crate) timeout: Option<Duration>,
    pub(crate) fields: &'a RequestFields<'a>,
    pub(crate) client: &'a Client,
    /// Host without port.
    pub(crate) server_name: &'a str,
    /// The route that the session asked for.
    pub(crate) route: Option<&'a str>,
    /// `None` for a member without a balancer.
    pub(crate) activation: Option<Activation<'a>>,
    /// Request attributes, from the configuration.
    pub(crate) attributes: &'a [(String, Vec<u8>)],
    /// Who the user is. Members that speak HTTP are told in fields.
    pub(crate) user: Option<&'a User>,
    /// The protocol that the client asks to switch to (RFC 9110 section 7.8).
    pub(crate) upgrade: Option<&'a str>,
    /// The client's connection, for interim answers.
    pub(crate) connection: &'a Arc<ConnectionState>,
    /// Who counts what has moved, while a body is on its way to the member.
    pub(crate) counts: Option<&'a dyn Counts>,
}

/// Counts what an exchange has moved.
pub(crate) trait Counts: fmt::Debug + Sync {
    /// So much has moved so far.
    fn count(&self, moved: Moved);
}

/// An upload that is counted now and then while it lasts.
#[derive(Debug, Default)]
pub(super) struct Watched<'a> {
    counts: Option<&'a dyn Counts>,
    told_at: u64,
}

impl<'a> Watched<'a> {
    pub(super) fn new(request: &Forward<'a>, length: RequestBody) -> Self {
        Self {
            counts: request.counts.filter(|_| length != RequestBody::Empty),
            told_at: 0,
        }
    }

    /// The exchange has moved on.
    pub(super) fn look(&mut self, exchange: &mut impl Exchange) {
        let Some(counts) = self.counts else {
            return;
        };
        let moved = exchange.moved();
        if moved.bodies.to_backend.saturating_sub(self.told_at) >= TELL_EVERY {
            self.told_at = moved.bodies.to_backend;
            counts.count(moved);
        }
    }
}

/// The activation of a member that Tomcat is told (`JK_LB_ACTIVATION`, mod_jk's `jk_lb_worker.c`). Tomcat's
/// LoadBalancerDrainingValve redirects sessions that the Tomcat does not know.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Activation<'a> {
    /// Whether the member was draining when the request was scheduled. A drain that begins between then and the
    /// writing is not told: the request was given to a member that takes new sessions, and the valve would send it
    /// away.
    pub(crate) draining: bool,
    /// Whether the member is disabled or stopped by now, as may happen while a request waits for a connection.
    pub(crate) withdrawn: &'a AtomicBool,
}

impl Activation<'_> {
    /// `ACT`, `DIS` or `STP`, at the moment of writing.
    pub(crate) fn text(self) -> &'static str {
        match (self.draining, self.withdrawn.load(Ordering::Relaxed)) {
            (_, true) => "STP",
            (true, false) => "DIS",
            (false, false) => "ACT",
        }
    }
}

/// An attempt that got the head of an answer. The rest of the answer comes with its body.
#[derive(Debug)]
pub(crate) struct Sent<B> {
    pub(crate) head: AnswerHead,
    pub(crate) body: B,
    /// How long the attempt waited for a place in the pool and for connecting.
    pub(crate) waited: Duration,
    /// How long the answer's head took from then on, or from the last that the client sent of the request's body.
    pub(crate) to_head: Duration,
    /// When the answer's head was there.
    pub(crate) head_at: Instant,
}

impl<B> Sent<B> {
    /// The same with another type of body.
    pub(super) fn map<C>(self, body: impl FnOnce(B) -> C) -> Sent<C> {
        Sent {
            head: self.head,
            body: body(self.body),
            waited: self.waited,
            to_head: self.to_head,
            head_at: self.head_at,
        }
    }
}

/// An attempt that got no head of an answer.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) error: ForwardError,
    /// What the attempt has moved.
    pub(crate) moved: Moved,
    /// The request's body: what was taken of it is still there while it is small (see [`Upload::rewind`]).
    pub(crate) upload: Upload,
    /// How long the attempt waited for a place in the pool and for connecting.
    pub(crate) waited: Duration,
}

impl Failed {
    /// The same failure, at the connector that only upgrades go to.
    pub(super) fn at_upgrades(mut self: Box<Self>) -> Box<Self> {
        self.error = self.error.at_upgrades();
        self
    }
}

/// When the steps of an attempt began and how long they took.
#[derive(Debug, Clone, Copy)]
pub(super) struct Steps {
    waited: Duration,
    begun: Instant,
}

impl Steps {
    /// The attempt asked for a connection at `asked` and now has `leased`.
    pub(super) fn leased<T: Transport>(
        asked: Instant,
        leased: &Result<Lease<T>, FailureKind>,
    ) -> Self {
        let begun = match leased {
            // A kept connection is there at once.
            Ok(lease) if lease.age() == Age::Kept => asked,
            _ => clock::now(),
        };
        Self {
            waited: begun.duration_since(asked),
            begun,
        }
    }

    /// The attempt asked for no connection.
    #[cfg(feature = "ftp")]
    pub(super) fn without_connection() -> Self {
        Self {
            waited: Duration::ZERO,
            begun: Instant::now(),
        }
    }

    /// The head of the answer is there. `came_at`: when the client last sent something of the request's body.
    pub(super) fn sent<B>(self, head: AnswerHead, body: B, came_at: Option<Instant>) -> Sent<B> {
        let head_at = clock::now();
        let begun = came_at.map_or(self.begun, |came_at| came_at.max(self.begun));
        Sent {
            head,
            body,
            waited: self.waited,
            to_head: head_at.duration_since(begun),
            head_at,
        }
    }

    /// The attempt has failed. Boxed, because failures are rare and large.
    pub(super) fn failed(self, error: ForwardError, upload: Upload) -> Box<Failed> {
        self.failed_after(Moved::default(), error, upload)
    }

    /// The attempt has failed when so much had moved.
    pub(super) fn failed_after(
        self,
        moved: Moved,
        error: ForwardError,
        upload: Upload,
    ) -> Box<Failed> {
        Box::new(Failed {
            error,
            moved,
            upload,
            waited: self.waited,
        })
    }
}
