//! `match` and redirects beside Debian's httpd: the same requests get the same answers, and each difference has its reason.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::support::ajpgate::Ajpgate;
use crate::support::client::get;
use crate::support::httpd::{Httpd, HttpdOptions};

/// An HTTP server that answers with the target that it was asked for.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    match stream.read_u8().await {
                        Ok(byte) => head.push(byte),
                        Err(_) => return,
                    }
                }
                let head = String::from_utf8_lossy(&head);
                let target = head.split(' ').nth(1).unwrap_or_default();
                let length = target.len();
                let answer = format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{target}"
                );
                let _ = stream.write_all(answer.as_bytes()).await;
            });
        }
    });
    address
}

/// The target that a backend got, or the status with the path of a redirect.
async fn seen(front: SocketAddr, target: &str) -> String {
    let answer = get(front, target, "").await;
    match (answer.status, answer.field("Location")) {
        (200, _) => answer.text().to_owned(),
        (status, Some(location)) => {
            // httpd writes whole URLs, which lead to the same place.
            let path = location
                .strip_prefix("http://localhost")
                .unwrap_or(location);
            let path = match path.strip_prefix(':').and_then(|rest| rest.split_once('/')) {
                Some((_, path)) => format!("/{path}"),
                None => path.to_owned(),
            };
            format!("{status} {path}")
        }
        (status, None) => status.to_string(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn matches_and_redirects_do_what_httpd_does() {
    let backend = echo().await;
    let httpd = HttpdOptions::new()
        .module("proxy")
        .module("proxy_http")
        .module("alias")
        .directives(&format!(
            "ProxyPassMatch \"\\.bak$\" !
ProxyPassMatch \"^/u/([a-z]+)/(.*)$\" \"http://{backend}/users/$2/$1\"
ProxyPassMatch \"\\.gif$\" \"http://{backend}/images\"
ProxyPassMatch \"^/host(/.*)$\" \"http://{backend}$1\"
ProxyPassMatch \"^/none/(a)?(b)$\" \"http://{backend}/x$1$2$5\"
ProxyPassMatch \"^/cost/(.*)$\" \"http://{backend}/\\$1/$1\"
Redirect 301 /old /new
Redirect 302 /away https://new.example.com/base
RedirectMatch 307 \"^/go/(.*)$\" \"/to/$1\"
RedirectMatch 302 \"^/fixed\" \"/one\""
        ));
    let httpd = Httpd::start(httpd).await;
    let ajpgate = Ajpgate::start(&format!(
        r#"proxy_pass:
  - {{ match: "\\.bak$", exclude: true }}
  - {{ match: "^/u/([a-z]+)/(.*)$", to: "http://{backend}/users/$2/$1" }}
  - {{ match: "\\.gif$", to: "http://{backend}/images" }}
  - {{ match: "^/host(/.*)$", to: "http://{backend}$1" }}
  - {{ match: "^/none/(a)?(b)$", to: "http://{backend}/x$1$2$5" }}
  - {{ match: "^/cost/(.*)$", to: "http://{backend}/\\$1/$1" }}
  - {{ path: /old, redirect: {{ to: /new, status: 301 }} }}
  - {{ path: /away, redirect: {{ to: "https://new.example.com/base", status: 302 }} }}
  - {{ match: "^/go/(.*)$", redirect: {{ to: "/to/$1", status: 307 }} }}
  - {{ match: "^/fixed", redirect: {{ to: /one, status: 302 }} }}
"#
    ))
    .await;
    for target in [
        "/u/bob/list/x",
        "/u/bob/list?a=1&b=%2F",
        "/u/bob/a%20b%3Fc%25",
        "/u/bob/x/../y",
        "/u/bob/%E9",
        "/u/Bob/x",
        "/u/bob/x.bak",
        "/a/b.gif",
        "/a/b.gif?x",
        "/host/a%20b",
        "/none/b",
        "/none/ab",
        "/cost/a",
        "/old",
        "/old/a%20b?c",
        "/away/x?y",
        "/go/a/b?c",
        "/fixed/x?y",
        "/other",
    ] {
        let (theirs, ours) = (
            seen(httpd.addr(), target).await,
            seen(ajpgate.front(), target).await,
        );
        assert_eq!(ours, theirs, "{target}");
    }
}
