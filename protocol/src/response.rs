//! Packets from the container: SEND_HEADERS, SEND_BODY_CHUNK, GET_BODY_CHUNK, END_RESPONSE, CPONG.

use bytes::{BufMut, Bytes, BytesMut};

use crate::error::{Malformed, Unencodable};
use crate::headers::Headers;
use crate::limits::PacketSize;
use crate::tables::{ResponseHeader, packet};
use crate::wire::{Reader, WireString, put_wire_string};

/// First two bytes of every packet from the container.
pub const MAGIC: [u8; 2] = *b"AB";

/// A packet from the container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FromContainer {
    /// Status and header fields, once per response.
    SendHeaders(SendHeaders),
    /// Part of the response body. Without data it asks for a flush and is not the end.
    SendBodyChunk(Bytes),
    /// Asks for request body: at most this many bytes.
    GetBodyChunk(u16),
    /// End of the response.
    EndResponse {
        /// Whether the connection may serve another request. If not, Tomcat does not close it: the gateway must.
        reuse: bool,
    },
    /// Answer to a CPING.
    CPong,
}

/// A SEND_HEADERS as it stands in the packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendHeaders {
    /// The status: any 16-bit number. Whether HTTP allows it is for the caller to check.
    pub status: u16,
    /// The reason phrase. Tomcat sends the digits of the status.
    pub message: WireString,
    /// Header fields in the application's order, repeated fields as separate entries.
    pub headers: Headers<ResponseHeader>,
}

impl FromContainer {
    /// Reads a whole payload.
    pub(crate) fn read(payload: &Bytes) -> Result<Self, Malformed> {
        let mut reader = Reader::new(payload);
        let message = match reader.u8().map_err(|_| Malformed::Empty)? {
            packet::SEND_BODY_CHUNK => return read_chunk(payload),
            packet::SEND_HEADERS => Self::SendHeaders(SendHeaders {
                status: reader.u16()?,
                message: reader.string()?,
                headers: Headers::read(&mut reader, payload)?,
            }),
            packet::END_RESPONSE => Self::EndResponse {
                reuse: reader.bool()?,
            },
            packet::GET_BODY_CHUNK => Self::GetBodyChunk(reader.u16()?),
            packet::CPONG => Self::CPong,
            other => return Err(Malformed::PacketType(other)),
        };
        reader.finish()?;
        Ok(message)
    }

    /// Writes the payload without checking its texts.
    ///
    /// # Errors
    /// [`Unencodable::TooLarge`]; the caller removes what was written.
    pub(crate) fn write(&self, out: &mut BytesMut, size: PacketSize) -> Result<(), Unencodable> {
        match self {
            Self::SendHeaders(head) => {
                out.put_u8(packet::SEND_HEADERS);
                out.put_u16(head.status);
                put_wire_string(out, head.message.as_ref());
                head.headers.write(out);
            }
            Self::SendBodyChunk(data) => {
                if data.len() > size.max_response_data() {
                    return Err(Unencodable::TooLarge(size));
                }
                let length = u16::try_from(data.len()).map_err(|_| Unencodable::TooLarge(size))?;
                out.reserve(data.len().saturating_add(4));
                out.put_u8(packet::SEND_BODY_CHUNK);
                out.put_u16(length);
                out.extend_from_slice(data);
                out.put_u8(0);
            }
            Self::GetBodyChunk(length) => {
                out.put_u8(packet::GET_BODY_CHUNK);
                out.put_u16(*length);
            }
            Self::EndResponse { reuse } => {
                out.extend_from_slice(&[packet::END_RESPONSE, u8::from(*reuse)]);
            }
            Self::CPong => out.put_u8(packet::CPONG),
        }
        Ok(())
    }
}

/// Reads a SEND_BODY_CHUNK, with or without the NUL after its data: mod_jk does not require the NUL, mod_proxy_ajp does.
fn read_chunk(payload: &Bytes) -> Result<FromContainer, Malformed> {
    let mut reader = Reader::new(payload);
    reader.u8()?;
    let stated = usize::from(reader.u16()?);
    let room = reader.remaining();
    if stated != room && stated.checked_add(1) != Some(room) {
        return Err(Malformed::BodyLength { stated, room });
    }
    let data = reader.bytes(stated)?;
    match reader.peek() {
        None | Some(0) => Ok(FromContainer::SendBodyChunk(data)),
        Some(_) => Err(Malformed::Unterminated),
    }
}
