//! A listener, as its connections see it.

use std::sync::Arc;

use ajpgate_config::Listener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::client::Client;
use crate::revision::Revision;
use crate::state::Shared;
use crate::tls::{Server, ServerError};

/// The settings of a listener that count for each new connection. A reload replaces them without touching the socket.
#[derive(Debug)]
pub(crate) struct Door {
    /// Whether each connection begins with a PROXY header.
    pub(super) proxy_protocol: bool,
    /// Whether HTTP/2 is spoken beside HTTP/1.1. With TLS the client chooses in the handshake.
    pub(super) http2: bool,
    /// What TLS is spoken with, where the listener speaks it.
    pub(crate) tls: Option<Arc<Server>>,
}

impl Door {
    /// The settings of this listener; `before` are those that it had.
    ///
    /// # Errors
    /// A file of `tls` that cannot be read or used.
    pub(crate) fn new(listener: &Listener, before: Option<&Self>) -> Result<Self, ServerError> {
        let before = before.and_then(|before| before.tls.as_deref());
        let tls = listener.tls.as_ref();
        let tls = tls
            .map(|tls| Server::new(tls, listener.http2, before))
            .transpose()?;
        Ok(Self {
            proxy_protocol: listener.proxy_protocol,
            http2: listener.http2,
            tls: tls.map(Arc::new),
        })
    }

    /// Whether it lets in the same clients as the one before, and takes them for the same. Where a PROXY header says who the
    /// client is, `trusted_proxies` may have changed.
    pub(super) fn lets_in_as(&self, before: &Self) -> bool {
        let as_tls = match (&self.tls, &before.tls) {
            (Some(now), Some(before)) => now.lets_in_as(before),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        as_tls && !self.proxy_protocol && !before.proxy_protocol
    }

    /// Whether a client would be let in now that came as this one did.
    pub(super) fn lets_in(&self, client: &Client, by_proxy: bool) -> bool {
        let by_tls = match (&self.tls, &client.tls) {
            (Some(server), Some(tls)) => server.lets_in(tls),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        by_tls && self.proxy_protocol == by_proxy
    }

    /// `http` or `https`.
    pub(crate) const fn scheme(&self) -> &'static str {
        match self.tls {
            Some(_) => "https",
            None => "http",
        }
    }
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Entrance {
    /// What its configuration says now.
    door: watch::Sender<Arc<Door>>,
    /// Rises when others are let in than before.
    revision: Arc<Revision>,
    /// The listener is no longer wanted.
    closed: CancellationToken,
}

impl Entrance {
    pub(crate) fn new(door: Door, shared: &Shared) -> Self {
        Self {
            door: watch::Sender::new(Arc::new(door)),
            revision: Arc::new(shared.closing.revision()),
            closed: CancellationToken::new(),
        }
    }

    pub(crate) fn door(&self) -> Arc<Door> {
        Arc::clone(&self.door.borrow())
    }

    /// Rises when others are let in than before.
    pub(crate) const fn revision(&self) -> &Arc<Revision> {
        &self.revision
    }

    /// The configuration has been read again; the snapshot is the new one already.
    pub(crate) fn replace(&self, door: Door) {
        let before = self.door.send_replace(Arc::new(door));
        if !self.door().lets_in_as(&before) {
            self.revision.rise();
        }
    }

    /// The listener is no longer wanted.
    pub(crate) fn close(&self) {
        self.closed.cancel();
        self.revision.rise();
    }

    /// Waits until it is no longer wanted.
    pub(super) async fn closed(&self) {
        self.closed.cancelled().await;
    }

    /// Whether it is no longer wanted.
    pub(super) fn is_closed(&self) -> bool {
        self.closed.is_cancelled()
    }
}
