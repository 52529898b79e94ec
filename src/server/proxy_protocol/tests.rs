use std::time::Duration;

use proptest::prelude::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::header::{Broken, Header, Source};
use super::parse::parse;
use super::{NoHeader, read, v1, v2};

fn said(client: &str, local: &str, is_secure: bool) -> Header {
    Header {
        source: Source::Client([client.parse().unwrap(), local.parse().unwrap()]),
        is_secure,
    }
}

/// A header of version 2.
fn header(command: u8, protocol: u8, block: &[u8]) -> Vec<u8> {
    let length = u16::try_from(block.len()).unwrap().to_be_bytes();
    [v2::SIGNATURE, &[command, protocol], &length, block].concat()
}

fn record(kind: u8, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).unwrap().to_be_bytes();
    [&[kind], &length[..], value].concat()
}

const TCP4: &[u8] = b"\xc0\x00\x02\x07\xc6\x33\x64\x01\x12\x67\x01\xbb";

fn ssl(bits: u8) -> Vec<u8> {
    let version = record(0x21, b"TLSv1.3");
    record(0x20, &[&[bits, 0, 0, 0, 0], &version[..]].concat())
}

#[test]
fn lines_of_version_1() {
    let tcp4 = said("192.0.2.7:4711", "198.51.100.1:80", false);
    for (line, expected) in [
        ("TCP4 192.0.2.7 198.51.100.1 4711 80", Some(tcp4)),
        (
            "TCP6 2001:db8::7 2001:db8::1 4711 443",
            Some(said("[2001:db8::7]:4711", "[2001:db8::1]:443", false)),
        ),
        (
            "TCP6 ::ffff:192.0.2.7 ::1 0 65535",
            Some(said("[::ffff:192.0.2.7]:0", "[::1]:65535", false)),
        ),
        ("UNKNOWN", Some(UNKNOWN)),
        ("UNKNOWN ffff::1 whatever \u{e9}", Some(UNKNOWN)),
        ("UNKNOWNS", None),
        ("", None),
        ("TCP4", None),
        ("TCP5 192.0.2.7 198.51.100.1 4711 80", None),
        ("tcp4 192.0.2.7 198.51.100.1 4711 80", None),
        ("TCP4 192.0.2.7 198.51.100.1 4711", None),
        ("TCP4 192.0.2.7 198.51.100.1 4711 80 ", None),
        ("TCP4 192.0.2.7 198.51.100.1 4711 80 1", None),
        ("TCP4  192.0.2.7 198.51.100.1 4711 80", None),
        ("TCP4\t192.0.2.7 198.51.100.1 4711 80", None),
        ("TCP4 192.0.2.07 198.51.100.1 4711 80", None),
        ("TCP4 192.0.2 198.51.100.1 4711 80", None),
        ("TCP4 2001:db8::7 2001:db8::1 4711 80", None),
        ("TCP6 192.0.2.7 198.51.100.1 4711 80", None),
        ("TCP4 192.0.2.7 198.51.100.1 65536 80", None),
        ("TCP4 192.0.2.7 198.51.100.1 04711 80", None),
        ("TCP4 192.0.2.7 198.51.100.1 +4711 80", None),
        ("TCP4 192.0.2.7 198.51.100.1 -1 80", None),
        ("TCP4 192.0.2.7 198.51.100.1  80", None),
    ] {
        let bytes = format!("PROXY {line}\r\nGET");
        let length = bytes.len() - 3;
        let expected = expected.map(|header| Some((header, length)));
        assert_eq!(
            parse(bytes.as_bytes()),
            expected.ok_or(Broken::Line),
            "{line}"
        );
    }
}

#[test]
fn a_line_ends_with_cr_lf_within_107_bytes() {
    assert_eq!(parse(b"PROXY UNKNOWN\n"), Err(Broken::Line));
    assert_eq!(parse(b"PROXY UNKNOWN\r"), Ok(None));
    let longest = format!("PROXY UNKNOWN {}\r\n", "x".repeat(91));
    assert_eq!(longest.len(), v1::MAX);
    let read = Some((UNKNOWN, longest.len()));
    assert_eq!(parse(longest.as_bytes()), Ok(read));
    let longer = format!("PROXY UNKNOWN {}\r\n", "x".repeat(92));
    assert_eq!(parse(longer.as_bytes()), Err(Broken::TooLong));
    assert_eq!(parse(&longer.as_bytes()[..v1::MAX]), Err(Broken::TooLong));
    assert_eq!(parse(&longer.as_bytes()[..v1::MAX - 1]), Ok(None));
}

#[test]
fn what_is_no_header_is_refused_at_its_first_wrong_byte() {
    for bytes in [
        &b"G"[..],
        b"PROXX",
        b"p",
        b"\r\n\r\n\r",
        b"\x16",
        b"PROXY\t",
    ] {
        assert_eq!(parse(bytes), Err(Broken::Signature), "{bytes:?}");
        assert_eq!(parse(&bytes[..bytes.len() - 1]), Ok(None), "{bytes:?}");
    }
}

/// The addresses of IPv4 with these records behind them.
fn with(records: &[&[u8]]) -> Vec<u8> {
    [TCP4, &records.concat()].concat()
}

#[track_caller]
fn check_v2(command: u8, protocol: u8, block: &[u8], expected: Result<Header, Broken>) {
    let bytes = [header(command, protocol, block), b"GET".to_vec()].concat();
    let length = bytes.len() - 3;
    let expected = expected.map(|header| Some((header, length)));
    let what = format!("{command:x} {protocol:x} {block:x?}");
    assert_eq!(parse(&bytes), expected, "{what}");
}

const UNKNOWN: Header = Header {
    source: Source::Unknown,
    is_secure: false,
};

const BALANCER: Header = Header {
    source: Source::Balancer,
    is_secure: false,
};

#[test]
fn addresses_of_version_2() {
    let tcp6 = [
        &b"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07"[..],
        b"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01",
        b"\x12\x67\x01\xbb",
    ]
    .concat();
    let v4 = said("192.0.2.7:4711", "198.51.100.1:443", false);
    let v6 = said("[2001:db8::7]:4711", "[2001:db8::1]:443", false);
    check_v2(0x21, 0x11, TCP4, Ok(v4));
    check_v2(0x21, 0x21, &tcp6, Ok(v6));
    // The load balancer's own connection, whatever else it says.
    check_v2(0x20, 0x00, b"", Ok(BALANCER));
    check_v2(0x20, 0x11, &with(&[&ssl(1)]), Ok(BALANCER));
    check_v2(0x20, 0x55, &[1, 2, 3], Ok(BALANCER));
    // Addresses of other kinds.
    check_v2(0x21, 0x00, b"", Ok(UNKNOWN));
    check_v2(0x21, 0x31, &[b'x'; 216], Ok(UNKNOWN));
    // Too short for its addresses.
    check_v2(0x21, 0x31, &[b'x'; 215], Err(Broken::Lengths));
    check_v2(0x21, 0x11, &TCP4[..11], Err(Broken::Lengths));
    check_v2(0x21, 0x21, TCP4, Err(Broken::Lengths));
    // Versions, commands and protocols that are none.
    for (command, protocol) in [
        (0x11, 0x11),
        (0x31, 0x11),
        (0x22, 0x11),
        (0x21, 0x12),
        (0x21, 0x10),
        (0x21, 0x41),
        (0x21, 0x01),
    ] {
        check_v2(command, protocol, TCP4, Err(Broken::Unknown));
    }
}

#[test]
fn records_of_version_2() {
    let plain = said("192.0.2.7:4711", "198.51.100.1:443", false);
    let secure = Header {
        is_secure: true,
        ..plain
    };
    let alpn = [
        record(1, b"h2"),
        record(2, b"shop"),
        ssl(1),
        record(4, &[0; 9]),
    ]
    .concat();
    for (records, expected) in [
        (&ssl(1)[..], Ok(secure)),
        (&ssl(7), Ok(secure)),
        (&ssl(0), Ok(plain)),
        (&ssl(6), Ok(plain)),
        (&alpn, Ok(secure)),
        (&record(0xee, b""), Ok(plain)),
        (&[4], Err(Broken::Lengths)),
        (&[4, 0], Err(Broken::Lengths)),
        (&[4, 0, 1], Err(Broken::Lengths)),
        (&record(0x20, &[1, 0, 0, 0]), Err(Broken::Lengths)),
        (
            &record(0x20, &[1, 0, 0, 0, 0, 0x21, 0, 9]),
            Err(Broken::Lengths),
        ),
    ] {
        check_v2(0x21, 0x11, &with(&[records]), expected);
    }
    let unspecified = Header {
        is_secure: true,
        ..UNKNOWN
    };
    check_v2(0x21, 0x00, &ssl(1), Ok(unspecified));
}

/// The sum of the specification's section 2.2.4, as HAProxy's `send-proxy-v2 proxy-v2-options crc32c` writes it. The check value is
/// that of RFC 3720 appendix B.4: 32 bytes of zeros.
#[test]
fn a_wrong_checksum_is_refused() {
    assert_eq!(v2::crc32c(&[0; 32]), 0x8A91_36AA);
    let summed = |difference: u32| {
        let records = [record(4, b"x"), record(3, &[0; 4]), record(2, b"shop")].concat();
        let mut bytes = header(0x21, 0x11, &[TCP4, &records].concat());
        let sum = v2::crc32c(&bytes).wrapping_add(difference);
        let place = 16 + TCP4.len() + 4 + 3;
        bytes[place..place + 4].copy_from_slice(&sum.to_be_bytes());
        parse(&bytes).map(|parsed| parsed.map(|(header, _)| header))
    };
    let plain = said("192.0.2.7:4711", "198.51.100.1:443", false);
    assert_eq!(summed(0), Ok(Some(plain)));
    assert_eq!(summed(1), Err(Broken::Checksum));
    check_v2(
        0x21,
        0x11,
        &with(&[&record(3, &[0; 3])]),
        Err(Broken::Lengths),
    );
}

#[test]
fn a_header_of_version_2_has_a_bound() {
    let long = |length| [TCP4, &record(4, &vec![0; length - 16 - 12 - 3])].concat();
    let longest = header(0x21, 0x11, &long(v2::MAX));
    assert!(parse(&longest).unwrap().is_some());
    let longer = header(0x21, 0x11, &long(v2::MAX + 1));
    // Its head is enough.
    assert_eq!(parse(&longer[..16]), Err(Broken::TooLong));
}

/// Headers and what is nearly one.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let v2 = (
        prop_oneof![Just(0x20_u8), Just(0x21), any::<u8>()],
        prop_oneof![Just(0x11_u8), Just(0x21), Just(0x00), any::<u8>()],
        prop::collection::vec(any::<u8>(), 0..80),
    );
    prop_oneof![
        v2.prop_map(|(command, protocol, block)| header(command, protocol, &block)),
        "PROXY (TCP4|TCP6|UNKNOWN) [0-9a-f:. ]{0,50}\r?\n?".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..40),
    ]
}

proptest! {
    /// However the bytes arrive, the same header is read, and never one before it is complete.
    #[test]
    fn a_header_is_read_when_its_last_byte_has_come(bytes in bytes()) {
        let whole = parse(&bytes);
        if let Ok(Some((_, length))) = whole {
            prop_assert!(length <= bytes.len());
            for shorter in 0..length {
                prop_assert_eq!(parse(&bytes[..shorter]), Ok(None), "{}", shorter);
            }
            prop_assert_eq!(parse(&bytes[..length]), whole);
        }
    }
}

async fn connected() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap());
    let (client, accepted) = tokio::join!(client, listener.accept());
    (client.unwrap(), accepted.unwrap().0)
}

#[tokio::test]
async fn not_a_byte_behind_the_header_is_taken() {
    let line = b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n".to_vec();
    let long = [TCP4, &record(4, &[7; 2000])].concat();
    for bytes in [line, header(0x21, 0x11, TCP4), header(0x21, 0x11, &long)] {
        // All at once, byte by byte, and in pieces that end in the header and behind it.
        for size in [usize::MAX, 1, 13, 100, 536] {
            let (mut client, mut server) = connected().await;
            client.set_nodelay(true).unwrap();
            let stream = [&bytes[..], b"PROXY UNKNOWN\r\nGET / HTTP/1.1\r\n"].concat();
            let sending = tokio::spawn(async move {
                for piece in stream.chunks(size.min(stream.len())) {
                    client.write_all(piece).await.unwrap();
                    tokio::task::yield_now().await;
                }
            });
            let header = read(&mut server).await.unwrap();
            let expected = said("192.0.2.7:4711", "198.51.100.1:443", false);
            assert_eq!(header, expected);
            let mut rest = String::new();
            sending.await.unwrap();
            server.read_to_string(&mut rest).await.unwrap();
            assert_eq!(rest, "PROXY UNKNOWN\r\nGET / HTTP/1.1\r\n");
        }
    }
}

#[tokio::test]
async fn a_connection_without_a_header_is_refused() {
    for (bytes, closed) in [
        (&b""[..], true),
        (b"PROXY TCP4", true),
        (b"GET / HTTP/1.1", false),
    ] {
        let (mut client, mut server) = connected().await;
        client.write_all(bytes).await.unwrap();
        client.shutdown().await.unwrap();
        let refused = tokio::time::timeout(Duration::from_secs(20), read(&mut server));
        match refused.await.unwrap() {
            Err(NoHeader::Closed) => assert!(closed, "{bytes:?}"),
            Err(NoHeader::Broken(Broken::Signature)) => assert!(!closed, "{bytes:?}"),
            other => panic!("{bytes:?}: {other:?}"),
        }
    }
}
