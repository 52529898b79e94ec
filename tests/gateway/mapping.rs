//! Mapping: which mapping a path belongs to, and which path the backend gets.

use crate::support::container::{Container, Wire};
use crate::support::gateway::Running;
use crate::support::origin::{Conn, Origin};

/// A container that answers with the path that it got.
async fn echo() -> Container {
    Container::start(|_, mut wire: Wire| async move {
        while let Some(request) = wire.next_request().await {
            let path = request.uri.clone().unwrap();
            wire.respond(200, &[("X-Path", std::str::from_utf8(&path).unwrap())], b"")
                .await;
        }
    })
    .await
}

async fn path(gateway: &Running, target: &str) -> String {
    let answer = gateway.get(target, "").await;
    match answer.field("X-Path") {
        Some(path) => path.to_owned(),
        None => answer.status.to_string(),
    }
}

#[tokio::test]
async fn the_longest_path_wins_and_exclusions_hold_whatever_the_spelling() {
    let (shop, rest) = (echo().await, echo().await);
    let gateway = Running::start(&format!(
        "proxy_pass:\n  - {{ path: /shop/private, exclude: true }}\n  - {{ path: /shop, to: \"ajp://{}/shop\" }}\n  \
         - {{ path: /rest, to: \"ajp://{}/rest\" }}\n",
        shop.address, rest.address
    ));
    for (target, expected) in [
        ("/shop", "/shop"),
        ("/shop/", "/shop/"),
        ("/shop/x?y", "/shop/x"),
        ("/shop/privately", "/shop/privately"),
        ("/shop/a/../b", "/shop/b"),
        ("/shopping", "404"),
        ("/", "404"),
        ("/SHOP", "404"),
        // No spelling gets around an exclusion.
        ("/shop/private", "404"),
        ("/shop/private/x", "404"),
        ("/shop//private/x", "404"),
        ("/shop/./private", "404"),
        ("/shop/x/../private", "404"),
        ("/shop/x/..;y=1/private", "404"),
        ("/shop/%2e%2e/shop/private", "404"),
        ("/shop/%70rivate", "404"),
        ("/shop/private;x=1", "404"),
        ("/shop;x=1/private;y/z", "404"),
        ("/rest/../shop/private", "404"),
        ("/rest/..;/shop/private", "404"),
        // No spelling reaches a path without a mapping.
        ("/shop/../other", "404"),
        ("/shop/..;/other", "404"),
        ("/shop/%2e%2e/other", "404"),
        ("/shop/..%2fother", "400"),
        ("/shop/%00", "400"),
        ("/shop/..%5cother", "400"),
        ("/shop/../../x", "400"),
        // Decoded once, as by Tomcat: this is a name with percent signs.
        ("/shop/%252e%252e/other", "/shop/%252e%252e/other"),
        // The mapping of the path that the backend sees decides.
        ("/rest/../shop/x", "/shop/x"),
        ("//shop/x", "/shop/x"),
        ("/%73hop/x", "/shop/x"),
        ("/%73hop/x;v=1", "/shop/x;v=1"),
    ] {
        assert_eq!(path(&gateway, target).await, expected, "{target}");
    }
}

#[tokio::test]
async fn paths_are_rewritten_where_front_and_backend_differ() {
    let node = echo().await;
    let gateway = Running::start(&format!(
        "balancers: {{ b: {{ members: [{{ url: \"ajp://{}\" }}] }} }}\n\
         proxy_pass:\n  - {{ path: /plain, to: \"balancer://b/\" }}\n  - {{ path: /moved, to: \"balancer://b/app\" }}\n  \
         - {{ path: /, to: \"balancer://b/root\" }}\n",
        node.address
    ));
    for (target, expected) in [
        ("/plain/x", "/x"),
        ("/plain", "/"),
        ("/plain/", "/"),
        ("/plain/a%20b;p=1/c", "/a%20b;p=1/c"),
        ("/moved/x", "/app/x"),
        ("/moved", "/app"),
        ("/moved;jsessionid=1.n1", "/app;jsessionid=1.n1"),
        ("/x", "/root/x"),
        ("/", "/root/"),
        // Dot segments in the prefix: the mapping of the resolved path decides.
        ("/plain/../moved/x", "/app/x"),
        ("/plain/../plain/x", "/x"),
    ] {
        assert_eq!(path(&gateway, target).await, expected, "{target}");
    }
}

#[tokio::test]
async fn fields_that_name_the_backend_are_mapped_back() {
    let node = Container::start(|_, mut wire: Wire| async move {
        while let Some(request) = wire.next_request().await {
            let host = crate::support::container::fields(&request, "host").concat();
            let absolute = format!("http://{host}/app/there");
            let fields = [
                ("Location", absolute.as_str()),
                ("Content-Location", "/app/here"),
                ("Set-Cookie", "JSESSIONID=1.n1; Path=/app; HttpOnly"),
                ("Set-Cookie", "other=1; Path=/elsewhere"),
                ("Set-Cookie", "own=1; Domain=127.0.0.1"),
                ("X-Host", &host),
            ];
            wire.respond(302, &fields, b"").await;
        }
    })
    .await;
    let yaml = |preserve: bool| {
        format!(
            "proxy_pass: [{{ path: /shop, to: \"ajp://{}/app\", preserve_host: {preserve} }}]\n",
            node.address
        )
    };
    for preserve in [true, false] {
        let gateway = Running::start(&yaml(preserve));
        let mut client = gateway.client().await;
        client
            .send("GET /shop/x HTTP/1.1\r\nHost: shop.example.com\r\n\r\n")
            .await;
        let answer = client.answer().await;
        let sent = if preserve {
            "shop.example.com".to_owned()
        } else {
            node.address.to_string()
        };
        assert_eq!(answer.field("x-host"), Some(sent.as_str()));
        assert_eq!(
            answer.field("location"),
            Some("http://shop.example.com/shop/there")
        );
        assert_eq!(answer.field("content-location"), Some("/shop/here"));
        assert_eq!(
            answer.all("set-cookie"),
            [
                "JSESSIONID=1.n1; Path=/shop; HttpOnly",
                "other=1; Path=/elsewhere",
                "own=1; Domain=shop.example.com",
            ]
        );
    }
}

#[tokio::test]
async fn hosts_choose_among_mappings() {
    let (shop, all, below) = (
        Container::hello("shop").await,
        Container::hello("all").await,
        Container::hello("below").await,
    );
    let gateway = Running::start(&format!(
        "proxy_pass:\n  - {{ path: /, to: \"ajp://{}/\" }}\n  - {{ path: /, to: \"ajp://{}/\", hosts: [shop.example.com] }}\n  \
         - {{ path: /, to: \"ajp://{}/\", hosts: [\"*.Example.org\"] }}\n",
        all.address, shop.address, below.address
    ));
    for (host, expected) in [
        ("shop.example.com", "shop"),
        ("SHOP.example.com:8080", "shop"),
        ("www.example.com", "all"),
        ("shop.example.com.evil", "all"),
        ("a.example.org", "below"),
        ("A.B.EXAMPLE.ORG:8080", "below"),
        ("example.org", "all"),
        ("notexample.org", "all"),
    ] {
        let mut client = gateway.client().await;
        client
            .send(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"))
            .await;
        assert_eq!(client.answer().await.text(), expected, "{host}");
    }
}

#[tokio::test]
async fn header_rules_see_the_variables_of_the_attempt() {
    let node = Container::start(|_, mut wire: Wire| async move {
        while let Some(request) = wire.next_request().await {
            let fields = |name| crate::support::container::fields(&request, name).join("|");
            let attributes: Vec<String> = request
                .named()
                .filter(|(name, _)| *name == b"ROUTE")
                .map(|(_, value)| String::from_utf8_lossy(value).into_owned())
                .collect();
            let seen = [
                fields("x-route"),
                fields("x-list"),
                fields("x-gone"),
                attributes.join("|"),
            ]
            .join(";");
            wire.respond(
                200,
                &[("X-Seen", &seen), ("X-App", "1"), ("X-App", "2")],
                b"",
            )
            .await;
        }
    })
    .await;
    let gateway = Running::start(&format!(
        "balancers: {{ b: {{ members: [{{ url: \"ajp://{}\", route: n1 }}] }} }}\n\
         proxy_pass:\n  - path: /\n    to: \"balancer://b/\"\n    request_headers:\n      \
         - {{ set: X-Route, value: \"%{{BALANCER_WORKER_ROUTE}}e\" }}\n      \
         - {{ append: X-List, value: b }}\n      - {{ unset: X-Gone }}\n    response_headers:\n      \
         - {{ set: X-App, value: \"%{{BALANCER_NAME}}e %{{BALANCER_WORKER_NAME}}e\" }}\n      \
         - {{ add: Set-Cookie, value: \"ROUTEID=.%{{BALANCER_WORKER_ROUTE}}e; path=/\", when: BALANCER_ROUTE_CHANGED }}\n    \
         request_attributes: {{ ROUTE: \"%{{BALANCER_WORKER_ROUTE}}e\" }}\n",
        node.address
    ));
    let answer = gateway
        .get("/", "X-Route: forged\r\nX-List: a\r\nX-Gone: here\r\n")
        .await;
    assert_eq!(answer.field("x-seen"), Some("n1;a, b;;n1"));
    assert_eq!(
        answer.all("x-app"),
        [format!("balancer://b ajp://{}", node.address)]
    );
    assert_eq!(answer.all("set-cookie"), ["ROUTEID=.n1; path=/"]);
    // Some old clients compare names with their case.
    let mut client = gateway.client().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let raw = client.raw_until("path=/").await;
    assert!(raw.contains("\r\nSet-Cookie: ROUTEID"), "{raw}");
    let same = gateway.get("/", "Cookie: JSESSIONID=x.n1\r\n").await;
    assert!(
        same.all("set-cookie").is_empty(),
        "the route has not changed"
    );
}

#[tokio::test]
async fn an_exclusion_counts_before_longer_mappings_below_it() {
    let node = echo().await;
    let gateway = Running::start(&format!(
        "proxy_pass:\n  - {{ path: /, to: \"ajp://{0}/\" }}\n  - {{ path: /private, exclude: true }}\n  \
         - {{ path: /private/public, to: \"ajp://{0}/public\" }}\n  \
         - {{ path: /one, exclude: true, hosts: [shop.example.com] }}\n",
        node.address
    ));
    for (target, expected) in [
        ("/private/public/x", "404"),
        ("/private", "404"),
        ("/privately", "/privately"),
        ("/one/x", "/one/x"),
    ] {
        assert_eq!(path(&gateway, target).await, expected, "{target}");
    }
    let mut client = gateway.client().await;
    client
        .send("GET /one/x HTTP/1.1\r\nHost: shop.example.com\r\n\r\n")
        .await;
    assert_eq!(client.answer().await.status, 404);
}

#[tokio::test]
async fn an_exclusion_covers_both_encodings_of_its_letters() {
    let node = echo().await;
    let gateway = Running::start(&format!(
        "proxy_pass:\n  - {{ path: /, to: \"ajp://{0}/\" }}\n  - {{ path: \"/gr\u{f6}\u{df}e\", exclude: true }}\n  \
         - {{ path: \"/gr\u{fc}n\", to: \"ajp://{0}/gr%FCn\" }}\n  \
         - {{ path: \"/gr\u{fc}n/gr\u{f6}\u{df}e\", exclude: true }}\n",
        node.address
    ));
    for (target, expected) in [
        ("/gr%C3%B6%C3%9Fe/x", "404"),
        ("/gr%F6%DFe/x", "404"),
        ("/gr%f6%dfe;x", "404"),
        ("/gr%C3%B6%DFe", "/gr%C3%B6%DFe"),
        ("/gr%C3%BCn/caf%E9", "/gr%FCn/caf%E9"),
        ("/gr%C3%BCn/gr%F6%DFe", "404"),
        ("/gr%FCn/gr%F6%DFe", "404"),
        ("/gr%FCn/x", "/gr%FCn/x"),
    ] {
        assert_eq!(path(&gateway, target).await, expected, "{target}");
    }
}

#[tokio::test]
async fn encoded_slashes_pass_where_the_mapping_says_so() {
    let node = echo().await;
    let gateway = Running::start(&format!(
        "proxy_pass:\n  - {{ path: /, to: \"ajp://{0}/\" }}\n  \
         - {{ path: /keys, to: \"ajp://{0}/app\", encoded_slash: pass }}\n  \
         - {{ path: /same, to: \"ajp://{0}/same\", encoded_slash: pass }}\n  \
         - {{ path: /keys/private, exclude: true }}\n",
        node.address
    ));
    for (target, expected) in [
        ("/keys/a%2Fb%5Cc;v=%2F/d", "/app/a%2Fb%5Cc;v=%2F/d"),
        ("/same/http:%2F%2Fhost%2F/x?y", "/same/http:%2F%2Fhost%2F/x"),
        // As part of a segment: it does not change which mapping counts.
        ("/keys%2Fa", "400"),
        ("/a%2Fb", "400"),
        ("/a%5Cb", "400"),
        ("/nobody%2F../keys/x", "400"),
        // Read as slashes they would lead to what is excluded, or out of the mapping.
        ("/keys/private%2Fx", "404"),
        ("/keys/private%5Cx", "404"),
        ("/keys/%2Fprivate", "404"),
        ("/keys/;%2Fprivate", "404"),
        ("/keys/a%2F..%2Fprivate", "400"),
        ("/keys/..%2f..%2fother", "400"),
        ("/keys/..%5Cother", "400"),
        ("/keys/a%2F%2e%2e", "400"),
        // A dot segment beside one is resolved before it is sent.
        ("/keys/a%2Fb/../private", "404"),
        ("/keys/a%2Fb/../c%2fd;v=1", "/app/c%2Fd"),
    ] {
        assert_eq!(path(&gateway, target).await, expected, "{target}");
    }
}

#[tokio::test]
async fn an_encoded_backslash_is_a_letter_where_nobody_speaks_ajp13() {
    let origin = Origin::start(|_, mut conn: Conn| async move {
        while let Some(request) = conn.next_request().await {
            let path = request.line.split(' ').nth(1).unwrap().to_owned();
            conn.respond(200, &[("X-Path", &path)], "").await;
        }
    })
    .await;
    let node = echo().await;
    let gateway = Running::start(&format!(
        "balancers: {{ both: {{ members: [{{ url: \"http://{0}\" }}, {{ url: \"ajp://{1}\", status: [disabled] }}] }} }}\n\
         proxy_pass:\n  - {{ path: /, to: \"http://{0}/\" }}\n  - {{ path: /private, exclude: true }}\n  \
         - {{ path: /both, to: \"balancer://both/\" }}\n",
        origin.address, node.address
    ));
    for (target, expected) in [
        ("/a%5Cb.txt", "/a%5Cb.txt"),
        ("/a%2Fb", "400"),
        ("/private%5Cx", "404"),
        ("/..%5Cx", "400"),
        ("/both/a%5Cb", "400"),
        ("/both/ab", "/ab"),
    ] {
        assert_eq!(path(&gateway, target).await, expected, "{target}");
    }
}
