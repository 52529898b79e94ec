//! Why a mapping does not let a request in.

use std::time::Duration;

/// Why a request may not come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoAccess {
    #[error("`deny` names the client's address")]
    Denied,
    #[error("`allow` does not name the client's address")]
    NotAllowed,
    /// The next request is let in after this time.
    #[error("more requests than `rate`")]
    TooMany(Duration),
}
