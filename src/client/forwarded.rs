//! `Forwarded` (RFC 7239), read from its right end.
//!
//! Each proxy appends one element, so the rightmost one is the work of the proxy that is nearest. What stands left of it may
//! come from anybody. Read from the left, an opening quotation mark of a client would swallow the element that the proxy has
//! appended behind it; read from the right, nothing that stands left of an element can change it.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::head::{Fields, Known, is_token};

/// An element, as far as it matters here. One that is not well-formed says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Element<'a> {
    /// `for`, where it is an address (not `unknown`, and no name made up by the proxy); port 0 where it has none.
    pub(super) address: Option<SocketAddr>,
    pub(super) proto: Option<Cow<'a, [u8]>>,
    pub(super) host: Option<Cow<'a, [u8]>>,
}

/// The elements of all `Forwarded` fields of a head, the last one first. Empty elements are skipped.
pub(super) fn elements(fields: &Fields) -> impl Iterator<Item = Element<'_>> {
    let lines = fields.all(Known::Forwarded).rev();
    let elements = lines.flat_map(|line| FromRight { rest: Some(line) });
    let elements = elements.map(<[u8]>::trim_ascii);
    let elements = elements.filter(|element| !element.is_empty());
    elements.map(|element| Element::parse(element).unwrap_or_default())
}

/// The elements of one field, the last one first.
#[derive(Debug)]
struct FromRight<'a> {
    rest: Option<&'a [u8]>,
}

impl<'a> Iterator for FromRight<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let line = self.rest.take()?;
        let mut quoted = false;
        for (at, byte) in line.iter().enumerate().rev() {
            let (before, behind) = line.split_at_checked(at)?;
            match byte {
                b'"' if !quoted => quoted = true,
                b'"' => quoted = is_escaped(before),
                b',' if !quoted => {
                    self.rest = Some(before);
                    return behind.get(1..);
                }
                _ => {}
            }
        }
        Some(line)
    }
}

/// Whether the character behind these bytes is escaped: an odd number of backslashes stands before it.
fn is_escaped(before: &[u8]) -> bool {
    let backslashes = before.iter().rev().take_while(|byte| **byte == b'\\');
    backslashes.count() % 2 == 1
}

impl<'a> Element<'a> {
    /// `None` for what is not well-formed: pairs `token=token` or `token="quoted string"` with semicolons between them.
    /// White space around semicolons is accepted; RFC 7239 has none, but several proxies write it.
    fn parse(mut text: &'a [u8]) -> Option<Self> {
        let (mut address, mut proto, mut host) = (None, None, None);
        let mut is_first = true;
        loop {
            text = text.trim_ascii_start();
            let length = text.iter().take_while(|byte| is_token(**byte)).count();
            let (name, rest) = text.split_at_checked(length)?;
            if !name.is_empty() {
                let (value, rest) = value(rest.strip_prefix(b"=")?)?;
                let slot = match name.to_ascii_lowercase().as_slice() {
                    b"for" => &mut address,
                    b"proto" => &mut proto,
                    b"host" => &mut host,
                    _ => &mut None,
                };
                // No parameter stands twice in an element (section 4).
                if slot.replace(value).is_some() {
                    return None;
                }
                text = rest.trim_ascii_start();
                is_first = false;
            } else {
                text = rest;
            }
            match text {
                [] => break,
                [b';', rest @ ..] => text = rest,
                _ => return None,
            }
        }
        (!is_first).then(|| Self {
            address: address.and_then(|node| node_address(&node)),
            proto,
            host,
        })
    }
}

/// The value that a text begins with, without quotes and escapes, and what follows it.
fn value(text: &[u8]) -> Option<(Cow<'_, [u8]>, &[u8])> {
    let Some(quoted) = text.strip_prefix(b"\"") else {
        let length = text.iter().take_while(|byte| is_token(**byte)).count();
        let (value, rest) = text.split_at_checked(length)?;
        return (!value.is_empty()).then_some((Cow::Borrowed(value), rest));
    };
    let special = quoted
        .iter()
        .position(|byte| matches!(byte, b'"' | b'\\'))?;
    if quoted.get(special) == Some(&b'"') {
        return Some((
            Cow::Borrowed(quoted.get(..special)?),
            quoted.get(special + 1..)?,
        ));
    }
    let mut value = Vec::with_capacity(quoted.len());
    let mut rest = quoted;
    loop {
        match rest {
            [b'"', behind @ ..] => return Some((Cow::Owned(value), behind)),
            [b'\\', byte, behind @ ..] | [byte, behind @ ..] => {
                value.push(*byte);
                rest = behind;
            }
            [] => return None,
        }
    }
}

/// The address of a node (section 6): `192.0.2.7`, `192.0.2.7:4711`, `[2001:db8::1]`, `[2001:db8::1]:4711`; `None` for
/// `unknown` and for names that a proxy has made up, which begin with an underscore. The port may be made up too.
fn node_address(node: &[u8]) -> Option<SocketAddr> {
    let text = std::str::from_utf8(node).ok()?;
    let (ip, rest): (IpAddr, &str) = match text.strip_prefix('[') {
        Some(v6) => {
            let (v6, rest) = v6.split_once(']')?;
            (v6.parse::<Ipv6Addr>().ok()?.into(), rest)
        }
        None => {
            let end = text.find(':').unwrap_or(text.len());
            let (v4, rest) = text.split_at_checked(end)?;
            (v4.parse::<Ipv4Addr>().ok()?.into(), rest)
        }
    };
    let port = match rest.strip_prefix(':') {
        None if rest.is_empty() => 0,
        Some(port) if is_made_up(port) => 0,
        Some(port) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => {
            port.parse().ok()?
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip.to_canonical(), port))
}

/// Whether this is a name that hides the real one (section 6.3).
fn is_made_up(text: &str) -> bool {
    let name = text.strip_prefix('_');
    name.is_some_and(|name| {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        !name.is_empty() && name.bytes().all(legal)
    })
}
