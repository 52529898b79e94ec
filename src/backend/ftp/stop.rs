//! Why a dialogue with a server ends before there is a file: something failed, or the server has said no.

use http::StatusCode;

use super::super::error::FailureKind;
use super::fault::FtpFault;
use super::reply::Reply;

/// See the [module](self).
#[derive(Debug)]
pub(super) enum Stop {
    /// The attempt failed; another may do better.
    Failed(FailureKind),
    /// The server's no is the answer. The dialogue is in step.
    Status(StatusCode),
    /// The configured login is not let in.
    Refused,
}

impl From<FailureKind> for Stop {
    fn from(kind: FailureKind) -> Self {
        Self::Failed(kind)
    }
}

impl From<FtpFault> for Stop {
    fn from(fault: FtpFault) -> Self {
        Self::Failed(fault.into())
    }
}

impl Stop {
    /// What a reply means that is not the one hoped for.
    pub(super) fn of(reply: &Reply) -> Self {
        match status_of(reply.code) {
            Some(status) => Self::Status(status),
            None => FtpFault::Unexpected(reply.code).into(),
        }
    }

    /// Goes on with a reply of the class 2xx.
    pub(super) fn unless_positive(reply: Reply) -> Result<Reply, Self> {
        match reply.code {
            200..=299 => Ok(reply),
            _ => Err(Self::of(&reply)),
        }
    }
}

/// The HTTP status of a refusal (`src/backend/BACKENDS.md`, "FTP members"); `None` for a reply that refuses nothing.
fn status_of(code: u16) -> Option<StatusCode> {
    Some(match code {
        // Data could not be moved, this time.
        425 | 426 => StatusCode::BAD_GATEWAY,
        // Busy, out of order, out of room.
        400..=499 => StatusCode::SERVICE_UNAVAILABLE,
        530 => StatusCode::UNAUTHORIZED,
        532 | 533 | 534 | 535 | 536 | 553 => StatusCode::FORBIDDEN,
        550 => StatusCode::NOT_FOUND,
        552 => StatusCode::INSUFFICIENT_STORAGE,
        500..=599 => StatusCode::BAD_GATEWAY,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_have_a_status() {
        for (code, status) in [
            (425, 502),
            (426, 502),
            (450, 503),
            (451, 503),
            (452, 503),
            (500, 502),
            (502, 502),
            (530, 401),
            (550, 404),
            (551, 502),
            (552, 507),
            (553, 403),
        ] {
            assert_eq!(
                status_of(code).map(|status| status.as_u16()),
                Some(status),
                "{code}"
            );
        }
        for code in [150, 200, 226, 331] {
            assert_eq!(status_of(code), None, "{code}");
        }
    }
}
