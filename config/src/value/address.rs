//! Addresses to listen on, and networks.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use ipnet::{IpNet, Ipv4Net};
use schemars::{Schema, json_schema};

use crate::fault::{Fault, quoted};
use crate::field::Kind;

/// An address and a port: `0.0.0.0:8080`, `[::]:8080`, `:8080` (every IPv4 address), `localhost:8080` (127.0.0.1).
pub(crate) enum Bind {}

impl Kind for Bind {
    type Value = SocketAddr;

    fn read(text: &str) -> Result<SocketAddr, Fault> {
        address(text).map_err(|(host, port)| no_address(text).hint(bind_hint(text, host, port)))
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "pattern": r"^(\[[0-9a-fA-F:.]+\]|[0-9.]*|localhost):[0-9]{1,5}$" })
    }
}

/// The address of a name server, written as [`Bind`] is.
pub(crate) enum NameServer {}

impl Kind for NameServer {
    type Value = SocketAddr;

    fn read(text: &str) -> Result<SocketAddr, Fault> {
        let bare = text.trim_start_matches('[').trim_end_matches(']');
        address(text).map_err(|_| {
            let hint = match bare.parse::<IpAddr>() {
                Ok(ip) => format!("a port is missing: write \"{}\"", SocketAddr::new(ip, 53)),
                Err(_) => "names are not looked up: write IP:PORT, like \"10.0.0.2:53\"".to_owned(),
            };
            no_address(text).hint(hint)
        })
    }

    fn schema() -> Schema {
        Bind::schema()
    }
}

/// An address with a port; else what could be its host and its port.
fn address(text: &str) -> Result<SocketAddr, (&str, Option<u16>)> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let port = |text: &str| text.parse::<u16>().ok();
    let (host, port) = match text.rsplit_once(':') {
        Some((host, number)) => (host, port(number)),
        None => (text, None),
    };
    match (host, port) {
        ("", Some(port)) => Ok((Ipv4Addr::UNSPECIFIED, port).into()),
        ("localhost", Some(port)) => Ok((Ipv4Addr::LOCALHOST, port).into()),
        _ => Err((host, port)),
    }
}

fn no_address(text: &str) -> Fault {
    Fault::new(format!("{} is not an address with a port", quoted(text)))
}

fn bind_hint(text: &str, host: &str, port: Option<u16>) -> String {
    if let Ok(only_port) = text.parse::<u16>() {
        return format!("write \"0.0.0.0:{only_port}\"");
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return format!(
            "a port is missing: write \"{}\"",
            SocketAddr::new(address, 8080)
        );
    }
    match (host, port) {
        ("*", Some(port)) => {
            format!("for every address write \"0.0.0.0:{port}\" or \"[::]:{port}\"")
        }
        (name, Some(port)) if name.contains(|c: char| c.is_ascii_alphabetic()) => {
            format!("names are not looked up: write an address, like \"0.0.0.0:{port}\"")
        }
        _ => "write IP:PORT, like \"0.0.0.0:8080\" or \"[::1]:8080\"; a port is 0 to 65535"
            .to_owned(),
    }
}

/// A network: `10.0.0.0/8`, `::1/128`; a bare address is a network of one. A network of IPv4-mapped addresses
/// (`::ffff:10.0.0.0/104`, RFC 4291 section 2.5.5.2) is the IPv4 network, because such addresses count as IPv4 everywhere.
pub(crate) enum Network {}

impl Kind for Network {
    type Value = IpNet;

    fn read(text: &str) -> Result<IpNet, Fault> {
        if let Ok(network) = text.parse::<IpNet>() {
            return canonical(network).map(|network| network.trunc());
        }
        match text.parse::<IpAddr>() {
            Ok(address) => Ok(address.to_canonical().into()),
            Err(_) => Err(Fault::new(format!("{} is not a network", quoted(text)))
                .hint("write ADDRESS/BITS, like \"10.0.0.0/8\"; everyone is \"0.0.0.0/0\" and \"::/0\"")),
        }
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "pattern": r"^[0-9a-fA-F:.]+(/[0-9]{1,3})?$" })
    }
}

fn canonical(network: IpNet) -> Result<IpNet, Fault> {
    let IpNet::V6(v6) = network else {
        return Ok(network);
    };
    let Some(v4) = v6.addr().to_ipv4_mapped() else {
        return Ok(network);
    };
    let bits = v6.prefix_len().checked_sub(96);
    match bits.map(|bits| Ipv4Net::new(v4, bits)) {
        Some(Ok(v4)) => Ok(v4.into()),
        _ => Err(Fault::new(format!(
            "{network}: IPv4-mapped addresses have at least 96 bits in common"
        ))
        .hint("write the network of IPv4, like \"10.0.0.0/8\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (text, address) in [
            ("0.0.0.0:8080", "0.0.0.0:8080"),
            ("[::]:8080", "[::]:8080"),
            ("[::1]:0", "[::1]:0"),
            (":8080", "0.0.0.0:8080"),
            ("localhost:8080", "127.0.0.1:8080"),
        ] {
            let read = Bind::read(text).map(|address| address.to_string());
            assert_eq!(read.as_deref(), Ok(address), "{text}");
        }
        for (text, hint) in [
            ("8080", "write \"0.0.0.0:8080\""),
            ("127.0.0.1", "a port is missing: write \"127.0.0.1:8080\""),
            ("::1", "a port is missing: write \"[::1]:8080\""),
            (
                "*:80",
                "for every address write \"0.0.0.0:80\" or \"[::]:80\"",
            ),
            (
                "web:80",
                "names are not looked up: write an address, like \"0.0.0.0:80\"",
            ),
        ] {
            let fault = Bind::read(text).expect_err(text);
            assert_eq!(fault.hint.as_deref(), Some(hint), "{text}");
        }
        assert!(Bind::read("127.0.0.1:65536").is_err());
        assert!(Bind::read("").is_err());
    }

    #[test]
    fn name_servers() {
        let read = NameServer::read("10.0.0.2:53").map(|address| address.to_string());
        assert_eq!(read.as_deref(), Ok("10.0.0.2:53"));
        let names = "names are not looked up: write IP:PORT, like \"10.0.0.2:53\"";
        for (text, hint) in [
            ("127.0.0.1", "a port is missing: write \"127.0.0.1:53\""),
            ("::1", "a port is missing: write \"[::1]:53\""),
            ("[::1]", "a port is missing: write \"[::1]:53\""),
            ("dns.example.com", names),
            ("dns:53", names),
        ] {
            let fault = NameServer::read(text).expect_err(text);
            assert_eq!(fault.hint.as_deref(), Some(hint), "{text}");
        }
    }

    #[test]
    fn networks() {
        for (text, network) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("10.1.2.3/8", "10.0.0.0/8"),
            ("10.1.2.3", "10.1.2.3/32"),
            ("::1", "::1/128"),
            ("fd00::/8", "fd00::/8"),
            ("::ffff:10.1.2.3/104", "10.0.0.0/8"),
            ("::ffff:10.1.2.3", "10.1.2.3/32"),
            ("::ffff:0:0/96", "0.0.0.0/0"),
        ] {
            let read = Network::read(text).map(|network| network.to_string());
            assert_eq!(read.as_deref(), Ok(network), "{text}");
        }
        for text in [
            "",
            "10.0.0.0/33",
            "localhost",
            "10.0.0/8",
            "::/129",
            "::ffff:10.0.0.0/95",
        ] {
            assert!(Network::read(text).is_err(), "{text}");
        }
    }
}
