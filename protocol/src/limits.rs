//! Packet sizes, and the limits that follow from them.

use std::fmt;

/// Bytes before the payload of a packet: two of magic, two of length.
pub const PACKET_HEADER: usize = 4;

/// Longest header name that is sent, in bytes.
///
/// The first byte of a string is the high byte of its length. Tomcat reads a name of 40,960 bytes (0xA000) or more as a
/// code; Undertow reads any name of 256 bytes or more as one.
pub const MAX_HEADER_NAME: usize = 255;

/// Longest payload that the two length bytes can express, in bytes.
pub const MAX_PAYLOAD: usize = u16::MAX as usize;

/// The size of AJP packets on one connection, header included: 8192 to 65,536 bytes.
///
/// The size is not negotiated: gateway and container must be configured with the same value. It is called `packetSize`
/// in Tomcat, `max_packet_size` in mod_jk and `ProxyIOBufferSize` in httpd.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PacketSize(u32);

impl PacketSize {
    /// 8192 bytes, the default of Tomcat, mod_jk and httpd.
    pub const DEFAULT: Self = Self(8192);
    /// 65,536 bytes, the maximum in Tomcat's documentation.
    pub const MAX: Self = Self(65536);

    /// A size in bytes; `None` outside 8192 to 65,536.
    #[must_use]
    pub const fn new(bytes: usize) -> Option<Self> {
        if bytes >= 8192 && bytes <= 65536 {
            #[expect(clippy::cast_possible_truncation, reason = "at most 65536")]
            Some(Self(bytes as u32))
        } else {
            None
        }
    }

    /// The size of the whole packet, in bytes.
    #[must_use]
    pub const fn bytes(self) -> usize {
        self.0 as usize
    }

    /// Longest payload, in bytes.
    #[must_use]
    pub const fn max_payload(self) -> usize {
        self.bytes().saturating_sub(PACKET_HEADER)
    }

    /// Most data bytes of a request body packet, whose payload starts with a two-byte length.
    #[must_use]
    pub const fn max_request_data(self) -> usize {
        self.bytes().saturating_sub(PACKET_HEADER + 2)
    }

    /// Most data bytes of a SEND_BODY_CHUNK, whose payload is type, two-byte length, data and NUL.
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
    fn limits_are_those_of_recorded_packets() {
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
