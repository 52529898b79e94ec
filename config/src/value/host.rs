//! Names of hosts.

use std::net::Ipv4Addr;

use crate::fault::{Fault, quoted};

/// Longest host name (RFC 1035 section 2.3.4, without the final dot).
pub(super) const LONGEST_HOST: usize = 253;

/// A DNS name or an IPv4 address. Labels neither begin nor end with a dash (RFC 1123 section 2.1); names of containers may
/// have underscores.
pub(super) fn host_name(host: &str) -> Result<(), Fault> {
    let not_a_host = |why: &str| {
        Err(Fault::new(format!("{} {why}", quoted(host)))
            .hint("a host is a name of letters, digits, dots and dashes, or an address"))
    };
    if host.is_empty() {
        return Err(Fault::new("the host is missing")
            .hint("write a name like tomcat1.example.com, or an address like 10.0.0.11"));
    }
    if !host.is_ascii() {
        return not_a_host("is not an ASCII host name")
            .map_err(|fault| fault.hint("write an international name in its xn-- form"));
    }
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let name = host.strip_suffix('.').unwrap_or(host);
    if name.len() > LONGEST_HOST || !name.split('.').all(label) {
        return not_a_host("is not a host name");
    }
    let numeric = name.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    match numeric && name.parse::<Ipv4Addr>().is_err() {
        true => not_a_host("is not an IPv4 address"),
        false => Ok(()),
    }
}
