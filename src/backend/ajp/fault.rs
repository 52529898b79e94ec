//! Errors of AJP13 as failures of an attempt.

use std::io;

use ajp13::{CodecError, Malformed, Misbehaved, Unencodable};

use crate::backend::error::{FailureKind, Unsendable};

/// Errors of a container. The connection cannot be used any more.
#[derive(Debug, thiserror::Error)]
enum AjpFault {
    /// A packet is not AJP13.
    #[error("malformed packet: {0}")]
    Malformed(Malformed),
    /// A packet is AJP13 and not allowed at this place.
    #[error("misbehaved: {0}")]
    Misbehaved(Misbehaved),
}

impl From<AjpFault> for FailureKind {
    fn from(fault: AjpFault) -> Self {
        Self::Protocol(Box::new(fault))
    }
}

impl From<Misbehaved> for FailureKind {
    fn from(error: Misbehaved) -> Self {
        AjpFault::Misbehaved(error).into()
    }
}

impl From<CodecError> for FailureKind {
    fn from(error: CodecError) -> Self {
        match error {
            CodecError::Io(error) => Self::Lost(error),
            CodecError::Malformed(error) => AjpFault::Malformed(error).into(),
            CodecError::Unencodable(error) => error.into(),
            other => Self::Lost(io::Error::other(other)),
        }
    }
}

impl From<Unencodable> for FailureKind {
    fn from(error: Unencodable) -> Self {
        Self::Unsendable(match error {
            Unencodable::ControlCharacter => Unsendable::ControlCharacter,
            other => Unsendable::HeadTooLarge(Box::new(other)),
        })
    }
}
