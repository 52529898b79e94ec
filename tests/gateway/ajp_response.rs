//! P01 to P20: answers.

use ajp13::{FromContainer, PacketSize};
use bytes::Bytes;

use crate::support::Gate;
use crate::support::client::Answer;
use crate::support::container::{Container, Wire};
use crate::support::gateway::Running;

/// Sends one request to a container that answers with this script.
async fn answered<F>(script: impl Fn(Wire) -> F + Send + Sync + Copy + 'static) -> Answer
where
    F: Future<Output = ()> + Send + 'static,
{
    request("GET", script).await.expect("an answer")
}

async fn request<F>(
    method: &str,
    script: impl Fn(Wire) -> F + Send + Sync + Copy + 'static,
) -> Option<Answer>
where
    F: Future<Output = ()> + Send + 'static,
{
    let container = Container::start(move |_, wire| script(wire)).await;
    let gateway = Running::before(&[&container], "", "timeout: 1s");
    let mut client = gateway.client().await;
    client
        .send(format!("{method} / HTTP/1.1\r\nHost: a\r\n\r\n"))
        .await;
    let answer = client.try_answer(method).await;
    gateway.quiet().await;
    answer
}

/// A protocol error before the head: the answer is 502, the connection is closed, and the next request uses another one.
async fn breaks<F>(script: impl Fn(Wire) -> F + Send + Sync + Copy + 'static)
where
    F: Future<Output = ()> + Send + 'static,
{
    let container = Container::start(move |number, mut wire| async move {
        if number == 1 {
            wire.request().await;
            script(wire).await;
        } else {
            crate::support::container::hello("n1", wire).await;
        }
    })
    .await;
    let gateway = Running::before(&[&container], "", "timeout: 5s");
    let mut client = gateway.client().await;
    assert_eq!(client.get("/", "").await.status, 502);
    assert_eq!(client.get("/", "").await.status, 200);
    assert_eq!(container.connections(), 2);
    assert_eq!(
        gateway
            .metric("ajpgate_member_errors_total", &[("kind", "protocol")])
            .await,
        1.0
    );
    assert_eq!(
        gateway.metric("ajpgate_member_up", &[]).await,
        1.0,
        "a broken answer blames nobody"
    );
    gateway.quiet().await;
}

#[tokio::test]
async fn p01_bodies_arrive_with_and_without_length() {
    let body: &'static [u8] = Vec::leak((0..200_000_u32).map(|n| n.to_le_bytes()[0]).collect());
    let with_length = answered(move |mut wire| async move {
        wire.request().await;
        wire.respond(200, &[], body).await;
    })
    .await;
    assert_eq!(with_length.field("content-length"), Some("200000"));
    assert!(with_length.complete && with_length.body == body);
    let without = answered(move |mut wire| async move {
        wire.request().await;
        wire.head(200, &[]).await;
        wire.data(body).await;
        wire.end(true).await;
    })
    .await;
    assert_eq!(without.field("transfer-encoding"), Some("chunked"));
    assert!(without.complete && without.body == body);
}

#[tokio::test]
async fn p02_p04_a_flush_reaches_the_client_at_once() {
    let seen = Gate::new();
    let gate = seen.clone();
    let container = Container::start(move |_, mut wire| {
        let gate = gate.clone();
        async move {
            wire.request().await;
            wire.head(200, &[("Content-Type", "text/event-stream")])
                .await;
            wire.flush().await;
            for tick in 1..=3 {
                gate.opened(tick).await;
                wire.data(format!("data: {tick}\n\n").as_bytes()).await;
                wire.flush().await;
            }
            gate.opened(4).await;
            wire.end(true).await;
        }
    })
    .await;
    let gateway = Running::before(&[&container], "", "");
    let mut client = gateway.client().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    // The client gets each part before the container continues.
    client.raw_until("text/event-stream").await;
    for tick in 1..=3 {
        seen.open();
        client.raw_until(&format!("data: {tick}\n")).await;
    }
    seen.open();
    assert!(client.answer().await.complete);
}

#[tokio::test]
async fn p03_a_flush_before_the_head_is_ignored() {
    let answer = answered(|mut wire| async move {
        wire.request().await;
        wire.flush().await;
        wire.respond(200, &[], b"ok").await;
    })
    .await;
    assert_eq!(answer.text(), "ok");
}

#[tokio::test]
async fn p05_p06_answers_without_a_body_have_none_whatever_is_sent() {
    for (method, status, length) in [
        ("HEAD", 200, Some("10")),
        ("GET", 204, None),
        ("GET", 304, None),
        ("GET", 205, Some("0")),
    ] {
        let container = Container::start(move |_, mut wire: Wire| async move {
            for _ in 0..2 {
                wire.request().await;
                wire.head(
                    status,
                    &[("Content-Length", "10"), ("Content-Type", "text/plain")],
                )
                .await;
                wire.flush().await;
                wire.data(b"0123456789").await;
                wire.end(true).await;
            }
        })
        .await;
        let gateway = Running::before(&[&container], "", "");
        let mut client = gateway.client().await;
        for _ in 0..2 {
            client
                .send(format!("{method} / HTTP/1.1\r\nHost: a\r\n\r\n"))
                .await;
            let answer = client.try_answer(method).await.unwrap();
            assert_eq!(
                (answer.status, answer.field("content-length")),
                (status, length)
            );
            assert_eq!(answer.body, b"");
            gateway.quiet().await;
        }
        assert_eq!(
            container.connections(),
            1,
            "{method} {status}: the connection was kept"
        );
    }
}

#[tokio::test]
async fn p07_an_interim_or_impossible_status_is_502() {
    for status in [100, 101, 199, 0, 1000] {
        let answer = answered(move |mut wire| async move {
            wire.request().await;
            wire.head(status, &[]).await;
            wire.end(true).await;
        })
        .await;
        assert_eq!(answer.status, 502, "{status}");
    }
}

#[tokio::test]
async fn p08_the_reason_phrase_is_the_standard_one() {
    for message in [
        &b"\0\x03200\0"[..],
        b"\0\0\0",
        b"\xff\xff",
        b"\0\x05a\r\nb:\0",
    ] {
        let answer = answered(move |mut wire| async move {
            wire.request().await;
            let payload = [&b"\x04\x01\x94"[..], message, b"\0\x01\xa0\x03\0\x010\0"].concat();
            wire.raw(
                &[
                    b"AB",
                    &u16::try_from(payload.len()).unwrap().to_be_bytes()[..],
                    &payload,
                ]
                .concat(),
            )
            .await;
            wire.end(true).await;
        })
        .await;
        assert_eq!(answer.line, "HTTP/1.1 404 Not Found");
    }
}

#[tokio::test]
async fn p09_repeated_fields_stay_apart() {
    let answer = answered(|mut wire| async move {
        wire.request().await;
        wire.respond(
            200,
            &[("Set-Cookie", "a=1; Path=/"), ("Set-Cookie", "b=2")],
            b"",
        )
        .await;
    })
    .await;
    assert_eq!(answer.all("set-cookie"), ["a=1; Path=/", "b=2"]);
}

#[tokio::test]
async fn p10_fields_with_line_ends_are_not_forwarded() {
    for field in [
        ("X-Evil", "a\r\nInjected: yes"),
        ("X-Evil", "a\nInjected: yes"),
        ("X-Evil", "a\0b"),
        ("X Evil", "a"),
        ("X\r\nInjected", "a"),
        ("", "a"),
    ] {
        let answer = answered(move |mut wire| async move {
            wire.request().await;
            wire.respond(200, &[field], b"body").await;
        })
        .await;
        assert_eq!(
            (answer.status, answer.field("injected")),
            (502, None),
            "{field:?}"
        );
    }
}

#[tokio::test]
async fn p11_connection_fields_of_an_application_are_dropped() {
    let answer = answered(|mut wire| async move {
        wire.request().await;
        let fields = [
            ("Connection", "close, X-Hop"),
            ("X-Hop", "1"),
            ("Transfer-Encoding", "chunked"),
            ("Keep-Alive", "timeout=5"),
            ("X-Stay", "1"),
        ];
        wire.respond(200, &fields, b"ok").await;
    })
    .await;
    for gone in ["connection", "x-hop", "transfer-encoding", "keep-alive"] {
        assert_eq!(answer.field(gone), None, "{gone}");
    }
    assert_eq!((answer.field("x-stay"), answer.text()), (Some("1"), "ok"));
}

#[tokio::test]
async fn p12_less_body_than_announced_resets_the_client() {
    let container = Container::start(|_, mut wire: Wire| async move {
        wire.request().await;
        wire.head(200, &[("Content-Length", "100")]).await;
        wire.data(b"short").await;
        wire.end(true).await;
    })
    .await;
    let gateway = Running::before(&[&container], "", "");
    let mut client = gateway.client().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(client.ended_by_reset().await);
    gateway.quiet().await;
    assert_eq!(
        gateway
            .metric("ajpgate_member_errors_total", &[("kind", "protocol")])
            .await,
        1.0
    );
}

#[tokio::test]
async fn p13_more_body_than_announced_is_cut() {
    let answer = answered(|mut wire| async move {
        wire.request().await;
        wire.head(200, &[("Content-Length", "4")]).await;
        wire.data(b"12345678").await;
        wire.data(b"9").await;
        wire.end(true).await;
    })
    .await;
    assert_eq!(answer.text(), "1234");
}

#[tokio::test]
async fn p14_date_is_added_once_and_kept_when_it_is_there() {
    let added = answered(|mut wire| async move {
        wire.request().await;
        wire.respond(200, &[], b"").await;
    })
    .await;
    assert!(added.field("date").unwrap().ends_with(" GMT"));
    assert_eq!(added.field("server"), None);
    let kept = answered(|mut wire| async move {
        wire.request().await;
        wire.respond(
            200,
            &[
                ("Date", "Tue, 24 Nov 2026 00:00:00 GMT"),
                ("Server", "Tomcat"),
            ],
            b"",
        )
        .await;
    })
    .await;
    assert_eq!(kept.all("date"), ["Tue, 24 Nov 2026 00:00:00 GMT"]);
    assert_eq!(kept.all("server"), ["Tomcat"]);
}

#[tokio::test]
async fn p15_a_location_is_unchanged_where_both_paths_are_equal() {
    for location in ["/app/x;jsessionid=1.n1?y", "http://a/app", "relative"] {
        let answer = answered(move |mut wire| async move {
            wire.request().await;
            wire.respond(302, &[("Location", location)], b"").await;
        })
        .await;
        assert_eq!(
            (answer.status, answer.field("location")),
            (302, Some(location))
        );
    }
}

#[tokio::test]
async fn an_unknown_status_has_no_reason_phrase() {
    let answer = answered(|mut wire| async move {
        wire.request().await;
        wire.respond(299, &[], b"").await;
    })
    .await;
    assert_eq!(answer.line.trim_end(), "HTTP/1.1 299");
}

/// After an exception behind the head, Tomcat sends no END_RESPONSE and keeps the connection open. The gateway closes it.
#[tokio::test]
async fn p16_silence_in_the_middle_of_an_answer_resets_the_client() {
    let container = Container::start(|_, mut wire: Wire| async move {
        wire.request().await;
        wire.head(200, &[]).await;
        wire.data(b"partial").await;
        wire.flush().await;
        wire.until_closed().await;
    })
    .await;
    let gateway = Running::before(&[&container], "", "timeout: 300ms");
    let mut client = gateway.client().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    client.raw_until("partial").await;
    assert!(client.ended_by_reset().await);
    gateway.quiet().await;
    assert_eq!(
        gateway
            .metric("ajpgate_member_errors_total", &[("kind", "timeout")])
            .await,
        1.0
    );
    assert_eq!(gateway.metric("ajpgate_pool_connections", &[]).await, 0.0);
}

/// Tomcat 10.1.52 flushes in this case and sends END_RESPONSE without reuse, which is not the end of a complete answer.
#[tokio::test]
async fn p16_an_answer_that_tomcat_gives_up_resets_the_client() {
    let given_up: &[&[&[u8]]] = &[&[b"partial", b""], &[b"partial", b"", b""], &[b""]];
    for chunks in given_up {
        let container = Container::start(move |_, mut wire: Wire| async move {
            while wire.next_request().await.is_some() {
                wire.head(200, &[]).await;
                for chunk in *chunks {
                    wire.send(FromContainer::SendBodyChunk(Bytes::from_static(chunk)))
                        .await;
                }
                wire.end(false).await;
            }
        })
        .await;
        let gateway = Running::before(&[&container], "", "");
        let mut client = gateway.client().await;
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert!(client.ended_by_reset().await, "{chunks:?}");
        gateway.quiet().await;
        let closed = [("kind", "closed")];
        assert_eq!(
            gateway.metric("ajpgate_member_errors_total", &closed).await,
            1.0
        );
        // An answer without a body cannot be cut off.
        let mut client = gateway.client().await;
        client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let answer = client.try_answer("HEAD").await.expect("an answer");
        assert_eq!((answer.status, answer.complete), (200, true));
        gateway.quiet().await;
        assert_eq!(gateway.metric("ajpgate_pool_connections", &[]).await, 0.0);
    }
}

/// Tomcat's behaviour when the head of the answer does not fit into a packet.
#[tokio::test]
async fn p17_silence_before_the_head_is_504() {
    let answer = answered(|mut wire| async move {
        wire.request().await;
        wire.until_closed().await;
    })
    .await;
    assert_eq!(answer.status, 504);
}

#[tokio::test]
async fn p18_packets_out_of_order_are_502() {
    breaks(|mut wire| async move {
        wire.end(true).await;
        wire.until_closed().await;
    })
    .await;
    breaks(|mut wire| async move {
        wire.data(b"early").await;
        wire.until_closed().await;
    })
    .await;
    breaks(|mut wire| async move {
        wire.send(FromContainer::CPong).await;
        wire.until_closed().await;
    })
    .await;
    breaks(|mut wire| async move {
        wire.raw(b"AB\0\x01\x07").await;
        wire.until_closed().await;
    })
    .await;
}

#[tokio::test]
async fn p18_a_second_head_resets_the_client() {
    for stray in [
        crate::support::container::head(200, &[]),
        FromContainer::CPong,
    ] {
        let container = Container::start(move |_, mut wire: Wire| {
            let stray = stray.clone();
            async move {
                wire.request().await;
                wire.head(200, &[]).await;
                wire.data(b"partial").await;
                wire.send(stray).await;
                wire.until_closed().await;
            }
        })
        .await;
        let gateway = Running::before(&[&container], "", "");
        let mut client = gateway.client().await;
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert!(client.ended_by_reset().await);
        gateway.quiet().await;
    }
}

#[tokio::test]
async fn p19_a_packet_larger_than_the_configured_size_is_read() {
    let body: &'static [u8] = Vec::leak(vec![b'x'; 65_000]);
    let container = Container::with_packets(PacketSize::MAX, move |_, mut wire: Wire| async move {
        wire.request().await;
        wire.head(200, &[]).await;
        wire.send(FromContainer::SendBodyChunk(Bytes::from_static(body)))
            .await;
        wire.end(true).await;
        wire.request().await;
        let large = "y".repeat(20_000);
        wire.respond(200, &[("X-Large", &large)], b"").await;
    })
    .await;
    let gateway = Running::before(&[&container], "", "");
    let mut client = gateway.client().await;
    assert!(client.get("/", "").await.body == body);
    assert_eq!(
        client.get("/", "").await.field("x-large").unwrap().len(),
        20_000
    );
    assert_eq!(container.connections(), 1);
}

#[tokio::test]
async fn p20_bytes_that_are_not_ajp13_are_502() {
    for bytes in [
        &b"\x12\x34\0\x02\x05\x01"[..],
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"AB\0\0",
        b"AB\0\x04\x03\0\x09x",
    ] {
        breaks(move |mut wire| async move {
            wire.raw(bytes).await;
            wire.until_closed().await;
        })
        .await;
    }
}

#[tokio::test]
async fn http_1_0_gets_no_chunks() {
    let container = Container::start(|_, mut wire: Wire| async move {
        while wire.next_request().await.is_some() {
            wire.head(200, &[]).await;
            wire.data(b"until the end").await;
            wire.end(true).await;
        }
    })
    .await;
    let gateway = Running::before(&[&container], "", "");
    let mut client = gateway.client().await;
    client.send("GET / HTTP/1.0\r\n\r\n").await;
    let answer = client.answer().await;
    assert_eq!(
        (answer.field("transfer-encoding"), answer.text()),
        (None, "until the end")
    );
}

/// For HTTP/1.0 the end of the connection is the end of the answer, so a cut answer must be reset.
#[tokio::test]
async fn an_http_1_0_answer_that_breaks_off_is_reset() {
    let seen = Gate::new();
    let container = Container::broken_off(&seen, &[]).await;
    let gateway = Running::before(&[&container], "", "");
    let mut client = gateway.client().await;
    client.send("GET / HTTP/1.0\r\n\r\n").await;
    client.raw_until("partial").await;
    seen.open();
    assert!(client.ended_by_reset().await);
}
