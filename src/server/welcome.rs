//! Whether a client that was let in is still welcome.
//!
//! Who the client of a connection is was found out when the connection began: its certificate was verified, or its PROXY
//! header was believed. A new configuration or a new revocation list may say otherwise. Then the revision of the listener
//! rises, each of its connections is woken, and asks whether its client would be let in now.
//!
//! | The client | The connection |
//! |---|---|
//! | would be let in | goes on |
//! | would not | answers the request under way, and no other; without a request it is closed |
//! | came to a listener that is gone | the same, but a connection that has had no request may send one |

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Context;

use tokio_util::sync::WaitForCancellationFutureOwned;
use tracing::debug;

use super::entrance::{Door, Entrance};
use crate::client::Client;
use crate::state::Shared;

/// What a connection holds of the listener that it came through. Only its own task uses it.
#[derive(Debug)]
pub(super) struct Welcome {
    entrance: Arc<Entrance>,
    shared: Arc<Shared>,
    /// The connection began with a PROXY header.
    by_proxy: bool,
    /// The revision at which the client was looked at last.
    seen: AtomicU64,
    /// The revision whose change wakes the connection's task; 0: none yet.
    awaited: AtomicU64,
    is_last: AtomicBool,
    is_over: AtomicBool,
}

/// What a connection may still do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It goes on.
    Kept,
    /// The next request is the last one, and so is the one under way.
    LastRequest,
    /// No request is taken behind the one under way.
    Over,
}

impl Welcome {
    /// For a connection that begins: what the configuration of its listener says now, and what the connection holds from then
    /// on.
    pub(super) fn to(entrance: Arc<Entrance>, shared: Arc<Shared>) -> (Arc<Door>, Self) {
        // The number comes first: what changes behind it is looked at once more.
        let seen = AtomicU64::new(entrance.revision().number());
        let is_last = AtomicBool::new(entrance.is_closed());
        let door = entrance.door();
        let welcome = Self {
            by_proxy: door.proxy_protocol,
            entrance,
            shared,
            seen,
            awaited: AtomicU64::new(0),
            is_last,
            is_over: AtomicBool::new(false),
        };
        (door, welcome)
    }

    pub(super) const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// What [`wake`](Self::wake) polls.
    pub(super) fn change(&self) -> WaitForCancellationFutureOwned {
        self.entrance.revision().watch().1
    }

    /// Has the connection's task woken when the client has to be looked at again, and when connections without a request are
    /// to end.
    pub(super) fn wake(
        &self,
        cx: &mut Context<'_>,
        change: Pin<&mut WaitForCancellationFutureOwned>,
    ) {
        let mut awaited = self.awaited.load(Ordering::Relaxed);
        self.entrance.revision().wake(cx, change, &mut awaited);
        self.awaited.store(awaited, Ordering::Relaxed);
    }

    /// What the connection of this client may still do. `is_fresh`: it has had no request.
    pub(super) fn standing(&self, client: &Client, is_fresh: bool) -> Standing {
        let now = self.entrance.revision().number();
        if self.seen.load(Ordering::Relaxed) != now {
            self.seen.store(now, Ordering::Relaxed);
            self.look(client, is_fresh);
        }
        if self.is_over.load(Ordering::Relaxed) {
            Standing::Over
        } else if self.is_last.load(Ordering::Relaxed) {
            Standing::LastRequest
        } else {
            Standing::Kept
        }
    }

    /// Looks again whether the client is let in. What is over stays so.
    fn look(&self, client: &Client, is_fresh: bool) {
        let is_believed =
            !self.by_proxy || self.shared.snapshot.load().trusted.contains(client.peer);
        let is_let_in = is_believed && self.entrance.door().lets_in(client, self.by_proxy);
        let is_gone = self.entrance.is_closed();
        if !is_let_in || is_gone && !is_fresh {
            debug!(
                client = client.ip,
                is_gone, "connection closed: the client is no longer let in"
            );
            self.is_over.store(true, Ordering::Relaxed);
        } else if is_gone {
            self.is_last.store(true, Ordering::Relaxed);
        }
    }
}
