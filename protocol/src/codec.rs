//! Framing: `tokio_util` codecs for both ends of a connection.
//!
//! A packet is two magic bytes, a 16-bit payload length, and the payload. A decoded message shares the memory of
//! the read buffer and keeps it alive: at most one buffer per message, of the size reserved when it was read.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio_util::codec::{Decoder, Encoder};

use crate::encode::encode_body;
use crate::error::{CodecError, Malformed, Unencodable};
use crate::limits::{MAX_PAYLOAD, PACKET_HEADER, PacketSize};
use crate::request::{
    self, BodyPacket, CPING, END_OF_BODY, ForwardRequest, ToContainer, read_body,
};
use crate::response::{self, FromContainer};
use crate::tables::packet;

/// Most bytes reserved for a packet before any of its bytes has arrived.
const READ_AHEAD_MAX: usize = 16 * 1024;

/// The gateway's end: reads [`FromContainer`], writes [`ToContainer`].
#[derive(Debug, Clone)]
pub struct GatewayCodec {
    packet_size: PacketSize,
}

impl GatewayCodec {
    /// Written packets obey `packet_size`. Read packets may have any length: a container may be configured with a
    /// larger size, and Undertow sends heads that exceed its own size.
    #[must_use]
    pub const fn new(packet_size: PacketSize) -> Self {
        Self { packet_size }
    }

    /// The size limit of written packets.
    #[must_use]
    pub const fn packet_size(&self) -> PacketSize {
        self.packet_size
    }

    /// Whether `input` holds a whole packet, so that decoding it needs no further read.
    #[must_use]
    pub fn has_packet(&self, input: &[u8]) -> bool {
        payload_length(input)
            .is_some_and(|length| input.len().saturating_sub(PACKET_HEADER) >= length)
    }

    /// Takes the first packet out of `input`; `None`: more bytes are needed. Unlike [`decode`](Decoder::decode) it reserves no
    /// memory for them.
    ///
    /// # Errors
    /// [`CodecError::Malformed`]: the bytes are no packets.
    pub fn take(&self, input: &mut BytesMut) -> Result<Option<FromContainer>, CodecError> {
        let Some(payload) = split_packet(input, response::MAGIC, MAX_PAYLOAD)? else {
            return Ok(None);
        };
        Ok(Some(FromContainer::read(&payload)?))
    }
}

impl Decoder for GatewayCodec {
    type Item = FromContainer;
    type Error = CodecError;

    fn decode(&mut self, input: &mut BytesMut) -> Result<Option<FromContainer>, CodecError> {
        let message = self.take(input)?;
        if message.is_none() {
            reserve_missing(input, self.packet_size.bytes());
        }
        Ok(message)
    }
}

impl Encoder<ToContainer> for GatewayCodec {
    type Error = CodecError;

    fn encode(&mut self, message: ToContainer, out: &mut BytesMut) -> Result<(), CodecError> {
        match message {
            ToContainer::ForwardRequest(request) => {
                write_packet(out, request::MAGIC, self.packet_size, |out| {
                    request.write(out);
                    Ok(())
                })?;
            }
            ToContainer::Body(BodyPacket::Data(data)) => {
                encode_body(out, self.packet_size, &data)?;
            }
            ToContainer::Body(BodyPacket::End) => out.extend_from_slice(&END_OF_BODY),
            ToContainer::Body(BodyPacket::BareEnd) => {
                write_packet(out, request::MAGIC, self.packet_size, |_| Ok(()))?;
            }
            ToContainer::CPing => out.extend_from_slice(&CPING),
            ToContainer::Shutdown => {
                write_packet(out, request::MAGIC, self.packet_size, |out| {
                    out.put_u8(packet::SHUTDOWN);
                    Ok(())
                })?;
            }
            ToContainer::Ping => {
                write_packet(out, request::MAGIC, self.packet_size, |out| {
                    out.put_u8(packet::PING);
                    Ok(())
                })?;
            }
        }
        Ok(())
    }
}

/// The container's end: reads [`ToContainer`], writes [`FromContainer`].
///
/// A request body packet has no type byte: the container recognises it only because it waits for one. Call
/// [`expect_body`](Self::expect_body) before each of them.
#[derive(Debug, Clone)]
pub struct ContainerCodec {
    packet_size: PacketSize,
    body_expected: bool,
}

impl ContainerCodec {
    /// Packets obey `packet_size` in both directions, as Tomcat's do.
    #[must_use]
    pub const fn new(packet_size: PacketSize) -> Self {
        Self {
            packet_size,
            body_expected: false,
        }
    }

    /// The size limit of packets in both directions.
    #[must_use]
    pub const fn packet_size(&self) -> PacketSize {
        self.packet_size
    }

    /// Reads the next packet, and only that one, as request body.
    pub const fn expect_body(&mut self) {
        self.body_expected = true;
    }
}

impl Decoder for ContainerCodec {
    type Item = ToContainer;
    type Error = CodecError;

    fn decode(&mut self, input: &mut BytesMut) -> Result<Option<ToContainer>, CodecError> {
        let limit = self.packet_size.max_payload();
        let Some(payload) = split_packet(input, request::MAGIC, limit)? else {
            reserve_missing(input, self.packet_size.bytes());
            return Ok(None);
        };
        if self.body_expected {
            self.body_expected = false;
            return Ok(Some(ToContainer::Body(read_body(&payload)?)));
        }
        let message = match payload.first().copied().ok_or(Malformed::Empty)? {
            packet::FORWARD_REQUEST => {
                return Ok(Some(ToContainer::ForwardRequest(Box::new(
                    ForwardRequest::read(&payload)?,
                ))));
            }
            packet::CPING => ToContainer::CPing,
            packet::SHUTDOWN => ToContainer::Shutdown,
            packet::PING => ToContainer::Ping,
            other => return Err(Malformed::PacketType(other).into()),
        };
        match payload.len() {
            1 => Ok(Some(message)),
            more => Err(Malformed::Trailing(more.saturating_sub(1)).into()),
        }
    }
}

impl Encoder<FromContainer> for ContainerCodec {
    type Error = CodecError;

    fn encode(&mut self, message: FromContainer, out: &mut BytesMut) -> Result<(), CodecError> {
        let size = self.packet_size;
        write_packet(out, response::MAGIC, size, |out| message.write(out, size))?;
        Ok(())
    }
}

/// Takes the payload of the first packet out of `input`; `None`: more bytes are needed.
///
/// Magic bytes and length are checked as soon as they have arrived, before memory is reserved for the payload.
fn split_packet(
    input: &mut BytesMut,
    magic: [u8; 2],
    limit: usize,
) -> Result<Option<Bytes>, Malformed> {
    if let Some(first) = input.first_chunk::<2>()
        && *first != magic
    {
        return Err(Malformed::Magic(*first));
    }
    let Some(length) = payload_length(input) else {
        return Ok(None);
    };
    if length > limit {
        return Err(Malformed::Oversize { length, limit });
    }
    let whole = length.saturating_add(PACKET_HEADER);
    if input.len() < whole {
        return Ok(None);
    }
    let mut packet = input.split_to(whole).freeze();
    packet.advance(PACKET_HEADER);
    Ok(Some(packet))
}

/// The length of the first payload in bytes, once it has arrived.
fn payload_length(input: &[u8]) -> Option<usize> {
    let [_, _, high, low] = input.first_chunk::<PACKET_HEADER>()?;
    Some(usize::from(u16::from_be_bytes([*high, *low])))
}

/// Reserves memory for what is missing of the first packet, and at least for a packet of `read_ahead` bytes.
fn reserve_missing(input: &mut BytesMut, read_ahead: usize) {
    let whole = payload_length(input).map_or(0, |length| length.saturating_add(PACKET_HEADER));
    let missing = whole.saturating_sub(input.len());
    input.reserve(missing.max(read_ahead).min(READ_AHEAD_MAX));
}

/// Writes magic bytes, length, and the payload that `payload` writes. An error restores the buffer.
fn write_packet(
    out: &mut BytesMut,
    magic: [u8; 2],
    size: PacketSize,
    payload: impl FnOnce(&mut BytesMut) -> Result<(), Unencodable>,
) -> Result<(), Unencodable> {
    let start = out.len();
    out.extend_from_slice(&magic);
    out.put_u16(0);
    let written = payload(out).and_then(|()| {
        let length = out
            .len()
            .saturating_sub(start)
            .saturating_sub(PACKET_HEADER);
        let length = u16::try_from(length)
            .ok()
            .filter(|_| length <= size.max_payload());
        let length = length.ok_or(Unencodable::TooLarge(size))?;
        let at = start.saturating_add(2);
        if let Some(slot) = out.get_mut(at..at.saturating_add(2)) {
            slot.copy_from_slice(&length.to_be_bytes());
        }
        Ok(())
    });
    if written.is_err() {
        out.truncate(start);
    }
    written
}
