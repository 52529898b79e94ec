//! How answers look: header rules, error pages, compression.

use std::path::Path;

use async_compression::codecs::{BrotliDecoder, DecodeV2, GzipDecoder, ZstdDecoder};
use async_compression::core::util::{PartialBuffer, WriteBuffer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::container::{Container, Wire, fields};
use crate::support::gateway::{ConfigFile, Running, ask};
use crate::support::h2::{End, Http2, get, request};
use crate::support::origin::{Conn, Origin};
use crate::support::{Gate, ReservedPort, soon, until};

/// A container that answers with the status in its path, fields of a session and of a body, and a body.
async fn errors() -> Container {
    Container::start(|_, mut wire: Wire| async move {
        while let Some(request) = wire.next_request().await {
            let path = String::from_utf8(request.uri.clone().unwrap().to_vec()).unwrap();
            let status = path.trim_matches('/').parse().unwrap();
            let fields = [
                ("Content-Type", "text/plain"),
                ("Set-Cookie", "JSESSIONID=a.n1"),
                ("ETag", "\"1\""),
                ("Retry-After", "7"),
                ("X-App", "yes"),
            ];
            wire.respond(status, &fields, b"the backend's own words")
                .await;
        }
    })
    .await
}

/// A file with a configuration whose pages say which file they are.
fn with_pages(test: &str, yaml: &str) -> ConfigFile {
    let file = ConfigFile::new(test, "proxy_pass: [{ path: /, exclude: true }]\n");
    for name in ["404.html", "own.html", "5xx.txt"] {
        std::fs::write(file.path.with_file_name(name), format!("page {name}")).unwrap();
    }
    file.write(yaml);
    file
}

#[tokio::test]
async fn values_and_conditions_take_what_is_known_of_the_request() {
    let node = Container::start(|_, mut wire: Wire| async move {
        while let Some(request) = wire.next_request().await {
            let seen = ["x-tenant", "x-from", "x-debug", "x-plain", "accept"]
                .map(|name| fields(&request, name).join(","));
            let attributes: Vec<_> = request
                .attributes
                .iter()
                .map(|attribute| format!("{attribute:?}"))
                .filter(|it| it.contains("TENANT"))
                .collect();
            let seen = [seen.join("|"), attributes.len().to_string()].join("|");
            wire.respond(
                200,
                &[
                    ("X-Seen", &seen),
                    ("Set-Cookie", "a=1"),
                    ("Set-Cookie", "b=2"),
                ],
                b"",
            )
            .await;
        }
    })
    .await;
    let gateway = Running::start(&format!(
        "proxy_pass:\n  - path: /\n    to: \"ajp://{}/\"\n    request_headers:\n      \
         - {{ set: X-Tenant, value: \"%{{X-Org}}i/%{{tenant}}C\" }}\n      \
         - {{ set: X-From, value: \"%a %u\" }}\n      \
         - {{ set: X-Debug, value: \"1\", when: \"%{{X-Debug}}i\" }}\n      \
         - {{ set: X-Plain, value: \"1\", when: \"!HTTPS\" }}\n      \
         - {{ edit: Accept, match: \"text/(html|plain)\", value: \"$1\" }}\n    response_headers:\n      \
         - {{ edit: Set-Cookie, match: \"^(.*)$\", value: \"$1; SameSite=Lax\" }}\n      \
         - {{ set: X-Secure, value: \"1\", when: HTTPS }}\n    \
         request_attributes: {{ TENANT: \"%{{X-Org}}i\" }}\n",
        node.address
    ));
    let answer = gateway
        .get(
            "/",
            "X-Org: acme\r\nX-Tenant: forged\r\nCookie: tenant=blue; x=y\r\nX-Debug: \r\nAccept: text/html, text/plain\r\n",
        )
        .await;
    let seen = "acme/blue|127.0.0.1 ||1|html, text/plain|1";
    assert_eq!(answer.field("x-seen"), Some(seen));
    assert_eq!(
        answer.all("set-cookie"),
        ["a=1; SameSite=Lax", "b=2; SameSite=Lax"]
    );
    assert_eq!(answer.field("x-secure"), None);
    // Without a value the attribute is not sent: a servlet reads null.
    let answer = gateway.get("/", "X-Debug: on\r\n").await;
    assert_eq!(answer.field("x-seen"), Some("/|127.0.0.1 |1|1||0"));
}

#[tokio::test]
async fn the_gateways_rules_are_for_every_answer_and_the_mappings_come_behind_them() {
    let node = errors().await;
    let nobody = ReservedPort::new();
    let gateway = Running::start(&format!(
        "listeners: [{{ bind: \"127.0.0.1:0\", http2: true }}]\n\
         response_headers:\n  - {{ set: X-Frame-Options, value: DENY }}\n  - {{ unset: X-App }}\n\
         proxy_pass:\n  - path: /app\n    to: \"ajp://{}/\"\n    \
         response_headers: [{{ set: X-Frame-Options, value: SAMEORIGIN }}]\n  \
         - {{ path: /dead, to: \"ajp://{}/\", response_headers: [{{ set: X-Own, value: a }}] }}\n",
        node.address,
        nobody.addr()
    ));
    let answer = gateway.get("/app/200", "").await;
    assert_eq!(answer.all("x-frame-options"), ["SAMEORIGIN"]);
    assert_eq!(answer.field("x-app"), None);
    for (target, status) in [("/other", 404), ("/dead", 503)] {
        let answer = gateway.get(target, "").await;
        assert_eq!(
            (answer.status, answer.field("x-frame-options")),
            (status, Some("DENY"))
        );
        assert_eq!(
            answer.field("x-own"),
            None,
            "refusals have the gateway's rules alone"
        );
    }
    for bad in [
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nbroken\r\n\r\n".to_owned(),
        format!(
            "GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n",
            "x".repeat(70_000)
        ),
    ] {
        let mut client = gateway.client().await;
        client.send(bad).await;
        let answer = client.answer().await;
        assert!(matches!(answer.status, 400 | 431), "{}", answer.status);
        assert_eq!(
            answer.field("x-frame-options"),
            Some("DENY"),
            "{}",
            answer.status
        );
        assert!(answer.complete);
    }
}

#[tokio::test]
async fn pages_are_the_bodies_of_the_gateways_own_errors() {
    let node = errors().await;
    let nobody = ReservedPort::new();
    let file = with_pages(
        "own-errors",
        &format!(
            "balancers: {{ b: {{ members: [{{ url: \"ajp://{}\", retry: 60s }}] }} }}\n\
             error_pages: {{ 400: 5xx.txt, 404: 404.html, 503: 5xx.txt }}\n\
             proxy_pass:\n  - {{ path: /app, to: \"ajp://{}/\" }}\n  \
             - {{ path: /gone, respond: {{ status: 404 }} }}\n  \
             - {{ path: /said, respond: {{ status: 404, body: said }} }}\n  - {{ path: /down, to: \"balancer://b/\" }}\n  \
             - {{ path: /own, to: \"balancer://b/\", error_pages: {{ 503: own.html }} }}\n",
            nobody.addr(),
            node.address
        ),
    );
    let gateway = Running::start_from(&file);
    let answer = gateway.get("/nothing", "").await;
    assert_eq!((answer.status, answer.text()), (404, "page 404.html"));
    assert_eq!(
        answer.field("content-type"),
        Some("text/html; charset=utf-8")
    );
    // A fixed answer without a text of its own is a refusal like the gateway's.
    let answer = gateway.get("/gone", "").await;
    assert_eq!((answer.status, answer.text()), (404, "page 404.html"));
    let answer = gateway.get("/said", "").await;
    assert_eq!((answer.status, answer.text()), (404, "said"));
    // While a balancer has nobody, this is the page for maintenance.
    let answer = gateway.get("/down", "").await;
    assert_eq!((answer.status, answer.text()), (503, "page 5xx.txt"));
    assert_eq!(
        answer.field("content-type"),
        Some("text/plain; charset=utf-8")
    );
    assert!(answer.field("retry-after").is_some());
    assert_eq!(gateway.get("/own", "").await.text(), "page own.html");
    // A member's answer keeps its body.
    assert_eq!(
        gateway.get("/app/404", "").await.text(),
        "the backend's own words"
    );
    // A head that is no request.
    let mut client = gateway.client().await;
    client.send("GET / HTTP/1.1\r\nbroken\r\n\r\n").await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.text()), (400, "page 5xx.txt"));
    // HEAD has the same fields.
    let mut client = gateway.client().await;
    client
        .send("HEAD /nothing HTTP/1.1\r\nHost: a\r\n\r\n")
        .await;
    let answer = client.try_answer("HEAD").await.unwrap();
    assert_eq!(
        (answer.status, answer.field("content-length")),
        (404, Some("13"))
    );
}

/// Requests that are refused before the request path sees them.
#[tokio::test]
async fn refusals_over_http_2_have_pages_and_rules() {
    let file = with_pages(
        "refusals-http2",
        "listeners: [{ bind: \"127.0.0.1:0\", http2: true }]\nlimits: { max_uri: 100 }\n\
         error_pages: { 400: 5xx.txt, 414: 404.html }\n\
         response_headers: [{ set: X-Frame-Options, value: DENY }]\n\
         proxy_pass: [{ path: /x, exclude: true }]\n",
    );
    let gateway = Running::start_from(&file);
    let long = format!("/{}", "a".repeat(100));
    let mut client = Http2::connect(gateway.front).await;
    for (head, status, page) in [
        (get(&long), 414, "page 404.html"),
        (
            [&get("/")[..], &[("x", " a")]].concat(),
            400,
            "page 5xx.txt",
        ),
        (request("HEAD", &long), 414, ""),
    ] {
        let stream = client.open(&head, true).await;
        let answer = client.answer(stream).await;
        assert_eq!((answer.status, answer.text()), (status, page));
        assert_eq!(answer.field("x-frame-options"), Some("DENY"));
        assert!(answer.field("content-length").is_some());
        assert_eq!(answer.end, End::Whole);
    }
}

#[tokio::test]
async fn pages_are_read_again_at_a_reload_and_one_that_is_missing_changes_nothing() {
    let file = with_pages(
        "pages-reload",
        "error_pages: { 404: 404.html }\nproxy_pass: [{ path: /x, exclude: true }]\n",
    );
    let gateway = Running::start_from(&file);
    assert_eq!(gateway.get("/nothing", "").await.text(), "page 404.html");
    std::fs::write(file.path.with_file_name("404.html"), "new").unwrap();
    assert_eq!(
        ask(&gateway, "POST", "/api/v1/reload", "").await.status,
        200
    );
    assert_eq!(gateway.get("/nothing", "").await.text(), "new");
    std::fs::remove_file(file.path.with_file_name("404.html")).unwrap();
    let refused = ask(&gateway, "POST", "/api/v1/reload", "").await;
    assert_eq!(refused.status, 422, "{}", refused.text());
    assert!(
        refused.text().contains("error_pages: cannot read"),
        "{}",
        refused.text()
    );
    assert_eq!(gateway.get("/nothing", "").await.text(), "new");
}

#[tokio::test]
async fn pages_stand_in_for_members_errors_where_error_override_says_so() {
    let node = errors().await;
    let file = with_pages(
        "override",
        &format!(
            "error_pages: {{ 404: 404.html, 500: 5xx.txt }}\nerror_override: [404, 503]\n\
             proxy_pass:\n  - {{ path: /, to: \"ajp://{}/\", member: {{ max: 1 }} }}\n",
            node.address
        ),
    );
    let gateway = Running::start_from(&file);
    let answer = gateway.get("/404", "").await;
    assert_eq!((answer.status, answer.text()), (404, "page 404.html"));
    assert_eq!(
        answer.field("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert_eq!(answer.field("content-length"), Some("13"));
    assert_eq!(answer.field("etag"), None);
    // What is not about the body stays, and with it the session.
    assert_eq!(answer.field("set-cookie"), Some("JSESSIONID=a.n1"));
    assert_eq!(answer.field("retry-after"), Some("7"));
    assert_eq!(answer.field("x-app"), Some("yes"));
    // Not covered; without a page; no error.
    for status in [500, 503, 200] {
        let answer = gateway.get(&format!("/{status}"), "").await;
        assert_eq!(
            (answer.status, answer.text()),
            (status, "the backend's own words")
        );
    }
    gateway.quiet().await;
    assert_eq!(node.connections(), 1, "the rest of the body was read");
    let counted = gateway
        .metric("ajpgate_requests_total", &[("code", "4xx")])
        .await;
    assert_eq!(counted, 1.0);
}

#[tokio::test]
async fn a_large_body_that_a_page_stands_in_for_is_not_read() {
    let node = Container::start(|_, mut wire: Wire| async move {
        wire.request().await;
        wire.head(500, &[]).await;
        let piece = [b'x'; 8000];
        loop {
            wire.data(&piece).await;
        }
    })
    .await;
    let file = with_pages(
        "large",
        &format!(
            "error_pages: {{ 500: 5xx.txt }}\nerror_override: true\n\
             proxy_pass: [{{ path: /, to: \"ajp://{}/\" }}]\n",
            node.address
        ),
    );
    let gateway = Running::start_from(&file);
    let answer = gateway.get("/", "").await;
    assert_eq!((answer.status, answer.text()), (500, "page 5xx.txt"));
    gateway.quiet().await;
}

/// As much as a decoder gets of these bytes.
fn decoded(coding: &str, bytes: &[u8]) -> Vec<u8> {
    let mut decoder: Box<dyn DecodeV2> = match coding {
        "gzip" => Box::new(GzipDecoder::new()),
        "br" => Box::new(BrotliDecoder::new()),
        "zstd" => Box::new(ZstdDecoder::new()),
        other => panic!("{other}"),
    };
    let mut input = PartialBuffer::new(bytes);
    let mut all = Vec::new();
    let mut ended = false;
    while !ended && !input.unwritten().is_empty() {
        let mut piece = vec![0; 1 << 20];
        let mut out = WriteBuffer::new_initialized(&mut piece);
        ended = decoder.decode(&mut input, &mut out).unwrap();
        let written = out.written_len();
        all.extend_from_slice(&piece[..written]);
    }
    all
}

/// A page of some kilobytes.
fn page() -> Vec<u8> {
    let lines = (0..500).map(|line| format!("<p>line {line} of the page</p>\n"));
    lines.collect::<String>().into_bytes()
}

/// A gateway with compression before this container.
fn compressing(node: &Container, keys: &str) -> Running {
    Running::start(&format!(
        "listeners: [{{ bind: \"127.0.0.1:0\", http2: true }}]\n{keys}\
         proxy_pass: [{{ path: /, to: \"ajp://{}/\", compress: {{ types: [text/*], min: 1KiB }} }}]\n",
        node.address
    ))
}

/// The answer to HEAD has the fields of the compressed page, and no length, which nobody knows yet.
async fn head_of_a_page(gateway: &Running) {
    let mut client = gateway.client().await;
    client
        .send("HEAD / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n")
        .await;
    let head = client.try_answer("HEAD").await.unwrap();
    assert_eq!(
        (head.field("content-encoding"), head.field("content-length")),
        (None, None)
    );
    assert_eq!(head.field("vary"), Some("Accept-Encoding"));
}

#[tokio::test]
async fn answers_are_compressed_as_the_client_likes_best() {
    let node = Container::start(|_, mut wire: Wire| async move {
        while wire.next_request().await.is_some() {
            let fields = [("Content-Type", "text/html"), ("ETag", "\"1\"")];
            wire.respond(200, &fields, &page()).await;
        }
    })
    .await;
    let log =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("compressed-{}", std::process::id()));
    let keys = format!(
        "access_log: {{ path: \"{}\", format: \"%b\" }}\n",
        log.display()
    );
    let gateway = compressing(&node, &keys);
    let mut bytes = Vec::new();
    for (accepted, coding) in [
        ("gzip", "gzip"),
        ("br", "br"),
        ("zstd", "zstd"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip, br;q=0.9", "gzip"),
    ] {
        let answer = gateway
            .get("/", &format!("Accept-Encoding: {accepted}\r\n"))
            .await;
        assert_eq!(answer.field("content-encoding"), Some(coding), "{accepted}");
        assert_eq!(answer.field("etag"), Some("W/\"1\""));
        assert_eq!(answer.field("vary"), Some("Accept-Encoding"));
        assert_eq!(answer.field("content-length"), None);
        assert!(answer.complete && answer.body.len() < page().len() / 4);
        assert_eq!(decoded(coding, &answer.body), page());
        bytes.push(answer.body.len());
    }
    let plain = gateway.get("/", "").await;
    assert_eq!(plain.field("content-encoding"), None);
    assert_eq!(plain.field("vary"), Some("Accept-Encoding"));
    assert_eq!(plain.field("etag"), Some("\"1\""));
    assert_eq!(plain.body, page());
    bytes.push(page().len());
    head_of_a_page(&gateway).await;
    gateway.quiet().await;
    // The log has the bytes that were sent.
    let expected: Vec<String> = bytes
        .iter()
        .map(ToString::to_string)
        .chain(["-".to_owned()])
        .collect();
    until("the log has every line", async || {
        let lines = std::fs::read_to_string(&log).unwrap_or_default();
        lines.lines().count() == expected.len()
    })
    .await;
    let lines = std::fs::read_to_string(&log).unwrap();
    assert_eq!(lines.lines().collect::<Vec<_>>(), expected);
    let _ = std::fs::remove_file(&log);
}

/// What an HTTP member says decides too: its codings, parts, `no-transform` and events are left as they are.
#[tokio::test]
async fn answers_of_http_members_are_compressed_where_that_may_be() {
    let origin = Origin::start(|_, mut conn: Conn| async move {
        while let Some(request) = conn.next_request().await {
            let plain = [
                ("Content-Type", "text/html"),
                ("ETag", "\"1\""),
                ("Vary", "Cookie"),
            ];
            let more: &[(&str, &str)] = match &request.line {
                line if line.contains("/coded") => &[("Content-Encoding", "br")],
                line if line.contains("/fixed") => &[("Cache-Control", "no-transform")],
                line if line.contains("/part") => &[("Content-Range", "bytes 0-9/10")],
                _ => &[],
            };
            let events = [("Content-Type", "text/event-stream")];
            let fields = match request.line.contains("/events") {
                true => events.to_vec(),
                false => [&plain[..], more].concat(),
            };
            let status = if request.line.contains("/part") {
                206
            } else {
                200
            };
            conn.respond(status, &fields, std::str::from_utf8(&page()).unwrap())
                .await;
        }
    })
    .await;
    let gateway = Running::start(&format!(
        "proxy_pass: [{{ path: /, to: \"http://{}/\", compress: {{ types: [text/*], min: 1KiB }} }}]\n",
        origin.address
    ));
    let answer = gateway.get("/", "Accept-Encoding: gzip\r\n").await;
    assert_eq!(answer.field("content-encoding"), Some("gzip"));
    assert_eq!(answer.field("etag"), Some("W/\"1\""));
    assert_eq!(answer.field("vary"), Some("Cookie, Accept-Encoding"));
    assert_eq!(decoded("gzip", &answer.body), page());
    for (target, coding) in [
        ("/coded", Some("br")),
        ("/fixed", None),
        ("/part", None),
        ("/events", None),
    ] {
        let answer = gateway.get(target, "Accept-Encoding: gzip\r\n").await;
        assert_eq!(answer.field("content-encoding"), coding, "{target}");
        assert_eq!(answer.body, page(), "{target}");
    }
}

#[tokio::test]
async fn what_has_come_before_a_pause_can_be_decoded_before_the_next_piece() {
    for coding in ["gzip", "br", "zstd"] {
        let gate = Gate::new();
        let opened = gate.clone();
        let node = Container::start(move |_, mut wire: Wire| {
            let gate = opened.clone();
            async move {
                wire.request().await;
                wire.head(200, &[("Content-Type", "text/plain")]).await;
                for (sent, piece) in ["one,", "two,", "three"].into_iter().enumerate() {
                    gate.opened(sent).await;
                    wire.data(piece.as_bytes()).await;
                }
                gate.opened(3).await;
                wire.end(true).await;
                wire.until_closed().await;
            }
        })
        .await;
        let gateway = compressing(&node, "");
        let mut stream = TcpStream::connect(gateway.front).await.unwrap();
        let request = format!("GET / HTTP/1.0\r\nAccept-Encoding: {coding}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        for expected in ["one,", "one,two,", "one,two,three"] {
            loop {
                let head = bytes.windows(4).position(|it| it == b"\r\n\r\n");
                let body = head.map_or(&b""[..], |end| &bytes[end + 4..]);
                if decoded(coding, body) == expected.as_bytes() {
                    break;
                }
                let read = soon("a piece", stream.read_buf(&mut bytes)).await.unwrap();
                assert!(read > 0, "{coding} ended before {expected}");
            }
            gate.open();
        }
    }
}

#[tokio::test]
async fn http_2_clients_get_compressed_answers_too() {
    let node = Container::start(|_, mut wire: Wire| async move {
        while wire.next_request().await.is_some() {
            wire.respond(200, &[("Content-Type", "text/html")], &page())
                .await;
        }
    })
    .await;
    let gateway = compressing(&node, "");
    let mut client = Http2::connect(gateway.front).await;
    let mut asked = get("/");
    asked.push(("accept-encoding", "br"));
    let stream = client.open(&asked, true).await;
    let answer = client.answer(stream).await;
    assert_eq!(answer.field("content-encoding"), Some("br"));
    assert_eq!(answer.field("content-length"), None);
    assert_eq!(decoded("br", &answer.body), page());
}

/// 304, a part and HEAD say what the whole says (RFC 9110 sections 8.6, 15.3.7, 15.4.5), for files too.
#[tokio::test]
async fn conditions_parts_and_heads_of_compressed_files_fit_the_whole() {
    let folder = ConfigFile::new("compressed-files", "");
    let www = folder.path.with_file_name("www");
    std::fs::create_dir_all(&www).unwrap();
    std::fs::write(www.join("page.html"), page()).unwrap();
    std::fs::write(www.join("416.html"), "not that part").unwrap();
    let gateway = Running::start(&format!(
        "listeners: [{{ bind: \"127.0.0.1:0\", http2: true }}]
error_pages: {{ 416: \"{0}/416.html\" }}
proxy_pass:
  - {{ path: /, files: \"{0}\", compress: {{ types: [text/*], min: 1KiB }} }}
",
        www.display()
    ));
    let zip = "Accept-Encoding: gzip\r\n";
    let whole = gateway.get("/page.html", zip).await;
    let tag = whole.field("etag").unwrap();
    assert!(tag.starts_with("W/"), "{tag}");
    assert_eq!(decoded("gzip", &whole.body), page());
    let same = format!("{zip}If-None-Match: {tag}\r\n");
    let same = gateway.get("/page.html", &same).await;
    assert_eq!((same.status, same.field("etag")), (304, Some(tag)));
    let strong = tag.trim_start_matches("W/");
    let plain = format!("If-None-Match: {strong}\r\n");
    let plain = gateway.get("/page.html", &plain).await;
    assert_eq!((plain.status, plain.field("etag")), (304, Some(strong)));
    let part = format!("{zip}Range: bytes=0-9\r\n");
    let part = gateway.get("/page.html", &part).await;
    assert_eq!((part.status, part.body.len()), (206, 10));
    for answer in [&whole, &same, &plain, &part] {
        assert_eq!(answer.field("vary"), Some("Accept-Encoding"), "{answer:?}");
    }
    // Beyond the end. The page has a body of its own, and the length of the file.
    let beyond = gateway.get("/page.html", "Range: bytes=999999-\r\n").await;
    let length = format!("bytes */{}", page().len());
    assert_eq!((beyond.status, beyond.text()), (416, "not that part"));
    assert_eq!(beyond.field("content-range"), Some(&*length));

    let mut client = gateway.client().await;
    client
        .send("HEAD /page.html HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n")
        .await;
    let head = client.try_answer("HEAD").await.unwrap();
    assert_eq!((head.status, head.field("content-length")), (200, None));
    let mut client = Http2::connect(gateway.front).await;
    let mut asked = request("HEAD", "/page.html");
    asked.push(("accept-encoding", "gzip"));
    let stream = client.open(&asked, true).await;
    let head = client.answer(stream).await;
    assert_eq!((head.status, head.field("content-length")), (200, None));
}

#[tokio::test]
async fn a_client_that_goes_away_frees_its_member() {
    let node = Container::start(|_, mut wire: Wire| async move {
        wire.request().await;
        wire.head(200, &[("Content-Type", "text/plain")]).await;
        wire.data(b"one").await;
        wire.until_closed().await;
    })
    .await;
    let gateway = compressing(&node, "");
    let mut client = gateway.client().await;
    client
        .send("GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n")
        .await;
    client.head().await.unwrap();
    client.vanish();
    gateway.quiet().await;
}

#[tokio::test]
async fn an_answer_that_breaks_off_never_looks_complete() {
    let gate = Gate::new();
    let fields = &[("Content-Type", "text/plain")];
    let node = Container::broken_off(&gate, fields).await;
    let gateway = compressing(&node, "");
    let mut client = gateway.client().await;
    client
        .send("GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n")
        .await;
    client.head().await.unwrap();
    gate.open();
    assert!(client.ended_by_reset().await);
}
