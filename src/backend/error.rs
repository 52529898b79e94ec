//! Why an attempt failed, and how much of the request the member had received. `proxy::verdict` decides what follows.

use std::error::Error;
use std::io;
use std::time::Duration;

use rustix::io::Errno;

use crate::framing::Refused;
use crate::telemetry::metrics::ConnectResult;
use crate::upload::UploadError;

/// A failed attempt to have a request answered by a member.
#[derive(Debug, thiserror::Error)]
#[error("{kind}")]
pub(crate) struct ForwardError {
    /// What went wrong.
    pub(crate) kind: FailureKind,
    /// How much the backend had seen.
    pub(crate) exposure: Exposure,
    pub(crate) age: Age,
    pub(crate) connector: Connector,
}

/// Whether a connection was made for the attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Age {
    /// The connection was made for the attempt.
    New,
    /// The connection was kept in the pool. The member may just have closed it because it was idle.
    Kept,
}

/// Which of a member's connectors an attempt used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Connector {
    /// The one of the member's `url`.
    Own,
    /// The one of its `upgrade_url`.
    Upgrades,
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
    /// The member's bytes break its protocol or a bound of the gateway. The text says how.
    #[error("{0}")]
    Protocol(Box<dyn Error + Send + Sync>),
    /// The answer cannot be said in HTTP.
    #[error("unusable answer: {0}")]
    BadHead(BadHead),
    /// Where an HTTP member's answer ends could be read in two ways, or a bound of it was passed.
    #[error("unusable answer: {0}")]
    Framing(#[from] Refused),
    /// The container reports a failure after the head of its answer.
    #[error("the container gave its answer up")]
    GivenUp,
    /// The answer has less body than it announced.
    #[error("answer ends {0} bytes early")]
    Short(u64),
    /// An FTP server closes, or accepts no clients at the moment.
    #[cfg_attr(
        not(feature = "ftp"),
        allow(dead_code, reason = "only FTP servers say it")
    )]
    #[error("the FTP server is not ready: {0}")]
    Unready(u16),
    /// An FTP server is ready in so much time.
    #[cfg_attr(
        not(feature = "ftp"),
        allow(dead_code, reason = "only FTP servers say it")
    )]
    #[error("the FTP server is ready in {} s", .0.as_secs())]
    Later(Duration),
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
    /// This process, or its machine, may open no more files: no failure of the member.
    #[error("no file descriptor is left: {0}")]
    NoDescriptor(io::Error),
}

impl ConnectError {
    /// What follows from an error of the system before there is a connection; `kind` is what it is otherwise.
    pub(super) fn of_system(error: io::Error, kind: fn(io::Error) -> Self) -> Self {
        let errno = Errno::from_io_error(&error);
        match errno {
            Some(Errno::MFILE | Errno::NFILE) => Self::NoDescriptor(error),
            _ => kind(error),
        }
    }

    pub(crate) fn result(&self) -> ConnectResult {
        match self {
            Self::Timeout | Self::ResolveTimeout => ConnectResult::Timeout,
            Self::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                ConnectResult::Refused
            }
            Self::Io(_) | Self::Resolve(_) | Self::Tls(_) | Self::NoDescriptor(_) => {
                ConnectResult::Error
            }
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
    /// The member has begun to answer.
    Answering,
}

impl ForwardError {
    pub(crate) const fn new(kind: FailureKind, exposure: Exposure, age: Age) -> Self {
        Self {
            kind,
            exposure,
            age,
            connector: Connector::Own,
        }
    }

    /// A failure before anything was sent.
    pub(crate) fn unsent(kind: impl Into<FailureKind>) -> Self {
        Self::new(kind.into(), Exposure::Nothing, Age::New)
    }

    /// The same failure, at the connector that only upgrades go to.
    pub(crate) const fn at_upgrades(mut self) -> Self {
        self.connector = Connector::Upgrades;
        self
    }
}
