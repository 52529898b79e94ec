//! What can be wrong, by culprit: the peer's bytes, the peer's order, or what the caller wants to send.

use std::io;

use crate::limits::PacketSize;

/// The peer's bytes are not AJP13. The connection cannot be read any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// A packet does not start with the two bytes of its direction.
    #[error("packet starts with {0:02x?} instead of its magic bytes")]
    Magic([u8; 2]),
    /// A packet is longer than this end accepts.
    #[error("payload of {length} bytes where {limit} are the most")]
    Oversize {
        /// Payload length that the packet states, in bytes.
        length: usize,
        /// Most payload bytes that are accepted.
        limit: usize,
    },
    /// A packet without a type byte where one is needed.
    #[error("packet without a type")]
    Empty,
    /// A type that this direction does not have.
    #[error("unknown packet type {0}")]
    PacketType(u8),
    /// A field reaches behind the end of the packet.
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
    /// A header code that the direction's table does not have.
    #[error("unknown header code a0{0:02x}")]
    HeaderCode(u8),
    /// A header name that is the null string.
    #[error("header without a name")]
    HeaderName,
    /// An attribute code that is not assigned. Its value cannot be skipped, for nothing tells its length.
    #[error("unknown attribute code {0}")]
    Attribute(u8),
    /// More headers than the packet can hold.
    #[error("{0} headers in a packet that cannot hold them")]
    HeaderCount(u16),
    /// Bytes behind the last field.
    #[error("{0} bytes behind the end of the message")]
    Trailing(usize),
    /// A body length that contradicts the packet's length.
    #[error("body of {stated} bytes in a packet with room for {room}")]
    BodyLength {
        /// Length that the packet's body field states.
        stated: usize,
        /// Bytes that the packet has for it.
        room: usize,
    },
}

/// The peer's packets can be read, but not in this order. The connection is out of step.
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
    /// CPONG that answers nothing.
    #[error("CPONG inside a response")]
    StrayPong,
    /// Anything after END_RESPONSE.
    #[error("packet after END_RESPONSE")]
    AfterEnd,
}

/// What the caller wants to send has no AJP13 form. Nothing was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unencodable {
    /// It does not fit into one packet, and there is no second one.
    #[error("does not fit into a packet of {} bytes", .0.bytes())]
    TooLarge(PacketSize),
    /// CR, LF or NUL in a text: the container would pass them on or stop at them.
    #[error("control character in a text")]
    ControlCharacter,
    /// A header name that is empty or longer than [`MAX_HEADER_NAME`](crate::limits::MAX_HEADER_NAME).
    #[error("header name of {0} bytes")]
    HeaderName(usize),
    /// More than 65 535 headers.
    #[error("too many headers")]
    HeaderCount,
    /// Headers after the first attribute.
    #[error("header after an attribute")]
    HeaderAfterAttribute,
    /// A body packet without data: it would mean the end of the body.
    #[error("body packet without data")]
    EmptyBody,
}

/// Why a codec failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// The transport failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The peer sent what is not AJP13.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The caller wants to send what AJP13 cannot say.
    #[error(transparent)]
    Unencodable(#[from] Unencodable),
}
