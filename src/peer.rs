//! The client of a connection, in the forms in which backends are told.

use std::net::{IpAddr, SocketAddr};

/// A client and the address that it connected to. Texts are made once per connection.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    pub(crate) local: SocketAddr,
    /// The client's address, IPv6 without brackets.
    pub(crate) ip: String,
    /// The client's port.
    pub(crate) port: String,
    /// The local address, IPv6 without brackets.
    pub(crate) local_ip: String,
    /// The client as `Forwarded` names it (RFC 7239 section 6): `for=192.0.2.7`, `for="[2001:db8::1]"`.
    pub(crate) forwarded_for: String,
    /// Whether the client spoke TLS.
    pub(crate) tls: bool,
}

impl Peer {
    /// IPv4 addresses that an IPv6 socket accepted are written as IPv4.
    pub(crate) fn new(address: SocketAddr, local: SocketAddr, tls: bool) -> Self {
        let address = SocketAddr::new(address.ip().to_canonical(), address.port());
        let local = SocketAddr::new(local.ip().to_canonical(), local.port());
        Self {
            ip: address.ip().to_string(),
            port: address.port().to_string(),
            local_ip: local.ip().to_string(),
            forwarded_for: match address.ip() {
                IpAddr::V4(ip) => format!("for={ip}"),
                IpAddr::V6(ip) => format!("for=\"[{ip}]\""),
            },
            address,
            local,
            tls,
        }
    }

    /// `http` or `https`.
    pub(crate) const fn scheme(&self) -> &'static str {
        if self.tls { "https" } else { "http" }
    }

    /// The port of a URL that names none.
    pub(crate) const fn default_port(&self) -> u16 {
        if self.tls { 443 } else { 80 }
    }
}
