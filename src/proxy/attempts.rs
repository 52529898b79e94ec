//! The attempts of one request: which member gets it, and which member is next when one fails.

use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use ajp13::exchange::RequestBody;
use http::StatusCode;
use tracing::warn;

use super::attempt::{Ended, send};
use super::local::Local;
use super::record::Record;
use super::routed::RoutedRequest;
use super::verdict::Next;
use crate::backend::{FailureKind, ForwardError, ResponseBody};
use crate::balancer::{Hope, NoMember, Tried, Want};
use crate::head::AnswerHead;
use crate::state::{Chosen, LiveBalancer, LiveMember};
use crate::telemetry::metrics::RetryReason;
use crate::upload::{Upload, UploadError};

/// The failed attempt before the current one: its member, and why it failed.
#[derive(Debug)]
struct Before {
    member: Arc<LiveMember>,
    reason: RetryReason,
    /// The status for the client when no member is left.
    status: StatusCode,
}

/// Sends the request to the member of its session or to the one that the method chooses, and to the next member when one
/// fails and another attempt is safe. Returns the answer up to its body, and the member that gave it.
///
/// # Errors
/// The answer of the gateway, when no member gave one.
pub(crate) async fn run(
    request: &RoutedRequest<'_>,
    record: &mut Record,
    mut upload: Upload,
) -> Result<((AnswerHead, ResponseBody), Chosen), Local> {
    let mut choice = Choice::new(request, &upload);
    let mut tries_left = request.balancer().tries();
    let mut before: Option<Before> = None;
    let mut now = record.started;
    loop {
        let mut chosen = choice.at_once(now);
        if chosen.is_err() && choice.may_wait() {
            // Rare and large: boxed, so that the future of every request has no room for it.
            chosen = Box::pin(choice.wait(now)).await;
        }
        let mut chosen = match chosen {
            Ok(chosen) => chosen,
            Err(nobody) => return Err(unserved(request, nobody, before)),
        };
        if let Some(before) = &before {
            let metrics = before.member.metrics.now();
            metrics.retries.increment(before.reason);
        }
        record.chose(&chosen, request.balancer());
        tries_left = tries_left.saturating_sub(1);
        let ended = match send(request, record, &mut chosen, upload, tries_left).await {
            Ok(answer) => return Ok((answer, chosen)),
            Err(ended) => ended,
        };
        let Ended {
            error,
            verdict,
            upload: left,
        } = *ended;
        chosen.attempt.outcome = verdict.outcome;
        let member = Arc::clone(&chosen.attempt.member);
        choice.tried.insert(member.id);
        // From here on the member is not busy with the request.
        drop(chosen);
        (upload, before) = match verdict.next {
            Next::AnotherMember(reason, status) => (
                left,
                Some(Before {
                    member,
                    reason,
                    status,
                }),
            ),
            Next::Stop(status) => return Err(given_up(request, &error, status)),
            // `send` returns neither of these as a failure.
            Next::SameMember | Next::Answer => {
                return Err(given_up(request, &error, StatusCode::BAD_GATEWAY));
            }
        };
        upload.rewind();
        now = Instant::now();
    }
}

/// The choice of a member for each attempt of one request.
#[derive(Debug)]
struct Choice<'a> {
    balancer: &'a Arc<LiveBalancer>,
    /// The route that the session asks for.
    route: Option<&'a str>,
    tried: Tried,
    has_body: bool,
    /// Until when the request waits for a usable member, from the first time that it has to.
    until: Option<Instant>,
}

impl<'a> Choice<'a> {
    fn new(request: &'a RoutedRequest<'_>, upload: &Upload) -> Self {
        Self {
            balancer: request.balancer(),
            route: request.wanted.route(),
            tried: Tried::new(),
            has_body: upload.length() != RequestBody::Empty,
            until: None,
        }
    }

    fn want(&self) -> Want<'_> {
        Want {
            route: self.route,
            tried: &self.tried,
            has_body: self.has_body,
        }
    }

    /// Chooses a member that is usable now.
    fn at_once(&self, now: Instant) -> Result<Chosen, NoMember> {
        self.balancer.choose(self.want(), now)
    }

    /// Whether requests of the balancer wait for a usable member.
    fn may_wait(&self) -> bool {
        !self.balancer.config.timeout.is_zero()
    }

    /// Waits for a usable member until the balancer's `timeout` is over: for the end of a `retry`, of a probe, for a
    /// health check or an operator.
    async fn wait(&mut self, now: Instant) -> Result<Chosen, NoMember> {
        let timeout = self.balancer.config.timeout;
        let until = *self.until.get_or_insert_with(|| now + timeout);
        loop {
            let mut change = pin!(self.balancer.change());
            // From here on no change is missed.
            change.as_mut().enable();
            let now = Instant::now();
            let nobody = match self.at_once(now) {
                Ok(chosen) => return Ok(chosen),
                Err(nobody) => nobody,
            };
            let wake_up = match self.balancer.core().hope(nobody, self.want(), now) {
                Hope::At(time) => time.min(until),
                Hope::Change => until,
                Hope::Never => return Err(nobody),
            };
            if now >= until {
                return Err(nobody);
            }
            tokio::select! {
                () = change => {}
                () = tokio::time::sleep_until(wake_up.into()) => {}
            }
        }
    }
}

/// The answer when no member can have the request.
fn unserved(request: &RoutedRequest<'_>, nobody: NoMember, before: Option<Before>) -> Local {
    let balancer = request.balancer();
    if let Some(left_out) = balancer.unserved.due(nobody) {
        warn!(
            balancer = balancer.name(), reason = %nobody, left_out = left_out.field(),
            "request not served"
        );
    }
    answer(
        request,
        before.map_or(StatusCode::SERVICE_UNAVAILABLE, |before| before.status),
    )
}

/// The answer when the last attempt has failed.
fn given_up(request: &RoutedRequest<'_>, error: &ForwardError, status: StatusCode) -> Local {
    match error.kind {
        // What is left of a body that is too large still has an end.
        FailureKind::Client(UploadError::TooLarge) => Local::new(status),
        FailureKind::Client(_) => Local::new(status).and_close(),
        FailureKind::Later(wait) if !wait.is_zero() => Local::later(wait),
        _ => answer(request, status),
    }
}

fn answer(request: &RoutedRequest<'_>, status: StatusCode) -> Local {
    match status {
        StatusCode::SERVICE_UNAVAILABLE => {
            let route = request.wanted.route();
            let wait = request.balancer().core().retry_after(route, Instant::now());
            Local::unavailable(wait)
        }
        status => Local::new(status),
    }
}
