//! Addresses with ports, as `Listen` and `<VirtualHost>` name them.

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
