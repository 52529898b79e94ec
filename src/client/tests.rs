use std::net::IpAddr;

use http::{Method, Version};
use proptest::prelude::*;

use super::*;
use crate::head::{Fields, RequestHead, RequestTarget};

mod golden;

fn trusted() -> Trusted {
    let networks = ["10.0.0.0/8", "2001:db8:aa::/48", "172.16.0.0/12"];
    Trusted::new(&networks.map(|network| network.parse().unwrap()))
}

fn head(fields: Fields) -> RequestHead {
    RequestHead {
        method: Method::GET,
        target: RequestTarget::parse(b"/").unwrap(),
        version: Version::HTTP_11,
        fields,
    }
}

fn client(address: &str) -> Client {
    let local = "198.51.100.80:8080".parse().unwrap();
    Client::new(SocketAddr::new(address.parse().unwrap(), 4711), local)
}

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
        assert_eq!(*client.ip, *ip);
        assert_eq!(*client.ip, client.address.ip().to_string());
        assert_eq!(*client.local_ip, *"198.51.100.1");
        let mut forwarded = String::new();
        client.put_forwarded_for(&mut forwarded);
        assert_eq!(forwarded, forwarded_for);
        assert_eq!(client.peer_ip(), ip);
    }
}

#[test]
fn the_address_in_a_proxy_header_decides_who_is_believed() {
    let mut fields = Fields::default();
    fields.push(b"X-Forwarded-For", b"198.51.100.1");
    let head = head(fields);
    for (said, expected) in [("203.0.113.9", "203.0.113.9"), ("10.0.0.7", "198.51.100.1")] {
        let connection = Arc::new(client(said).behind("10.0.0.1".parse().unwrap()));
        let request = of_request(Arc::clone(&connection), &head, &trusted());
        assert_eq!((&*request.ip, &*request.peer_ip()), (expected, "10.0.0.1"));
    }
}

#[test]
fn what_tls_agreed_with_a_trusted_proxy_is_not_its_clients() {
    let mut fields = Fields::default();
    fields.push(b"X-Forwarded-For", b"198.51.100.1");
    let mut proxy = client("10.0.0.7");
    proxy.tls = Some(Arc::default());
    let proxy = Arc::new(proxy);
    let by_itself = of_request(Arc::clone(&proxy), &head(Fields::default()), &trusted());
    assert!(by_itself.tls.is_some());
    assert!(of_request(proxy, &head(fields), &trusted()).tls.is_none());
}

#[test]
fn from_an_untrusted_peer_the_connections_client_is_handed_on() {
    let mut fields = Fields::default();
    fields.push(b"X-Forwarded-For", b"198.51.100.1");
    let head = head(fields);
    let connection = Arc::new(client("203.0.113.9"));
    for trusted in [trusted(), Trusted::default()] {
        assert!(Arc::ptr_eq(
            &connection,
            &of_request(Arc::clone(&connection), &head, &trusted)
        ));
    }
}

/// Bytes such as stand in these fields, and others.
fn value() -> impl Strategy<Value = Vec<u8>> {
    const WORDS: [&[u8]; 13] = [
        b"10.0.0.2",
        b"203.0.113.9",
        b"[2001:db8:aa::1]",
        b"for=",
        b"proto=https",
        b"host=",
        b"unknown",
        b"\"",
        b"\\",
        b", ",
        b";",
        b":80",
        b"\xff",
    ];
    let word = prop::sample::select(&WORDS[..]);
    prop::collection::vec(word, 0..12).prop_map(|words| words.concat())
}

fn fields() -> impl Strategy<Value = Fields> {
    let name = prop_oneof![
        Just("X-Forwarded-For"),
        Just("X-Forwarded-Proto"),
        Just("X-Forwarded-Host"),
        Just("X-Forwarded-Port"),
        Just("Forwarded"),
        Just("Host"),
    ];
    prop::collection::vec((name, value()), 0..6).prop_map(|list| {
        let list = list.iter();
        list.map(|(name, value)| (name.as_bytes(), value.as_slice()))
            .collect()
    })
}

proptest! {
    /// Whatever a client writes before it, the address that a trusted proxy appends is found.
    #[test]
    fn the_appended_address_is_found(client_wrote in value(), v6: bool, in_forwarded: bool) {
        let (address, forwarded) = match v6 {
            false => ("203.0.113.77", "for=203.0.113.77;proto=https"),
            true => ("2001:db8::77", "proto=https;for=\"[2001:db8::77]\""),
        };
        let (name, appended) = match in_forwarded {
            true => ("Forwarded", forwarded),
            false => ("X-Forwarded-For", address),
        };
        let value = [&client_wrote[..], b", ", appended.as_bytes()].concat();
        let mut fields = Fields::default();
        fields.push(name.as_bytes(), &value);
        let request = of_request(Arc::new(client("10.0.0.1")), &head(fields), &trusted());
        prop_assert_eq!(&*request.ip, address);
        prop_assert_eq!(request.is_secure, in_forwarded);
    }

    /// From an untrusted peer no field changes anything; from a trusted one, the address is the peer's or stands in a field,
    /// and everything has its form.
    #[test]
    fn fields_count_from_trusted_peers_only(fields in fields(), is_trusted: bool, https: bool) {
        let mut connection = client(if is_trusted { "10.0.0.1" } else { "203.0.113.1" });
        connection.is_secure = https;
        let connection = Arc::new(connection);
        let head = head(fields);
        let request = of_request(Arc::clone(&connection), &head, &trusted());
        if !is_trusted {
            prop_assert!(Arc::ptr_eq(&connection, &request));
        }
        let texts: Vec<u8> = head.fields.iter().flat_map(|(_, value)| value.to_vec()).collect();
        let texts = String::from_utf8_lossy(&texts).into_owned();
        prop_assert!(request.ip == connection.ip || texts.contains(&*request.ip));
        prop_assert_eq!(request.ip.parse::<IpAddr>().unwrap(), request.address.ip());
        prop_assert_eq!(request.peer, connection.peer);
        if let Some(host) = request.said.as_ref().and_then(|said| said.host.as_deref()) {
            prop_assert!(Host::parse(host).is_some());
        }
    }

    /// A list means the same on one line and on several.
    #[test]
    fn lines_make_one_list(elements in prop::collection::vec(value(), 1..5)) {
        // Without quotation marks and backslashes: a quotation that stays open ends with its line.
        let plain = |mut element: Vec<u8>| {
            element.retain(|byte| !matches!(byte, b'"' | b'\\'));
            element
        };
        let elements: Vec<Vec<u8>> = elements.into_iter().map(plain).collect();
        for name in ["X-Forwarded-For", "X-Forwarded-Host", "Forwarded"] {
            let (mut one, mut several) = (Fields::default(), Fields::default());
            one.push(name.as_bytes(), &elements.join(&b","[..]));
            for element in &elements {
                several.push(name.as_bytes(), element);
            }
            let connection = Arc::new(client("10.0.0.1"));
            let [one, several] = [one, several]
                .map(|fields| of_request(Arc::clone(&connection), &head(fields), &trusted()));
            prop_assert_eq!(one.address, several.address);
            prop_assert_eq!(one.host_said(), several.host_said());
        }
    }
}
