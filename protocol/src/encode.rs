//! Encoding of packets to the container from borrowed parts, without an intermediate message.

use bytes::BytesMut;

use crate::error::Unencodable;
use crate::limits::{MAX_HEADER_NAME, PACKET_HEADER, PacketSize};
use crate::request::{Attribute, MAGIC};
use crate::tables::{
    CODED, HeaderCode as _, RequestHeader, STORED_METHOD, attribute, method_code, packet,
};
use crate::wire::{NULL, has_control};

/// The fixed part of a FORWARD_REQUEST.
#[derive(Debug, Clone, Copy)]
pub struct RequestLine<'a> {
    /// The method's name. It is sent as a code if it has one, otherwise as `stored_method`.
    pub method: &'a [u8],
    /// For example `HTTP/1.1`.
    pub protocol: &'a [u8],
    /// The raw path, escapes and parameters included, without the query.
    pub uri: &'a [u8],
    /// The client's address as text, IPv6 without brackets.
    pub remote_addr: &'a [u8],
    /// The client's host name, if known.
    pub remote_host: Option<&'a [u8]>,
    /// Host without port.
    pub server_name: &'a [u8],
    /// Port.
    pub server_port: u16,
    /// Whether the client spoke TLS.
    pub is_ssl: bool,
}

/// Writes one FORWARD_REQUEST from borrowed parts in a single pass.
///
/// The packet is complete when [`finish`](Self::finish) returns `Ok`. An encoder that is dropped before that, or
/// after an error, restores the buffer.
#[derive(Debug)]
pub struct RequestEncoder<'b> {
    out: &'b mut Vec<u8>,
    packet_size: PacketSize,
    start: usize,
    count_at: usize,
    count: u16,
    stored_method: Option<[u8; STORED_METHOD_MAX]>,
    stored_length: usize,
    in_attributes: bool,
    finished: bool,
}

/// Longest method name that is sent without a code, in bytes. No registered method is longer.
pub const STORED_METHOD_MAX: usize = 32;

impl<'b> RequestEncoder<'b> {
    /// Starts a packet at the end of the buffer.
    ///
    /// # Errors
    /// [`Unencodable`] when a text contains CR, LF or NUL, or does not fit the packet.
    pub fn begin(
        out: &'b mut Vec<u8>,
        packet_size: PacketSize,
        line: &RequestLine<'_>,
    ) -> Result<Self, Unencodable> {
        let code = method_code(line.method);
        let mut stored_method = None;
        if code.is_none() {
            let mut stored = [0; STORED_METHOD_MAX];
            stored
                .get_mut(..line.method.len())
                .ok_or(Unencodable::TooLarge(packet_size))?
                .copy_from_slice(line.method);
            stored_method = Some(stored);
        }
        let start = out.len();
        let mut encoder = Self {
            out,
            packet_size,
            start,
            count_at: start,
            count: 0,
            stored_method,
            stored_length: line.method.len(),
            in_attributes: false,
            finished: false,
        };
        encoder.out.extend_from_slice(&MAGIC);
        encoder
            .out
            .extend_from_slice(&[0, 0, packet::FORWARD_REQUEST]);
        encoder.out.push(code.unwrap_or(STORED_METHOD));
        encoder.string(line.protocol)?;
        encoder.string(line.uri)?;
        encoder.string(line.remote_addr)?;
        match line.remote_host {
            Some(host) => encoder.string(host)?,
            None => encoder.out.extend_from_slice(&NULL.to_be_bytes()),
        }
        encoder.string(line.server_name)?;
        let [high, low] = line.server_port.to_be_bytes();
        let is_ssl = u8::from(line.is_ssl);
        encoder.out.extend_from_slice(&[high, low, is_ssl, 0, 0]);
        encoder.count_at = encoder.out.len().saturating_sub(2);
        Ok(encoder)
    }

    /// Adds a header field. A name that has a code is sent as the code; any other name keeps its case.
    ///
    /// # Errors
    /// [`Unencodable`] when the field contains CR, LF or NUL, does not fit, or comes after an attribute.
    pub fn header(&mut self, name: &[u8], value: &[u8]) -> Result<(), Unencodable> {
        match RequestHeader::from_name(name) {
            Some(code) => self.coded_header(code, value),
            None => self.text_header(name, value),
        }
    }

    /// Adds a header field whose name has a code.
    ///
    /// # Errors
    /// As [`header`](Self::header).
    #[inline]
    pub fn coded_header(&mut self, name: RequestHeader, value: &[u8]) -> Result<(), Unencodable> {
        self.count_header()?;
        self.check(value, 2)?;
        let [high, low] = length_of(value);
        self.out.extend_from_slice(&[CODED, name.code(), high, low]);
        self.end_string(value);
        Ok(())
    }

    /// Adds a header field whose name is known to have no code, so that none is looked for. A container reads a name that
    /// has one in this form too.
    ///
    /// # Errors
    /// As [`header`](Self::header).
    #[inline]
    pub fn text_header(&mut self, name: &[u8], value: &[u8]) -> Result<(), Unencodable> {
        self.count_header()?;
        if name.is_empty() || name.len() > MAX_HEADER_NAME {
            return Err(Unencodable::HeaderName(name.len()));
        }
        self.check(name, 0)?;
        self.check(value, name.len().saturating_add(3))?;
        self.out.extend_from_slice(&length_of(name));
        self.pair(name, value);
        Ok(())
    }

    fn count_header(&mut self) -> Result<(), Unencodable> {
        if self.in_attributes {
            return Err(Unencodable::HeaderAfterAttribute);
        }
        self.count = self.count.checked_add(1).ok_or(Unencodable::HeaderCount)?;
        Ok(())
    }

    /// Adds an attribute.
    ///
    /// # Errors
    /// [`Unencodable`] when the value contains CR, LF or NUL, or does not fit.
    pub fn attribute(&mut self, attribute: Attribute, value: &[u8]) -> Result<(), Unencodable> {
        self.in_attributes = true;
        self.check(value, 1)?;
        let [high, low] = length_of(value);
        self.out.extend_from_slice(&[attribute as u8, high, low]);
        self.end_string(value);
        Ok(())
    }

    /// Adds a named attribute. The name must come from the configuration, never from a request: Tomcat acts on some
    /// names (CVE-2020-1938).
    ///
    /// # Errors
    /// [`Unencodable`] when name or value contains CR, LF or NUL, or does not fit.
    pub fn named_attribute(&mut self, name: &[u8], value: &[u8]) -> Result<(), Unencodable> {
        self.in_attributes = true;
        self.check(name, 1)?;
        self.check(value, name.len().saturating_add(4))?;
        let [high, low] = length_of(name);
        self.out.extend_from_slice(&[attribute::REQUEST, high, low]);
        self.pair(name, value);
        Ok(())
    }

    /// Adds the client's certificate or chain in PEM, each certificate with its line ends (LF).
    ///
    /// # Errors
    /// [`Unencodable`] when the text has other characters than PEM has, or does not fit.
    pub fn ssl_cert(&mut self, pem: &[u8]) -> Result<(), Unencodable> {
        let is_pem = |byte: &u8| matches!(byte, b'\n' | b' '..=b'~');
        if !pem.iter().all(is_pem) {
            return Err(Unencodable::ControlCharacter);
        }
        self.in_attributes = true;
        self.out.push(Attribute::SslCert as u8);
        self.room_for(pem, 0)?;
        self.out.extend_from_slice(&length_of(pem));
        self.end_string(pem);
        Ok(())
    }

    /// Adds the key size of the TLS cipher, in bits.
    pub fn ssl_key_size(&mut self, bits: u16) {
        self.in_attributes = true;
        let [high, low] = bits.to_be_bytes();
        self.out
            .extend_from_slice(&[attribute::SSL_KEY_SIZE, high, low]);
    }

    /// Completes the packet and returns its length in bytes, including the four bytes of its header.
    ///
    /// # Errors
    /// [`Unencodable::TooLarge`] when the packet exceeds the packet size.
    pub fn finish(mut self) -> Result<usize, Unencodable> {
        if let Some(stored) = self.stored_method.take() {
            let method = stored.get(..self.stored_length).unwrap_or_default();
            self.attribute(Attribute::StoredMethod, method)?;
        }
        self.out.push(attribute::END);
        let length = self.length();
        let payload = length.saturating_sub(PACKET_HEADER);
        let (Ok(payload), true) = (u16::try_from(payload), length <= self.packet_size.bytes())
        else {
            return Err(Unencodable::TooLarge(self.packet_size));
        };
        let payload_at = self.start.saturating_add(2);
        overwrite(self.out, payload_at, payload);
        overwrite(self.out, self.count_at, self.count);
        self.finished = true;
        Ok(length)
    }

    fn string(&mut self, text: &[u8]) -> Result<(), Unencodable> {
        self.check(text, 0)?;
        self.out.extend_from_slice(&length_of(text));
        self.end_string(text);
        Ok(())
    }

    /// Fails when a text cannot stand in a string, or does not fit the packet. Nothing has been copied then.
    #[inline]
    fn check(&self, text: &[u8], before: usize) -> Result<(), Unencodable> {
        if has_control(text) {
            return Err(Unencodable::ControlCharacter);
        }
        self.room_for(text, before)
    }

    /// Fails when a text does not fit the packet with its length, its NUL and `before` other bytes.
    #[inline]
    fn room_for(&self, text: &[u8], before: usize) -> Result<(), Unencodable> {
        let begun = self.out.len().saturating_add(before);
        let length = begun.saturating_add(text.len()).saturating_add(3);
        if length.saturating_sub(self.start) > self.packet_size.bytes() {
            return Err(Unencodable::TooLarge(self.packet_size));
        }
        Ok(())
    }

    /// Writes what follows the length of a string.
    #[inline]
    fn end_string(&mut self, text: &[u8]) {
        self.out.extend_from_slice(text);
        self.out.push(0);
    }

    /// Writes two strings, without the length of the first.
    #[inline]
    fn pair(&mut self, one: &[u8], two: &[u8]) {
        let [high, low] = length_of(two);
        self.out.extend_from_slice(one);
        self.out.extend_from_slice(&[0, high, low]);
        self.end_string(two);
    }

    fn length(&self) -> usize {
        self.out.len().saturating_sub(self.start)
    }
}

impl Drop for RequestEncoder<'_> {
    fn drop(&mut self) {
        if !self.finished {
            self.out.truncate(self.start);
        }
    }
}

/// The length field of a text that fits a packet.
#[inline]
fn length_of(text: &[u8]) -> [u8; 2] {
    u16::try_from(text.len()).unwrap_or_default().to_be_bytes()
}

fn overwrite(out: &mut [u8], at: usize, value: u16) {
    if let Some(slot) = out.get_mut(at..at.saturating_add(2)) {
        slot.copy_from_slice(&value.to_be_bytes());
    }
}

/// Writes one request body packet from several pieces.
///
/// An encoder that is dropped before [`finish`](Self::finish), or finished without data, restores the buffer: a
/// packet without data would mean the end of the body.
#[derive(Debug)]
pub struct BodyEncoder<'b> {
    out: &'b mut BytesMut,
    start: usize,
    room: usize,
    finished: bool,
}

impl<'b> BodyEncoder<'b> {
    /// Starts a packet at the end of the buffer, with room for [`PacketSize::max_request_data`] bytes.
    #[must_use]
    pub fn begin(out: &'b mut BytesMut, packet_size: PacketSize) -> Self {
        let start = out.len();
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&[0; PACKET_HEADER]);
        Self {
            out,
            start,
            room: packet_size.max_request_data(),
            finished: false,
        }
    }

    /// Adds as many bytes of `piece` as fit and returns their number.
    pub fn push(&mut self, piece: &[u8]) -> usize {
        let piece = piece.get(..self.room).unwrap_or(piece);
        self.out.extend_from_slice(piece);
        self.room = self.room.saturating_sub(piece.len());
        piece.len()
    }

    /// Completes the packet and returns its data length in bytes; 0 means that no packet was written.
    pub fn finish(mut self) -> usize {
        let data_at = self.start.saturating_add(PACKET_HEADER + 2);
        let length = self.out.len().saturating_sub(data_at);
        // At most 65 530.
        let field = u16::try_from(length).unwrap_or(0);
        if field > 0 {
            overwrite(
                self.out,
                self.start.saturating_add(2),
                field.saturating_add(2),
            );
            overwrite(self.out, self.start.saturating_add(PACKET_HEADER), field);
            self.finished = true;
        }
        length
    }
}

impl Drop for BodyEncoder<'_> {
    fn drop(&mut self) {
        if !self.finished {
            self.out.truncate(self.start);
        }
    }
}

/// Writes one request body packet of 1 to [`PacketSize::max_request_data`] bytes.
///
/// # Errors
/// [`Unencodable::EmptyBody`] without data, [`Unencodable::TooLarge`] with more than fits.
pub fn encode_body(
    out: &mut BytesMut,
    packet_size: PacketSize,
    data: &[u8],
) -> Result<(), Unencodable> {
    if data.is_empty() {
        return Err(Unencodable::EmptyBody);
    }
    if data.len() > packet_size.max_request_data() {
        return Err(Unencodable::TooLarge(packet_size));
    }
    out.reserve(data.len().saturating_add(PACKET_HEADER + 2));
    let mut packet = BodyEncoder::begin(out, packet_size);
    packet.push(data);
    packet.finish();
    Ok(())
}
