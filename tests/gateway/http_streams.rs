//! Bodies to and from HTTP members: early answers, late 100 (Continue), and answers without a length.

use crate::support::container::Container;
use crate::support::gateway::Running;
use crate::support::origin::{Conn, Origin};
use crate::support::{Gate, pause};

/// A server that echoes bodies, and names their framing in `X-Saw`.
async fn echo() -> Origin {
    Origin::start(|_, mut conn: Conn| async move {
        while let Some(request) = conn.next_request().await {
            let framing = ["content-length", "transfer-encoding"]
                .map(|name| request.all(name).join(","))
                .join("/");
            let body = String::from_utf8(request.body).unwrap();
            conn.respond(200, &[("X-Saw", &framing)], &body).await;
        }
    })
    .await
}

/// A body that was dropped would be read as the next request.
#[tokio::test]
async fn every_method_may_have_a_body() {
    let origin = echo().await;
    let gateway = Running::before_http(&[&origin], "", "");
    let mut client = gateway.client().await;
    for method in ["GET", "DELETE", "OPTIONS", "POST", "QUERY"] {
        for (field, body, framing) in [
            ("Content-Length: 5", "hello", "5/"),
            (
                "Transfer-Encoding: chunked",
                "5\r\nhello\r\n0\r\n\r\n",
                "/chunked",
            ),
        ] {
            client
                .send(format!(
                    "{method} / HTTP/1.1\r\nHost: a\r\n{field}\r\n\r\n{body}"
                ))
                .await;
            let answer = client.answer().await;
            assert_eq!(
                (answer.text(), answer.field("x-saw")),
                ("hello", Some(framing)),
                "{method} {field}"
            );
        }
    }
    assert_eq!(origin.connections(), 1);
}

#[tokio::test]
async fn an_answer_may_begin_before_the_upload_is_over() {
    let origin = Origin::start(|_, mut conn: Conn| async move {
        while let Some(mut request) = conn.head().await {
            conn.raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nearly\r\n")
                .await;
            conn.read_body(&mut request).await.unwrap();
            let last = format!("{:x}\r\n", request.body.len());
            conn.raw([last.as_bytes(), &request.body, b"\r\n0\r\n\r\n"].concat())
                .await;
        }
    })
    .await;
    let gateway = Running::before_http(&[&origin], "", "");
    for _ in 0..2 {
        let mut client = gateway.client().await;
        client
            .send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
            .await;
        client.raw_until("early").await;
        client.send("4\r\nlate\r\n0\r\n\r\n").await;
        let answer = client.answer().await;
        // Nobody knew how much of the body was to come.
        assert_eq!(
            (answer.text(), answer.field("connection")),
            ("earlylate", Some("close"))
        );
    }
    gateway.quiet().await;
    assert_eq!(origin.connections(), 1, "it ended clean");
}

/// The rest of the upload must not become the next request on the connection.
#[tokio::test]
async fn a_whole_answer_ends_an_upload() {
    let origin = Origin::start(|number, mut conn: Conn| async move {
        conn.head().await;
        conn.respond(200, &[], &format!("connection {number}"))
            .await;
        conn.closed().await;
    })
    .await;
    let gateway = Running::before_http(&[&origin], "", "");
    for number in 1..3 {
        let mut client = gateway.client().await;
        client
            .send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf")
            .await;
        let answer = client.answer().await;
        assert_eq!(answer.text(), format!("connection {number}"));
        gateway.quiet().await;
    }
    assert_eq!(
        gateway
            .metric("ajpgate_pool_connections", &[("state", "idle")])
            .await,
        0.0
    );
}

/// Servers that do not know `Expect` never send 100.
#[tokio::test]
async fn a_body_is_sent_without_100_after_a_wait() {
    let origin = echo().await;
    let gateway = Running::before_http(&[&origin], "", "");
    let mut client = gateway.client().await;
    client
        .send(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello",
        )
        .await;
    assert_eq!(client.answer().await.text(), "hello");
}

/// Without a length the end of the connection is the end of the answer, but a reset is not.
#[tokio::test]
async fn a_reset_is_not_the_end_of_an_answer() {
    for (version, reset) in [("1.1", false), ("1.0", false), ("1.1", true), ("1.0", true)] {
        let gate = Gate::new();
        let opened = gate.clone();
        let origin = Origin::start(move |_, mut conn: Conn| {
            let gate = opened.clone();
            async move {
                conn.request().await;
                conn.raw(format!("HTTP/{version} 200 OK\r\n\r\nall of it"))
                    .await;
                gate.opened(1).await;
                if reset {
                    conn.stream.set_zero_linger().unwrap();
                }
            }
        })
        .await;
        let gateway = Running::before_http(&[&origin], "", "");
        let mut client = gateway.client().await;
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        client.raw_until("all of it").await;
        gate.open();
        if reset {
            assert!(client.ended_by_reset().await, "HTTP/{version}");
        } else {
            let answer = client.answer().await;
            assert_eq!((answer.text(), answer.complete), ("all of it", true));
        }
        gateway.quiet().await;
    }
}

/// The opposite direction of `a_body_is_replayed_across_protocols`.
#[tokio::test]
async fn a_body_read_for_an_ajp_member_goes_to_an_http_member() {
    let refusing = Container::start(|_, mut wire| async move {
        if let Some(request) = wire.next_request().await {
            wire.read_body(&request).await;
        }
    })
    .await;
    let origin = echo().await;
    let urls = [
        format!("ajp://{}", refusing.address),
        format!("http://{}", origin.address),
    ];
    let gateway = Running::over(&urls, "", "");
    let mut client = gateway.client().await;
    for body in [
        "Content-Length: 5\r\n\r\nhello",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ] {
        client
            .send(format!(
                "PUT / HTTP/1.1\r\nHost: a\r\nCookie: JSESSIONID=x.n1\r\n{body}"
            ))
            .await;
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.text()), (200, "hello"));
    }
}

/// A server sends bytes before a request: these are never the answer to a request.
#[tokio::test]
async fn bytes_before_a_request_are_no_answer() {
    let origin = Origin::start(|_, mut conn: Conn| async move {
        conn.respond(200, &[], "unasked").await;
        while let Some(request) = conn.next_request().await {
            conn.respond(200, &[], &request.line).await;
        }
    })
    .await;
    let gateway = Running::before_http(&[&origin], "", "");
    for number in 0..20 {
        let answer = gateway.get(&format!("/{number}"), "").await;
        let own = format!("GET /{number} HTTP/1.1");
        match answer.status {
            200 => assert!(["unasked", &own].contains(&answer.text()), "{answer:?}"),
            status => assert_eq!(status, 502),
        }
        gateway.quiet().await;
    }
    assert_eq!(
        gateway
            .metric("ajpgate_pool_connections", &[("state", "idle")])
            .await,
        0.0
    );
}

/// Fields about the member's connection, and the fields that `Connection` names, do not reach the client.
#[tokio::test]
async fn fields_of_the_members_connection_are_not_forwarded() {
    let origin = Origin::saying(
        "HTTP/1.1 200 OK\r\nConnection: X-Hop, upgrade\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n\
         Upgrade: h2, h2c\r\nTrailer: X-Sum\r\nProxy-Connection: x\r\nTransfer-Encoding: chunked\r\n\
         X-Stays: 1\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 7\r\n\r\n",
    )
    .await;
    let gateway = Running::before_http(&[&origin], "", "");
    let mut client = gateway.client().await;
    for _ in 0..2 {
        let answer = client.get("/", "").await;
        assert_eq!((answer.text(), answer.complete), ("ok", true));
        assert_eq!(answer.field("x-stays"), Some("1"));
        for gone in [
            "x-hop",
            "keep-alive",
            "upgrade",
            "trailer",
            "proxy-connection",
            "connection",
        ] {
            assert_eq!(answer.field(gone), None, "{gone}");
        }
    }
    assert_eq!(origin.connections(), 1);
}

/// A request that may not be repeated does not use a connection that the member may close at any moment; others do.
#[tokio::test]
async fn a_post_uses_only_a_connection_that_was_used_lately() {
    for (method, connections) in [("POST", 2), ("PATCH", 2), ("PUT", 1), ("GET", 1)] {
        let origin = echo().await;
        let gateway = Running::before_http(&[&origin], "", "");
        let mut client = gateway.client().await;
        for idle in [0, 0, 600] {
            pause(idle).await;
            client
                .send(format!(
                    "{method} / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok"
                ))
                .await;
            assert_eq!(client.answer().await.text(), "ok");
            gateway.quiet().await;
        }
        assert_eq!(origin.connections(), connections, "{method}");
        let idle = [("state", "idle")];
        assert_eq!(gateway.metric("ajpgate_pool_connections", &idle).await, 1.0);
    }
}

#[tokio::test]
async fn via_says_in_which_version_the_client_asked() {
    let origin = Origin::start(|_, mut conn: Conn| async move {
        while let Some(request) = conn.next_request().await {
            let seen = [&request.line, request.field("via").unwrap_or_default()].join(" ");
            conn.respond(200, &[], &seen).await;
        }
    })
    .await;
    let gateway = Running::before_http(&[&origin], "", "");
    for version in ["1.0", "1.1"] {
        let mut client = gateway.client().await;
        client
            .send(format!(
                "GET / HTTP/{version}\r\nHost: a\r\nConnection: close\r\n\r\n"
            ))
            .await;
        let seen = client.answer().await;
        assert_eq!(seen.text(), format!("GET / HTTP/1.1 {version} ajpgate"));
    }
}

/// RFC 9110 section 15.2: interim answers are forwarded, but not to clients of HTTP/1.0.
#[tokio::test]
async fn interim_answers_are_forwarded() {
    let origin = Origin::start(|_, mut conn: Conn| async move {
        while conn.next_request().await.is_some() {
            conn.raw("HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\nConnection: x\r\nX: y\r\n\r\n")
                .await;
            pause(50).await;
            conn.respond(200, &[], "final").await;
        }
    })
    .await;
    let gateway = Running::before_http(&[&origin], "", "");
    let mut client = gateway.client().await;
    for _ in 0..2 {
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert_eq!(client.head().await.unwrap().0, 102);
        let (status, line, fields) = client.head().await.unwrap();
        assert_eq!((status, line.as_str()), (103, "HTTP/1.1 103 Early Hints"));
        assert_eq!(fields, [("link".to_owned(), "</a>".to_owned())]);
        assert_eq!(client.answer().await.text(), "final");
    }
    let mut client = gateway.client().await;
    client.send("GET / HTTP/1.0\r\n\r\n").await;
    assert_eq!(client.head().await.unwrap().0, 200);
    assert_eq!(origin.connections(), 1);
}

/// Rules about answers count for interim answers too; what a final answer alone can say does not go on.
#[tokio::test]
async fn response_headers_count_for_interim_answers() {
    let hints = "HTTP/1.1 103 Early Hints\r\nX-Secret: s\r\nX-Other: o\r\nLink: </a>\r\nSet-Cookie: e=1; Path=/n\r\n\
        Location: /n/x\r\n\r\n";
    let origin = Origin::start(move |_, mut conn: Conn| async move {
        while conn.next_request().await.is_some() {
            conn.raw(hints).await;
            conn.respond(200, &[("X-Secret", "s"), ("X-Other", "o")], "final")
                .await;
        }
    })
    .await;
    let yaml = format!(
        "response_headers: [{{ unset: X-Secret }}, {{ set: X-Frame-Options, value: DENY }}]\n\
        balancers: {{ test: {{ members: [{{ url: \"http://{}\" }}] }} }}\n\
        proxy_pass:\n  - path: /\n    to: balancer://test/\n    response_headers: [{{ edit: X-Other, match: o, value: p }}]\n",
        origin.address
    );
    let gateway = Running::start(&yaml);
    let mut client = gateway.client().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let (status, _, fields) = client.head().await.unwrap();
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    assert_eq!(status, 103);
    assert_eq!(
        fields,
        [
            ("X-Other", "p"),
            ("Link", "</a>"),
            ("X-Frame-Options", "DENY")
        ]
    );
    assert_eq!(client.answer().await.text(), "final");
}
