//! What an FTP server can do wrong, and how a request ends before its answer.

use ajpgate_ftp::download::BadDownload;
use ajpgate_ftp::listing::TooLong;
use ajpgate_ftp::reply::{BadReply, Reply};
use ajpgate_ftp::status;
use http::StatusCode;

use super::super::error::FailureKind;

/// Why the answer of an FTP server cannot be used. Its connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FtpFault {
    /// The bytes are no reply.
    #[error("{0}")]
    Reply(#[from] BadReply),
    /// A code that does not answer the command.
    #[error("FTP reply {0} out of place")]
    Unexpected(u16),
    /// A reply that no command asked for.
    #[error("an FTP reply that nothing was asked for")]
    Unasked,
    /// The reply to EPSV or PASV names no port.
    #[error("no port for data in the reply to EPSV or PASV")]
    NoPort,
    /// No data connection came from the server's address.
    #[error("no data connection from the server")]
    NoDataConnection,
    /// The server refuses TLS for data connections (RFC 4217 section 9).
    #[error("the server does not protect data: {0}")]
    Unprotected(u16),
    /// A transfer failed.
    #[error("{0}")]
    Download(#[from] BadDownload),
    /// A listing exceeds its bounds.
    #[error("{0}")]
    Listing(#[from] TooLong),
}

/// Why the server is asked nothing more for a request.
#[derive(Debug)]
pub(super) enum FtpError {
    /// The attempt failed. Another member may succeed.
    Failed(FailureKind),
    /// The server refuses the request, and the client gets this status.
    Refused(StatusCode),
}

impl From<FtpFault> for FailureKind {
    fn from(fault: FtpFault) -> Self {
        Self::Protocol(Box::new(fault))
    }
}

impl From<FailureKind> for FtpError {
    fn from(kind: FailureKind) -> Self {
        Self::Failed(kind)
    }
}

impl From<FtpFault> for FtpError {
    fn from(fault: FtpFault) -> Self {
        Self::Failed(fault.into())
    }
}

impl FtpError {
    /// The error for a reply that was not expected.
    pub(super) fn from_reply(reply: &Reply) -> Self {
        match status::for_refusal(reply) {
            Some(status) => Self::Refused(status),
            None => FtpFault::Unexpected(reply.code).into(),
        }
    }
}
