//! Handshakes that are garbage, cut off, or odd: each ends, nobody gets in, and the listener goes on.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::front_tls::before;
use super::support::origin::Origin;
use super::support::soon;
use super::support::tls::Authority;

/// A ClientHello of a client that rustls takes for a good one.
async fn client_hello(ca: &Authority) -> Vec<u8> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = listener.local_addr().unwrap();
    let client = ca.client();
    let connecting = tokio::spawn(async move { client.try_connect(to).await.is_ok() });
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut hello = vec![0; 4096];
    let count = stream.read(&mut hello).await.unwrap();
    hello.truncate(count);
    drop(stream);
    assert!(!connecting.await.unwrap());
    hello
}

/// One record (RFC 8446 section 5.1).
fn record(kind: u8, version: [u8; 2], length: u16, body: &[u8]) -> Vec<u8> {
    let [high, low] = length.to_be_bytes();
    let [major, minor] = version;
    [&[kind, major, minor, high, low], body].concat()
}

/// The length of a text of this test.
fn size(body: &[u8]) -> u16 {
    u16::try_from(body.len()).unwrap()
}

/// An attack with its name.
type Attack = (String, Vec<u8>);

const V: [u8; 2] = [3, 1];

fn attack(name: &str, bytes: impl Into<Vec<u8>>) -> Attack {
    (name.to_owned(), bytes.into())
}

/// What is no TLS, and records that do not begin a handshake.
fn garbage() -> Vec<Attack> {
    #[rustfmt::skip]
    let all = vec![
        attack("nothing", []),
        attack("one byte", [22]),
        attack("zeros", [0; 4096]),
        attack("ones", [255; 4096]),
        attack("plain HTTP", *b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        attack("HTTP/2 with prior knowledge", *b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        attack("SSH", *b"SSH-2.0-OpenSSH_9.0\r\n"),
        attack("an SSLv2 hello", [0x80, 0x2e, 1, 3, 1, 0, 0x15, 0, 0, 0, 0x10, 1, 0, 0x80]),
        attack("an empty record", record(22, V, 0, b"")),
        attack("many empty records", record(22, V, 0, b"").repeat(5000)),
        attack("many empty application records", record(23, V, 0, b"").repeat(5000)),
        attack("a record that is too long", record(22, V, 65_535, &[1; 60_000])),
        attack("a record of 16 KiB and more", record(22, V, 16_384 + 257, &[1; 16_641])),
        attack("an alert first", record(21, V, 2, &[2, 40])),
        attack("a warning first", record(21, V, 2, &[1, 0])),
        attack("many warnings", record(21, V, 2, &[1, 90]).repeat(5000)),
        attack("an odd alert", record(21, V, 3, &[2, 40, 0])),
        attack("a cipher change first", record(20, V, 1, &[1])),
        attack("many cipher changes", record(20, V, 1, &[1]).repeat(5000)),
        attack("application data first", record(23, V, 5, b"hello")),
        attack("a heartbeat (CVE-2014-0160)", record(24, V, 3, &[1, 64, 0])),
        attack("a kind that there is not", record(99, V, 3, &[1, 2, 3])),
        attack("a ServerHello", record(22, V, 6, &[2, 0, 0, 2, 3, 3])),
        attack("a Finished first", record(22, V, 4, &[20, 0, 0, 0])),
        attack("a HelloRequest", record(22, V, 4, &[0, 0, 0, 0])),
        attack("a KeyUpdate first", record(22, V, 5, &[24, 0, 0, 1, 1])),
        attack("a handshake of 16 MiB announced", record(22, V, 4, &[1, 255, 255, 255])),
        attack("a handshake of 64 KiB announced", [record(22, V, 4, &[1, 1, 0, 0]), record(22, V, 16_384, &[0; 16_384]).repeat(3)].concat()),
    ];
    all
}

/// A good hello with something wrong in it or around it.
fn odd_hellos(hello: &[u8]) -> Vec<Attack> {
    let body = &hello[5..];
    let bytes = body.iter().flat_map(|byte| record(22, V, 1, &[*byte]));
    #[rustfmt::skip]
    let mut all = vec![
        attack("a PROXY header", [b"PROXY TCP4 1.1.1.1 2.2.2.2 3 4\r\n", hello].concat()),
        attack("SSLv3", record(22, [3, 0], size(body), body)),
        attack("a version that there is not", record(22, [9, 9], size(body), body)),
        attack("two hellos", hello.repeat(2)),
        attack("ten hellos", hello.repeat(10)),
        attack("a hello and garbage", [hello, &[255; 100][..]].concat()),
        attack("a hello and plain HTTP", [hello, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"].concat()),
        attack("a hello and an alert", [hello, &record(21, [3, 3], 2, &[2, 40])].concat()),
        attack("a hello and the closing alert", [hello, &record(21, [3, 3], 2, &[1, 0])].concat()),
        attack("a hello and application data", [hello, &record(23, [3, 3], 64, &[7; 64])].concat()),
        attack("a hello and cipher changes", [hello, &record(20, [3, 3], 1, &[1]).repeat(1000)].concat()),
        attack("a hello in records of one byte", bytes.collect::<Vec<_>>()),
        attack("a hello whose length is one more", record(22, V, size(body) + 1, &[body, &[0]].concat())),
        attack("a hello whose length is one less", record(22, V, size(body) - 1, body)),
    ];
    for at in [
        1,
        4,
        5,
        6,
        9,
        11,
        43,
        44,
        76,
        78,
        hello.len() / 2,
        hello.len() - 1,
    ] {
        all.push(attack(
            &format!("a hello that is cut at {at}"),
            &hello[..at],
        ));
    }
    for at in [
        5,
        6,
        9,
        10,
        43,
        44,
        45,
        76,
        77,
        78,
        79,
        90,
        100,
        hello.len() - 2,
    ] {
        let mut bytes = hello.to_vec();
        bytes[at] ^= 0xff;
        all.push(attack(&format!("a hello whose byte {at} is wrong"), bytes));
    }
    all
}

#[tokio::test]
async fn no_attack_on_the_handshake_gets_in_or_stays() {
    let (ca, origin) = (Authority::new(), Origin::hello("a").await);
    let server = ca.server("server", &["localhost"]);
    let gateway = before(
        &format!("http://{}", origin.address),
        &server,
        "header_timeout: 500ms",
    );
    let attacks = [garbage(), odd_hellos(&client_hello(&ca).await)].concat();
    assert!(attacks.len() >= 60, "{}", attacks.len());
    let mut running = tokio::task::JoinSet::new();
    let to = gateway.front;
    for (name, bytes) in attacks {
        for half_closed in [false, true] {
            let (name, bytes) = (name.clone(), bytes.clone());
            running.spawn(async move {
                let mut stream = TcpStream::connect(to).await.unwrap();
                let _ = stream.write_all(&bytes).await;
                if half_closed {
                    let _ = stream.shutdown().await;
                }
                let mut answer = Vec::new();
                let ended = stream.read_to_end(&mut answer);
                let ended = tokio::time::timeout(Duration::from_secs(15), ended).await;
                assert!(ended.is_ok(), "{name}: it stays");
                assert!(
                    !answer.windows(5).any(|it| it == b"HTTP/"),
                    "{name}: {answer:?}"
                );
            });
        }
    }
    soon("all attacks end", running.join_all()).await;
    assert_eq!(origin.connections(), 0);
    gateway
        .metric_becomes("ajpgate_client_connections", &[], 0.0)
        .await;
    assert_eq!(ca.client().get(gateway.front, "/").await.unwrap(), 200);
}
