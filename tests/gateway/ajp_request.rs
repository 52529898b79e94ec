//! R01 to R20: FORWARD_REQUEST, as a container gets it.

use std::net::SocketAddr;
use std::sync::Arc;

use ajp13::ForwardRequest;
use ajp13::request::Attribute;
use tokio::sync::Mutex;

use crate::support::client::{Answer, Client};
use crate::support::container::{Container, Wire, fields, named};
use crate::support::gateway::Running;

/// Sends one request and returns the FORWARD_REQUEST that the container gets.
async fn told_with(balancer: &str, member: &str, request: &str) -> (ForwardRequest, Answer) {
    let (request, answer, _) = told_through(balancer, member, request).await;
    (request, answer)
}

/// The same, and the address that the gateway listens on.
async fn told_through(
    balancer: &str,
    member: &str,
    request: &str,
) -> (ForwardRequest, Answer, SocketAddr) {
    let seen = Arc::new(Mutex::new(None));
    let slot = Arc::clone(&seen);
    let container = Container::start(move |_, mut wire: Wire| {
        let slot = Arc::clone(&slot);
        async move {
            while let Some(request) = wire.next_request().await {
                wire.read_body(&request).await;
                *slot.lock().await = Some(request);
                wire.respond(200, &[], b"ok").await;
            }
        }
    })
    .await;
    let gateway = Running::before(&[&container], balancer, member);
    let mut client = gateway.client().await;
    client.send(request).await;
    let answer = client.answer().await;
    let told = seen.lock().await.take();
    let told = told.expect("the container was asked");
    (told, answer, gateway.front)
}

async fn told(request: &str) -> ForwardRequest {
    told_with("", "", request).await.0
}

/// The same, and the port that the gateway listens on.
async fn told_and_port(request: &str) -> (ForwardRequest, u16) {
    let (request, _, front) = told_through("", "", request).await;
    (request, front.port())
}

/// Sends a request that must not reach a container.
async fn refused(request: &str) -> u16 {
    let container = Container::start(|_, _| async { panic!("nothing may arrive") }).await;
    let gateway = Running::before(&[&container], "", "");
    let mut client = gateway.client().await;
    client.send(request).await;
    let status = client.answer().await.status;
    assert!(client.is_closed().await, "the connection is closed");
    assert_eq!(container.connections(), 0);
    status
}

fn text(request: &ForwardRequest, attribute: Attribute) -> Option<String> {
    request
        .text(attribute)
        .map(|value| String::from_utf8_lossy(value).into_owned())
}

fn uri(request: &ForwardRequest) -> String {
    String::from_utf8(request.uri.clone().unwrap().to_vec()).unwrap()
}

#[tokio::test]
async fn r01_headers_arrive_as_the_client_sent_them() {
    let request = told(
        "GET /app HTTP/1.1\r\nHost: www.example.test\r\nAccept: text/html,*/*;q=0.8\r\nAccept-Charset: utf-8\r\n\
         Accept-Encoding: gzip, br\r\nAccept-Language: en-US,en;q=0.5\r\nAuthorization: Basic YWxpY2U6cHc=\r\n\
         Content-Type: text/x-on-get\r\nCookie: a=1; b=\"x y\"; JSESSIONID=00112233.node1\r\nCookie2: $Version=1\r\n\
         Pragma: no-cache\r\nReferer: http://ref.example.test/p?q=1\r\nUser-Agent: vector-client/1.0\r\n\
         X-Custom-Header: MiXeD CaSe\r\nX-Latin1: caf\u{e9}\r\nX-Empty:\r\nX-Dup: one\r\nX-Dup: two\r\n\r\n",
    )
    .await;
    for (name, values) in [
        ("host", &["www.example.test"][..]),
        ("accept", &["text/html,*/*;q=0.8"]),
        ("accept-language", &["en-US,en;q=0.5"]),
        ("authorization", &["Basic YWxpY2U6cHc="]),
        ("cookie", &["a=1; b=\"x y\"; JSESSIONID=00112233.node1"]),
        ("x-custom-header", &["MiXeD CaSe"]),
        ("x-latin1", &["caf\u{e9}"]),
        ("x-empty", &[""]),
        ("x-dup", &["one", "two"]),
        ("content-length", &["0"]),
    ] {
        assert_eq!(fields(&request, name), values, "{name}");
    }
}

#[tokio::test]
async fn r02_http_1_0_without_host_has_the_local_address_as_server_name() {
    let (request, port) = told_and_port("GET /app/s/info HTTP/1.0\r\n\r\n").await;
    assert!(fields(&request, "host").is_empty());
    assert_eq!(request.server_name.as_deref(), Some(&b"127.0.0.1"[..]));
    assert_eq!(request.protocol.as_deref(), Some(&b"HTTP/1.0"[..]));
    assert_eq!(request.server_port, port);
    assert_eq!(fields(&request, "x-forwarded-port"), [port.to_string()]);
    let empty = "GET / HTTP/1.1\r\nHost:\r\n\r\n";
    let (request, port) = told_and_port(empty).await;
    assert_eq!(request.server_port, port);
}

#[tokio::test]
async fn r03_path_parameters_stay_and_the_query_is_an_attribute() {
    let request = told("GET /app;jsessionid=0011.n1/x?a=1&b=2 HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(uri(&request), "/app;jsessionid=0011.n1/x");
    assert_eq!(
        text(&request, Attribute::QueryString).as_deref(),
        Some("a=1&b=2")
    );
}

#[tokio::test]
async fn r04_the_query_goes_byte_for_byte() {
    for query in ["a=1&b=%20c%2Bd+e", "", "?&=;/%zz", "x=%00"] {
        let request = told(&format!("GET /?{query} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        assert_eq!(
            text(&request, Attribute::QueryString).as_deref(),
            Some(query)
        );
    }
    let request = told("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(text(&request, Attribute::QueryString), None);
}

#[tokio::test]
async fn r05_the_path_goes_as_the_client_wrote_it() {
    for path in [
        "/caf%C3%A9/%7Euser/a%20b;p=1/c",
        "/%41%2D",
        "/a//b",
        "/~x/*'()",
    ] {
        let request = told(&format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        assert_eq!(uri(&request), path);
    }
    // Dot segments are resolved, as httpd does before it asks a container.
    let request = told("GET /a/./b/../c HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(uri(&request), "/a/c");
}

#[tokio::test]
async fn r06_an_absolute_target_gives_its_path_and_its_authority_as_host() {
    let request = told(
        "GET http://WWW.example.test:8080/app?x HTTP/1.1\r\nHost: www.example.test:8080\r\n\r\n",
    )
    .await;
    assert_eq!(uri(&request), "/app");
    assert_eq!(fields(&request, "host"), ["WWW.example.test:8080"]);
    assert_eq!(request.server_port, 8080);
    assert_eq!(text(&request, Attribute::QueryString).as_deref(), Some("x"));
}

#[tokio::test]
async fn r07_options_star_is_answered_by_the_gateway() {
    let container = Container::start(|_, _| async { panic!("nothing may arrive") }).await;
    let gateway = Running::before(&[&container], "", "");
    let mut client = gateway.client().await;
    client.send("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let answer = client.answer().await;
    assert_eq!(answer.status, 200);
    assert!(answer.field("allow").unwrap().contains("GET"));
}

#[tokio::test]
async fn r08_two_cookie_fields_are_never_joined_with_a_comma() {
    let request = told("GET / HTTP/1.1\r\nHost: a\r\nCookie: a=1\r\nCookie: b=2\r\n\r\n").await;
    assert_eq!(fields(&request, "cookie"), ["a=1", "b=2"]);
}

#[tokio::test]
async fn r09_methods_without_a_code_are_stored() {
    for (method, code) in [
        ("PATCH", 0xFF),
        ("FOOBAR", 0xFF),
        ("PROPFIND", 8),
        ("DELETE", 6),
    ] {
        let request = told(&format!("{method} / HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        assert_eq!(
            (request.method, request.method_name()),
            (code, Some(method.as_bytes()))
        );
        assert_eq!(
            request.text(Attribute::StoredMethod).is_some(),
            code == 0xFF
        );
    }
}

/// R10 at the codec: the gateway speaks no TLS yet.
#[test]
fn r10_tls_attributes_have_their_places() {
    use ajp13::codec::ContainerCodec;
    use ajp13::encode::{RequestEncoder, RequestLine};
    use ajp13::request::RequestAttribute;
    use ajp13::{PacketSize, ToContainer};
    use tokio_util::codec::Decoder;

    let mut out = Vec::new();
    let line = RequestLine {
        method: b"GET",
        protocol: b"HTTP/1.1",
        uri: b"/",
        remote_addr: b"192.0.2.7",
        remote_host: None,
        server_name: b"a",
        server_port: 443,
        is_ssl: true,
    };
    let mut head = RequestEncoder::begin(&mut out, PacketSize::DEFAULT, &line).unwrap();
    head.attribute(Attribute::SslCert, b"PEM").unwrap();
    head.attribute(Attribute::SslCipher, b"TLS_AES_256_GCM_SHA384")
        .unwrap();
    head.attribute(Attribute::SslSession, b"00FF").unwrap();
    head.ssl_key_size(256);
    head.named_attribute(b"AJP_SSL_PROTOCOL", b"TLSv1.3")
        .unwrap();
    head.finish().unwrap();
    let read = ContainerCodec::new(PacketSize::DEFAULT)
        .decode(&mut bytes::BytesMut::from(&out[..]))
        .unwrap();
    let Some(ToContainer::ForwardRequest(request)) = read else {
        panic!()
    };
    assert!(request.is_ssl);
    assert_eq!(
        text(&request, Attribute::SslCipher).as_deref(),
        Some("TLS_AES_256_GCM_SHA384")
    );
    assert!(
        request
            .attributes
            .contains(&RequestAttribute::SslKeySize(256))
    );
    assert_eq!(
        named(&request, "AJP_SSL_PROTOCOL").as_deref(),
        Some("TLSv1.3")
    );
}

#[tokio::test]
async fn r11_the_address_of_an_ipv6_client_has_no_brackets() {
    let container = Container::start(|_, mut wire: Wire| async move {
        let request = wire.request().await;
        let addr = request.remote_addr.clone().unwrap();
        let port = named(&request, "AJP_REMOTE_PORT").unwrap();
        let local = named(&request, "AJP_LOCAL_ADDR").unwrap();
        let text = format!(
            "{} {} {local}",
            String::from_utf8_lossy(&addr),
            port.parse::<u16>().is_ok()
        );
        wire.respond(200, &[], text.as_bytes()).await;
    })
    .await;
    let gateway = Running::start(&format!(
        "listeners: [{{ bind: \"[::1]:0\" }}]\nproxy_pass: [{{ path: /, to: \"ajp://{}/\" }}]\n",
        container.address
    ));
    let answer = gateway.get("/", "").await;
    assert_eq!(answer.text(), "::1 true ::1");
}

#[tokio::test]
async fn r12_connection_fields_are_not_forwarded() {
    let request = told(
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n\
         TE: trailers\r\nUpgrade: h2c\r\nProxy-Connection: keep-alive\r\nHTTP2-Settings: x\r\nX-Stay: 1\r\n\r\n",
    )
    .await;
    for gone in [
        "connection",
        "x-hop",
        "keep-alive",
        "te",
        "upgrade",
        "proxy-connection",
        "http2-settings",
    ] {
        assert!(fields(&request, gone).is_empty(), "{gone}");
    }
    assert_eq!(fields(&request, "x-stay"), ["1"]);
}

#[tokio::test]
async fn r13_no_header_becomes_an_attribute() {
    let request = told(
        "GET / HTTP/1.1\r\nHost: a\r\nAJP_REMOTE_PORT: 1\r\nREMOTE_USER: root\r\nsecret: x\r\nX-JK: y\r\n\r\n",
    )
    .await;
    assert_eq!(fields(&request, "AJP_REMOTE_PORT"), ["1"]);
    assert_eq!(fields(&request, "REMOTE_USER"), ["root"]);
    assert_ne!(named(&request, "AJP_REMOTE_PORT").as_deref(), Some("1"));
    assert_eq!(text(&request, Attribute::RemoteUser), None);
    assert_eq!(text(&request, Attribute::Secret), None);
}

#[tokio::test]
async fn r14_ambiguous_paths_are_refused() {
    for path in [
        "/a%2Fb",
        "/a%2fb",
        "/a%5Cb",
        "/a\\b",
        "/a%00b",
        "/%0d%0aX",
        "/../x",
        "/a/../../x",
        "/%2e%2e/x",
        "/..;/x",
        "/%zz",
        "/%",
        "/a%2Fb/../x",
    ] {
        assert_eq!(
            refused(&format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")).await,
            400,
            "{path}"
        );
    }
}

#[tokio::test]
async fn paths_go_on_in_any_encoding_and_with_control_characters() {
    for path in ["/caf%E9", "/%ff/%C0%AF", "/a%01%09%7f", "/a%C3%A9"] {
        let request = told(&format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        assert_eq!(uri(&request), path);
    }
}

#[tokio::test]
async fn r15_headers_that_do_not_fit_a_packet_are_431_without_a_connection() {
    let container = Container::hello("n1").await;
    let gateway = Running::before(&[&container], "", "");
    let mut client = gateway.client().await;
    assert_eq!(client.get("/", "").await.status, 200);
    let large = format!("X-Large: {}\r\n", "x".repeat(9000));
    assert_eq!(client.get("/", &large).await.status, 431);
    assert_eq!(client.get("/", "").await.status, 200);
    let path = format!("/{}", "x".repeat(9000));
    assert_eq!(client.get(&path, "").await.status, 431);
    assert_eq!(client.get("/", "").await.status, 200);
    assert_eq!(container.connections(), 1, "the connection stayed good");
    assert_eq!(
        gateway.metric("ajpgate_member_errors_total", &[]).await,
        0.0
    );
}

#[tokio::test]
async fn r16_headers_that_just_fit_are_forwarded() {
    let container = Container::hello("n1").await;
    let gateway = Running::before(&[&container], "", "");
    let mut client = gateway.client().await;
    // The limit depends on ports and addresses: find it, and check one byte more and one byte less.
    let mut fits = 0;
    for length in (7000..8200).rev() {
        let answer = client
            .get("/", &format!("X-Large: {}\r\n", "x".repeat(length)))
            .await;
        if answer.status == 200 {
            fits = length;
            break;
        }
        assert_eq!(answer.status, 431);
    }
    // The forwarding fields of the gateway are left out where they do not fit.
    assert!((7900..8192).contains(&fits), "{fits}");
    assert_eq!(container.connections(), 1);
}

#[tokio::test]
async fn r17_the_secret_is_sent_once_or_not_at_all() {
    let (request, _) = told_with(
        "",
        "secret: \"s3cr3t-vector\"",
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    )
    .await;
    let secrets = request.attributes.iter().filter(|attribute| {
        matches!(
            attribute,
            ajp13::request::RequestAttribute::Text(Attribute::Secret, _)
        )
    });
    assert_eq!(secrets.count(), 1);
    assert_eq!(
        text(&request, Attribute::Secret).as_deref(),
        Some("s3cr3t-vector")
    );
    let request = told("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(text(&request, Attribute::Secret), None);
}

/// R18: the gateway authenticates nobody yet, so it names no user; the codec can.
#[tokio::test]
async fn r18_only_an_authenticated_user_is_named() {
    let request =
        told("GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YWxpY2U6cHc=\r\n\r\n").await;
    assert_eq!(text(&request, Attribute::RemoteUser), None);
    assert_eq!(text(&request, Attribute::AuthType), None);
}

#[tokio::test]
async fn r19_a_session_goes_to_its_node_with_its_route() {
    let nodes = [Container::hello("n1").await, Container::hello("n2").await];
    let gateway = Running::before(&[&nodes[0], &nodes[1]], "", "");
    for (place, cookie) in [
        ("/", "Cookie: JSESSIONID=x.n2\r\n"),
        ("/;jsessionid=x.n2", ""),
    ] {
        for _ in 0..4 {
            assert_eq!(gateway.get(place, cookie).await.field("x-node"), Some("n2"));
        }
    }
    let (request, _) = told_with(
        "",
        "",
        "GET / HTTP/1.1\r\nHost: a\r\nCookie: JSESSIONID=x.n1\r\n\r\n",
    )
    .await;
    assert_eq!(text(&request, Attribute::Route).as_deref(), Some("n1"));
    let request = told("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(text(&request, Attribute::Route), None);
}

/// The attribute that Tomcat's LoadBalancerDrainingValve reads.
#[tokio::test]
async fn r20_a_draining_member_is_told_its_state() {
    for (status, activation) in [("", "ACT"), ("drain", "DIS")] {
        let (request, _) = told_with(
            "",
            &format!("status: [{status}]"),
            "GET / HTTP/1.1\r\nHost: a\r\nCookie: JSESSIONID=x.n1\r\n\r\n",
        )
        .await;
        assert_eq!(
            named(&request, "JK_LB_ACTIVATION").as_deref(),
            Some(activation)
        );
    }
}

#[tokio::test]
async fn forwarding_fields_name_the_client_only() {
    let request = told(
        "GET / HTTP/1.1\r\nHost: shop.example.com:8080\r\nX-Forwarded-For: 10.0.0.1\r\nForwarded: for=10.0.0.1\r\n\
         X-Real-IP: 10.0.0.1\r\nX-Forwarded-Proto: https\r\n\r\n",
    )
    .await;
    for (name, value) in [
        ("x-forwarded-for", "127.0.0.1"),
        ("x-real-ip", "127.0.0.1"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-host", "shop.example.com:8080"),
        ("x-forwarded-port", "8080"),
        (
            "forwarded",
            "for=127.0.0.1;host=\"shop.example.com:8080\";proto=http",
        ),
    ] {
        assert_eq!(fields(&request, name), [value], "{name}");
    }
    assert_eq!(request.remote_addr.as_deref(), Some(&b"127.0.0.1"[..]));
    assert_eq!(request.remote_host, None);
    assert!(!request.is_ssl);
}

/// Tomcat takes 100 fields. The fields of the client are counted, `Host` included, and those of the gateway make room.
#[tokio::test]
async fn a_hundred_fields_of_a_client_pass_and_one_more_is_431() {
    let container = Container::hello("n1").await;
    let gateway = Running::before(&[&container], "", "");
    let mut client = Client::connect(gateway.front).await;
    let many = |count: usize| {
        (1..count)
            .map(|n| format!("X-{n}: 1\r\n"))
            .collect::<String>()
    };
    for count in 90..=100 {
        let answer = client.get("/", &many(count)).await;
        assert_eq!(answer.status, 200, "{count} fields");
    }
    let mut client = Client::connect(gateway.front).await;
    assert_eq!(client.get("/", &many(101)).await.status, 431);
}

/// Who raises `max_headers` has raised Tomcat's `maxHeaderCount` too. Fields that rules of the mapping add are not the client's.
#[tokio::test]
async fn fields_of_rules_and_a_raised_limit_are_no_fault_of_the_client() {
    let container = Container::hello("n1").await;
    let many = |count: usize| {
        (1..count)
            .map(|n| format!("X-{n}: 1\r\n"))
            .collect::<String>()
    };
    for (limits, count) in [("", 100), ("limits: { max_headers: 200 }\n", 200)] {
        let gateway = Running::start(&format!(
            "{limits}proxy_pass:\n  - path: /\n    to: \"ajp://{}/\"\n    \
             request_headers: [{{ set: X-A, value: a }}, {{ set: X-B, value: b }}]\n",
            container.address
        ));
        let mut client = Client::connect(gateway.front).await;
        assert_eq!(client.get("/", &many(count)).await.status, 200);
        assert_eq!(client.get("/", &many(count + 1)).await.status, 431);
    }
}

/// A forged field of the client does not take the place of a forwarding field that is left out.
#[tokio::test]
async fn forwarding_fields_are_left_out_where_they_do_not_fit() {
    let many: String = (2..100).map(|n| format!("X-{n}: 1\r\n")).collect();
    let forged = "X-Forwarded-For: 6.6.6.6\r\n";
    let request = told(&format!("GET / HTTP/1.1\r\nHost: a\r\n{many}{forged}\r\n")).await;
    assert_eq!(fields(&request, "x-99"), ["1"]);
    assert!(
        fields(&request, "x-forwarded-for")
            .iter()
            .all(|value| *value == "127.0.0.1")
    );
    // Of the 8,192 bytes of a packet the client's fields leave too few for those of the gateway.
    let large = "x".repeat(7900);
    let request = told(&format!(
        "GET / HTTP/1.1\r\nHost: a\r\nX-Large: {large}\r\n{forged}\r\n"
    ))
    .await;
    assert_eq!(fields(&request, "x-large"), [large]);
    assert!(fields(&request, "x-forwarded-for").is_empty());
}
