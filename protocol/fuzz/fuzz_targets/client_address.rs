//! Any forwarding fields: no panic, nothing is believed of a peer that is not trusted, and the address that a trusted proxy
//! has appended is found whatever stands before it.
#![no_main]
#![allow(dead_code, unused_imports, reason = "the modules have more than the target needs")]

#[path = "../../../src/client/mod.rs"]
mod client;
#[path = "../../../src/head/mod.rs"]
mod head;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use http::{Method, Version};
use libfuzzer_sys::fuzz_target;

use client::{Client, Host, Trusted, of_request};
use head::{Fields, RequestHead, RequestTarget};

const NAMES: [&[u8]; 8] = [
    b"X-Forwarded-For",
    b"Forwarded",
    b"X-Forwarded-Proto",
    b"X-Forwarded-Host",
    b"X-Forwarded-Port",
    b"X-Real-IP",
    b"Host",
    b"Accept",
];

fn head(list: &[(u8, Vec<u8>)]) -> RequestHead {
    let mut fields = Fields::default();
    for (name, value) in list {
        fields.push(NAMES[usize::from(name % 8)], value);
    }
    RequestHead {
        method: Method::GET,
        target: RequestTarget::parse(b"/").expect("a path"),
        version: Version::HTTP_11,
        fields,
    }
}

fn connection(address: &str) -> Arc<Client> {
    let local = SocketAddr::from(([198, 51, 100, 80], 8080));
    let address: IpAddr = address.parse().expect("an address");
    Arc::new(Client::new(SocketAddr::new(address, 4711), local))
}

fuzz_target!(|list: Vec<(u8, Vec<u8>)>| {
    let trusted = Trusted::new(&["10.0.0.0/8".parse().expect("a network")]);
    let untrusted = connection("203.0.113.1");
    let same = of_request(Arc::clone(&untrusted), &head(&list), &trusted);
    assert!(Arc::ptr_eq(&untrusted, &same));

    let proxy = connection("10.0.0.1");
    let client = of_request(Arc::clone(&proxy), &head(&list), &trusted);
    assert_eq!(client.ip.parse::<IpAddr>().ok(), Some(client.address.ip()));
    assert_eq!(client.peer, proxy.peer);
    let host = client.host_said().unwrap_or(Host::NONE);
    assert!(client.port_told(&host) > 0);

    // The last field of a kind ends with what the proxy appends.
    for (number, appended) in [(0, &b", 203.0.113.77"[..]), (1, b", for=\"203.0.113.77:4712\";proto=https")] {
        let mut list: Vec<_> = list.iter().filter(|(name, _)| name % 8 > 1).cloned().collect();
        let value = list.first().map(|(_, value)| value.clone()).unwrap_or_default();
        list.push((number, [&value[..], appended].concat()));
        let client = of_request(Arc::clone(&proxy), &head(&list), &trusted);
        assert_eq!(&*client.ip, "203.0.113.77");
    }
});
