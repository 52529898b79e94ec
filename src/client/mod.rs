//! Who the client of a request is: address, scheme, host and port, in the forms in which backends and the access log are
//! told. Everything behind asks the value [`Client`] and nothing else.
//!
//! A connection has a client: the peer, or what a PROXY header says. [`of_request`] makes the client of a request of it,
//! from the fields that a trusted proxy has added. The rules for users are in docs/behind-a-load-balancer.md.

mod chain;
mod claims;
mod folded;
mod forwarded;
mod host;
mod network;
mod per_address;
mod request;
#[cfg(test)]
mod tests;
mod tls;
mod trusted;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

pub(crate) use self::claims::{Believed, Claims};
use self::folded::{begins, has_other_signs, is_same};
pub(crate) use self::host::Host;
pub(crate) use self::network::network;
pub(crate) use self::per_address::{Counted, PerAddress};
pub(crate) use self::request::of_request;
pub(crate) use self::tls::Tls;
use self::tls::is_tls_claim;
pub(crate) use self::trusted::Trusted;
use crate::head::{Known, KnownSet};

/// A client and the address that it connected to. The texts of a connection are made once.
#[derive(Debug)]
pub(crate) struct Client {
    /// Port 0 where only the address is known.
    pub(crate) address: SocketAddr,
    pub(crate) local: SocketAddr,
    /// The client's address, IPv6 without brackets.
    pub(crate) ip: Box<str>,
    /// The local address, IPv6 without brackets.
    pub(crate) local_ip: Box<str>,
    /// Whether the client's scheme is https: the listener speaks TLS, or somebody who is trusted says so.
    pub(crate) is_secure: bool,
    /// What TLS has agreed, where the client speaks it with this gateway.
    pub(crate) tls: Option<Arc<Tls>>,
    /// The other end of the TCP connection: the client, or the last proxy before us.
    pub(crate) peer: IpAddr,
    /// The peer is a proxy that has not named its client. Header fields may be written by that client, so they are not believed.
    is_somebody: bool,
    /// What the fields of a trusted proxy say; `None` where there are none.
    pub(crate) said: Option<Box<Said>>,
}

/// What the fields of a trusted proxy say beside the client's address and scheme.
#[derive(Debug)]
pub(crate) struct Said {
    /// The trusted proxy: the client of the connection.
    pub(crate) proxy: Arc<Client>,
    /// The authority in place of `Host`, a valid one.
    host: Option<Box<str>>,
    /// The port in place of the one of the authority.
    port: Option<u16>,
}

impl Client {
    /// IPv4 addresses that an IPv6 socket accepted are written as IPv4.
    pub(crate) fn new(address: SocketAddr, local: SocketAddr) -> Self {
        let address = SocketAddr::new(address.ip().to_canonical(), address.port());
        let local = SocketAddr::new(local.ip().to_canonical(), local.port());
        Self {
            ip: text(address.ip()),
            local_ip: text(local.ip()),
            address,
            local,
            is_secure: false,
            peer: address.ip(),
            is_somebody: false,
            said: None,
            tls: None,
        }
    }

    /// The same client behind another peer, which has said in a PROXY header who it is.
    pub(crate) const fn behind(mut self, peer: IpAddr) -> Self {
        self.peer = peer.to_canonical();
        self
    }

    /// Somebody behind this peer, whom its PROXY header does not name. The address is that of the peer.
    pub(crate) const fn of_somebody(mut self) -> Self {
        self.is_somebody = true;
        self
    }

    /// Whether the peer is the client, or has named it.
    pub(crate) const fn is_named(&self) -> bool {
        !self.is_somebody
    }

    /// The client that a connection of this one brings requests of. Every request behind a trusted proxy has one, so only
    /// what stays is copied.
    fn at(&self, address: SocketAddr) -> Self {
        Self {
            ip: text(address.ip()),
            address,
            local: self.local,
            local_ip: self.local_ip.clone(),
            is_secure: self.is_secure,
            // What TLS has agreed with the proxy, and the certificate that the proxy shows, are not the client's.
            tls: None,
            peer: self.peer,
            is_somebody: false,
            said: None,
        }
    }

    /// `http` or `https`.
    pub(crate) const fn scheme(&self) -> &'static str {
        scheme(self.is_secure)
    }

    /// The port of a URL that names none.
    pub(crate) const fn default_port(&self) -> u16 {
        default_port(self.is_secure)
    }

    /// The port that backends are told with this host: the one that a trusted proxy names, that of the host, or the default
    /// of the client's scheme; where no host is named, the port that the client is connected to.
    pub(crate) fn port_told(&self, host: &Host<'_>) -> u16 {
        let by_host = || match host.text {
            "" => self.local.port(),
            _ => host.port.unwrap_or(self.default_port()),
        };
        self.port_said().unwrap_or_else(by_host)
    }

    /// The address of the peer, IPv6 without brackets.
    pub(crate) fn peer_ip(&self) -> String {
        text(self.peer).into()
    }

    /// Appends the client as `Forwarded` names it (RFC 7239 section 6): `for=192.0.2.7`, `for="[2001:db8::1]"`.
    pub(crate) fn put_forwarded_for(&self, out: &mut String) {
        let [before, behind] = match self.address {
            SocketAddr::V4(_) => ["for=", ""],
            SocketAddr::V6(_) => ["for=\"[", "]\""],
        };
        out.push_str(before);
        out.push_str(&self.ip);
        out.push_str(behind);
    }

    /// The host that a trusted proxy names in place of `Host`.
    pub(crate) fn host_said(&self) -> Option<Host<'_>> {
        Host::parse(self.said.as_ref()?.host.as_deref()?)
    }

    /// The port that a trusted proxy names in place of the one of the host.
    pub(crate) fn port_said(&self) -> Option<u16> {
        self.said.as_ref()?.port
    }
}

const fn scheme(is_secure: bool) -> &'static str {
    if is_secure { "https" } else { "http" }
}

const fn default_port(is_secure: bool) -> u16 {
    if is_secure { 443 } else { 80 }
}

/// The fields in which proxies say who the client is.
const FORWARDING: KnownSet = KnownSet::of(&[
    Known::Forwarded,
    Known::XForwarded,
    Known::XForwardedClientCert,
    Known::XForwardedFor,
    Known::XRealIp,
]);

/// Whether a field is one of [`FORWARDING`] to those who take other signs for `-`, as CGI does. No proxy sends such a name.
fn is_disguised(name: &[u8]) -> bool {
    matches!(name.first(), Some(b'x' | b'X'))
        && has_other_signs(name)
        && (begins(name, b"x_forwarded_") || is_same(name, b"x_real_ip"))
}

/// An address without brackets. IPv4 is put together here: the formatter of the standard library takes ten times as long,
/// and every connection has two addresses.
fn text(ip: IpAddr) -> Box<str> {
    let IpAddr::V4(ip) = ip else {
        return ip.to_string().into();
    };
    let [a, b, c, d] = ip.octets();
    let [mut one, mut two, mut three, mut four] = [itoa::Buffer::new(); 4];
    let (a, b) = (one.format(a), two.format(b));
    let (c, d) = (three.format(c), four.format(d));
    [a, ".", b, ".", c, ".", d].concat().into()
}
