//! Packet sizes and the bounds that follow from them.

use std::fmt;

/// Bytes before the payload of a packet: two of magic, two of length.
pub const PACKET_HEADER: usize = 4;

/// Longest header name that is sent, in bytes.
///
/// A string's first byte is the high byte of its length: from 0xA000 (40 960) on Tomcat takes a name for a
/// code, and Undertow takes any length of 256 and more for one.
pub const MAX_HEADER_NAME: usize = 255;

/// Longest payload that the two length bytes can state.
pub const MAX_PAYLOAD: usize = u16::MAX as usize;

/// The size of AJP packets on one connection, header included: 8192 to 65 536 bytes.
///
/// It is not negotiated. The container's `packetSize` (Tomcat), `max_packet_size` (mod_jk) and
/// `ProxyIOBufferSize` (httpd) must say the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PacketSize(u32);

impl PacketSize {
    /// 8192 bytes, the default everywhere.
    pub const DEFAULT: Self = Self(8192);
    /// 65 536 bytes, the most that Tomcat documents.
    pub const MAX: Self = Self(65536);

    /// A size in bytes; `None` outside 8192 to 65 536.
    #[must_use]
    pub const fn new(bytes: usize) -> Option<Self> {
        if bytes >= 8192 && bytes <= 65536 {
            #[expect(clippy::cast_possible_truncation, reason = "at most 65536")]
            Some(Self(bytes as u32))
        } else {
            None
        }
    }

    /// The whole packet, in bytes.
    #[must_use]
    pub const fn bytes(self) -> usize {
        self.0 as usize
    }

    /// Most payload bytes.
    #[must_use]
    pub const fn max_payload(self) -> usize {
        self.bytes().saturating_sub(PACKET_HEADER)
    }

    /// Most data bytes in a request body packet, whose payload starts with a two-byte length.
    #[must_use]
    pub const fn max_request_data(self) -> usize {
        self.bytes().saturating_sub(PACKET_HEADER + 2)
    }

    /// Most data bytes in a SEND_BODY_CHUNK: type, two-byte length, data, NUL.
    #[must_use]
    pub const fn max_response_data(self) -> usize {
        self.bytes().saturating_sub(PACKET_HEADER + 4)
    }
}

impl Default for PacketSize {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl fmt::Display for PacketSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_those_seen_on_the_wire() {
        let small = PacketSize::DEFAULT;
        assert_eq!(
            (
                small.max_payload(),
                small.max_request_data(),
                small.max_response_data()
            ),
            (8188, 8186, 8184)
        );
        let large = PacketSize::MAX;
        assert_eq!(
            (
                large.max_payload(),
                large.max_request_data(),
                large.max_response_data()
            ),
            (65532, 65530, 65528)
        );
        assert_eq!(PacketSize::new(8191), None);
        assert_eq!(PacketSize::new(65537), None);
    }
}
