//! Packets to the container: FORWARD_REQUEST, request body, CPING.

use bytes::{BufMut, Bytes, BytesMut};

use crate::error::Malformed;
use crate::headers::Headers;
use crate::limits::{PACKET_HEADER, PacketSize};
use crate::tables::{RequestHeader, STORED_METHOD, attribute, method_name, packet};
use crate::wire::{Reader, WireString, put_wire_string};

/// First two bytes of every packet to the container.
pub const MAGIC: [u8; 2] = [0x12, 0x34];

/// What stands before the data of a request body packet: magic, length of the payload, length of the data in bytes.
///
/// `None` for no data, which would mean the end of the body, and for more than fits a packet of [`PacketSize::MAX`].
#[must_use]
pub fn body_header(data: usize) -> Option<[u8; PACKET_HEADER + 2]> {
    let length = u16::try_from(data).ok()?;
    let payload = length.checked_add(2)?;
    if length == 0 || data > PacketSize::MAX.max_request_data() {
        return None;
    }
    let [first, second] = MAGIC;
    let ([high, low], [data_high, data_low]) = (payload.to_be_bytes(), length.to_be_bytes());
    Some([first, second, high, low, data_high, data_low])
}

/// A CPING packet, complete.
pub const CPING: [u8; 5] = [0x12, 0x34, 0, 1, packet::CPING];

/// The packet that ends a request body, complete, as mod_proxy_ajp writes it.
///
/// mod_jk writes `12 34 00 00` instead. If Tomcat ever reads an end packet as a request, this form makes it close the
/// connection. mod_jk's form makes it answer 500, which would be taken for the answer to the next request.
pub const END_OF_BODY: [u8; 6] = [0x12, 0x34, 0, 2, 0, 0];

/// A packet to the container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToContainer {
    /// Starts a request.
    ForwardRequest(Box<ForwardRequest>),
    /// Request body data or its end, only while the container waits for it.
    Body(BodyPacket),
    /// Asks for a CPONG.
    CPing,
    /// Asks the container to stop. No current container obeys.
    Shutdown,
    /// Ping of an old login phase. No current container answers.
    Ping,
}

/// A request body packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BodyPacket {
    /// One byte or more.
    Data(Bytes),
    /// The end as mod_proxy_ajp writes it: a length of zero.
    End,
    /// The end as mod_jk writes it: no payload at all.
    BareEnd,
}

/// A FORWARD_REQUEST as it stands in the packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardRequest {
    /// The method's code from 1 to 27, or 255 when the name is in [`Attribute::StoredMethod`].
    pub method: u8,
    /// For example `HTTP/1.1`.
    pub protocol: WireString,
    /// The raw path, escapes and parameters included, without the query.
    pub uri: WireString,
    /// The client's address as text.
    pub remote_addr: WireString,
    /// The client's host name; usually null.
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

/// A request attribute as it stands in the packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestAttribute {
    /// An attribute with one string.
    Text(Attribute, WireString),
    /// A named attribute: name and value.
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
    /// The name of a method without a code.
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
    /// The method's name: the stored name if there is one, otherwise the name of the code.
    #[must_use]
    pub fn method_name(&self) -> Option<&[u8]> {
        match self.text(Attribute::StoredMethod) {
            Some(stored) => Some(stored),
            None => method_name(self.method).map(str::as_bytes),
        }
    }

    /// The last value of an attribute, which is the one that Tomcat uses.
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

    /// Writes the payload without checking its texts.
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

/// Reads the payload of a request body packet.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_stands_before_data_that_fits_a_packet() {
        assert_eq!(body_header(1), Some([0x12, 0x34, 0, 3, 0, 1]));
        assert_eq!(
            body_header(8186),
            Some([0x12, 0x34, 0x1f, 0xfc, 0x1f, 0xfa])
        );
        assert_eq!(
            body_header(65_530),
            Some([0x12, 0x34, 0xff, 0xfc, 0xff, 0xfa])
        );
        for none in [0, 65_531, 65_536, usize::MAX] {
            assert_eq!(body_header(none), None, "{none}");
        }
    }
}
