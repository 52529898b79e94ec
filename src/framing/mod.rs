//! Where HTTP/1 messages begin and end, in either direction (RFC 9112 sections 5 to 7).
//!
//! Two programs can read different ends of a message from the same head. Libraries accept some of these heads: hyper drops a
//! Content-Length beside Transfer-Encoding, and takes the same Content-Length twice for one; httparse takes a bare LF for
//! the end of a line. Here all of this is refused, before the parser sees it: each head as a whole, then its body as far as
//! needed to know where it ends. Sockets and timers are the business of `server` for clients and of `backend` for members.
//!
//! Only framing is judged. Other faults of a head (bytes that may not be in a name or a value) are left to the parser,
//! which refuses the head as a whole and so cannot see other framing than this.

mod chunk;
mod fields;
mod limits;
mod lines;
mod preface;

pub(crate) use self::chunk::Chunk;
pub(crate) use self::fields::BodyFields;
pub(crate) use self::limits::HeadLimits;
pub(crate) use self::lines::Lines;
pub(crate) use self::preface::Preface;
use crate::head::BadTarget;

/// Why a message is refused before it is parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("both Content-Length and Transfer-Encoding")]
    LengthAndEncoding,
    #[error("more than one Content-Length")]
    SeveralLengths,
    #[error("Content-Length is not a number")]
    BadLength,
    #[error("Transfer-Encoding is not chunked")]
    BadEncoding,
    #[error("Transfer-Encoding in HTTP/1.0")]
    EncodingInHttp10,
    #[error("line does not end with CR LF")]
    BareLineFeed,
    #[error("header field on more than one line")]
    FoldedField,
    #[error("too many empty lines before a request")]
    EmptyLines,
    #[error("status line is not HTTP/1.x with a status from 100 to 599")]
    BadStatusLine,
    #[error("101 without a request for it")]
    UnaskedUpgrade,
    #[error("too many interim answers")]
    TooManyInterim,
    #[error("too many header fields")]
    TooManyFields,
    #[error("head too large")]
    HeadTooLarge,
    #[error("head too slow")]
    HeadTooSlow,
    #[error("malformed chunk")]
    BadChunk,
    #[error("malformed request line or header field")]
    BadHead,
    #[error("a byte that may not be in a request target")]
    BadTarget,
    #[error("request target too long")]
    TargetTooLong,
}

impl From<BadTarget> for Refused {
    fn from(why: BadTarget) -> Self {
        match why {
            BadTarget::TooLong => Self::TargetTooLong,
            BadTarget::Malformed => Self::BadTarget,
        }
    }
}

/// What is left of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    /// Nothing: it is over, or there is none.
    Over,
    /// So many bytes.
    Length(u64),
    /// Chunks, from here on.
    Chunked(Chunk),
    /// Everything until the connection ends: answers; or until the stream of HTTP/2 ends.
    UntilClose,
}

/// The next bytes of a body: so many of framing, then so many of data. Without data there was nothing but framing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) framing: usize,
    pub(crate) data: usize,
}

impl Body {
    pub(crate) const fn is_over(self) -> bool {
        matches!(self, Self::Over)
    }

    /// How many of `bytes` belong to it, and why it goes no further when that is because of its bytes.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> (usize, Option<Refused>) {
        match *self {
            Self::Over => (0, None),
            Self::UntilClose => (bytes.len(), None),
            Self::Length(left) => {
                let here = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                *self = Self::of_length(left.saturating_sub(here as u64));
                (here, None)
            }
            Self::Chunked(_) => self.take_chunks(bytes),
        }
    }

    /// A body of so many bytes.
    pub(crate) const fn of_length(length: u64) -> Self {
        match length {
            0 => Self::Over,
            length => Self::Length(length),
        }
    }

    /// Takes the next piece of data, with the framing before it.
    ///
    /// # Errors
    /// When the bytes are no chunks.
    pub(crate) fn piece(&mut self, bytes: &[u8]) -> Result<Piece, Refused> {
        let Self::Chunked(mut chunk) = *self else {
            let (data, _) = self.take(bytes);
            return Ok(Piece { framing: 0, data });
        };
        let mut framing = 0;
        while let Some(&byte) = bytes.get(framing) {
            if let Chunk::Data(left) = chunk {
                let data = usize::try_from(left)
                    .unwrap_or(usize::MAX)
                    .min(bytes.len() - framing);
                *self = Self::Chunked(Chunk::data(left.saturating_sub(data as u64)));
                return Ok(Piece { framing, data });
            }
            framing += 1;
            match chunk.next(byte).ok_or(Refused::BadChunk)? {
                Some(next) => chunk = next,
                None => {
                    *self = Self::Over;
                    return Ok(Piece { framing, data: 0 });
                }
            }
        }
        *self = Self::Chunked(chunk);
        Ok(Piece { framing, data: 0 })
    }

    fn take_chunks(&mut self, bytes: &[u8]) -> (usize, Option<Refused>) {
        let mut at = 0;
        while let rest @ [_, ..] = bytes.get(at..).unwrap_or_default() {
            match self.piece(rest) {
                Ok(piece) => at += piece.framing + piece.data,
                Err(why) => return (at, Some(why)),
            }
            if self.is_over() {
                break;
            }
        }
        (at, None)
    }
}
