//! `ajpgate explain` predicts what the gateway does with a request.

use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::support::program::{Done, ajpgate, run};
use crate::support::{Scratch, of_the_repository};

const SHOP: &str = "\
listeners: [{ bind: \"127.0.0.1:0\" }]
balancers:
  shop:
    members:
      - { url: \"ajp://10.0.0.11:8009\", route: node1 }
      - { url: \"ajp://10.0.0.12:8009\", route: node2, redirect: node3 }
      - { url: \"ajp://10.0.0.13:8009\", route: node3, status: [hot_standby] }
proxy_pass:
  - { path: /shop, to: \"balancer://shop/app\", hosts: [shop.example.com] }
  - { path: /shop/internal, exclude: true, hosts: [shop.example.com] }
";

fn explain(scratch: &Scratch, arguments: &[&str]) -> Done {
    run(ajpgate(scratch.path(), &["explain"]).args(arguments))
}

fn as_json(scratch: &Scratch, arguments: &[&str]) -> Value {
    let done = explain(scratch, &[arguments, &["--json"]].concat());
    assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""), "{done:?}");
    serde_json::from_str(&done.stdout).unwrap()
}

fn shop() -> Scratch {
    let scratch = Scratch::new("explain");
    scratch.write("ajpgate.yaml", SHOP);
    scratch
}

#[test]
fn the_text_says_where_a_request_goes_and_why() {
    let url = "http://shop.example.com/shop/cart;jsessionid=AB.node2?x=1";
    let done = explain(&shop(), &[url]);
    assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""), "{done:?}");
    assert_eq!(
        done.stdout,
        "\
GET /shop/cart;jsessionid=AB.node2?x=1  (Host: shop.example.com)
  mapping     /shop to balancer://shop/app (proxy_pass[0])
  path        /shop/cart, as Tomcat will see it
  session     AB.node2, from the path parameter jsessionid
  route       node2, which a member has
  member      ajp://10.0.0.12:8009 (route node2): has the session's route; gets /app/cart;jsessionid=AB.node2
  if it fails ajp://10.0.0.13:8009 (route node3): is the redirect of the session's member; gets /app/cart;jsessionid=AB.node2
  if it fails ajp://10.0.0.11:8009 (route node1): chosen by byrequests; gets /app/cart;jsessionid=AB.node2
  then        no further try (maxattempts)
  variables   BALANCER_SESSION_STICKY=jsessionid
              BALANCER_SESSION_ROUTE=node2
              BALANCER_NAME=balancer://shop
              BALANCER_WORKER_NAME=ajp://10.0.0.12:8009
              BALANCER_WORKER_ROUTE=node2
  This is the decision of a gateway that has just started, without the state of a running one.
"
    );
}

#[test]
fn the_json_says_the_same() {
    let cookies = "Cookie: JSESSIONID=A.node9; JSESSIONID=B.node1";
    let report = as_json(
        &shop(),
        &["/shop/x", "-H", "Host: shop.example.com", "-H", cookies],
    );
    assert_eq!(report["result"], "forwarded");
    assert_eq!(
        report["mapping"],
        json!({ "index": 0, "path": "/shop", "to": "balancer://shop/app" })
    );
    assert_eq!(
        report["session"],
        json!({ "id": "B.node1", "name": "JSESSIONID", "place": "cookie", "route": "node1", "known": true })
    );
    assert_eq!(report["member"]["url"], "ajp://10.0.0.11:8009");
    assert_eq!(report["member"]["how"], "sticky");
    assert_eq!(report["fallback"][0]["how"], "free");
    assert_eq!(report["fallback"][0]["route_changed"], true);
    assert_eq!(report["variables"]["BALANCER_WORKER_ROUTE"], "node1");
}

#[test]
fn fields_of_a_trusted_proxy_are_believed() {
    let scratch = Scratch::new("explain");
    scratch.write(
        "ajpgate.yaml",
        &format!("{SHOP}trusted_proxies: [10.0.0.0/8]\n"),
    );
    let fields = [
        "-H",
        "Host: 10.0.0.9",
        "-H",
        "X-Forwarded-For: 203.0.113.9",
        "-H",
        "X-Forwarded-Proto: https",
        "-H",
        "X-Forwarded-Host: shop.example.com",
    ];
    let from = |peer| [&["/shop/x", "--from", peer], &fields[..]].concat();
    let report = as_json(&scratch, &from("10.0.0.1"));
    assert_eq!(report["result"], "forwarded", "{report}");
    assert_eq!(report["host"], "shop.example.com");
    assert_eq!(
        report["client"],
        json!({ "address": "203.0.113.9", "scheme": "https", "proxy": "10.0.0.1" })
    );
    let done = explain(&scratch, &from("10.0.0.1"));
    let line = "  client      203.0.113.9 with https, says the trusted proxy 10.0.0.1\n";
    assert!(done.stdout.contains(line), "{}", done.stdout);
    let report = as_json(&scratch, &from("192.0.2.1"));
    assert_eq!(report["result"], "refused", "{report}");
    assert_eq!(
        report["client"],
        json!({ "address": "192.0.2.1", "scheme": "http", "proxy": null })
    );
}

#[test]
fn matches_redirects_and_fixed_answers_are_explained() {
    let scratch = Scratch::new("explain-match");
    scratch.write(
        "ajpgate.yaml",
        r#"listeners: [{ bind: "127.0.0.1:0" }]
include: ["conf.d/*.yaml"]
balancers: { shop: { members: [{ url: "ajp://10.0.0.11:8009" }] } }
proxy_pass:
  - { match: "^/u/([a-z]+)/(.*)$", to: "balancer://shop/users/$2?name=$1", scheme: https, timeout: 5m, max_body: 1MiB }
  - { path: /old, redirect: { to: /new, status: 301 } }
  - path: /pages
    to: balancer://shop/pages
    compress: { types: [text/*, application/json], min: 1KiB }
    error_pages: { 404: page.html, 503: page.html }
    deny: [10.0.0.0/8]
  - { path: /web, to: "http://10.0.0.12/" }
  - { path: /web/in, to: "http://10.0.0.12/in", deny: [10.0.0.0/8] }
"#,
    );
    scratch.write("page.html", "sorry\n");
    scratch.write(
        "conf.d/a.yaml",
        "proxy_pass:\n  - { path: /closed, respond: { status: 410, body: \"gone\\n\" } }\n",
    );
    let said = |url: &str, lines: &[&str]| {
        let done = explain(&scratch, &[url]);
        assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""), "{done:?}");
        for line in lines {
            assert!(done.stdout.contains(line), "{line}: {}", done.stdout);
        }
    };
    said(
        "https://h/u/bob/x?y=1",
        &[
            "  mapping     match ^/u/([a-z]+)/(.*)$ to balancer://shop (proxy_pass[0], scheme: https, timeout: 300s, max_body: 1048576)\n",
            "  captures    $1=bob\n              $2=x\n  query       name=bob&y=1\n",
            "gets /users/x\n",
        ],
    );
    said(
        "http://h/pages/x",
        &[
            "(proxy_pass[2], compress: text/* application/json from 1024 bytes, error_pages: 404 503)\n",
        ],
    );
    said(
        "http://h/web/%5Cin",
        &[
            "  answer      400 Bad Request: servers may read the path as one that another mapping guards (proxy_pass[4])\n",
        ],
    );
    said(
        "http://h/u/bob/x",
        &["  answer      404 Not Found: no mapping covers the path\n"],
    );
    said(
        "http://h/old/a?b",
        &[
            "  mapping     /old (proxy_pass[1])\n  path        /old/a\n  answer      301, Location: /new/a?b\n",
        ],
    );
    said(
        "http://h/closed",
        &[
            "  mapping     /closed (conf.d/a.yaml:2)\n",
            "  answer      410, 5 bytes of text/plain; charset=utf-8\n",
        ],
    );
    let report = as_json(&scratch, &["https://h/u/bob/x"]);
    assert_eq!(
        report["mapping"]["captures"],
        json!({ "$1": "bob", "$2": "x" })
    );
    assert_eq!(
        (&report["mapping"]["match"], &report["query"]),
        (&json!("^/u/([a-z]+)/(.*)$"), &json!("name=bob"))
    );
    let report = as_json(&scratch, &["http://h/old"]);
    assert_eq!(
        (&report["result"], &report["status"], &report["location"]),
        (&json!("redirected"), &json!(301), &json!("/new"))
    );
}

#[test]
fn a_request_without_a_mapping_is_explained() {
    let scratch = shop();
    for (target, status, reason) in [
        ("/shop/internal/x", 404, "an exclusion covers the path"),
        (
            "/shop/..;/shop/internal",
            404,
            "an exclusion covers the path",
        ),
        ("/other", 404, "no mapping covers the path"),
        ("/shop/%2e%2e%2fx", 400, ""),
    ] {
        let report = as_json(&scratch, &[&format!("http://shop.example.com{target}")]);
        assert_eq!(
            (&report["result"], &report["status"]),
            (&json!("refused"), &json!(status))
        );
        let said = report["reason"].as_str().unwrap();
        assert!(
            said.contains(reason) && !said.is_empty(),
            "{target}: {said}"
        );
    }
    let copy = ["-X", "COPY", "-H", "Destination: /shop/internal/x"];
    let url = ["http://shop.example.com/shop/x"];
    let report = as_json(&scratch, &[&copy[..], &url].concat());
    assert_eq!(report["status"], 403);
    let report = as_json(&scratch, &["http://elsewhere.example.com/shop"]);
    assert_eq!(report["reason"], "no mapping covers the path");
}

#[test]
fn what_a_mapping_does_with_slashes_and_destinations_is_told() {
    let scratch = Scratch::new("explain");
    let file = SHOP.replace(
        "\"balancer://shop/app\",",
        "\"balancer://shop/app\", encoded_slash: pass,",
    );
    scratch.write("ajpgate.yaml", &file);
    let url = "http://shop.example.com/shop/a%2Fb";
    let destination = "Destination: http://shop.example.com/shop/c%5Cd";
    let arguments = [url, "-X", "MOVE", "-H", destination];
    let done = explain(&scratch, &arguments);
    for line in [
        "mapping     /shop to balancer://shop/app (proxy_pass[0], encoded_slash: pass)",
        "path        /shop/a%2Fb, as Tomcat will see it",
        "gets /app/a%2Fb, Destination http://shop.example.com/app/c%5Cd",
    ] {
        assert!(done.stdout.contains(line), "{line}\n{}", done.stdout);
    }
    let report = as_json(&scratch, &arguments);
    assert_eq!(report["mapping"]["encoded_slash"], "pass");
    let sent = "http://shop.example.com/app/c%5Cd";
    assert_eq!(report["member"]["destination"], sent);
    // Exclusions hold in each way in which a server may read the slash.
    let url = "http://shop.example.com/shop/internal%2Fx";
    let report = as_json(&scratch, &[url]);
    assert_eq!(report["reason"], "an exclusion covers the path");
    let report = as_json(&shop(), &["http://shop.example.com/shop/a%2Fb"]);
    let reason = report["reason"].as_str().unwrap();
    assert!(reason.contains("`encoded_slash: pass`"), "{reason}");
}

#[test]
fn a_balancer_without_a_usable_member_is_explained() {
    let scratch = Scratch::new("explain");
    let file = SHOP.replace(", route: node1", ", route: node1, status: [stopped]");
    let file = file.replace("    members:", "    nofailover: true\n    members:");
    scratch.write("ajpgate.yaml", &file);
    let report = as_json(
        &scratch,
        &["http://shop.example.com/shop;jsessionid=A.node1"],
    );
    assert_eq!(
        (&report["result"], &report["status"]),
        (&json!("unserved"), &json!(503))
    );
    assert!(report["reason"].as_str().unwrap().contains("nofailover"));
}

/// Lists are read; whoever would have to be asked is named.
#[test]
fn members_of_lists_are_known_and_sources_that_are_not_asked_are_named() {
    let scratch = Scratch::new("explain-discover");
    scratch.write(
        "ajpgate.yaml",
        "listeners: [{ bind: \"127.0.0.1:0\" }]
balancers:
  shop:
    discover:
      - file: list.yaml
      - dns: \"ajp://tomcats.test:8009\"
      - kubernetes: { namespace: shop, service: tomcats, port: ajp }
proxy_pass: [{ path: /, to: \"balancer://shop/\" }]
",
    );
    scratch.write("list.yaml", "- { url: \"ajp://10.0.0.1\", route: n1 }\n");
    let request = ["/", "-H", "Cookie: JSESSIONID=A.n1"];
    let done = explain(&scratch, &request);
    let expected = "\
  session     A.n1, from the cookie JSESSIONID
  route       n1, which a member has
  member      ajp://10.0.0.1 (route n1): has the session's route; gets /
  then        no further try (maxattempts)
  not asked   dns ajp://tomcats.test:8009: only a running gateway knows its members
  not asked   kubernetes shop/tomcats:ajp: only a running gateway knows its members
";
    assert!(done.stdout.contains(expected), "{done:?}");
    let report = as_json(&scratch, &request);
    assert_eq!(report["member"]["url"], "ajp://10.0.0.1");
    let not_asked = json!(["dns ajp://tomcats.test:8009", "kubernetes shop/tomcats:ajp"]);
    assert_eq!(report["not_asked"], not_asked);
}

#[test]
fn an_invalid_request_is_wrong_usage() {
    let scratch = shop();
    for arguments in [
        &["ftp://shop.example.com/"][..],
        &["http:///shop"],
        &["/a b"],
        &["/", "-H", "no colon"],
        &["/", "-X", "NOT A METHOD"],
        &[],
    ] {
        let done = explain(&scratch, arguments);
        assert_eq!((done.code, done.stdout.as_str()), (Some(2), ""), "{done:?}");
        assert!(!done.stderr.is_empty());
    }
    scratch.write("ajpgate.yaml", "balancer: {}\n");
    let done = explain(&scratch, &["/"]);
    assert_eq!(done.code, Some(2));
    assert!(
        done.stderr.contains("did you mean `balancers`?"),
        "{done:?}"
    );
}

/// The gateway chooses the member that `explain` names, or answers with the status that it names.
#[test]
fn the_gateway_does_what_explain_says() {
    let cluster = Cluster::start("");
    for (target, cookie) in [
        ("/a;jsessionid=A.node2", ""),
        ("/a;jsessionid=A.node1/b", "JSESSIONID=B.node2"),
        ("/a?jsessionid=A.node2", "JSESSIONID=B.node1"),
        ("/a;jsessionid=A", "JSESSIONID=B.node2"),
        ("/a", "JSESSIONID=B.node9; JSESSIONID=C.node2"),
        ("/a", "JSESSIONID=\"C.node2\""),
        ("/a/%2e%2e/b", "JSESSIONID=x.y.node1"),
        ("/a%00b", ""),
        ("/a%2fb", ""),
    ] {
        let field = format!("Cookie: {cookie}");
        let report = as_json(&cluster.scratch, &[target, "-H", &field]);
        let answer = cluster.get(target, &format!("{field}\r\n"));
        match report["member"]["route"].as_str() {
            Some(route) => assert_eq!(answer.node(), route, "{target} {cookie}"),
            None => assert_eq!(report["status"], answer.status, "{target} {cookie}"),
        }
    }
    cluster.stop();
}

#[test]
fn a_file_is_named_that_would_be_opened() {
    let scratch = Scratch::new("explain-files");
    std::fs::create_dir(scratch.path().join("www")).unwrap();
    let file = "\
listeners: [{ bind: \"127.0.0.1:0\" }]
proxy_pass:
  - { path: /static, files: www }
  - { path: /static/b/index.html, exclude: true }
";
    scratch.write("ajpgate.yaml", file);
    let done = explain(
        &scratch,
        &["http://shop.example.com/static/a/../c/x.css;p?q"],
    );
    assert_eq!(done.code, Some(0), "{done:?}");
    let lines: Vec<&str> = done.stdout.lines().skip(1).collect();
    assert_eq!(
        lines,
        [
            "  mapping     /static to files of ./www (proxy_pass[0])",
            "  path        /static/c/x.css",
            "  file        c/x.css"
        ]
    );
    for (path, file) in [
        ("/static/", json!("index.html")),
        ("/static", json!(".")),
        ("/static/a/", json!("a/index.html")),
        ("/static/.hidden", Value::Null),
        ("/static/b/", Value::Null),
    ] {
        let shown = as_json(&scratch, &[&format!("http://shop.example.com{path}")]);
        assert_eq!(shown["file"], file, "{path}");
        let result = if file.is_null() { "refused" } else { "file" };
        assert_eq!(shown["result"], result, "{path}");
        assert_eq!(
            shown["mapping"],
            json!({ "index": 0, "path": "/static", "files": "./www" })
        );
    }
}

/// The mapping is named where access to it is refused, and the scheme of a URL has no case.
#[test]
fn the_mapping_that_lets_nobody_in_is_named() {
    let scratch = shop();
    let file = SHOP.replacen("hosts: [shop.example.com]", "allow: [10.0.0.0/8]", 1);
    scratch.write("ajpgate.yaml", &file);
    let url = "HTTP://h/shop/x";
    let done = explain(&scratch, &[url]);
    assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""), "{done:?}");
    for said in ["  mapping     /shop ", "  answer      403 Forbidden"] {
        assert!(done.stdout.contains(said), "{done:?}");
    }
    let report = as_json(&scratch, &[url]);
    assert_eq!(
        (&report["status"], &report["mapping"]["index"]),
        (&json!(403), &json!(0))
    );
}

/// What no command of FTP can carry is refused before a server is asked, and so it is explained.
#[test]
fn requests_that_no_ftp_server_is_asked_are_refused() {
    let scratch = Scratch::new("explain");
    scratch.write(
        "ajpgate.yaml",
        "listeners: [{ bind: \"127.0.0.1:0\" }]\nproxy_pass: [{ path: /ftp, to: \"ftp://10.0.0.14/pub/\" }]\n",
    );
    for (arguments, status) in [
        (&["http://h/ftp/a;type=z"][..], 400),
        (&["http://h/ftp/a", "-X", "PUT"], 405),
    ] {
        let report = as_json(&scratch, arguments);
        assert_eq!(
            (
                &report["result"],
                &report["status"],
                &report["mapping"]["index"]
            ),
            (&json!("refused"), &json!(status), &json!(0)),
            "{report}"
        );
    }
    let report = as_json(&scratch, &["http://h/ftp/a;type=i"]);
    assert_eq!(report["result"], "forwarded", "{report}");
}

/// Certificates, keys, users: none of them decides anything, and they may be on another machine.
#[test]
fn files_that_are_not_here_are_warnings() {
    let scratch = Scratch::new("explain-elsewhere");
    scratch.write(
        "ajpgate.yaml",
        "listeners:
  - { bind: \"127.0.0.1:0\", tls: { certificate: no.crt, private_key: no.key } }
balancers:
  shop:
    members:
      - { url: \"https://10.0.0.11:8443\", route: node1, tls: { ca: no.pem, certificate: no.crt, private_key: no.key } }
      - { url: \"ajp://10.0.0.12:8009\", route: node2 }
    discover: [{ file: list.yaml }]
proxy_pass:
  - path: /shop
    to: \"balancer://shop/app\"
    auth: { basic: { realm: Shop, users: no.htpasswd } }
  - path: /asked
    to: \"balancer://shop/app\"
    auth: { forward: { url: \"https://10.0.0.14/auth\", user: X-User, tls: { ca: no.pem } } }
  - { path: /plain, to: \"https://10.0.0.15/\", member: { tls: { ca: no.pem } } }
",
    );
    scratch.write(
        "list.yaml",
        "- { url: \"https://10.0.0.13\", route: node3, tls: { ca: no.pem } }\n",
    );
    let checked = run(&mut ajpgate(scratch.path(), &["check"]));
    assert_eq!(checked.code, Some(0), "{checked:?}");
    let url = "https://a/shop/x;jsessionid=A.node";
    let with_password = ["-H", "Authorization: Basic YTpi"];
    for (arguments, expected) in [
        (&["https://a/shop/x"][..], "401 Unauthorized"),
        (
            &[&format!("{url}1"), with_password[0], with_password[1]],
            "member      https://10.0.0.11:8443 (route node1): has the session's route; gets /app/x;jsessionid=A.node1",
        ),
        (
            &[&format!("{url}3"), with_password[0], with_password[1]],
            "member      https://10.0.0.13 (route node3): has the session's route; gets /app/x;jsessionid=A.node3",
        ),
        (&["https://a/asked/x"], "the server of `forward` is asked"),
        (&["https://a/plain/x"], "https://10.0.0.15"),
    ] {
        let done = explain(&scratch, arguments);
        assert_eq!(done.code, Some(0), "{done:?}");
        assert!(done.stdout.contains(expected), "{done:?}");
        for file in ["no.crt", "no.key", "no.pem", "no.htpasswd"] {
            assert!(done.stderr.contains(file), "{file}: {done:?}");
        }
        assert!(!done.stderr.contains(": error"), "{done:?}");
    }
}

#[test]
fn the_documented_example_can_be_asked_about() {
    let file = of_the_repository("config/examples/complete.yaml");
    let file = file.to_str().unwrap();
    let scratch = Scratch::new("explain-complete");
    let url = "https://shop.example.com/shop/x";
    let mut command = ajpgate(scratch.path(), &["explain", "-c", file, url]);
    for variable in ["AJP_SECRET", "FTP_PASSWORD", "ADMIN_PASSWORD"] {
        command.env(variable, "s3cret");
    }
    let done = run(&mut command);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.stdout.contains("to balancer://shop"), "{done:?}");
}
