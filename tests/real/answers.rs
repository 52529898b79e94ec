//! Header rules, error pages and compression beside those of Debian's httpd, with a real Tomcat, and in Chromium.

use std::net::SocketAddr;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::support::ajpgate::{Ajpgate, member};
use crate::support::chromium::Chromium;
use crate::support::client::{self, Answer, Client};
use crate::support::httpd::{Httpd, HttpdOptions};
use crate::support::tomcat::{Tomcat, TomcatOptions};

/// Fields of every answer of [`backend`].
const FIELDS: &str = "Set-Cookie: JSESSIONID=abc.n1; Path=/\r\nSet-Cookie: b=2\r\nSet-Cookie: odd $1 & \\ x\r\n\
                      ETag: \"x\"\r\nRetry-After: 7\r\nWWW-Authenticate: Basic realm=x\r\nX-Word: banana\r\n";

/// An HTTP server whose answers have the status and the media type in their path: `/404/text/html`.
async fn backend() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(answer(stream));
        }
    });
    address
}

async fn answer(mut stream: TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_buf(&mut head).await {
            Ok(1..) => {}
            _ => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let mut words = head.split(' ');
    let (method, path) = (words.next().unwrap(), words.next().unwrap());
    let (status, rest) = path.trim_start_matches('/').split_once('/').unwrap();
    let (media_type, coding) = rest.split_once('!').unwrap_or((rest, ""));
    let coding = match coding {
        "" => String::new(),
        coding => format!("Content-Encoding: {coding}\r\n"),
    };
    let body = match (method, status) {
        ("HEAD", _) | (_, "204") => String::new(),
        _ => "words of the backend, again and again. ".repeat(60),
    };
    let length = match status {
        "204" => String::new(),
        _ => format!("Content-Length: {}\r\n", body.len()),
    };
    let text = format!(
        "HTTP/1.1 {status} Status\r\nContent-Type: {media_type}\r\n{coding}{FIELDS}{length}Connection: close\r\n\r\n{body}"
    );
    let _ = stream.write_all(text.as_bytes()).await;
}

/// httpd with these lines of a location `/` in front of a backend.
async fn httpd(backend: SocketAddr, lines: &str) -> Httpd {
    let options = HttpdOptions::new()
        .module("alias")
        .module("filter")
        .module("deflate")
        .module("mime")
        .directives(&format!(
            "TypesConfig /etc/mime.types\nProxyPass /pages !\nProxyPass / http://{backend}/\n{lines}"
        ));
    Httpd::start(options).await
}

/// The gateway with these lines in front of the same backend.
async fn gateway(backend: SocketAddr, top: &str, mapping: &str) -> Ajpgate {
    Ajpgate::start(&format!(
        "{top}proxy_pass:\n  - path: /\n    to: \"http://{backend}/\"\n{mapping}"
    ))
    .await
}

async fn get(address: SocketAddr, target: &str, fields: &str) -> Answer {
    client::get(address, target, fields).await
}

#[tokio::test]
async fn fields_are_edited_as_httpd_edits_them() {
    let backend = backend().await;
    // What is matched, and the value. httpd reads two backslashes twice, so that nothing is left of them; here they are one.
    let rules = [
        ("^(.*)$", "$1; SameSite=Lax"),
        ("a", "[$0]"),
        ("(a)|(b)", "<$1-$2-$3>"),
        ("b", r"\$1& \x $ $x $9"),
        ("nothing", "x"),
        ("$", "!"),
        ("^", "!"),
        ("[aeiou]+", ""),
        ("(?i)SESSION", "s"),
        ("=(.)", "=$1$1$10"),
    ];
    for (pattern, value) in rules {
        let quoted = |text: &str| text.replace('\\', "\\\\");
        let lines = format!(
            "Header edit Set-Cookie \"{pattern}\" \"{0}\"\nHeader edit X-Word \"{pattern}\" \"{0}\"",
            quoted(value)
        );
        let httpd = httpd(backend, &lines).await;
        let rule =
            |name| format!("      - {{ edit: {name}, match: '{pattern}', value: '{value}' }}\n");
        let rules = format!(
            "    response_headers:\n{}{}",
            rule("Set-Cookie"),
            rule("X-Word")
        );
        let gateway = gateway(backend, "", &rules).await;
        let theirs = get(httpd.addr(), "/200/text/html", "").await;
        let ours = get(gateway.front(), "/200/text/html", "").await;
        for name in ["set-cookie", "x-word"] {
            assert_eq!(
                ours.all(name),
                theirs.all(name),
                "{name}: {pattern} {value}"
            );
        }
    }
}

#[tokio::test]
async fn pages_stand_in_as_httpds_do_and_a_session_is_not_lost() {
    let backend = backend().await;
    let lines = "ProxyErrorOverride On\nAlias /pages pages\nErrorDocument 404 /pages/404.html\n\
                 ErrorDocument 401 /pages/404.html\nErrorDocument 503 /pages/404.html\n\
                 <Location /pages>\nRequire all granted\n</Location>";
    let httpd = httpd(backend, lines).await;
    std::fs::create_dir(httpd.path("pages")).unwrap();
    std::fs::write(httpd.path("pages/404.html"), "a page").unwrap();
    let page = httpd.path("pages/404.html");
    let page = page.display();
    let top = format!(
        "error_pages: {{ 401: \"{page}\", 404: \"{page}\", 503: \"{page}\" }}\nerror_override: true\n"
    );
    let gateway = gateway(backend, &top, "").await;
    for status in [401, 404, 503] {
        let target = format!("/{status}/text/plain");
        let theirs = get(httpd.addr(), &target, "").await;
        let ours = get(gateway.front(), &target, "").await;
        assert_eq!((ours.status, ours.text()), (status, "a page"));
        assert_eq!((theirs.status, theirs.text()), (status, "a page"));
        // httpd's page has an ETag and a date of its own; ours is not to be cached.
        assert_eq!(ours.field("etag"), None);
        assert_eq!(ours.field("content-type"), Some("text/html; charset=utf-8"));
        assert_eq!(theirs.field("content-type"), Some("text/html"));
        // Here everything stays that is not about the body. httpd drops all but the challenge of a 401.
        assert_eq!(ours.field("www-authenticate"), Some("Basic realm=x"));
        let challenge = (status == 401).then_some("Basic realm=x");
        assert_eq!(theirs.field("www-authenticate"), challenge);
        assert_eq!(ours.all("set-cookie").len(), 3);
        assert_eq!(theirs.all("set-cookie").len(), 0);
    }
    for status in [200, 302] {
        let target = format!("/{status}/text/plain");
        let theirs = get(httpd.addr(), &target, "").await;
        let ours = get(gateway.front(), &target, "").await;
        assert_eq!((ours.status, &ours.body), (theirs.status, &theirs.body));
    }
}

#[tokio::test]
async fn what_is_compressed_is_what_mod_deflate_compresses() {
    let backend = backend().await;
    let httpd = httpd(
        backend,
        "AddOutputFilterByType DEFLATE text/html text/plain",
    )
    .await;
    let mapping = "    compress: { types: [text/html, text/plain], min: 0 }\n";
    let gateway = gateway(backend, "", mapping).await;
    // Errors are left out: AddOutputFilterByType compresses none of them, here they are answers like others.
    // `x-gzip` is left out: mod_deflate does not know it for gzip (RFC 9110 section 8.4.1.3 does).
    for (method, target, accepted) in [
        ("GET", "/200/text/html", "gzip"),
        ("GET", "/200/text/html", "deflate, gzip;q=0.5"),
        ("GET", "/200/text/html", "deflate"),
        ("GET", "/200/text/html", "gzip;q=0"),
        ("GET", "/200/text/html", ""),
        ("GET", "/200/text/plain", "gzip"),
        ("GET", "/200/image/png", "gzip"),
        ("GET", "/204/text/html", "gzip"),
        ("GET", "/200/text/html!br", "gzip"),
        ("GET", "/200/text/html!gzip", "gzip"),
        ("POST", "/200/text/html", "gzip"),
    ] {
        let mut found = Vec::new();
        for address in [httpd.addr(), gateway.front()] {
            let mut client = Client::connect(address).await;
            let accepted = match accepted {
                "" => String::new(),
                accepted => format!("Accept-Encoding: {accepted}\r\n"),
            };
            client
                .send(format!(
                    "{method} {target} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n{accepted}\r\n"
                ))
                .await;
            let answer = client.try_answer(method).await.unwrap();
            let coding = answer.field("content-encoding").map(str::to_owned);
            let varies = answer
                .field("vary")
                .is_some_and(|it| it.contains("Accept-Encoding"));
            found.push((answer.status, coding, varies));
        }
        let case = format!("{method} {target} {accepted}");
        let [theirs, ours] = found.as_slice() else {
            panic!("two answers")
        };
        assert_eq!((ours.0, &ours.1), (theirs.0, &theirs.1), "{case}");
        // Nobody would get another answer of one that has a coding already, so here caches are not told to tell clients apart.
        if !target.contains('!') && ours.0 != 204 {
            assert_eq!(ours.2, theirs.2, "{case}");
        }
    }
}

#[tokio::test]
async fn a_compressed_page_of_tomcat_is_not_sent_again() {
    let tomcat = Tomcat::start(TomcatOptions::new("node1")).await;
    let gateway = Ajpgate::start(&format!(
        "balancers: {{ b: {{ members: [{{ {} }}] }} }}\n\
         proxy_pass: [{{ path: /, to: \"balancer://b/\", compress: {{}} }}]\n",
        member(&tomcat)
    ))
    .await;
    let target = "/app/page.html";
    let first = get(gateway.front(), target, "Accept-Encoding: br\r\n").await;
    assert_eq!(
        (first.status, first.field("content-encoding")),
        (200, Some("br"))
    );
    let tag = first.field("etag").unwrap().to_owned();
    assert!(tag.starts_with("W/\""), "{tag}");
    let fields = format!("Accept-Encoding: br\r\nIf-None-Match: {tag}\r\n");
    let again = get(gateway.front(), target, &fields).await;
    assert_eq!((again.status, again.body.len()), (304, 0));
    // A range is of the page itself.
    let range = get(
        gateway.front(),
        target,
        "Accept-Encoding: br\r\nRange: bytes=0-14\r\n",
    )
    .await;
    assert_eq!((range.status, range.text()), (206, "<!doctype html>"));
    let plain = get(gateway.front(), target, "").await;
    assert!(plain.body.len() > 3 * first.body.len());
}

#[tokio::test]
async fn chromium_reads_each_coding() {
    let (tomcat, chromium) = tokio::join!(
        Tomcat::start(TomcatOptions::new("node1")),
        Chromium::start()
    );
    let gateway = Ajpgate::start(&format!(
        "balancers: {{ b: {{ members: [{{ {} }}] }} }}\n\
         proxy_pass: [{{ path: /, to: \"balancer://b/\", compress: {{}} }}]\n\
         access_log: {{ path: access.log, format: \"%U%q %{{Content-Encoding}}o %b\" }}\n",
        member(&tomcat)
    ))
    .await;
    chromium.devtools("Network.enable", json!({})).await;
    for coding in ["gzip", "br", "zstd"] {
        let fields = json!({ "headers": { "Accept-Encoding": coding } });
        chromium
            .devtools("Network.setExtraHTTPHeaders", fields)
            .await;
        let url = format!("http://{}/app/page.html?{coding}", gateway.front());
        chromium.open(&url).await;
        chromium.says("line 60 of a page that is long enough").await;
        let wanted = format!("/app/page.html?{coding} {coding} ");
        crate::support::eventually("the log has the page", async || {
            gateway
                .access_log()
                .iter()
                .any(|line| line.starts_with(&wanted))
        })
        .await;
    }
}
