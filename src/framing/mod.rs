//! Where HTTP/1 messages begin and end, in either direction (RFC 9112 sections 5 to 7).
//!
//! hyper parses messages, and it is strict; but some of what two readers could see two ends of it settles without a
//! word: a Content-Length beside Transfer-Encoding it drops, the same Content-Length twice it takes for one. So the
//! bytes are looked at before hyper sees them: each head as a whole, then its body only as far as needed to know
//! where it ends. Sockets and timers are the guards' business, of clients in `server`, of members in `backend`.
//!
//! Only framing is judged. Whatever else is wrong with a head (bytes that may not be in a name or a value, say) is
//! left to hyper, which refuses the head as a whole and so cannot see other framing than this.

mod chunk;
mod fields;
mod lines;

pub(crate) use self::chunk::Chunk;
pub(crate) use self::fields::Fields;
pub(crate) use self::lines::Lines;

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
    /// Everything until the connection ends: answers only.
    UntilClose,
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
            Self::Chunked(chunk) => self.take_chunks(chunk, bytes),
        }
    }

    /// A body of so many bytes.
    pub(crate) const fn of_length(length: u64) -> Self {
        match length {
            0 => Self::Over,
            length => Self::Length(length),
        }
    }

    fn take_chunks(&mut self, mut chunk: Chunk, bytes: &[u8]) -> (usize, Option<Refused>) {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            if let Chunk::Data(left) = chunk {
                let here = usize::try_from(left)
                    .unwrap_or(usize::MAX)
                    .min(bytes.len() - at);
                at += here;
                chunk = Chunk::data(left.saturating_sub(here as u64));
                continue;
            }
            match chunk.next(byte) {
                Some(Some(next)) => chunk = next,
                Some(None) => {
                    *self = Self::Over;
                    return (at + 1, None);
                }
                None => return (at, Some(Refused::BadChunk)),
            }
            at += 1;
        }
        *self = Self::Chunked(chunk);
        (at, None)
    }
}
