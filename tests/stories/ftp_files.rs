//! Files and directories of FTP servers, as clients get them.

use serde_json::Value;

use crate::support::client::Answer;
use crate::support::ftp::{End, FtpServer, Say, Site};
use crate::support::gateway::Running;

/// A gateway with `/files` mapped to this directory of the server, and these keys of the member.
fn before(server: &FtpServer, directory: &str, keys: &str) -> Running {
    Running::start(&format!(
        "proxy_pass: [{{ path: /files, to: \"{}{directory}\", member: {{ {keys} }} }}]\n",
        server.url()
    ))
}

async fn head(gateway: &Running, target: &str) -> Answer {
    let mut client = gateway.client().await;
    client
        .send(format!("HEAD {target} HTTP/1.1\r\nHost: a\r\n\r\n"))
        .await;
    client.try_answer("HEAD").await.unwrap()
}

#[tokio::test]
async fn a_file_comes_with_what_is_known_of_it() {
    let server = FtpServer::start(Site::new()).await;
    let gateway = before(&server, "/pub/", "");
    let answer = gateway.get("/files/data.bin", "").await;
    assert_eq!((answer.status, answer.body.len()), (200, 100_000));
    assert!(answer.complete && answer.body.iter().all(|byte| *byte == 7));
    for (name, value) in [
        ("content-length", "100000"),
        ("content-type", "application/octet-stream"),
        ("last-modified", "Fri, 02 Jan 2026 03:04:05 GMT"),
        ("accept-ranges", "bytes"),
    ] {
        assert_eq!(answer.field(name), Some(value), "{answer:?}");
        let head = head(&gateway, "/files/data.bin").await;
        assert_eq!((head.status, head.field(name)), (200, Some(value)));
    }
    gateway.quiet().await;
    assert_eq!(server.connections(), 1, "{:?}", server.heard());
    assert_eq!(server.all("RETR"), ["RETR /pub/data.bin"]);
}

/// A file of no bytes, one whose size nobody knows, and one in two parts.
#[tokio::test]
async fn files_of_any_size_are_whole() {
    let server = FtpServer::start(Site::new()).await;
    let gateway = before(&server, "/", "");
    let empty = gateway.get("/files/empty", "").await;
    assert_eq!(
        (empty.status, empty.field("content-length")),
        (200, Some("0"))
    );
    for size in [
        "500 what",
        "213 x",
        "213 -1",
        "213 99999999999999999999",
        "213",
        "550 no",
    ] {
        server.become_(Site::new().reply("SIZE", size));
        let answer = gateway.get("/files/hello.txt", "").await;
        assert_eq!((answer.status, answer.text()), (200, "hello"), "{size}");
        assert!(
            answer.complete && answer.field("content-length").is_none(),
            "{size}"
        );
        assert_eq!(
            head(&gateway, "/files/hello.txt").await.status,
            200,
            "{size}"
        );
    }
    gateway.quiet().await;
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn parts_of_files() {
    let server = FtpServer::start(Site::new()).await;
    let gateway = before(&server, "/", "");
    let file = "/files/hello.txt";
    for (range, status, text, content_range) in [
        ("bytes=2-", 206, "llo", Some("bytes 2-4/5")),
        ("bytes=1-2", 206, "el", Some("bytes 1-2/5")),
        ("bytes=0-", 206, "hello", Some("bytes 0-4/5")),
        ("bytes=-2", 206, "lo", Some("bytes 3-4/5")),
        ("bytes=0-0,2-3", 200, "hello", None),
        (
            "bytes=5-",
            416,
            "range not satisfiable\n",
            Some("bytes */5"),
        ),
    ] {
        let answer = gateway.get(file, &format!("Range: {range}\r\n")).await;
        assert_eq!((answer.status, answer.text()), (status, text), "{range}");
        assert_eq!(answer.field("content-range"), content_range, "{range}");
        assert!(answer.complete);
    }
    for (if_range, status) in [
        ("Fri, 02 Jan 2026 03:04:05 GMT", 206),
        ("Fri, 02 Jan 2026 03:04:06 GMT", 200),
        ("\"tag\"", 200),
    ] {
        let fields = format!("Range: bytes=1-\r\nIf-Range: {if_range}\r\n");
        assert_eq!(
            gateway.get(file, &fields).await.status,
            status,
            "{if_range}"
        );
    }
    // A server that says so and begins at the beginning is found out.
    server.become_(Site::new().reply("REST", "350 from there"));
    let mut client = gateway.client().await;
    client
        .send(format!(
            "GET {file} HTTP/1.1\r\nHost: a\r\nRange: bytes=2-\r\n\r\n"
        ))
        .await;
    assert!(client.ended_by_reset().await);
    // A server that cannot begin elsewhere sends all of it.
    server.become_(Site::new().reply("REST", "502 no"));
    let answer = gateway.get(file, "Range: bytes=2-\r\n").await;
    assert_eq!((answer.status, answer.text()), (200, "hello"));
    let fields = "If-Modified-Since: Fri, 02 Jan 2026 03:04:05 GMT\r\n";
    assert_eq!(gateway.get(file, fields).await.status, 304);
}

/// `;type=`, an encoded `;`, and names that commands and URLs have other uses for.
#[tokio::test]
async fn names_and_types() {
    let names = [
        "a b",
        "-rf",
        "50%",
        "#1",
        "x;type=a",
        "\u{e4}\u{1f600}",
        "*?[x]",
        "~root",
        "a+b&c=d",
        "\"q\"",
        "a\\b.txt",
    ];
    let mut site = Site::new().file("/pub/dir/x", b"x");
    for name in names {
        site = site.file(&format!("/pub/{name}"), name.as_bytes());
    }
    let server = FtpServer::start(site).await;
    let gateway = before(&server, "/pub", "");
    let page = gateway.get("/files/", "").await;
    for name in names {
        let href: String = name
            .bytes()
            .map(
                |byte| match byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                    true => char::from(byte).to_string(),
                    false => format!("%{byte:02X}"),
                },
            )
            .collect();
        assert!(
            page.text().contains(&format!("href=\"{href}\"")),
            "{name}\n{}",
            page.text()
        );
        let answer = gateway.get(&format!("/files/{href}"), "").await;
        assert_eq!((answer.status, answer.text()), (200, name), "{name}");
    }
    let ascii = gateway.get("/files/a%20b;type=a", "").await;
    assert_eq!((ascii.status, ascii.text()), (200, "a b"));
    assert_eq!(ascii.field("content-length"), None);
    assert_eq!(server.all("TYPE"), ["TYPE I", "TYPE A"]);
    assert_eq!(gateway.get("/files/a%20b;type=i", "").await.text(), "a b");
    let listing = gateway.get("/files/dir/;type=d", "").await;
    assert!(listing.text().contains("href=\"x\""), "{listing:?}");
    gateway.quiet().await;
    assert_eq!(server.connections(), 1);
}

/// A name is bytes: what a listing links to is what the server is asked for.
#[tokio::test]
async fn a_listing_links_to_names_that_are_not_utf8() {
    let line = b"-rw-r--r-- 1 0 0 4 Jan 02  2026 Gr\xfc\xdfe.txt\r\n";
    let site = Site::new()
        .file("/pub/Gr\u{fc}\u{df}e.txt", b"Gru\xdf")
        .reply("MLSD", "500 what")
        .on("LIST", Say::Data(line.to_vec(), End::Reply("226 done")));
    let server = FtpServer::start(site).await;
    let gateway = before(&server, "/pub", "");
    let page = gateway.get("/files/", "").await;
    assert!(
        page.text().contains("href=\"Gr%FC%DFe.txt\""),
        "{}",
        page.text()
    );
    let answer = gateway.get("/files/Gr%FC%DFe.txt", "").await;
    assert_eq!((answer.status, &*answer.body), (200, &b"Gru\xdf"[..]));
    // The directory of a mapping that needs escapes, with its slash and without.
    let gateway = Running::start(&format!(
        "proxy_pass: [{{ path: \"/große Dateien\", to: \"{}/p%75b\" }}]\n",
        server.url()
    ));
    let front = "/gro%C3%9Fe%20Dateien";
    let answer = gateway.get(front, "").await;
    let location = answer.field("location").map(str::to_owned);
    assert_eq!((answer.status, location), (301, Some(format!("{front}/"))));
    let file = format!("{front}/Gr%FC%DFe.txt");
    assert_eq!(gateway.get(&file, "").await.status, 200);
}

/// What could end a command, or leave the mapping, is answered without a word to the server.
#[tokio::test]
async fn paths_that_no_server_is_asked_for() {
    let server = FtpServer::start(Site::new()).await;
    let gateway = before(&server, "/pub/", "");
    for target in [
        "/files/a%00b",
        "/files/a%0d%0aDELE%20x",
        "/files/a%0Ab",
        "/files/a;type=%0d%0aDELE%20x",
        "/files/a;type=%00",
        "/files/a;type=x",
        "/files/a;type=ad",
        "/files/a%2fb",
        "/files/..%2f..%2fhello.txt",
        "/files/..;/hello.txt",
        "/files/../hello.txt",
        "/files/%2e%2e/hello.txt",
        "/files/dir/../../hello.txt",
        "/files/%2e%2e;/hello.txt",
        "/files/%5c..%5chello.txt",
    ] {
        let status = gateway.get(target, "").await.status;
        assert!([400, 403, 404].contains(&status), "{target}: {status}");
        if target.contains("%0") || target.contains("type") {
            assert_eq!(status, 400, "{target}");
        }
    }
    assert_eq!(server.heard().concat(), Vec::<String>::new());
}

#[tokio::test]
async fn directories_with_and_without_their_slash() {
    let site = Site::new()
        .file("/pub/sub dir/x", b"x")
        .file("/pub/<b>.txt", b"x");
    let server = FtpServer::start(site).await;
    let gateway = before(&server, "/pub/", "");
    for (target, to) in [
        ("/files", "/files/"),
        ("/files/sub%20dir", "/files/sub%20dir/"),
        ("/files/sub%20dir?a=b", "/files/sub%20dir/?a=b"),
        ("/files/sub%20dir;type=d", "/files/sub%20dir/"),
        ("/files//x/..//sub%20dir", "/files/sub%20dir/"),
    ] {
        let answer = gateway.get(target, "").await;
        assert_eq!(
            (answer.status, answer.field("location")),
            (301, Some(to)),
            "{target}"
        );
    }
    let page = gateway.get("/files/", "").await;
    assert_eq!(page.field("content-type"), Some("text/html; charset=utf-8"));
    assert!(
        page.text().contains("<a href=\"sub%20dir/\">sub dir/</a>"),
        "{}",
        page.text()
    );
    assert!(page.text().contains("&#60;b&#62;.txt"));
    assert!(!page.text().contains("../"), "the way out is shown");
    assert!(
        gateway
            .get("/files/sub%20dir/", "")
            .await
            .text()
            .contains("href=\"../\"")
    );
    assert_eq!(gateway.get("/files/gone/", "").await.status, 404);
    assert_eq!(gateway.get("/files/gone", "").await.status, 404);
    assert_eq!(head(&gateway, "/files/").await.status, 200);
    gateway.quiet().await;
    assert_eq!(server.connections(), 1, "{:?}", server.heard());
}

/// A mapping of the server's root, and paths that look like hosts.
#[tokio::test]
async fn a_redirect_never_names_another_host() {
    let server = FtpServer::start(Site::new().file("/evil.example/x/y", b"")).await;
    let gateway = Running::start(&format!(
        "proxy_pass: [{{ path: /, to: \"{}\" }}]\n",
        server.url()
    ));
    let answer = gateway.get("//evil.example/x", "").await;
    assert_eq!(
        (answer.status, answer.field("location")),
        (301, Some("/evil.example/x/"))
    );
}

/// From MLSD, or from LIST where that is not known; whichever it is the same comes out.
#[tokio::test]
async fn listings_as_json() {
    let mut seen = Vec::new();
    for site in [
        Site::new(),
        Site::new().reply("MLSD", "500 what"),
        Site::new().reply("MLSD", "502 no"),
    ] {
        let server = FtpServer::start(site).await;
        let gateway = before(&server, "/", "");
        for _ in 0..2 {
            let answer = gateway.get("/files/", "Accept: application/json\r\n").await;
            assert_eq!(answer.field("content-type"), Some("application/json"));
            let json: Value = serde_json::from_slice(&answer.body).unwrap();
            let entry = |entry: &Value| {
                let modified = entry["modified"].as_str().unwrap();
                assert!(modified.starts_with("2026-01-02T"), "{entry}");
                (
                    entry["name"].clone(),
                    entry["type"].clone(),
                    entry["size"].clone(),
                )
            };
            let entries: Vec<_> = json["entries"]
                .as_array()
                .unwrap()
                .iter()
                .map(entry)
                .collect();
            seen.push(entries);
        }
        assert!(server.all("MLSD").len() <= 2);
        gateway.quiet().await;
        assert_eq!(server.connections(), 1);
    }
    let expected = [
        ("pub", "directory", Value::Null),
        ("empty", "file", 0.into()),
        ("hello.txt", "file", 5.into()),
    ];
    let expected = expected.map(|(name, kind, size)| (name.into(), kind.into(), size));
    assert!(seen.iter().all(|entries| *entries == expected), "{seen:?}");
}

/// Bytes that are not UTF-8, names with line ends, and lines that are none.
#[tokio::test]
async fn odd_listings_become_clean_ones() {
    let list = b"total 3\r\n\
        -rw-r--r-- 1 0 0 1 Jan 02  2026 caf\xe9\r\n\
        -rw-r--r-- 1 0 0 1 Jan 02  2026 two\nlines\r\n\
        -rw-r--r-- 1 0 0 1 Jan 02  2026  leading\r\n\
        drwxr-xr-x 1 0 0 1 Jan 02  2026 ..\r\n\
        -rw-r--r-- 1 0 0 1 Jan 02  2026 ../../etc/passwd\r\n\
        lrwxrwxrwx 1 0 0 1 Jan 02  2026 link -> /etc/passwd\r\n";
    let site = Site::new()
        .reply("MLSD", "500 what")
        .on("LIST", Say::Data(list.to_vec(), End::Reply("250 done")));
    let server = FtpServer::start(site).await;
    let gateway = before(&server, "/", "");
    let page = gateway.get("/files/", "").await;
    let links: Vec<&str> = page
        .text()
        .lines()
        .filter_map(|line| {
            let (_, rest) = line.split_once("href=\"")?;
            rest.split_once('"').map(|(link, _)| link)
        })
        .collect();
    assert_eq!(links, ["%20leading", "caf%E9", "link"], "{}", page.text());
    assert!(page.text().contains("caf\u{fffd}"));
}

/// `passive: false`: the server calls, with EPRT and with PORT.
#[tokio::test]
async fn active_mode() {
    for site in [Site::new(), Site::new().reply("EPRT", "500 what")] {
        let server = FtpServer::start(site).await;
        let gateway = before(&server, "/", "passive: false");
        for _ in 0..2 {
            let answer = gateway.get("/files/pub/data.bin", "").await;
            assert_eq!((answer.status, answer.body.len()), (200, 100_000));
        }
        assert!(
            gateway
                .get("/files/", "")
                .await
                .text()
                .contains("hello.txt")
        );
        gateway.quiet().await;
        assert_eq!((server.connections(), server.all("EPSV").len()), (1, 0));
        assert!(server.all("PORT").len() + server.all("EPRT").len() >= 3);
    }
}

/// The address of whoever calls is looked at.
#[tokio::test]
async fn nobody_but_the_server_brings_data() {
    let server = FtpServer::start(Site::new().on("EPRT", Say::Stranger(b"wrong"))).await;
    let gateway = before(&server, "/", "passive: false");
    for file in ["/files/hello.txt", "/files/hello.txt;type=a"] {
        assert_eq!(gateway.get(file, "").await.text(), "hello");
    }
}

/// A server whose logins begin elsewhere, and one that does not say where.
#[tokio::test]
async fn paths_are_below_the_home_of_the_login() {
    let site = Site::new().file("/home/me/a.txt", b"mine");
    let server = FtpServer::start(site.clone().reply("PWD", "257 \"/home/me\" is home")).await;
    let gateway = before(&server, "/", "");
    assert_eq!(gateway.get("/files/a.txt", "").await.text(), "mine");
    server.become_(site.file("/-a", b"dash").reply("PWD", "500 what"));
    let gateway = before(&server, "/", "");
    for (target, text) in [
        ("/files/hello.txt", "hello"),
        ("/files/home/me/a.txt", "mine"),
        ("/files/pub/", "data.bin"),
        ("/files/", "hello.txt"),
        ("/files/home", "moved"),
        ("/files/hello.txt", "hello"),
    ] {
        let answer = gateway.get(target, "").await;
        assert!(answer.text().contains(text), "{target}: {answer:?}");
        gateway.quiet().await;
    }
    // Where names are relative, nothing is asked after a CWD.
    for connection in server.heard() {
        let gone = connection.iter().position(|line| line.starts_with("CWD"));
        let behind = connection
            .iter()
            .skip(gone.map_or(connection.len(), |at| at + 1));
        assert!(
            behind.clone().all(|line| !line.starts_with("SIZE")),
            "{connection:?}"
        );
    }
}

/// A client that leaves stops the transfer.
#[tokio::test]
async fn a_client_that_leaves_stops_the_transfer() {
    let site = Site::new().file("/big", &vec![1; 64 << 20]);
    let server = FtpServer::start(site).await;
    let gateway = before(&server, "/", "");
    let mut client = gateway.client().await;
    client
        .send("GET /files/big HTTP/1.1\r\nHost: a\r\n\r\n")
        .await;
    client.head().await.unwrap();
    client.vanish();
    server.left.opened(1).await;
    gateway.quiet().await;
    assert_eq!(gateway.get("/files/hello.txt", "").await.text(), "hello");
    assert_eq!(
        server.connections(),
        2,
        "nothing of a broken transfer is used again"
    );
}
