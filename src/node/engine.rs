//! The state that all connections of a node share.

use super::sessions::Sessions;

/// The state that all connections of a node share.
#[derive(Debug)]
pub(super) struct Engine {
    pub(super) route: String,
    pub(super) secret: Option<String>,
    pub(super) sessions: Sessions,
}
