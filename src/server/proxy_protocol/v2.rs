//! Version 2: a signature, 4 bytes of head, then addresses and records (section 2.2).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::header::{Broken, Header, Source};

pub(super) const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// Bytes before the addresses.
const HEAD: usize = 16;

/// Most bytes of a header. The specification wants 536 to be enough for everybody, but a load balancer may also send the
/// client's certificate (HAProxy 3.2); nginx takes as many as this.
pub(super) const MAX: usize = 4096;

/// Type of the record that has a checksum of the whole header (section 2.2.4).
const CHECKSUM: u8 = 0x03;

/// Type of the record about TLS (section 2.2.6), and the bit of its first byte that says that the client speaks it.
const SSL: u8 = 0x20;
const CLIENT_SSL: u8 = 0x01;

/// Reads the header that the bytes begin with, and its length; `None` while not all of it has come.
pub(super) fn parse(bytes: &[u8]) -> Result<Option<(Header, usize)>, Broken> {
    let Some(head) = bytes.get(SIGNATURE.len()..HEAD) else {
        return Ok(None);
    };
    let &[command, protocol, high, low] = head else {
        return Ok(None);
    };
    let kind = Kind::of(command, protocol)?;
    let length = HEAD + usize::from(u16::from_be_bytes([high, low]));
    if length > MAX {
        return Err(Broken::TooLong);
    }
    if HEAD + kind.addresses_length() > length {
        return Err(Broken::Lengths);
    }
    let Some(block) = bytes.get(HEAD..length) else {
        return Ok(None);
    };
    let whole = bytes.get(..length).unwrap_or_default();
    Ok(Some((kind.header(block, whole)?, length)))
}

/// What stands behind the head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The load balancer's own connection: nothing of the rest counts.
    Local,
    /// No addresses that this gateway knows.
    Unspecified,
    Tcp4,
    Tcp6,
    /// Names of sockets of the same machine.
    Unix,
}

impl Kind {
    /// Version and command, family and transport. Datagrams are refused: nobody sends them over TCP.
    const fn of(command: u8, protocol: u8) -> Result<Self, Broken> {
        Ok(match (command, protocol) {
            (0x20, _) => Self::Local,
            (0x21, 0x00) => Self::Unspecified,
            (0x21, 0x11) => Self::Tcp4,
            (0x21, 0x21) => Self::Tcp6,
            (0x21, 0x31) => Self::Unix,
            _ => return Err(Broken::Unknown),
        })
    }

    /// Bytes of the addresses.
    const fn addresses_length(self) -> usize {
        match self {
            Self::Local | Self::Unspecified => 0,
            Self::Tcp4 => 2 * 4 + 4,
            Self::Tcp6 => 2 * 16 + 4,
            Self::Unix => 2 * 108,
        }
    }

    /// The header whose bytes behind the head are `block`, and all of whose bytes are `whole`.
    fn header(self, block: &[u8], whole: &[u8]) -> Result<Header, Broken> {
        if self == Self::Local {
            return Ok(Header {
                source: Source::Balancer,
                is_secure: false,
            });
        }
        let lengths = || Broken::Lengths;
        let split = block.split_at_checked(self.addresses_length());
        let (addresses, records) = split.ok_or_else(lengths)?;
        let named = match self {
            Self::Tcp4 => {
                Some(pair::<4>(addresses, |it| Ipv4Addr::from(it).into()).ok_or_else(lengths)?)
            }
            Self::Tcp6 => {
                Some(pair::<16>(addresses, |it| Ipv6Addr::from(it).into()).ok_or_else(lengths)?)
            }
            Self::Local | Self::Unspecified | Self::Unix => None,
        };
        check_sum(records, whole)?;
        Ok(Header {
            source: named.map_or(Source::Unknown, Source::Client),
            is_secure: says_tls(records)?,
        })
    }
}

/// Client and local address of `N` bytes each, then their ports.
fn pair<const N: usize>(bytes: &[u8], ip: fn([u8; N]) -> IpAddr) -> Option<[SocketAddr; 2]> {
    let (client, rest) = bytes.split_first_chunk::<N>()?;
    let (local, ports) = rest.split_first_chunk::<N>()?;
    let &[a, b, c, d] = ports else {
        return None;
    };
    Some([
        SocketAddr::new(ip(*client), u16::from_be_bytes([a, b])),
        SocketAddr::new(ip(*local), u16::from_be_bytes([c, d])),
    ])
}

/// Refuses a header whose checksum is wrong. Most headers have none.
fn check_sum(mut records: &[u8], whole: &[u8]) -> Result<(), Broken> {
    while let Some((kind, value, rest)) = record(records)? {
        if kind == CHECKSUM {
            let given = value.try_into().map_err(|_| Broken::Lengths)?;
            let place = whole.len() - rest.len() - value.len();
            // The sum is that of the header with zeros in place of the sum.
            let mut summed = whole.to_vec();
            summed
                .get_mut(place..place + value.len())
                .ok_or(Broken::Lengths)?
                .fill(0);
            if crc32c(&summed) != u32::from_be_bytes(given) {
                return Err(Broken::Checksum);
            }
        }
        records = rest;
    }
    Ok(())
}

/// The CRC-32C of RFC 9260 appendix A, bit by bit: a header has at most 4,096 bytes, and few have a sum.
pub(super) fn crc32c(bytes: &[u8]) -> u32 {
    const POLYNOMIAL: u32 = 0x82F6_3B78;
    let next = |sum: u32| (sum >> 1) ^ (POLYNOMIAL & (sum & 1).wrapping_neg());
    let sum = bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| next(sum))
    });
    !sum
}

/// Whether a record says that the client speaks TLS. The others are ignored, but all of them must fit.
fn says_tls(mut records: &[u8]) -> Result<bool, Broken> {
    let mut is_secure = false;
    while let Some((kind, value, rest)) = record(records)? {
        if kind == SSL {
            // One byte of bits, four of the certificate's verification, then records about the session.
            let (bits, session) = value.split_first_chunk::<5>().ok_or(Broken::Lengths)?;
            is_secure |= bits.first().is_some_and(|bits| bits & CLIENT_SSL != 0);
            let mut session = session;
            while let Some((_, _, rest)) = record(session)? {
                session = rest;
            }
        }
        records = rest;
    }
    Ok(is_secure)
}

/// A record.
type Record<'a> = (u8, &'a [u8], &'a [u8]);

/// Type and value of the first record, and what follows it; `None` where there is none.
fn record(records: &[u8]) -> Result<Option<Record<'_>>, Broken> {
    match records {
        [] => Ok(None),
        [kind, high, low, rest @ ..] => {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            let split = rest.split_at_checked(length);
            let (value, rest) = split.ok_or(Broken::Lengths)?;
            Ok(Some((*kind, value, rest)))
        }
        _ => Err(Broken::Lengths),
    }
}
