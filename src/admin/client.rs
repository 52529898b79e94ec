//! The client of the admin listener.

use std::net::SocketAddr;
use std::sync::Arc;

/// The client that sends a request, for the log and for the checks of its origin.
#[derive(Debug, Clone)]
pub(super) struct Client {
    /// The name of the user; `-` without `admin.auth`.
    pub(super) user: Arc<str>,
    pub(super) address: SocketAddr,
    /// Whether the client has sent valid credentials.
    pub(super) authenticated: bool,
}
