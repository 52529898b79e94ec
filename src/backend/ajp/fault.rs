//! What goes wrong in AJP13, as a failure of an attempt.

use std::io;

use ajp13::{CodecError, Malformed, Misbehaved, Unencodable};

use crate::backend::error::{FailureKind, Unsendable};

/// What a container can do wrong. The connection cannot be used any more.
#[derive(Debug, thiserror::Error)]
enum AjpFault {
    /// What came is not AJP13.
    #[error("malformed packet: {0}")]
    Malformed(Malformed),
    /// What came is AJP13 in an order that it does not allow.
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
