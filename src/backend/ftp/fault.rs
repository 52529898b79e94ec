//! What an FTP server can do wrong.

use super::super::error::FailureKind;

/// Why an FTP server's answer is of no use. Its member is asked nothing more on that connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FtpFault {
    /// A line that does not begin with a code.
    #[error("a line that is no FTP reply")]
    NoReply,
    /// A reply beyond its bounds.
    #[error("FTP reply too long")]
    LongReply,
    /// A reply that nothing was asked for, or one too many.
    #[error("FTP reply {0} out of place")]
    Unexpected(u16),
    /// EPSV or PASV without a port.
    #[error("no port for data in the reply to EPSV or PASV")]
    NoPort,
    /// The server has said more than it was asked.
    #[error("an FTP reply that nothing was asked for")]
    Unasked,
    /// A part of a file that is longer than was asked for: it is some other part.
    #[error("more than the rest of the file")]
    OtherPart,
    /// What protects the data was refused (RFC 4217 section 9).
    #[error("the server does not protect data: {0}")]
    Unprotected(u16),
    /// A transfer that the server broke off.
    #[error("transfer ended with {0}")]
    Broken(u16),
    /// Lines, or the whole of them, beyond their bounds.
    #[error("directory listing too long")]
    LongListing,
    /// Nobody from the server's address came for data.
    #[error("no data connection from the server")]
    NobodyCame,
}

impl From<FtpFault> for FailureKind {
    fn from(fault: FtpFault) -> Self {
        Self::Protocol(Box::new(fault))
    }
}
