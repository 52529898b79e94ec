//! Mappings by `match`, by scheme, and those that answer themselves: redirects and fixed answers.

use ajp13::ForwardRequest;
use ajp13::request::Attribute;

use crate::support::client::Answer;
use crate::support::container::{Container, Wire};
use crate::support::gateway::Running;
use crate::support::pause;

fn query(request: &ForwardRequest) -> Option<String> {
    let query = request.text(Attribute::QueryString)?;
    Some(String::from_utf8_lossy(query).into_owned())
}

/// A container that answers with the path and query that it got, and redirects within its own paths.
async fn echo() -> Container {
    Container::start(|_, mut wire: Wire| async move {
        while let Some(request) = wire.next_request().await {
            let path = String::from_utf8(request.uri.clone().unwrap().to_vec()).unwrap();
            let query = query(&request);
            let sent = match query {
                Some(query) => format!("{path}?{query}"),
                None => path,
            };
            let fields = [
                ("X-Sent", sent.as_str()),
                ("Location", "/app/users/there"),
                ("Content-Location", "there"),
                ("Set-Cookie", "a=b; Path=/app/users"),
            ];
            wire.respond(302, &fields, b"").await;
        }
    })
    .await
}

async fn post(gateway: &Running, path: &str, body: &str) -> Answer {
    let mut client = gateway.client().await;
    let length = body.len();
    let head = format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
    client.send(head + body).await;
    client.answer().await
}

fn gateway(node: &Container, mappings: &str) -> Running {
    Running::start(&format!(
        "balancers: {{ b: {{ stickysession: JSESSIONID|jsessionid, members: [{{ url: \"ajp://{}\", route: n1 }}] }} }}\n\
         proxy_pass:\n{mappings}",
        node.address
    ))
}

async fn sent(gateway: &Running, target: &str) -> String {
    let answer = gateway.get(target, "").await;
    match answer.field("X-Sent") {
        Some(path) => path.to_owned(),
        None => format!(
            "{} {}",
            answer.status,
            answer.field("Location").unwrap_or_default()
        )
        .trim()
        .to_owned(),
    }
}

#[tokio::test]
async fn a_match_makes_the_path_and_the_query_of_its_captures() {
    let node = echo().await;
    let gateway = gateway(
        &node,
        r#"  - { path: /u/closed, exclude: true }
  - { match: "\\.bak$", exclude: true }
  - { match: "^/u/([a-z]+)/(.*)$", to: "balancer://b/app/users/$2?name=$1" }
  - { match: "^/dots/(.*)/(x?)$", to: "balancer://b/app/$1/$2$7." }
  - { match: "\\.gif$", to: "balancer://b/images" }
  - { match: "^/host(.*)$", to: "balancer://b$1" }
  - { match: "^/cost/(.*)$", to: "balancer://b/\\$5/$1" }
  - { match: "^/q$", to: "balancer://b/query?a=1" }
  - { match: "^/keys/(.*)$", to: "balancer://b/k/$1", encoded_slash: pass }
  - { path: /u, to: "balancer://b/rest" }
"#,
    );
    for (target, expected) in [
        ("/u/bob/list/x", "/app/users/list/x?name=bob"),
        ("/u/bob/list?x=1&y", "/app/users/list?name=bob&x=1&y"),
        ("/u/bob/", "/app/users/?name=bob"),
        ("/u/Bob/x", "/rest/Bob/x"),
        // The path is matched as Tomcat sees it.
        ("/u/b%6Fb//x/../y", "/app/users/y?name=bob"),
        ("/u/bob/x;v=1", "/app/users/x;v=1?name=bob"),
        (
            "/u/bob;jsessionid=5.n1/x",
            "/app/users/x;jsessionid=5.n1?name=bob",
        ),
        // What was captured is escaped: it adds no query, no parameter and no segment.
        (
            "/u/bob/a%3Fb%3Bc%25%20%23",
            "/app/users/a%3Fb%3Bc%25%20%23?name=bob",
        ),
        ("/u/bob/%E9", "/app/users/%E9?name=bob"),
        ("/u/bob/a%2Fb", "400"),
        ("/dots/a/", "/app/a/."),
        ("/keys/a%2fb;jsessionid=5.n1", "/k/a%2Fb;jsessionid=5.n1"),
        // Parameters with an escape may be a path to the member.
        ("/keys/a%2fb;v=1/c;w=%2f", "/k/a%2Fb/c;v=1"),
        // Exclusions come first, whatever the spelling.
        ("/u/bob/x.bak", "404"),
        ("/u/bob/x.b%61k", "404"),
        ("/u/bob/x.bak;v=1", "404"),
        ("/u/bob/x.bak/.", "/app/users/x.bak/?name=bob"),
        ("/u/closed/x", "404"),
        // Without `$n` the whole path is appended.
        ("/a/b.gif", "/images/a/b.gif"),
        ("/a/b.gif;x?y", "/images/a/b.gif;x?y"),
        ("/host/a", "/a"),
        ("/host", "/"),
        ("/host.evil", "/.evil"),
        ("/cost/a", "/$5/a"),
        ("/q", "/query/q?a=1"),
        ("/q?b=2", "/query/q?a=1&b=2"),
        ("/other", "404"),
    ] {
        let expected = match expected {
            // A dot segment that captures make is refused.
            "/app/a/." => "400",
            expected => expected,
        };
        assert_eq!(sent(&gateway, target).await, expected, "{target}");
    }
}

#[tokio::test]
async fn an_answer_to_a_match_is_mapped_back_by_what_it_captured() {
    let node = echo().await;
    let gateway = gateway(
        &node,
        r#"  - { match: "^/u/([a-z]+)/(.*)$", to: "balancer://b/app/users/$2?name=$1" }
  - { match: "^/x/(.*)/end$", to: "balancer://b/app/users/$1/x" }
  - { path: /people, to: "balancer://b/app/users" }
"#,
    );
    let answer = gateway.get("/u/bob/list", "").await;
    assert_eq!(answer.field("Location"), Some("/u/bob/there"));
    assert_eq!(answer.field("Set-Cookie"), Some("a=b; Path=/u/bob"));
    // Where the captures do not tell, another mapping of the same target does.
    let answer = gateway.get("/x/y/end", "").await;
    assert_eq!(answer.field("X-Sent"), Some("/app/users/y/x"));
    assert_eq!(answer.field("Location"), Some("/people/there"));
    assert_eq!(answer.field("Content-Location"), Some("/people/y/there"));
}

#[tokio::test]
async fn mappings_hold_for_their_scheme() {
    let node = echo().await;
    let mappings = r#"  - { path: /, scheme: http, redirect: https }
  - { path: /, to: "balancer://b/app" }
  - { path: /plain, to: "balancer://b/plain" }
trusted_proxies: [127.0.0.0/8]
"#;
    let gateway = gateway(&node, mappings);
    let proto = "X-Forwarded-Proto: https\r\n";
    let plain = gateway.get("/a%20b;x?y=%2F", "").await;
    assert_eq!(
        (plain.status, plain.field("Location")),
        (308, Some("https://localhost/a%20b;x?y=%2F"))
    );
    let secure = gateway.get("/a", proto).await;
    assert_eq!(secure.field("X-Sent"), Some("/app/a"));
    // A longer path wins over a scheme.
    assert_eq!(sent(&gateway, "/plain/x").await, "/plain/x");
    let mut client = gateway.client().await;
    client
        .send("GET /x HTTP/1.1\r\nHost: shop.example.com:8080\r\n\r\n")
        .await;
    assert_eq!(
        client.answer().await.field("Location"),
        Some("https://shop.example.com/x")
    );
}

#[tokio::test]
async fn redirects_keep_what_is_behind_the_path_and_never_name_another_host() {
    let node = echo().await;
    let gateway = gateway(
        &node,
        r#"  - { path: /old, redirect: { to: /new, status: 301 } }
  - { path: /away, redirect: { to: "https://new.example.com/base", status: 302 } }
  - { match: "^/go/(.*)$", redirect: { to: "/$1" } }
  - { match: "^/name/([^/]*)$", redirect: { to: "https://new.example.com$1?n=$1", status: 307 } }
  - { match: "^/fixed", redirect: { to: "/one#top", status: 303 } }
  - { match: "^/app/(.*)$", redirect: { to: "https://new.example.com/#/$1", status: 302 } }
"#,
    );
    for (target, expected) in [
        ("/old", "301 /new"),
        ("/old/a%20b;c?d=e", "301 /new/a%20b;c?d=e"),
        ("/old/x/../y", "301 /new/y"),
        ("/old//evil.example", "301 /new/evil.example"),
        (
            "/away//evil.example/x",
            "302 https://new.example.com/base/evil.example/x",
        ),
        ("/go/a?b", "308 /a?b"),
        // As in httpd, a session in the path goes on; but not to another host.
        ("/go/a;jsessionid=1.n1?b", "308 /a;jsessionid=1.n1?b"),
        ("/fixed;jsessionid=1.n1", "303 /one;jsessionid=1.n1#top"),
        (
            "/name/a;jsessionid=1.n1",
            "307 https://new.example.com/a?n=a",
        ),
        ("/go//evil.example", "308 /evil.example"),
        ("/go/%5Cevil.example", "308 /%5Cevil.example"),
        ("/go/%09/evil.example", "308 /%09/evil.example"),
        (
            "/name/.evil.example",
            "307 https://new.example.com/.evil.example?n=.evil.example",
        ),
        (
            "/name/@evil&x=1",
            "307 https://new.example.com/@evil&x=1?n=%40evil%26x%3D1",
        ),
        ("/fixed/x?y", "303 /one?y#top"),
        ("/app/a/b&c?d", "302 https://new.example.com/?d#/a/b%26c"),
        ("/go/%0d%0aX-Evil:1", "400"),
    ] {
        let expected = match target {
            // A backslash is a letter of a name to nobody here, and an encoded one is refused.
            "/go/%5Cevil.example" => "400",
            _ => expected,
        };
        assert_eq!(sent(&gateway, target).await, expected, "{target}");
    }
    let posted = post(&gateway, "/old/x", "body").await;
    assert_eq!(posted.status, 301);
    // Nothing of the request waits on the connection: the next one is answered.
    assert_eq!(gateway.get("/old", "").await.status, 301);
}

#[tokio::test]
async fn fixed_answers_are_given_to_every_method() {
    let node = echo().await;
    let gateway = gateway(
        &node,
        "  - { path: /closed, respond: { status: 410, body: \"gone\\n\" } }\n  \
           - { path: /json, respond: { body: \"{}\", content_type: application/json } }\n  \
           - { path: /empty, respond: { status: 204 } }\n  - { path: /bare, respond: { status: 404 } }\n",
    );
    let closed = gateway.get("/closed/x?y", "").await;
    assert_eq!((closed.status, closed.text()), (410, "gone\n"));
    assert_eq!(
        closed.field("Content-Type"),
        Some("text/plain; charset=utf-8")
    );
    assert_eq!(closed.field("Content-Length"), Some("5"));
    let json = post(&gateway, "/json", "x").await;
    assert_eq!((json.status, json.text()), (200, "{}"));
    assert_eq!(json.field("Content-Type"), Some("application/json"));
    let empty = gateway.get("/empty", "").await;
    assert_eq!((empty.status, empty.field("Content-Type")), (204, None));
    assert_eq!(empty.field("Content-Length"), None);
    let bare = gateway.get("/bare", "").await;
    assert_eq!((bare.status, bare.text()), (404, ""));
    let mut client = gateway.client().await;
    client
        .send("HEAD /closed HTTP/1.1\r\nHost: a\r\n\r\n")
        .await;
    let head = client.try_answer("HEAD").await.unwrap();
    assert_eq!(
        (head.status, head.field("Content-Length"), head.text()),
        (410, Some("5"), "")
    );
    let label = [("balancer", ""), ("code", "4xx")];
    gateway
        .metric_becomes("ajpgate_requests_total", &label, 3.0)
        .await;
}

#[tokio::test]
async fn the_file_of_a_fixed_answer_has_the_type_that_its_ending_says() {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        ("page.html", &b"\xc3\xa9"[..], "text/html; charset=utf-8"),
        ("latin.html", b"\xe9", "text/html"),
        ("site.webmanifest", b"{}", "application/manifest+json"),
        ("key.wasm", b"\0asm", "application/wasm"),
        ("LIST.CSV", b"a,b", "text/csv; charset=utf-8"),
        ("a.json", b"{}", "application/json"),
        ("robots", b"x", "text/plain; charset=utf-8"),
        ("security.unknown-ending", b"\xe9", "text/plain"),
    ];
    let mut mappings = String::new();
    for (name, body, _) in files {
        let file = folder.path().join(name);
        std::fs::write(&file, body).unwrap();
        let file = file.display();
        mappings += &format!("  - {{ path: /{name}, respond: {{ file: \"{file}\" }} }}\n");
    }
    let gateway = Running::start(&format!("proxy_pass:\n{mappings}"));
    for (name, body, expected) in files {
        let answer = gateway.get(&format!("/{name}"), "").await;
        assert_eq!(answer.field("Content-Type"), Some(expected), "{name}");
        assert_eq!(answer.body, body, "{name}");
    }
}

#[tokio::test]
async fn a_mapping_has_a_timeout_and_a_largest_body_of_its_own() {
    let node = Container::start(|_, mut wire: Wire| async move {
        while let Some(request) = wire.next_request().await {
            if request.uri.clone().unwrap().as_ref() == b"/slow" {
                pause(1_500).await;
            }
            wire.respond(200, &[], b"").await;
        }
    })
    .await;
    let gateway = Running::start(&format!(
        "balancers: {{ b: {{ members: [{{ url: \"ajp://{}\", timeout: 30s }}] }} }}\nlimits: {{ max_body: 10 }}\nproxy_pass:\n  \
         - {{ path: /, to: \"balancer://b/\" }}\n  - {{ path: /quick, to: \"balancer://b/\", timeout: 200ms, max_body: 4 }}\n  \
         - {{ path: /large, to: \"balancer://b/\", max_body: 0 }}\n",
        node.address
    ));
    assert_eq!(gateway.get("/slow", "").await.status, 200);
    assert_eq!(gateway.get("/quick/slow", "").await.status, 504);
    for (path, length, status) in [
        ("/x", 10, 200),
        ("/x", 11, 413),
        ("/quick/x", 4, 200),
        ("/quick/x", 5, 413),
        ("/large/x", 11, 200),
    ] {
        let answer = post(&gateway, path, &"x".repeat(length)).await;
        assert_eq!(answer.status, status, "{path} {length}");
    }
    // Before the body has come, where its length is known.
    let mut client = gateway.client().await;
    client
        .send("POST /quick/x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n")
        .await;
    assert_eq!(client.answer().await.status, 413);
}
