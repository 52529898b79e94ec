//! `files` beside nginx and httpd, which serve the same directory: the same requests, the same answers. Where they differ,
//! [`DIFFERENCES`] says how, and why.

use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use crate::support::ajpgate::Ajpgate;
use crate::support::client;
use crate::support::httpd::{Httpd, HttpdOptions};
use crate::support::nginx::{Nginx, NginxOptions};
use crate::support::scratch::Scratch;

/// Where another server answers otherwise: the request, who, what it answers, and why the gateway does not.
const DIFFERENCES: &[(&str, &str, &str, &str)] = &[
    ("/static/folder", "nginx", "301 /static/folder/", PERMANENT),
    ("/static/folder", "httpd", "301 /static/folder/", PERMANENT),
    (
        "/static/folder?a=b",
        "nginx",
        "301 /static/folder/?a=b",
        PERMANENT,
    ),
    (
        "/static/folder?a=b",
        "httpd",
        "301 /static/folder/?a=b",
        PERMANENT,
    ),
    (
        "/static/none/",
        "nginx",
        "403",
        "a folder without an index is not there, as in httpd without mod_autoindex",
    ),
    (
        "/static/ten.txt If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT",
        "nginx",
        TEN,
        "the date may be later (RFC 9110 section 13.1.3)",
    ),
    (
        "/static/ten.txt If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT",
        "httpd",
        TEN,
        "the date may be later (RFC 9110 section 13.1.3)",
    ),
    (
        "/static/ten.txt Range: bytes=10-",
        "httpd",
        "416",
        "Content-Range says how long the file is (RFC 9110 section 15.5.17)",
    ),
    (
        "/static/ten.txt Range: bytes=-0",
        "httpd",
        TEN,
        "no bytes are no part (RFC 9110 section 14.1.2)",
    ),
    (
        "/static/ten.txt Range: bytes=4-2",
        "nginx",
        "416 bytes */10",
        INVALID,
    ),
    (
        "/static/ten.txt Range: bytes=a-b",
        "nginx",
        "416 bytes */10",
        INVALID,
    ),
    (
        "/static/ten.txt Range: bytes=0-0,5-6",
        "nginx",
        "206 multipart",
        SEVERAL,
    ),
    (
        "/static/ten.txt Range: bytes=0-0,5-6",
        "httpd",
        "206 multipart",
        SEVERAL,
    ),
    (
        "/static/packed.js",
        "httpd",
        "200 plain text/javascript bytes",
        NEIGHBOURS,
    ),
    (
        "/static/packed.js Accept-Encoding: gzip",
        "httpd",
        "200 plain text/javascript bytes",
        NEIGHBOURS,
    ),
    (
        "/static/packed.js Accept-Encoding: gzip",
        "nginx",
        "200 gzip text/javascript gzip Accept-Encoding",
        "a neighbour has ranges too",
    ),
    (
        "/static/packed.js Accept-Encoding: gzip;q=0",
        "httpd",
        "200 plain text/javascript bytes",
        NEIGHBOURS,
    ),
    (
        "/static/packed.js Accept-Encoding: identity",
        "httpd",
        "200 plain text/javascript bytes",
        NEIGHBOURS,
    ),
];

const TEN: &str = "200 0123456789 text/plain bytes";
const PERMANENT: &str = "308 is the default of every redirect";
const INVALID: &str = "what is no range is ignored (RFC 9110 section 14.2)";
const SEVERAL: &str = "several ranges get the whole file (RFC 9110 section 14.2 allows it)";
const NEIGHBOURS: &str = "httpd finds compressed neighbours with MultiViews only";

/// A request: target, and a field with `TAG` and `DATE` in place of what a server said before.
const REQUESTS: &[(&str, &str)] = &[
    ("/static/ten.txt", ""),
    ("/static/page.html", ""),
    ("/static/style.css", ""),
    ("/static/data.json", ""),
    ("/static/picture.png", ""),
    ("/static/icon.svg", ""),
    ("/static/font.woff2", ""),
    ("/static/empty.txt", ""),
    ("/static/", ""),
    ("/static/folder/", ""),
    ("/static/folder", ""),
    ("/static/folder?a=b", ""),
    ("/static/none/", ""),
    ("/static/nowhere", ""),
    ("/static/ten.txt/", ""),
    ("/static/ten.txt/more", ""),
    ("/static/a%20b.txt", ""),
    ("/static/caf%C3%A9.txt", ""),
    ("/static/caf%C3%A9.txt?query", ""),
    ("/static/link.txt", ""),
    ("/static/folder/../ten.txt", ""),
    ("/static/../secret.txt", ""),
    ("/static/%2e%2e/secret.txt", ""),
    ("/static/ten.txt", "If-None-Match: TAG"),
    ("/static/ten.txt", "If-None-Match: W/TAG"),
    ("/static/ten.txt", "If-None-Match: \"a\", TAG"),
    ("/static/ten.txt", "If-None-Match: *"),
    ("/static/ten.txt", "If-None-Match: \"a\""),
    ("/static/ten.txt", "If-Modified-Since: DATE"),
    (
        "/static/ten.txt",
        "If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT",
    ),
    (
        "/static/ten.txt",
        "If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT",
    ),
    ("/static/ten.txt", "If-Modified-Since: yesterday"),
    ("/static/ten.txt", "If-Match: TAG"),
    ("/static/ten.txt", "If-Match: W/TAG"),
    ("/static/ten.txt", "If-Match: *"),
    ("/static/ten.txt", "If-Match: \"a\""),
    ("/static/ten.txt", "If-Unmodified-Since: DATE"),
    (
        "/static/ten.txt",
        "If-Unmodified-Since: Sat, 01 Jan 2000 00:00:00 GMT",
    ),
    ("/static/ten.txt", "Range: bytes=0-0"),
    ("/static/ten.txt", "Range: bytes=2-4"),
    ("/static/ten.txt", "Range: bytes=7-"),
    ("/static/ten.txt", "Range: bytes=-3"),
    ("/static/ten.txt", "Range: bytes=-30"),
    ("/static/ten.txt", "Range: bytes=5-99"),
    ("/static/ten.txt", "Range: bytes=10-"),
    ("/static/ten.txt", "Range: bytes=-0"),
    ("/static/ten.txt", "Range: bytes=4-2"),
    ("/static/ten.txt", "Range: lines=1-2"),
    ("/static/ten.txt", "Range: bytes=a-b"),
    ("/static/ten.txt", "Range: bytes=0-0,5-6"),
    ("/static/empty.txt", "Range: bytes=0-"),
    ("/static/empty.txt", "Range: bytes=-1"),
    ("/static/ten.txt", "Range: bytes=2-4\r\nIf-Range: TAG"),
    ("/static/ten.txt", "Range: bytes=2-4\r\nIf-Range: W/TAG"),
    ("/static/ten.txt", "Range: bytes=2-4\r\nIf-Range: \"a\""),
    ("/static/ten.txt", "Range: bytes=2-4\r\nIf-Range: DATE"),
    (
        "/static/ten.txt",
        "Range: bytes=2-4\r\nIf-Range: Thu, 01 Jan 1970 00:00:00 GMT",
    ),
    ("/static/packed.js", ""),
    ("/static/packed.js", "Accept-Encoding: gzip"),
    ("/static/packed.js", "Accept-Encoding: gzip;q=0"),
    ("/static/packed.js", "Accept-Encoding: identity"),
];

/// A directory `www`, and a secret beside it. Its files were changed long ago: httpd does not trust the date of a file that
/// was changed within the last minute.
fn site() -> (Scratch, PathBuf) {
    let site = Scratch::new("files");
    for (name, text) in [
        ("ten.txt", "0123456789"),
        ("page.html", "<p>page"),
        ("style.css", "p {}"),
        ("data.json", "{}"),
        ("picture.png", "PNG"),
        ("icon.svg", "<svg/>"),
        ("font.woff2", "font"),
        ("empty.txt", ""),
        ("index.html", "index"),
        ("folder/index.html", "index of folder"),
        ("none/file.txt", "file"),
        ("a b.txt", "blank"),
        ("caf\u{e9}.txt", "coffee"),
        ("packed.js", "plain"),
        ("packed.js.gz", "gzip"),
    ] {
        let path = site.write(&format!("www/{name}"), text);
        let file = std::fs::File::options().write(true).open(path).unwrap();
        let day = std::time::Duration::from_secs(86_400);
        file.set_modified(std::time::SystemTime::now() - day)
            .unwrap();
    }
    site.write("secret.txt", "secret");
    let www = site.path().join("www");
    symlink("ten.txt", www.join("link.txt")).unwrap();
    (site, www)
}

#[tokio::test]
async fn files_are_answered_as_by_nginx_and_httpd() {
    let (_site, www) = site();
    let path = www.display();
    let nginx = NginxOptions::new("n").server(&format!(
        "types {{ text/plain txt; text/html html; text/css css; application/json json; image/png png; \
         image/svg+xml svg; font/woff2 woff2; text/javascript js; }}
         location /static/ {{ alias {path}/; gzip_static on; gzip_vary on; gzip_http_version 1.0; }}"
    ));
    let httpd = HttpdOptions::new()
        .module("alias")
        .module("dir")
        .module("mime")
        .directives(&format!(
            "TypesConfig /etc/mime.types
Alias /static {path}
<Directory {path}>
Require all granted
Options FollowSymLinks
</Directory>"
        ));
    let (nginx, httpd) = tokio::join!(Nginx::start(nginx), Httpd::start(httpd));
    let gateway = Ajpgate::start(&format!(
        "proxy_pass: [{{ path: /static, files: \"{path}\" }}]\n"
    ))
    .await;
    let mut found = Vec::new();
    for (target, fields) in REQUESTS {
        let ours = answer(gateway.front(), target, fields).await;
        for (who, addr) in [("nginx", nginx.addr()), ("httpd", httpd.addr())] {
            let theirs = answer(addr, target, fields).await;
            let request = format!("{target} {fields}");
            let known = DIFFERENCES
                .iter()
                .find(|(known, server, ..)| *known == request.trim_end() && *server == who);
            match known {
                Some((_, _, answer, _)) if *answer == theirs && theirs != ours => {}
                Some(_) => found.push(format!(
                    "{request}: {who} was to differ: {theirs}, ours {ours}"
                )),
                None if theirs == ours => {}
                None => found.push(format!("{request}: {who} {theirs}, ours {ours}")),
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Status, and what matters of the answer.
async fn answer(addr: SocketAddr, target: &str, fields: &str) -> String {
    let mut fields = fields.to_owned();
    if fields.contains("TAG") || fields.contains("DATE") {
        let first = client::get(addr, target, "").await;
        fields = fields.replace("TAG", first.field("etag").unwrap());
        fields = fields.replace("DATE", first.field("last-modified").unwrap());
    }
    if !fields.is_empty() {
        fields.push_str("\r\n");
    }
    let answer = client::get(addr, target, &fields).await;
    let mut shown = answer.status.to_string();
    let kind = answer.field("content-type").unwrap_or_default();
    if kind.starts_with("multipart/byteranges") {
        return shown + " multipart";
    }
    if matches!(answer.status, 200 | 206) {
        shown += &format!(" {}", answer.text());
        for name in ["content-type", "content-encoding", "accept-ranges"] {
            // With a part nginx does not say that there are parts.
            if let Some(value) = answer.field(name)
                && (name, answer.status) != ("accept-ranges", 206)
            {
                shown += &format!(" {value}");
            }
        }
        let validators = answer.field("etag").is_some() && answer.field("last-modified").is_some();
        shown += if validators {
            ""
        } else {
            " without validators"
        };
    }
    for name in ["content-range", "vary"] {
        if let Some(value) = answer.field(name) {
            shown += &format!(" {value}");
        }
    }
    if let Some(location) = answer.field("location") {
        let path = location.strip_prefix("http://").unwrap_or(location);
        let path = path.find('/').and_then(|at| path.get(at..));
        shown += &format!(" {}", path.unwrap_or_default());
    }
    shown
}
