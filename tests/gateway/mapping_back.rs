//! Mapping back: what an answer says of the backend, as clients get it; and `Destination`, which is mapped forth.

use crate::support::client::{Answer, Client};
use crate::support::container::{Container, Wire, fields};
use crate::support::gateway::Running;
use crate::support::origin::{Conn, Origin};

/// Answers 302 with these fields; `{own}` in a value is the address of the container.
async fn saying(answer: &'static [(&'static str, &'static str)]) -> Container {
    Container::start(move |_, mut wire: Wire| async move {
        while wire.next_request().await.is_some() {
            wire.respond(302, answer, b"").await;
        }
    })
    .await
}

async fn get(gateway: &Running, target: &str) -> Answer {
    let mut client = gateway.client().await;
    client
        .send(format!(
            "GET {target} HTTP/1.1\r\nHost: shop.example.com\r\n\r\n"
        ))
        .await;
    client.answer().await
}

#[tokio::test]
async fn paths_that_need_escapes_come_back_with_them() {
    let node = saying(&[
        ("Location", "/my%20app/login"),
        ("Set-Cookie", "JSESSIONID=1.n1; Path=/my%20app; HttpOnly"),
    ])
    .await;
    let gateway = Running::start(&format!(
        "balancers: {{ t: {{ members: [{{ url: \"ajp://{}\", route: n1 }}] }} }}\n\
         proxy_pass:\n  - {{ path: \"/my app\", to: \"balancer://t/my%20app\" }}\n  \
         - {{ path: \"/gr\u{fc}n\", to: \"balancer://t/m%79%20app\" }}\n",
        node.address
    ));
    for (target, location, path) in [
        ("/my%20app/x", "/my%20app/login", "/my%20app"),
        ("/gr%C3%BCn/x", "/gr%C3%BCn/login", "/gr%C3%BCn"),
    ] {
        let answer = get(&gateway, target).await;
        assert_eq!(answer.field("location"), Some(location));
        let cookie = format!("JSESSIONID=1.n1; Path={path}; HttpOnly");
        assert_eq!(answer.field("set-cookie"), Some(cookie.as_str()));
    }
}

#[tokio::test]
async fn bytes_beyond_ascii_in_the_rest_stay_as_they_are() {
    let node = saying(&[
        ("Location", "/app/\u{fc}"),
        ("Set-Cookie", "n=J\u{fc}rgen; Path=/app"),
    ])
    .await;
    let gateway = Running::start(&format!(
        "proxy_pass: [{{ path: /shop, to: \"ajp://{}/app\" }}]\n",
        node.address
    ));
    let answer = get(&gateway, "/shop/x").await;
    assert_eq!(answer.field("location"), Some("/shop/\u{fc}"));
    let cookie = Some("n=J\u{fc}rgen; Path=/shop");
    assert_eq!(answer.field("set-cookie"), cookie);
}

#[tokio::test]
async fn a_redirect_into_another_mapped_context_is_found_there() {
    let node = saying(&[
        ("Location", "/cas/login?service=%2Fbugs"),
        ("Content-Location", "/bugs/x"),
        ("Refresh", "5; url=/cas/admin/x"),
        ("Set-Cookie", "TGC=1; Path=/cas; Secure"),
        ("Set-Cookie", "JSESSIONIDSSO=1; Path=/"),
    ])
    .await;
    let gateway = Running::start(&format!(
        "balancers: {{ t: {{ members: [{{ url: \"ajp://{0}\", route: n1 }}] }} }}\n\
         proxy_pass:\n  - {{ path: /shop, to: \"balancer://t/bugs\" }}\n  \
         - {{ path: /sso, to: \"balancer://t/cas\" }}\n  \
         - {{ path: /root/admin, to: \"ajp://{0}/cas/admin\" }}\n  \
         - {{ path: /elsewhere, to: \"balancer://t/cas\", hosts: [elsewhere.example.com] }}\n",
        node.address
    ));
    let answer = get(&gateway, "/shop/x").await;
    assert_eq!(answer.field("location"), Some("/sso/login?service=%2Fbugs"));
    assert_eq!(answer.field("content-location"), Some("/shop/x"));
    assert_eq!(answer.field("refresh"), Some("5; url=/root/admin/x"));
    assert_eq!(
        answer.all("set-cookie"),
        ["TGC=1; Path=/sso; Secure", "JSESSIONIDSSO=1; Path=/"]
    );
}

#[tokio::test]
async fn without_a_host_an_http_member_is_not_named() {
    let origin = Origin::start(|_, mut conn: Conn| async move {
        while let Some(request) = conn.next_request().await {
            let host = request.field("host").unwrap().to_owned();
            let port = request.field("x-forwarded-port").unwrap().to_owned();
            let location = format!("http://{host}/app/there");
            let cookie = format!(
                "own=1; Domain={}; Path=/app",
                host.split(':').next().unwrap()
            );
            let fields = [
                ("Location", location.as_str()),
                ("Set-Cookie", &cookie),
                ("X-Port", &port),
            ];
            conn.respond(302, &fields, "").await;
        }
    })
    .await;
    let gateway = Running::start(&format!(
        "proxy_pass: [{{ path: /shop, to: \"http://{}/app\" }}]\n",
        origin.address
    ));
    let mut client = gateway.client().await;
    client.send("GET /shop/x HTTP/1.0\r\n\r\n").await;
    let answer = client.answer().await;
    assert_eq!(answer.field("location"), Some("/shop/there"));
    assert_eq!(answer.field("set-cookie"), Some("own=1; Path=/shop"));
    let port = gateway.front.port().to_string();
    assert_eq!(answer.field("x-port"), Some(port.as_str()));
}

/// A container that answers with the Destination that it got, and a gateway that maps `/shop` to its `/app`.
async fn webdav(keys: &str) -> (Container, Running) {
    let node = Container::start(|_, mut wire: Wire| async move {
        while let Some(request) = wire.next_request().await {
            let seen = fields(&request, "destination").join("|");
            wire.respond(201, &[("X-Seen", &seen)], b"").await;
        }
    })
    .await;
    let gateway = Running::start(&format!(
        "proxy_pass:\n  - {{ path: /shop, to: \"ajp://{}/app\"{keys} }}\n  - {{ path: /shop/private, exclude: true }}\n  \
         - {{ path: /other, to: \"http://elsewhere.invalid/\" }}\n",
        node.address
    ));
    (node, gateway)
}

/// What the container gets as Destination, or the status of a refusal.
async fn destination(client: &mut Client, method: &str, fields: &str) -> String {
    client
        .send(format!(
            "{method} /shop/a HTTP/1.1\r\nHost: shop.example.com\r\n{fields}\r\n"
        ))
        .await;
    let answer = client.answer().await;
    match answer.field("x-seen") {
        Some(seen) => seen.to_owned(),
        None => answer.status.to_string(),
    }
}

#[tokio::test]
async fn a_destination_is_mapped_as_the_path_is() {
    let (node, gateway) = webdav("").await;
    for (method, value, expected) in [
        (
            "COPY",
            "http://shop.example.com/shop/b",
            "http://shop.example.com/app/b",
        ),
        (
            "MOVE",
            "HTTP://SHOP.example.com/shop/b%20c;v=1?q",
            "http://shop.example.com/app/b%20c;v=1?q",
        ),
        (
            "MOVE",
            "http://shop.example.com:80/shop/",
            "http://shop.example.com/app/",
        ),
        ("COPY", "/shop/b/../caf%E9", "/app/caf%E9"),
        ("COPY", "/shop/b/..;/c", "/app/c"),
        // Another proxy has taken TLS off: the container knows another scheme than the client.
        ("MOVE", "https://shop.example.com/shop/b", "/app/b"),
        // Never a way to what is excluded, not mapped, or elsewhere.
        ("COPY", "http://shop.example.com/shop/private/x", "403"),
        ("MOVE", "/shop/x/..;/private/x", "403"),
        ("MOVE", "/shop/%70rivate", "403"),
        ("COPY", "/nowhere", "502"),
        ("COPY", "/other/x", "502"),
        ("COPY", "http://evil.example/shop/b", "502"),
        ("COPY", "http://shop.example.com:81/shop/b", "502"),
        ("COPY", "shop/b", "400"),
        ("COPY", "//shop.example.com/shop/b", "400"),
        ("COPY", "ftp://shop.example.com/shop/b", "400"),
        ("COPY", "http://user@shop.example.com/shop/b", "400"),
        ("COPY", "/shop/..%2fother", "400"),
        ("COPY", "/shop/b%00", "400"),
        ("COPY", "/shop/b#c", "400"),
        ("COPY", "/shop/b?c#d", "400"),
        // Elsewhere the field means nothing, and some server may take it for that of COPY all the same.
        ("GET", "http://shop.example.com/shop/b", ""),
        ("copy", "/shop/private", ""),
        ("PUT", "/shop/private", ""),
        ("REBIND", "/shop/b", ""),
    ] {
        let mut client = gateway.client().await;
        let fields = format!("Destination: {value}\r\n");
        let seen = destination(&mut client, method, &fields).await;
        assert_eq!(seen, expected, "{method} {value}");
    }
    let mut client = gateway.client().await;
    let twice = "Destination: /shop/b\r\nDestination: /shop/private\r\n";
    assert_eq!(destination(&mut client, "COPY", twice).await, "400");
    let mut client = gateway.client().await;
    assert_eq!(destination(&mut client, "COPY", "").await, "");
    drop(node);
}

#[tokio::test]
async fn a_destination_names_the_host_that_is_sent() {
    let (node, gateway) = webdav(", preserve_host: false").await;
    let mut client = gateway.client().await;
    let fields = "Destination: http://shop.example.com/shop/b\r\n";
    assert_eq!(
        destination(&mut client, "COPY", fields).await,
        format!("http://{}/app/b", node.address)
    );
}
