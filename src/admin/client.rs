//! Who sends a request to the admin listener.

use std::net::SocketAddr;
use std::sync::Arc;

/// Who sends a request: for the log, and what is known of them by the way they came.
#[derive(Debug, Clone)]
pub(super) struct Client {
    pub(super) user: Arc<str>,
    pub(super) address: SocketAddr,
    /// Whether they have shown who they are.
    pub(super) authenticated: bool,
}
