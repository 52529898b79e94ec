//! Who the client of a request is, in the forms in which backends and the access log are told.

use std::net::{IpAddr, SocketAddr};

/// A client and the address that it connected to. Texts are made once per connection.
#[derive(Debug)]
pub(crate) struct Client {
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
    /// Whether the client's scheme is https: the listener speaks TLS, or somebody who is trusted says so.
    pub(crate) is_secure: bool,
}

impl Client {
    /// IPv4 addresses that an IPv6 socket accepted are written as IPv4.
    pub(crate) fn new(address: SocketAddr, local: SocketAddr) -> Self {
        let address = SocketAddr::new(address.ip().to_canonical(), address.port());
        let local = SocketAddr::new(local.ip().to_canonical(), local.port());
        let ip = text(address.ip());
        Self {
            port: itoa::Buffer::new().format(address.port()).to_owned(),
            local_ip: text(local.ip()),
            forwarded_for: match address.ip() {
                IpAddr::V4(_) => ["for=", &ip].concat(),
                IpAddr::V6(_) => ["for=\"[", &ip, "]\""].concat(),
            },
            ip,
            address,
            local,
            is_secure: false,
        }
    }

    /// `http` or `https`.
    pub(crate) const fn scheme(&self) -> &'static str {
        if self.is_secure { "https" } else { "http" }
    }

    /// The port of a URL that names none.
    pub(crate) const fn default_port(&self) -> u16 {
        if self.is_secure { 443 } else { 80 }
    }
}

/// An address without brackets. IPv4 is put together here: the formatter of the standard library takes ten times as long,
/// and every connection has two addresses.
fn text(ip: IpAddr) -> String {
    let IpAddr::V4(ip) = ip else {
        return ip.to_string();
    };
    let [a, b, c, d] = ip.octets();
    let mut number = itoa::Buffer::new();
    let mut text = String::with_capacity("255.255.255.255".len());
    text.push_str(number.format(a));
    for part in [b, c, d] {
        text.push('.');
        text.push_str(number.format(part));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_those_of_the_standard_library() {
        let local: SocketAddr = "198.51.100.1:80".parse().unwrap();
        for (client, ip, forwarded_for) in [
            ("192.0.2.7:4711", "192.0.2.7", "for=192.0.2.7"),
            ("255.0.10.100:1", "255.0.10.100", "for=255.0.10.100"),
            ("[2001:db8::1]:1", "2001:db8::1", "for=\"[2001:db8::1]\""),
            ("[::ffff:192.0.2.7]:1", "192.0.2.7", "for=192.0.2.7"),
        ] {
            let address: SocketAddr = client.parse().unwrap();
            let client = Client::new(address, local);
            assert_eq!(client.ip, ip);
            assert_eq!(client.ip, client.address.ip().to_string());
            assert_eq!(client.port, address.port().to_string());
            assert_eq!(client.local_ip, "198.51.100.1");
            assert_eq!(client.forwarded_for, forwarded_for);
        }
    }
}
