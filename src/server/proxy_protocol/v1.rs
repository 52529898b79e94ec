//! Version 1: a line of text, such as `PROXY TCP4 192.0.2.7 198.51.100.1 4711 80` and CR LF (section 2.1).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::header::{Broken, Header, Source};

pub(super) const SIGNATURE: &[u8] = b"PROXY ";

/// Most bytes of the line, CR LF included.
pub(super) const MAX: usize = 107;

/// Reads the line that the bytes begin with, and its length; `None` while its end has not come.
pub(super) fn parse(bytes: &[u8]) -> Result<Option<(Header, usize)>, Broken> {
    let within = bytes.get(..MAX).unwrap_or(bytes);
    let Some(end) = memchr::memchr(b'\n', within) else {
        return match bytes.len() < MAX {
            true => Ok(None),
            false => Err(Broken::TooLong),
        };
    };
    let line = within.get(..end).and_then(|line| line.strip_suffix(b"\r"));
    let header = line.and_then(header).ok_or(Broken::Line)?;
    Ok(Some((header, end + 1)))
}

/// The header in a line without its end.
fn header(line: &[u8]) -> Option<Header> {
    let rest = line.strip_prefix(SIGNATURE)?;
    // What follows UNKNOWN is ignored, whatever it is.
    if rest == b"UNKNOWN" || rest.starts_with(b"UNKNOWN ") {
        return Some(Header {
            source: Source::Unknown,
            is_secure: false,
        });
    }
    let mut words = std::str::from_utf8(rest).ok()?.split(' ');
    let read: fn(&str) -> Option<IpAddr> = match words.next()? {
        "TCP4" => |text| Some(IpAddr::V4(text.parse::<Ipv4Addr>().ok()?)),
        "TCP6" => |text| Some(IpAddr::V6(text.parse::<Ipv6Addr>().ok()?)),
        _ => return None,
    };
    let [client, local] = [read(words.next()?)?, read(words.next()?)?];
    let [client_port, local_port] = [port(words.next()?)?, port(words.next()?)?];
    words.next().is_none().then(|| Header {
        source: Source::Client([
            SocketAddr::new(client, client_port),
            SocketAddr::new(local, local_port),
        ]),
        is_secure: false,
    })
}

/// A port in decimal digits, without leading zeros.
fn port(text: &str) -> Option<u16> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let is_short = text == "0" || !text.starts_with('0');
    text.parse().ok().filter(|_| is_number && is_short)
}
