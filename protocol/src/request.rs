//! Packets to the container: FORWARD_REQUEST, request body, CPING.

use bytes::{BufMut, Bytes, BytesMut};

use crate::error::{Malformed, Unencodable};
use crate::headers::{Headers, check_field, put_name};
use crate::limits::{PACKET_HEADER, PacketSize};
use crate::tables::{RequestHeader, STORED_METHOD, attribute, method_code, method_name, packet};
use crate::wire::{Reader, WireString, has_control, put_string, put_wire_string};

/// First two bytes of every packet to the container.
pub const MAGIC: [u8; 2] = [0x12, 0x34];

/// A CPING packet, complete.
pub const CPING: [u8; 5] = [0x12, 0x34, 0, 1, packet::CPING];

/// The packet that ends a request body, complete, as mod_proxy_ajp writes it.
///
/// mod_jk writes `12 34 00 00` instead. Where a request is expected by mistake this form makes Tomcat close
/// the connection, mod_jk's makes it answer 500, which would be taken for the answer to the next request.
pub const END_OF_BODY: [u8; 6] = [0x12, 0x34, 0, 2, 0, 0];

/// A packet to the container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToContainer {
    /// Starts a request.
    ForwardRequest(Box<ForwardRequest>),
    /// Request body data or its end; only where the container expects it.
    Body(BodyPacket),
    /// Asks for a CPONG.
    CPing,
    /// Asks the container to stop; no container obeys.
    Shutdown,
    /// Ping of the old login phase; no container answers.
    Ping,
}

/// A packet of request body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BodyPacket {
    /// One byte or more.
    Data(Bytes),
    /// The end as mod_proxy_ajp writes it: a length of zero.
    End,
    /// The end as mod_jk writes it: no payload at all.
    BareEnd,
}

/// A FORWARD_REQUEST as it travels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardRequest {
    /// 1 to 27, or 255 for a [`Attribute::StoredMethod`].
    pub method: u8,
    /// For example `HTTP/1.1`.
    pub protocol: WireString,
    /// The raw path, escapes and parameters included, without the query.
    pub uri: WireString,
    /// The client's address as text.
    pub remote_addr: WireString,
    /// The client's name; usually null.
    pub remote_host: WireString,
    /// Host without port.
    pub server_name: WireString,
    /// Port.
    pub server_port: u16,
    /// Whether the client spoke TLS.
    pub is_ssl: bool,
    /// Header fields.
    pub headers: Headers<RequestHeader>,
    /// Attributes in order.
    pub attributes: Vec<RequestAttribute>,
}

/// A request attribute as it travels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestAttribute {
    /// One string.
    Text(Attribute, WireString),
    /// A named attribute.
    Named(WireString, WireString),
    /// Key size of the TLS cipher, in bits.
    SslKeySize(u16),
}

/// Attributes whose value is one string; codes in [`attribute`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Attribute {
    /// The context path.
    Context = attribute::CONTEXT,
    /// The servlet path.
    ServletPath = attribute::SERVLET_PATH,
    /// The user that the gateway authenticated.
    RemoteUser = attribute::REMOTE_USER,
    /// How the gateway authenticated the user.
    AuthType = attribute::AUTH_TYPE,
    /// The raw query without its `?`.
    QueryString = attribute::QUERY_STRING,
    /// The jvmRoute that the session asked for.
    Route = attribute::ROUTE,
    /// The client's certificate or chain, PEM.
    SslCert = attribute::SSL_CERT,
    /// The cipher suite.
    SslCipher = attribute::SSL_CIPHER,
    /// The TLS session id, hexadecimal.
    SslSession = attribute::SSL_SESSION,
    /// The secret that the connector asks for.
    Secret = attribute::SECRET,
    /// The method, when it has no code.
    StoredMethod = attribute::STORED_METHOD,
}

impl Attribute {
    const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            attribute::CONTEXT => Self::Context,
            attribute::SERVLET_PATH => Self::ServletPath,
            attribute::REMOTE_USER => Self::RemoteUser,
            attribute::AUTH_TYPE => Self::AuthType,
            attribute::QUERY_STRING => Self::QueryString,
            attribute::ROUTE => Self::Route,
            attribute::SSL_CERT => Self::SslCert,
            attribute::SSL_CIPHER => Self::SslCipher,
            attribute::SSL_SESSION => Self::SslSession,
            attribute::SECRET => Self::Secret,
            attribute::STORED_METHOD => Self::StoredMethod,
            _ => return None,
        })
    }
}

impl ForwardRequest {
    /// The method's name: the stored one, or the code's.
    #[must_use]
    pub fn method_name(&self) -> Option<&[u8]> {
        match self.text(Attribute::StoredMethod) {
            Some(stored) => Some(stored),
            None => method_name(self.method).map(str::as_bytes),
        }
    }

    /// The last value of an attribute, as Tomcat takes it.
    #[must_use]
    pub fn text(&self, wanted: Attribute) -> Option<&[u8]> {
        self.attributes
            .iter()
            .rev()
            .find_map(|attribute| match attribute {
                RequestAttribute::Text(kind, value) if *kind == wanted => value.as_deref(),
                _ => None,
            })
    }

    /// The named attributes in order.
    pub fn named(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.attributes
            .iter()
            .filter_map(|attribute| match attribute {
                RequestAttribute::Named(name, value) => {
                    Some((name.as_deref()?, value.as_deref().unwrap_or_default()))
                }
                _ => None,
            })
    }

    /// Reads the payload of a packet whose type byte is FORWARD_REQUEST.
    pub(crate) fn read(payload: &Bytes) -> Result<Self, Malformed> {
        let mut reader = Reader::new(payload);
        reader.u8()?;
        let method = reader.u8()?;
        if method != STORED_METHOD && method_name(method).is_none() {
            return Err(Malformed::Method(method));
        }
        let request = Self {
            method,
            protocol: reader.string()?,
            uri: reader.string()?,
            remote_addr: reader.string()?,
            remote_host: reader.string()?,
            server_name: reader.string()?,
            server_port: reader.u16()?,
            is_ssl: reader.bool()?,
            headers: Headers::read(&mut reader, payload)?,
            attributes: read_attributes(&mut reader)?,
        };
        reader.finish()?;
        if method == STORED_METHOD && request.text(Attribute::StoredMethod).is_none() {
            return Err(Malformed::NoStoredMethod);
        }
        Ok(request)
    }

    /// Writes the packet as it stands: texts are not looked at.
    pub(crate) fn write(&self, out: &mut BytesMut) {
        out.extend_from_slice(&[packet::FORWARD_REQUEST, self.method]);
        for text in [
            &self.protocol,
            &self.uri,
            &self.remote_addr,
            &self.remote_host,
            &self.server_name,
        ] {
            put_wire_string(out, text.as_ref());
        }
        out.put_u16(self.server_port);
        out.put_u8(u8::from(self.is_ssl));
        self.headers.write(out);
        for attribute in &self.attributes {
            match attribute {
                RequestAttribute::Text(kind, value) => {
                    out.put_u8(*kind as u8);
                    put_wire_string(out, value.as_ref());
                }
                RequestAttribute::Named(name, value) => {
                    out.put_u8(attribute::REQUEST);
                    put_wire_string(out, name.as_ref());
                    put_wire_string(out, value.as_ref());
                }
                RequestAttribute::SslKeySize(bits) => {
                    out.put_u8(attribute::SSL_KEY_SIZE);
                    out.put_u16(*bits);
                }
            }
        }
        out.put_u8(attribute::END);
    }
}

fn read_attributes(reader: &mut Reader<'_>) -> Result<Vec<RequestAttribute>, Malformed> {
    let mut attributes = Vec::new();
    loop {
        let read = match reader.u8()? {
            attribute::END => return Ok(attributes),
            attribute::REQUEST => RequestAttribute::Named(reader.string()?, reader.string()?),
            attribute::SSL_KEY_SIZE => RequestAttribute::SslKeySize(reader.u16()?),
            code => match Attribute::from_code(code) {
                Some(kind) => RequestAttribute::Text(kind, reader.string()?),
                None => return Err(Malformed::Attribute(code)),
            },
        };
        attributes.push(read);
    }
}

/// Reads the payload of a packet where the container expects request body.
pub(crate) fn read_body(payload: &Bytes) -> Result<BodyPacket, Malformed> {
    if payload.is_empty() {
        return Ok(BodyPacket::BareEnd);
    }
    let mut reader = Reader::new(payload);
    let stated = usize::from(reader.u16()?);
    let room = reader.remaining();
    if stated != room {
        return Err(Malformed::BodyLength { stated, room });
    }
    Ok(match stated {
        0 => BodyPacket::End,
        _ => BodyPacket::Data(reader.bytes(stated)?),
    })
}

/// The fixed part of a FORWARD_REQUEST, borrowed from wherever it is.
#[derive(Debug, Clone, Copy)]
pub struct RequestLine<'a> {
    /// The method's name; it travels as a code when it has one, otherwise as `stored_method`.
    pub method: &'a [u8],
    /// For example `HTTP/1.1`.
    pub protocol: &'a [u8],
    /// The raw path, escapes and parameters included, without the query.
    pub uri: &'a [u8],
    /// The client's address as text, IPv6 without brackets.
    pub remote_addr: &'a [u8],
    /// The client's name, when it is known.
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
/// The packet is complete when [`finish`](Self::finish) says so; dropped before that, or after an error, the
/// encoder leaves the buffer as it was.
#[derive(Debug)]
pub struct RequestEncoder<'b> {
    out: &'b mut BytesMut,
    packet_size: PacketSize,
    start: usize,
    count_at: usize,
    count: u16,
    stored_method: Option<[u8; STORED_METHOD_MAX]>,
    stored_length: usize,
    in_attributes: bool,
    finished: bool,
}

/// Longest method without a code that is sent, in bytes: longer ones exist in no registry.
pub const STORED_METHOD_MAX: usize = 32;

impl<'b> RequestEncoder<'b> {
    /// Starts a packet behind what the buffer holds.
    ///
    /// # Errors
    /// [`Unencodable`]: CR, LF or NUL in a text, or longer than a packet.
    pub fn begin(
        out: &'b mut BytesMut,
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
        encoder.out.put_u8(code.unwrap_or(STORED_METHOD));
        encoder.string(line.protocol)?;
        encoder.string(line.uri)?;
        encoder.string(line.remote_addr)?;
        match line.remote_host {
            Some(host) => encoder.string(host)?,
            None => put_wire_string(encoder.out, None),
        }
        encoder.string(line.server_name)?;
        encoder.out.put_u16(line.server_port);
        encoder.out.put_u8(u8::from(line.is_ssl));
        encoder.count_at = encoder.out.len();
        encoder.out.put_u16(0);
        Ok(encoder)
    }

    /// Adds a header field; its name travels as a code when it has one. The case of the name is kept.
    ///
    /// # Errors
    /// [`Unencodable`].
    pub fn header(&mut self, name: &[u8], value: &[u8]) -> Result<(), Unencodable> {
        if self.in_attributes {
            return Err(Unencodable::HeaderAfterAttribute);
        }
        check_field(name, value)?;
        // The name's length is bounded by the check; its room is checked with the value's.
        self.count = self.count.checked_add(1).ok_or(Unencodable::HeaderCount)?;
        put_name::<RequestHeader>(self.out, name);
        self.room_for(value)?;
        put_string(self.out, value);
        Ok(())
    }

    /// Adds an attribute.
    ///
    /// # Errors
    /// [`Unencodable`].
    pub fn attribute(&mut self, attribute: Attribute, value: &[u8]) -> Result<(), Unencodable> {
        self.in_attributes = true;
        self.out.put_u8(attribute as u8);
        self.string(value)
    }

    /// Adds a named attribute. Names come from a configuration, never from a request: Tomcat acts on some.
    ///
    /// # Errors
    /// [`Unencodable`].
    pub fn named_attribute(&mut self, name: &[u8], value: &[u8]) -> Result<(), Unencodable> {
        self.in_attributes = true;
        self.out.put_u8(attribute::REQUEST);
        self.string(name)?;
        self.string(value)
    }

    /// Adds the key size of the TLS cipher, in bits.
    pub fn ssl_key_size(&mut self, bits: u16) {
        self.in_attributes = true;
        self.out.put_u8(attribute::SSL_KEY_SIZE);
        self.out.put_u16(bits);
    }

    /// Completes the packet and returns its length in bytes, the four of its header included.
    ///
    /// # Errors
    /// [`Unencodable::TooLarge`].
    pub fn finish(mut self) -> Result<usize, Unencodable> {
        if let Some(stored) = self.stored_method.take() {
            let method = stored.get(..self.stored_length).unwrap_or_default();
            self.attribute(Attribute::StoredMethod, method)?;
        }
        self.out.put_u8(attribute::END);
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
        if has_control(text) {
            return Err(Unencodable::ControlCharacter);
        }
        self.room_for(text)?;
        put_string(self.out, text);
        Ok(())
    }

    /// Keeps the buffer within the packet, so that a huge text is not even copied.
    fn room_for(&self, text: &[u8]) -> Result<(), Unencodable> {
        let length = self.length().saturating_add(text.len()).saturating_add(3);
        if length > self.packet_size.bytes() {
            return Err(Unencodable::TooLarge(self.packet_size));
        }
        Ok(())
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

fn overwrite(out: &mut BytesMut, at: usize, value: u16) {
    if let Some(slot) = out.get_mut(at..at.saturating_add(2)) {
        slot.copy_from_slice(&value.to_be_bytes());
    }
}

/// Writes one packet of request body from pieces, as they come.
///
/// Dropped before [`finish`](Self::finish), or finished without data, it leaves the buffer as it was: a packet
/// without data would mean the end of the body.
#[derive(Debug)]
pub struct BodyEncoder<'b> {
    out: &'b mut BytesMut,
    start: usize,
    room: usize,
    finished: bool,
}

impl<'b> BodyEncoder<'b> {
    /// Starts a packet behind what the buffer holds, with room for [`PacketSize::max_request_data`] bytes.
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

    /// Adds as much of a piece as there is room for, and says how much that was.
    pub fn push(&mut self, piece: &[u8]) -> usize {
        let piece = piece.get(..self.room).unwrap_or(piece);
        self.out.extend_from_slice(piece);
        self.room = self.room.saturating_sub(piece.len());
        piece.len()
    }

    /// Completes the packet and returns its data length in bytes: 0 when there is no packet.
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

/// Writes one packet of request body: at most [`PacketSize::max_request_data`] bytes, at least one.
///
/// # Errors
/// [`Unencodable::EmptyBody`] or [`Unencodable::TooLarge`].
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
