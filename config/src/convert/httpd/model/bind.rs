//! Addresses with ports, as `Listen` and `<VirtualHost>` name them.

use std::net::IpAddr;

use crate::field::Kind as _;
use crate::value::Bind;

/// The port of an address: `*:443`, `[::1]:80`, `80`; `None`: none is said, or any.
pub(super) fn port(address: &str) -> Option<u16> {
    match address.rsplit_once(':') {
        Some((_, port)) if !port.contains(']') => port.parse().ok(),
        _ => address.parse().ok(),
    }
}

/// What is bound for the address of a `Listen`, and its port; `None`: it is none that can be bound.
pub(super) fn bound(address: &str) -> Option<(String, u16)> {
    let port = port(address)?;
    let host = address.rsplit_once(':').map_or("", |(host, _)| host);
    let host = if matches!(host, "" | "*") {
        "0.0.0.0"
    } else {
        host
    };
    let bind = format!("{host}:{port}");
    Bind::read(&bind).is_ok().then_some((bind, port))
}

/// An address without its port.
pub(super) fn bare(address: &str) -> &str {
    match address.rsplit_once(':') {
        Some((front, end)) if !end.contains(']') => front,
        _ => address,
    }
}

/// Whether an address stands for every address.
pub(super) fn is_any(address: &str) -> bool {
    let is_port = address.bytes().all(|it| it.is_ascii_digit());
    let is_default = address == "*" || address.eq_ignore_ascii_case("_default_");
    is_default || is_port || ip(address).is_some_and(|it| it.is_unspecified())
}

/// The address itself; `None`: it is a name.
pub(super) fn ip(address: &str) -> Option<IpAddr> {
    let address = address.trim_start_matches('[').trim_end_matches(']');
    address.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_with_and_without_ports() {
        for (address, name, any) in [
            ("*:80", "*", true),
            ("*", "*", true),
            ("_default_:443", "_default_", true),
            ("10.0.0.1:80", "10.0.0.1", false),
            ("10.0.0.1", "10.0.0.1", false),
            ("[::1]:80", "[::1]", false),
            ("[::]", "[::]", true),
            ("www.example.com:80", "www.example.com", false),
        ] {
            assert_eq!((bare(address), is_any(name)), (name, any), "{address}");
        }
    }
}
