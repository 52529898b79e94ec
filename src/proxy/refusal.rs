//! Why a request gets no member, and the status that follows.

use http::StatusCode;

use super::target::BadTarget;
use crate::mount::BadPath;

/// Why a Destination is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadDestination {
    #[error("the Destination is neither a URL nor an absolute path")]
    Form,
    #[error("there is more than one Destination")]
    Several,
    #[error("the Destination is on another host")]
    OtherHost,
    #[error("the Destination is not mapped to where the request goes")]
    OtherTarget,
    #[error("the Destination is not to be proxied")]
    Forbidden,
}

/// Why a request gets no member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error(transparent)]
    Target(#[from] BadTarget),
    #[error(transparent)]
    Path(#[from] BadPath),
    #[error(transparent)]
    Destination(#[from] BadDestination),
    #[error("OPTIONS * asks the gateway itself")]
    Options,
    #[error("an exclusion covers the path")]
    Excluded { index: usize },
    #[error("servers may read the path as one that another mapping guards")]
    Guarded { index: usize },
    #[error("no mapping covers the path")]
    Unmapped,
}

impl Refusal {
    /// Whether no mapping was looked for.
    pub(crate) const fn comes_before_mapping(self) -> bool {
        matches!(self, Self::Target(_) | Self::Path(_))
    }

    /// The answer that the client gets.
    pub(crate) const fn status(self) -> StatusCode {
        match self {
            Self::Options => StatusCode::OK,
            Self::Excluded { .. } | Self::Unmapped => StatusCode::NOT_FOUND,
            Self::Target(BadTarget::Connect) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Target(_) | Self::Path(_) | Self::Guarded { .. } => StatusCode::BAD_REQUEST,
            // RFC 4918 section 9.8.5.
            Self::Destination(bad) => match bad {
                BadDestination::Form | BadDestination::Several => StatusCode::BAD_REQUEST,
                BadDestination::Forbidden => StatusCode::FORBIDDEN,
                BadDestination::OtherHost | BadDestination::OtherTarget => StatusCode::BAD_GATEWAY,
            },
        }
    }
}
