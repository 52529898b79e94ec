//! Why an attempt failed, how much the backend had seen of it, and what follows from that.

use std::error::Error;
use std::io;

use http::StatusCode;

use crate::framing::Refused;
use crate::telemetry::metrics::{ConnectResult, ErrorKind, RetryReason};
use crate::upload::UploadError;

/// A failed attempt to have a request answered by a member.
#[derive(Debug, thiserror::Error)]
#[error("{kind}")]
pub(crate) struct ForwardError {
    /// What went wrong.
    pub(crate) kind: FailureKind,
    /// How much the backend had seen.
    pub(crate) exposure: Exposure,
    /// Whether the connection had served a request before: then it may just have been closed for idleness.
    pub(crate) reused: bool,
    /// Whether it happened at the member's other connector, which only upgrades go to.
    pub(crate) aside: bool,
}

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FailureKind {
    /// All connections stayed busy for as long as a request may wait.
    #[error("no free connection in time")]
    Busy,
    /// The pool is closed: the member is being removed.
    #[error("member is being removed")]
    Removed,
    /// No connection could be made.
    #[error("cannot connect: {0}")]
    Connect(#[from] ConnectError),
    /// CPING was not answered in time.
    #[error("no CPONG in time")]
    NoPong,
    /// The connection was closed or reset.
    #[error("connection lost: {0}")]
    Lost(io::Error),
    /// Nothing came for as long as the member's `timeout`.
    #[error("no packet in time")]
    Silent,
    /// What came breaks the member's protocol, or a bound that the gateway sets. The text says how.
    #[error("{0}")]
    Protocol(Box<dyn Error + Send + Sync>),
    /// The answer cannot be said in HTTP.
    #[error("unusable answer: {0}")]
    BadHead(BadHead),
    /// Where an HTTP member's answer ends could be read in two ways, or a bound of it was passed.
    #[error("unusable answer: {0}")]
    Framing(#[from] Refused),
    /// The container says that something went wrong after the head of its answer.
    #[error("the container gave its answer up")]
    GivenUp,
    /// The answer has less body than it announced.
    #[error("answer ends {0} bytes early")]
    Short(u64),
    /// An FTP server closes, or takes nobody in now.
    #[error("the FTP server is not ready: {0}")]
    Unready(u16),
    /// The request has no form in the member's protocol. Nothing of it was sent.
    #[error("request cannot be sent: {0}")]
    Unsendable(#[from] Unsendable),
    /// The client's part of the request failed.
    #[error("{0}")]
    Client(UploadError),
}

/// Why a request has no form in a member's protocol.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unsendable {
    /// CR, LF, NUL or another control character where the protocol allows none.
    #[error("control character in a text")]
    ControlCharacter,
    /// The head of the request exceeds a bound of the protocol; the text says which.
    #[error("{0}")]
    HeadTooLarge(Box<dyn Error + Send + Sync>),
}

/// Why the head of an answer cannot become HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadHead {
    #[error("status {0}")]
    Status(u16),
    #[error("illegal header name")]
    Name,
    #[error("CR, LF, NUL or another control character in a header value")]
    Value,
    #[error("content-length is not one number")]
    Length,
    #[error("too many headers")]
    TooMany,
}

/// Why no connection could be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error("name cannot be resolved: {0}")]
    Resolve(io::Error),
    #[error("no address in time")]
    ResolveTimeout,
    #[error("no connection in time")]
    Timeout,
    #[error("{0}")]
    Io(io::Error),
    #[error("TLS: {0}")]
    Tls(io::Error),
}

impl ConnectError {
    pub(crate) fn result(&self) -> ConnectResult {
        match self {
            Self::Timeout | Self::ResolveTimeout => ConnectResult::Timeout,
            Self::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                ConnectResult::Refused
            }
            Self::Io(_) | Self::Resolve(_) | Self::Tls(_) => ConnectResult::Error,
        }
    }
}

/// How much of the attempt the backend can have acted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exposure {
    /// Nothing, or not a whole FORWARD_REQUEST.
    Nothing,
    /// The whole FORWARD_REQUEST may have reached it.
    Sent,
    /// It has begun to answer.
    Answering,
}

/// Whether and where a failed attempt may be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retry {
    No,
    /// On a new connection to the same member: the old one was kept too long.
    SameMember,
    /// On another member.
    NextMember,
}

impl ForwardError {
    pub(crate) const fn new(kind: FailureKind, exposure: Exposure, reused: bool) -> Self {
        Self {
            kind,
            exposure,
            reused,
            aside: false,
        }
    }

    /// It happened at the member's other connector, which only upgrades go to.
    pub(crate) const fn aside(mut self) -> Self {
        self.aside = true;
        self
    }

    /// The status for the client, when no other attempt answers.
    pub(crate) fn status(&self) -> StatusCode {
        match &self.kind {
            FailureKind::Busy
            | FailureKind::Removed
            | FailureKind::Connect(_)
            | FailureKind::NoPong
            | FailureKind::Unready(_) => StatusCode::SERVICE_UNAVAILABLE,
            FailureKind::Silent => StatusCode::GATEWAY_TIMEOUT,
            FailureKind::Lost(_)
            | FailureKind::Protocol(_)
            | FailureKind::BadHead(_)
            | FailureKind::Framing(_)
            | FailureKind::GivenUp
            | FailureKind::Short(_) => StatusCode::BAD_GATEWAY,
            FailureKind::Unsendable(Unsendable::ControlCharacter) => StatusCode::BAD_REQUEST,
            FailureKind::Unsendable(Unsendable::HeadTooLarge(_)) => {
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
            }
            FailureKind::Client(error) => error.status(),
        }
    }

    /// Whether and where to try again. Nothing that a backend may have acted on is repeated unless its method
    /// is idempotent (RFC 9110 section 9.2.2), and nothing at all once an answer has begun.
    pub(crate) fn retry(&self, idempotent: bool) -> Retry {
        match &self.kind {
            FailureKind::Busy
            | FailureKind::Removed
            | FailureKind::Connect(_)
            | FailureKind::NoPong => Retry::NextMember,
            FailureKind::Lost(_) | FailureKind::Unready(_) => match self.exposure {
                Exposure::Answering => Retry::No,
                Exposure::Sent if !idempotent => Retry::No,
                Exposure::Sent | Exposure::Nothing if self.reused => Retry::SameMember,
                Exposure::Sent | Exposure::Nothing => Retry::NextMember,
            },
            // A slow or poisonous request must not visit every member.
            FailureKind::Silent
            | FailureKind::Protocol(_)
            | FailureKind::BadHead(_)
            | FailureKind::Framing(_)
            | FailureKind::GivenUp
            | FailureKind::Short(_)
            | FailureKind::Unsendable(_)
            | FailureKind::Client(_) => Retry::No,
        }
    }

    /// Whether the failure puts the member in error (`src/backend/BACKENDS.md`). A failure of its connector for upgrades
    /// never does: any client can ask for an upgrade, and the member's sessions do not depend on that connector.
    pub(crate) fn blames_member(&self, failontimeout: bool) -> bool {
        match &self.kind {
            _ if self.aside => false,
            FailureKind::Connect(_) | FailureKind::NoPong => true,
            FailureKind::Lost(_) => !self.reused && self.exposure != Exposure::Answering,
            FailureKind::Silent => failontimeout,
            // A server with too many users is busy, not broken.
            FailureKind::Unready(_)
            | FailureKind::Busy
            | FailureKind::Removed
            | FailureKind::Protocol(_)
            | FailureKind::BadHead(_)
            | FailureKind::Framing(_)
            | FailureKind::GivenUp
            | FailureKind::Short(_)
            | FailureKind::Unsendable(_)
            | FailureKind::Client(_) => false,
        }
    }

    /// What the failure counts as for the member; `None` when it is not the member's.
    pub(crate) fn counts_as(&self) -> Option<ErrorKind> {
        match self.kind {
            FailureKind::Lost(_) | FailureKind::Unready(_)
                if self.reused && self.exposure != Exposure::Answering =>
            {
                None
            }
            _ => self.kind.counts_as(),
        }
    }

    /// What a retry after this failure counts as.
    pub(crate) fn retry_reason(&self) -> RetryReason {
        match &self.kind {
            FailureKind::Connect(_) => RetryReason::Connect,
            FailureKind::NoPong => RetryReason::Ping,
            FailureKind::Busy | FailureKind::Removed => RetryReason::Busy,
            _ if self.reused => RetryReason::Stale,
            FailureKind::Unready(_) => RetryReason::Busy,
            _ => RetryReason::Closed,
        }
    }
}

impl FailureKind {
    /// What the failure of an answer that has begun counts as for the member; `None` when it is not the
    /// member's.
    pub(crate) const fn counts_as(&self) -> Option<ErrorKind> {
        match self {
            Self::Connect(_) => Some(ErrorKind::Connect),
            Self::NoPong => Some(ErrorKind::Ping),
            Self::Lost(_) | Self::Unready(_) | Self::GivenUp => Some(ErrorKind::Closed),
            Self::Silent => Some(ErrorKind::Timeout),
            Self::Protocol(_) | Self::BadHead(_) | Self::Framing(_) | Self::Short(_) => {
                Some(ErrorKind::Protocol)
            }
            Self::Busy | Self::Removed | Self::Unsendable(_) | Self::Client(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One row for each kind and exposure: status, retry when idempotent, retry otherwise, blame (fresh).
    #[test]
    fn every_failure_has_its_consequences() {
        use Exposure::{Answering, Nothing, Sent};
        use Retry::{NextMember, No, SameMember};
        let lost = || FailureKind::Lost(io::ErrorKind::ConnectionReset.into());
        let refused =
            || FailureKind::Connect(ConnectError::Io(io::ErrorKind::ConnectionRefused.into()));
        let slow = || FailureKind::Connect(ConnectError::Timeout);
        let malformed = || FailureKind::Protocol("malformed".into());
        let large = || FailureKind::from(Unsendable::HeadTooLarge("too large".into()));
        let gone = || FailureKind::Client(UploadError::Cut);
        let unready = || FailureKind::Unready(421);
        let rows = [
            (
                FailureKind::Busy,
                Nothing,
                false,
                503,
                NextMember,
                NextMember,
                false,
            ),
            (refused(), Nothing, false, 503, NextMember, NextMember, true),
            (slow(), Nothing, false, 503, NextMember, NextMember, true),
            (
                FailureKind::NoPong,
                Nothing,
                true,
                503,
                NextMember,
                NextMember,
                true,
            ),
            (lost(), Nothing, true, 502, SameMember, SameMember, false),
            (lost(), Nothing, false, 502, NextMember, NextMember, true),
            (lost(), Sent, true, 502, SameMember, No, false),
            (lost(), Sent, false, 502, NextMember, No, true),
            (lost(), Answering, false, 502, No, No, false),
            (FailureKind::Silent, Sent, false, 504, No, No, false),
            (FailureKind::Silent, Answering, false, 504, No, No, false),
            (malformed(), Sent, false, 502, No, No, false),
            (malformed(), Answering, false, 502, No, No, false),
            (
                FailureKind::BadHead(BadHead::Value),
                Answering,
                false,
                502,
                No,
                No,
                false,
            ),
            (
                FailureKind::Framing(Refused::SeveralLengths),
                Answering,
                false,
                502,
                No,
                No,
                false,
            ),
            (FailureKind::GivenUp, Answering, false, 502, No, No, false),
            (FailureKind::Short(1), Answering, false, 502, No, No, false),
            (unready(), Sent, true, 503, SameMember, No, false),
            (unready(), Sent, false, 503, NextMember, No, false),
            (large(), Nothing, false, 431, No, No, false),
            (gone(), Sent, false, 400, No, No, false),
        ];
        for (kind, exposure, reused, status, idempotent, otherwise, blame) in rows {
            let error = ForwardError::new(kind, exposure, reused);
            assert_eq!(error.status().as_u16(), status, "{error:?}");
            assert_eq!(error.retry(true), idempotent, "{error:?}");
            assert_eq!(error.retry(false), otherwise, "{error:?}");
            assert_eq!(error.blames_member(false), blame, "{error:?}");
            let silent = matches!(error.kind, FailureKind::Silent);
            assert_eq!(error.blames_member(true), blame || silent, "{error:?}");
            assert!(!error.aside().blames_member(true));
        }
    }
}
