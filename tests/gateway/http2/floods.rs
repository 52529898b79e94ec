//! Clients that send frames and nothing else: each is told to go away after a bounded number of them, and others are served
//! meanwhile. The bounds themselves are tested in `server::http2::budget`.

use super::before;
use crate::support::container::{Container, Wire};
use crate::support::gateway::Running;
use crate::support::h2::{
    CANCEL, CONTINUATION, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, HEADERS, Http2, PING,
    PRIORITY, RST_STREAM, SETTINGS, WINDOW_UPDATE, frame, get, request, setting,
};
use crate::support::hpack;

/// A gateway before a container that answers nothing under `/silent`.
async fn gateway() -> (Container, Running) {
    let container = Container::start(|_, mut wire: Wire| async move {
        while let Some(request) = wire.next_request().await {
            if request.uri.as_deref() == Some(b"/silent") {
                wire.until_closed().await;
                return;
            }
            wire.respond(200, &[], &[b'x'; 20_000]).await;
        }
    })
    .await;
    let gateway = before(&[&container], "");
    (container, gateway)
}

/// Sends frames that `flood` makes for each number until the gateway has had enough, and returns the code of its GOAWAY.
async fn flood(
    gateway: &Running,
    settings: &[(u16, u32)],
    most: u32,
    mut flood: impl FnMut(u32) -> Vec<u8>,
) -> Option<u32> {
    let mut client = Http2::with_settings(gateway.front, settings).await;
    client.takes = false;
    let mut other = Http2::connect(gateway.front).await;
    for number in 0..most {
        if !client.send(&flood(number)).await {
            break;
        }
        if number % 500 == 0 {
            assert_eq!(other.get("/").await.status, 200);
        }
    }
    let code = client.goes_away().await;
    assert_eq!(other.get("/").await.status, 200);
    gateway.quiet().await;
    code
}

/// The HEADERS frame of the stream with this number, counted from 0.
fn head(number: u32, fields: &[(&str, &str)], flags: u8) -> Vec<u8> {
    let block = hpack::encode(fields);
    frame(HEADERS, END_HEADERS | flags, stream(number), &block)
}

const fn stream(number: u32) -> u32 {
    2 * number + 1
}

/// CVE-2023-44487.
#[tokio::test]
async fn requests_that_are_given_up_at_once_end_the_connection() {
    let (container, gateway) = gateway().await;
    let code = flood(&gateway, &[], 1_000, |number| {
        let reset = frame(RST_STREAM, 0, stream(number), &CANCEL.to_be_bytes());
        [head(number, &get("/silent"), END_STREAM), reset].concat()
    })
    .await;
    assert_eq!(code, Some(ENHANCE_YOUR_CALM));
    // Most were given up before anybody looked at them.
    assert!(container.connections() < 100, "{}", container.connections());
}

/// CVE-2025-8671: the client makes the gateway reset its streams.
#[tokio::test]
async fn resets_that_the_client_provokes_end_the_connection() {
    let (_container, gateway) = gateway().await;
    let announced = [&request("POST", "/silent")[..], &[("content-length", "2")]].concat();
    for provoke in [
        // Longer than announced, shorter, and a window that is too large.
        &|id| frame(DATA, 0, id, b"abc"),
        &|id| frame(DATA, END_STREAM, id, b"a"),
        &|id| frame(WINDOW_UPDATE, 0, id, &0x7fff_ffff_u32.to_be_bytes()),
    ] as [&dyn Fn(u32) -> Vec<u8>; 3]
    {
        let code = flood(&gateway, &[], 1_000, |number| {
            [head(number, &announced, 0), provoke(stream(number))].concat()
        })
        .await;
        assert_eq!(code, Some(ENHANCE_YOUR_CALM));
    }
}

/// CVE-2024-27316.
#[tokio::test]
async fn a_header_block_without_end_ends_the_connection() {
    let (_container, gateway) = gateway().await;
    let start = hpack::encode(&get("/"));
    for piece in [&b""[..], &hpack::encode(&[("x", "y")])] {
        let code = flood(&gateway, &[], 1_000, |number| match number {
            0 => frame(HEADERS, 0, 1, &start),
            _ => frame(CONTINUATION, 0, 1, piece),
        })
        .await;
        assert_eq!(code, Some(ENHANCE_YOUR_CALM));
    }
}

/// RFC 7541 section 4.2: a client has reason for two updates. Each is a byte that costs as much as a field.
#[tokio::test]
async fn updates_of_the_table_size_without_end_end_the_connection() {
    let (_container, gateway) = gateway().await;
    let updates = |count| {
        move |number: u32| {
            let block = [vec![0x20; count], hpack::encode(&get("/"))].concat();
            frame(HEADERS, END_HEADERS | END_STREAM, stream(number), &block)
        }
    };
    let mut client = Http2::connect(gateway.front).await;
    client.send(&updates(2)(0)).await;
    assert_eq!(client.answer(stream(0)).await.status, 200);
    for count in [3, 10_000] {
        let code = flood(&gateway, &[], 100, updates(count)).await;
        assert_eq!(code, Some(ENHANCE_YOUR_CALM), "{count}");
    }
}

#[tokio::test]
async fn frames_that_carry_nothing_end_the_connection() {
    let (_container, gateway) = gateway().await;
    let update = 1_u32.to_be_bytes();
    for (name, piece) in [
        ("SETTINGS", frame(SETTINGS, 0, 0, &setting(3, 100))),
        ("PING", frame(PING, 0, 0, b"pingpong")),
        ("PRIORITY", frame(PRIORITY, 0, 1, &[0, 0, 0, 3, 1])),
        ("WINDOW_UPDATE", frame(WINDOW_UPDATE, 0, 0, &update)),
        ("a type that nobody knows", frame(0x42, 0, 0, b"")),
    ] {
        let code = flood(&gateway, &[], 5_000, |_| piece.clone()).await;
        assert_eq!(code, Some(ENHANCE_YOUR_CALM), "{name}");
    }
}

#[tokio::test]
async fn empty_data_ends_the_connection() {
    let (_container, gateway) = gateway().await;
    let code = flood(&gateway, &[], 5_000, |number| match number {
        0 => head(0, &request("POST", "/silent"), 0),
        _ => frame(DATA, 0, 1, b""),
    })
    .await;
    assert_eq!(code, Some(ENHANCE_YOUR_CALM));
}

/// The client lets the gateway send one byte at a time.
#[tokio::test]
async fn tiny_windows_end_the_connection() {
    let (_container, gateway) = gateway().await;
    let code = flood(&gateway, &[(4, 1)], 10_000, |number| match number {
        0 => head(0, &get("/"), END_STREAM),
        _ => frame(WINDOW_UPDATE, 0, 1, &1_u32.to_be_bytes()),
    })
    .await;
    assert_eq!(code, Some(ENHANCE_YOUR_CALM));
}

/// A field of 4,000 bytes that is named once and referred to 15,000 times: 60 MB in 16 KiB.
#[tokio::test]
async fn a_header_list_that_grows_when_it_is_unpacked_ends_the_connection() {
    let (_container, gateway) = gateway().await;
    let mut block = hpack::encode(&get("/"));
    block.extend([0x40]);
    hpack::put_text(&mut block, b"x");
    hpack::put_text(&mut block, &[b'a'; 3_900]);
    block.resize(16_000, 0x80 | 62);
    let code = flood(&gateway, &[], 1, |_| {
        frame(HEADERS, END_HEADERS | END_STREAM, 1, &block)
    })
    .await;
    assert_eq!(code, Some(ENHANCE_YOUR_CALM));
    // A smaller one gets its answer, and the connection goes on.
    let mut client = Http2::connect(gateway.front).await;
    block.resize(hpack::encode(&get("/")).len() + 3_900 + 6 + 20, 0);
    client
        .frame(HEADERS, END_HEADERS | END_STREAM, 1, &block)
        .await;
    assert_eq!(client.answer(1).await.status, 431);
}

/// The client does not read what it asks for.
#[tokio::test]
async fn a_client_that_reads_nothing_is_cut_off_at_idle_timeout() {
    let container = Container::start(|_, mut wire: Wire| async move {
        while wire.next_request().await.is_some() {
            wire.respond(200, &[], &vec![b'x'; 4 << 20]).await;
        }
    })
    .await;
    let gateway = before(&[&container], "limits: { idle_timeout: 500ms }\n");
    let huge = 0x7fff_ffff - 65_535;
    let mut client = Http2::with_settings(gateway.front, &[(4, 0x7fff_ffff)]).await;
    client.window(0, huge).await;
    for _ in 0..3 {
        client.open(&get("/"), true).await;
    }
    gateway
        .metric_becomes("ajpgate_member_busy", &[], 3.0)
        .await;
    gateway.quiet().await;
    gateway
        .metric_becomes("ajpgate_client_connections", &[], 0.0)
        .await;
}
