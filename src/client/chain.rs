//! The chain of addresses that proxies leave in a request, and the one in it that is the client's.

use std::net::{IpAddr, SocketAddr};

use super::trusted::Trusted;
use crate::head::Fields;

/// The client in a chain that is read from its end: the first address that is not trusted. Where all of them are, or what
/// comes next is no address, it is the last address seen; `None` where there was none.
pub(super) fn client(
    chain: impl Iterator<Item = Option<SocketAddr>>,
    trusted: &Trusted,
) -> Option<SocketAddr> {
    let mut seen = None;
    for address in chain {
        let Some(address) = address else { break };
        seen = Some(address);
        if !trusted.contains(address.ip()) {
            break;
        }
    }
    seen
}

/// The addresses in all `X-Forwarded-For` fields of a head, the last one first; `None` stands for an element that is no
/// address. Empty elements are skipped. The ports are 0: an address with a port is none.
pub(super) fn x_forwarded_for(fields: &Fields) -> impl Iterator<Item = Option<SocketAddr>> {
    let elements = from_right(fields, "x-forwarded-for");
    elements.map(|element| Some(SocketAddr::new(address(element)?, 0)))
}

/// The elements of the lists in all fields of a name, the last one first, without white space around them and without empty
/// ones.
pub(super) fn from_right<'a>(fields: &'a Fields, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    let lines = fields.all(name).rev();
    let elements = lines.flat_map(|line| line.rsplit(|byte| *byte == b','));
    let elements = elements.map(<[u8]>::trim_ascii);
    elements.filter(|element| !element.is_empty())
}

/// An address without a port. IPv6 may have the brackets of a URL; IPv4-mapped addresses are IPv4.
fn address(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?;
    let bracketed = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    let address = match bracketed {
        Some(v6) => IpAddr::V6(v6.parse().ok()?),
        None => text.parse().ok()?,
    };
    Some(address.to_canonical())
}
