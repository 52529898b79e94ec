//! Errors by their cause: the peer's bytes, the order of the peer's packets, or the data that the caller sends.

use std::io;

use crate::limits::PacketSize;

/// The peer's bytes are not AJP13. Nothing more can be read from the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// A packet does not start with the magic bytes of its direction. An answer of HTTP starts with `HT`.
    #[error(
        "{speaker}packet starts with 0x{first:02x} 0x{second:02x} instead of its magic bytes",
        speaker = if .0 == b"HT" { "the other end seems to speak HTTP: " } else { "" },
        first = .0[0],
        second = .0[1],
    )]
    Magic([u8; 2]),
    /// A packet is longer than this end accepts.
    #[error("payload of {length} bytes exceeds the limit of {limit}")]
    Oversize {
        /// The payload length in the packet's header, in bytes.
        length: usize,
        /// The longest payload that this end accepts, in bytes.
        limit: usize,
    },
    /// A packet without a type byte where one is required.
    #[error("packet without a type")]
    Empty,
    /// A packet type that does not exist in this direction.
    #[error("unknown packet type {0}")]
    PacketType(u8),
    /// A field extends past the end of the packet.
    #[error("packet ends inside a field")]
    Truncated,
    /// A string is not followed by its NUL.
    #[error("string without its terminating NUL")]
    Unterminated,
    /// A method code that is neither 1 to 27 nor 255.
    #[error("unknown method code {0}")]
    Method(u8),
    /// Method code 255 without a `stored_method` attribute.
    #[error("method code 255 without a stored method")]
    NoStoredMethod,
    /// A header code that is not in the direction's table.
    #[error("unknown header code a0{0:02x}")]
    HeaderCode(u8),
    /// A header name that is the null string.
    #[error("header without a name")]
    HeaderName,
    /// An attribute code that is not assigned. Its value cannot be skipped, because its length is unknown.
    #[error("unknown attribute code {0}")]
    Attribute(u8),
    /// A header count that exceeds what the packet can hold.
    #[error("packet is too short for {0} headers")]
    HeaderCount(u16),
    /// Bytes after the last field.
    #[error("{0} bytes after the end of the message")]
    Trailing(usize),
    /// A body length that does not match the packet's length.
    #[error("body of {stated} bytes in a packet with room for {room}")]
    BodyLength {
        /// The length in the packet's body field, in bytes.
        stated: usize,
        /// The bytes that the packet has for the body.
        room: usize,
    },
}

/// The peer's packets are well-formed, but their order is not allowed. The two ends no longer agree about the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Misbehaved {
    /// A second SEND_HEADERS.
    #[error("second SEND_HEADERS in one response")]
    SecondHead,
    /// Body data before SEND_HEADERS.
    #[error("body data before SEND_HEADERS")]
    DataBeforeHead,
    /// END_RESPONSE before SEND_HEADERS.
    #[error("END_RESPONSE without SEND_HEADERS")]
    EndBeforeHead,
    /// GET_BODY_CHUNK while one is unanswered.
    #[error("GET_BODY_CHUNK while one is unanswered")]
    AskedTwice,
    /// GET_BODY_CHUNK after the end of the body was sent.
    #[error("GET_BODY_CHUNK after the end of the request body")]
    AskedAfterEnd,
    /// CPONG without a CPING.
    #[error("CPONG inside a response")]
    StrayPong,
    /// Anything after END_RESPONSE.
    #[error("packet after END_RESPONSE")]
    AfterEnd,
}

/// The caller's data cannot be expressed in AJP13. Nothing was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unencodable {
    /// The data does not fit into one packet, and AJP13 has no continuation packet.
    #[error("does not fit into a packet of {} bytes", .0.bytes())]
    TooLarge(PacketSize),
    /// A text contains CR, LF or NUL, which containers do not check.
    #[error("control character in a text")]
    ControlCharacter,
    /// A header name that is empty or longer than [`MAX_HEADER_NAME`](crate::limits::MAX_HEADER_NAME).
    #[error("header name of {0} bytes")]
    HeaderName(usize),
    /// More than 65 535 headers.
    #[error("too many headers")]
    HeaderCount,
    /// A header field after the first attribute.
    #[error("header after an attribute")]
    HeaderAfterAttribute,
    /// A body packet without data, which would mean the end of the body.
    #[error("body packet without data")]
    EmptyBody,
}

/// Why encoding or decoding failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// Reading or writing the connection failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The peer's bytes are not AJP13.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The caller's data cannot be expressed in AJP13.
    #[error(transparent)]
    Unencodable(#[from] Unencodable),
}

#[cfg(test)]
mod tests {
    use super::Malformed;

    #[test]
    fn an_answer_of_http_is_named() {
        assert_eq!(
            Malformed::Magic(*b"HT").to_string(),
            "the other end seems to speak HTTP: packet starts with 0x48 0x54 instead of its magic bytes"
        );
        assert_eq!(
            Malformed::Magic([0x00, 0x0a]).to_string(),
            "packet starts with 0x00 0x0a instead of its magic bytes"
        );
    }
}
