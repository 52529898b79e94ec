//! Chunked bodies: where they end (RFC 9112 section 7.1).

use crate::head::is_token;

/// Longest line with a chunk's size and extensions, in bytes.
const MAX_CHUNK_LINE: usize = 256;

/// Longest trailer section, in bytes. Trailers are dropped.
const MAX_TRAILERS: usize = 8 * 1024;

/// Where in a chunked body (RFC 9112 section 7.1) the next byte stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Chunk {
    /// In the line that holds the size.
    Size {
        value: u64,
        digits: u8,
        length: u16,
    },
    /// In the blanks after the size. Only an extension or the end of the line may follow.
    Blank {
        value: u64,
        length: u16,
    },
    /// In the rest of that line, after a `;`.
    Extension {
        value: u64,
        length: u16,
    },
    /// At the LF of that line.
    SizeLf {
        value: u64,
    },
    /// In the data.
    Data(u64),
    /// At the CR, then the LF, behind the data.
    DataCr,
    DataLf,
    /// In the trailer section: bytes so far, and the place in the line.
    Trailer {
        total: u16,
        place: TrailerPlace,
    },
    /// At the LF of a trailer line; of an empty one when `last`.
    TrailerLf {
        total: u16,
        last: bool,
    },
}

/// Where in a line of the trailer section the next byte stands. A line is a field, or empty: hyper refuses others too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TrailerPlace {
    Start,
    Name,
    Value,
}

impl Chunk {
    /// Before the first chunk.
    pub(crate) const START: Self = Self::Size {
        value: 0,
        digits: 0,
        length: 0,
    };

    /// In the data, with so many bytes to go.
    pub(super) const fn data(left: u64) -> Self {
        match left {
            0 => Self::DataCr,
            left => Self::Data(left),
        }
    }

    /// The state behind one byte: `Some(None)` behind the last byte of the body, `None` for a byte that may
    /// not stand here.
    pub(super) fn next(self, byte: u8) -> Option<Option<Self>> {
        Some(Some(match (self, byte) {
            (
                Self::Size {
                    value,
                    digits,
                    length,
                },
                byte,
            ) => Self::behind_digits(value, digits, length, byte)?,
            (Self::Blank { value, length }, byte) => Self::behind_blanks(value, length, byte)?,
            (Self::Extension { value, length }, byte) => {
                Self::behind_extension(value, length, byte)?
            }
            (Self::SizeLf { value: 0 }, b'\n') => Self::Trailer {
                total: 0,
                place: TrailerPlace::Start,
            },
            (Self::SizeLf { value }, b'\n') => Self::Data(value),
            (Self::DataCr, b'\r') => Self::DataLf,
            (Self::DataLf, b'\n') => Self::START,
            (Self::Trailer { total, place }, byte) => place.next(total, byte)?,
            (Self::TrailerLf { last: true, .. }, b'\n') => return Some(None),
            (Self::TrailerLf { total, last: false }, b'\n') => Self::Trailer {
                total,
                place: TrailerPlace::Start,
            },
            _ => return None,
        }))
    }

    /// The state behind a byte of the size. A size has at most 15 digits, so that it fits a `u64`.
    fn behind_digits(value: u64, digits: u8, length: u16, byte: u8) -> Option<Self> {
        let length = length + 1;
        Some(match byte {
            b'\r' if digits > 0 => Self::SizeLf { value },
            b' ' | b'\t' if digits > 0 => Self::Blank { value, length },
            b';' if digits > 0 => Self::Extension { value, length },
            _ if digits == 15 => return None,
            _ => {
                let digit = char::from(byte).to_digit(16)?;
                Self::Size {
                    value: value * 16 + u64::from(digit),
                    digits: digits + 1,
                    length,
                }
            }
        })
    }

    /// The state behind a byte of the blanks.
    fn behind_blanks(value: u64, length: u16, byte: u8) -> Option<Self> {
        Some(match byte {
            b'\r' => Self::SizeLf { value },
            b';' => Self::Extension { value, length },
            b' ' | b'\t' if usize::from(length) < MAX_CHUNK_LINE => Self::Blank {
                value,
                length: length + 1,
            },
            _ => return None,
        })
    }

    /// The state behind a byte of the extensions.
    fn behind_extension(value: u64, length: u16, byte: u8) -> Option<Self> {
        Some(match byte {
            b'\r' => Self::SizeLf { value },
            b'\t' | b' '..=b'~' | 0x80.. if usize::from(length) < MAX_CHUNK_LINE => {
                Self::Extension {
                    value,
                    length: length + 1,
                }
            }
            _ => return None,
        })
    }
}

impl TrailerPlace {
    /// The state behind one byte of a trailer section of which `total` bytes have come; `None` for a byte that may not
    /// stand here.
    fn next(self, total: u16, byte: u8) -> Option<Chunk> {
        let place = match (self, byte) {
            (Self::Start | Self::Value, b'\r') => {
                let last = self == Self::Start;
                return Some(Chunk::TrailerLf { total, last });
            }
            (Self::Start | Self::Name, byte) if is_token(byte) => Self::Name,
            (Self::Name, b':') | (Self::Value, b'\t' | b' '..=b'~' | 0x80..) => Self::Value,
            _ => return None,
        };
        (usize::from(total) < MAX_TRAILERS).then(|| Chunk::Trailer {
            total: total + 1,
            place,
        })
    }
}
