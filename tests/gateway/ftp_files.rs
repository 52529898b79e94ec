//! Files and directories of FTP servers, as clients get them.

use serde_json::Value;

use crate::support::client::Answer;
use crate::support::ftp::{Action, FtpServer, Site, TransferEnd};
use crate::support::gateway::Running;

/// A gateway with `/files` mapped to this directory of the server, and these keys of the member.
fn gateway_for(server: &FtpServer, directory: &str, keys: &str) -> Running {
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

/// The links of a page, in order.
fn links(page: &Answer) -> Vec<&str> {
    let behind = page.text().split("href=\"").skip(1);
    behind.map(|rest| rest.split('"').next().unwrap()).collect()
}

/// Escapes all but letters, digits and `-._~`.
fn escaped(name: &[u8]) -> String {
    let byte = |byte: &u8| match byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
        true => char::from(*byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    name.iter().map(byte).collect()
}

#[tokio::test]
async fn a_file_comes_with_its_size_type_and_date() {
    let server = FtpServer::start(Site::new()).await;
    let gateway = gateway_for(&server, "/pub/", "");
    let answer = gateway.get("/files/data.bin", "").await;
    assert_eq!((answer.status, answer.body.len()), (200, 100_000));
    assert!(answer.complete && answer.body.iter().all(|byte| *byte == 7));
    let head = head(&gateway, "/files/data.bin").await;
    assert_eq!(head.status, 200);
    for (name, value) in [
        ("content-length", "100000"),
        ("content-type", "application/octet-stream"),
        ("last-modified", "Fri, 02 Jan 2026 03:04:05 GMT"),
        ("accept-ranges", "bytes"),
    ] {
        assert_eq!(answer.field(name), Some(value), "{answer:?}");
        assert_eq!(head.field(name), Some(value), "{head:?}");
    }
    gateway.quiet().await;
    assert_eq!(server.connections(), 1, "{:?}", server.commands());
    assert_eq!(server.commands_with("RETR"), ["RETR /pub/data.bin"]);
}

#[tokio::test]
async fn an_empty_file_has_length_0() {
    let server = FtpServer::start(Site::new()).await;
    let gateway = gateway_for(&server, "/", "");
    let answer = gateway.get("/files/empty", "").await;
    let length = answer.field("content-length");
    assert_eq!((answer.status, length), (200, Some("0")));
}

#[tokio::test]
async fn an_unusable_size_counts_as_none() {
    let server = FtpServer::start(Site::new()).await;
    let gateway = gateway_for(&server, "/", "");
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
        assert!(answer.complete, "{size}");
        assert_eq!(answer.field("content-length"), None, "{size}");
        let head = head(&gateway, "/files/hello.txt").await;
        assert_eq!(head.status, 200, "{size}");
    }
    gateway.quiet().await;
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn one_range_is_a_part_of_the_file() {
    let server = FtpServer::start(Site::new()).await;
    let gateway = gateway_for(&server, "/", "");
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
        let fields = format!("Range: {range}\r\n");
        let answer = gateway.get("/files/hello.txt", &fields).await;
        assert_eq!((answer.status, answer.text()), (status, text), "{range}");
        assert_eq!(answer.field("content-range"), content_range, "{range}");
        assert!(answer.complete);
    }
}

#[tokio::test]
async fn if_range_allows_a_part_only_for_the_date_of_the_file() {
    let server = FtpServer::start(Site::new()).await;
    let gateway = gateway_for(&server, "/", "");
    for (if_range, status) in [
        ("Fri, 02 Jan 2026 03:04:05 GMT", 206),
        ("Fri, 02 Jan 2026 03:04:06 GMT", 200),
        ("\"tag\"", 200),
    ] {
        let fields = format!("Range: bytes=1-\r\nIf-Range: {if_range}\r\n");
        let answer = gateway.get("/files/hello.txt", &fields).await;
        assert_eq!(answer.status, status, "{if_range}");
    }
}

#[tokio::test]
async fn a_server_that_ignores_rest_resets_the_client() {
    let server = FtpServer::start(Site::new().reply("REST", "350 from there")).await;
    let gateway = gateway_for(&server, "/", "");
    let mut client = gateway.client().await;
    client
        .send("GET /files/hello.txt HTTP/1.1\r\nHost: a\r\nRange: bytes=2-\r\n\r\n")
        .await;
    assert!(client.ended_by_reset().await);
}

#[tokio::test]
async fn a_server_that_refuses_rest_sends_the_whole_file() {
    let server = FtpServer::start(Site::new().reply("REST", "502 no")).await;
    let gateway = gateway_for(&server, "/", "");
    let answer = gateway.get("/files/hello.txt", "Range: bytes=2-\r\n").await;
    assert_eq!((answer.status, answer.text()), (200, "hello"));
}

#[tokio::test]
async fn a_file_that_was_not_modified_is_304() {
    let server = FtpServer::start(Site::new()).await;
    let gateway = gateway_for(&server, "/", "");
    for (fields, status) in [
        ("If-Modified-Since: Fri, 02 Jan 2026 03:04:05 GMT\r\n", 304),
        ("If-Modified-Since: Fri, 02 Jan 2026 03:04:04 GMT\r\n", 200),
        (
            "If-Modified-Since: Fri, 02 Jan 2026 03:04:05 GMT\r\nIf-None-Match: \"a\"\r\n",
            200,
        ),
    ] {
        let answer = gateway.get("/files/hello.txt", fields).await;
        assert_eq!(answer.status, status, "{fields}");
    }
}

/// Whatever bytes it has: the server's own.
#[tokio::test]
async fn each_name_in_a_listing_can_be_asked_for() {
    let names: [&[u8]; 12] = [
        b"a b",
        b"-rf",
        b"50%",
        b"#1",
        b"x;type=a",
        "\u{e4}\u{1f600}".as_bytes(),
        b"Gr\xfc\xdfe.txt",
        b"a\\b.txt",
        b"*?[x]",
        b"~root",
        b"a+b&c=d",
        b"\"q\"",
    ];
    for mlsd in ["", "500 what"] {
        let mut site = Site::new();
        if !mlsd.is_empty() {
            site = site.reply("MLSD", mlsd);
        }
        for name in names {
            site = site.file([b"/pub/dir/", name].concat(), name);
        }
        let server = FtpServer::start(site).await;
        let gateway = gateway_for(&server, "/pub", "");
        let page = gateway.get("/files/dir/", "").await;
        let mut expected: Vec<String> = names.iter().map(|name| escaped(name)).collect();
        expected.push("../".into());
        let mut links = links(&page);
        links.sort_unstable();
        expected.sort();
        assert_eq!(links, expected);
        for name in names {
            let target = format!("/files/dir/{}", escaped(name));
            let answer = gateway.get(&target, "").await;
            assert_eq!((answer.status, &*answer.body), (200, name), "{target}");
        }
        gateway.quiet().await;
        assert_eq!(server.connections(), 1);
    }
}

/// The mapping's own directory can have such a name too.
#[tokio::test]
async fn a_mapping_to_a_directory_whose_name_needs_escapes_is_mapped_back() {
    let site = Site::new().file(b"/gro\xdf \\x/sub dir/a", b"a");
    let server = FtpServer::start(site).await;
    let gateway = Running::start(&format!(
        "proxy_pass: [{{ path: \"/gro\u{df}e Dateien\", to: \"{}/gro%df%20%5Cx\" }}]\n",
        server.url()
    ));
    let front = "/gro%C3%9Fe%20Dateien";
    for (target, to) in [
        (front.to_owned(), format!("{front}/")),
        (format!("{front}/sub%20dir"), format!("{front}/sub%20dir/")),
    ] {
        let answer = gateway.get(&target, "").await;
        let location = answer.field("location");
        assert_eq!((answer.status, location), (301, Some(&*to)), "{target}");
    }
    let answer = gateway.get(&format!("{front}/sub%20dir/a"), "").await;
    assert_eq!(answer.text(), "a");
}

#[tokio::test]
async fn type_a_sends_the_bytes_of_the_server_unchanged() {
    let text = b"one\ntwo\r\nthree\rfour\n\r\n\xfc";
    let server = FtpServer::start(Site::new().file("/pub/a b", text)).await;
    let gateway = gateway_for(&server, "/pub", "");
    for (target, types) in [
        ("/files/a%20b;type=a", &["TYPE A"][..]),
        ("/files/a%20b;TYPE=A", &["TYPE A"]),
        ("/files/a%20b;type=i", &["TYPE A", "TYPE I"]),
        ("/files/a%20b", &["TYPE A", "TYPE I"]),
    ] {
        let answer = gateway.get(target, "").await;
        assert_eq!((answer.status, &*answer.body), (200, &text[..]), "{target}");
        let length = answer.field("content-length");
        assert_eq!(length.is_some(), types.len() == 2, "{target}");
        assert_eq!(server.commands_with("TYPE"), types, "{target}");
        gateway.quiet().await;
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn type_d_is_a_listing() {
    let server = FtpServer::start(Site::new().file("/pub/dir/x", b"x")).await;
    let gateway = gateway_for(&server, "/pub", "");
    for target in ["/files/dir/;type=d", "/files/dir/;type=D"] {
        let page = gateway.get(target, "").await;
        assert_eq!(links(&page), ["../", "x"], "{page:?}");
    }
}

#[tokio::test]
async fn an_encoded_semicolon_belongs_to_the_name() {
    let site = Site::new().file("/a;type=a", b"name");
    let server = FtpServer::start(site).await;
    let gateway = gateway_for(&server, "/", "");
    assert_eq!(gateway.get("/files/a%3Btype=a", "").await.text(), "name");
    assert_eq!(server.commands_with("TYPE"), ["TYPE I"]);
    assert_eq!(gateway.get("/files/a;type=a", "").await.status, 404);
}

/// Paths that could end a command, or lead out of the mapping.
#[tokio::test]
async fn paths_that_no_server_is_asked_for() {
    let server = FtpServer::start(Site::new()).await;
    let gateway = gateway_for(&server, "/pub/", "");
    for target in [
        "/files/a%00b",
        "/files/a%0d%0aDELE%20x",
        "/files/a%0Ab",
        "/files/a;type=%0d%0aDELE%20x",
        "/files/a;type=%00",
        "/files/a;type=",
        "/files/a;type=x",
        "/files/a;type=ad",
    ] {
        let status = gateway.get(target, "").await.status;
        assert_eq!(status, 400, "{target}");
    }
    for target in [
        "/files/a%2fb",
        "/files/..%2f..%2fhello.txt",
        "/files/..;/hello.txt",
        "/files/../hello.txt",
        "/files/%2e%2e/hello.txt",
        "/files/dir/../../hello.txt",
        "/files/%2e%2e;/hello.txt",
        "/files/%5c..%5chello.txt",
        "/files/..%5Chello.txt",
        "/files/a%5C..%5C..%5Chello.txt",
    ] {
        let status = gateway.get(target, "").await.status;
        assert!([400, 403, 404].contains(&status), "{target}: {status}");
    }
    assert_eq!(server.commands().concat(), [""; 0]);
}

#[tokio::test]
async fn a_directory_without_its_slash_is_redirected() {
    let site = Site::new().file("/pub/sub dir/x", b"x");
    let server = FtpServer::start(site).await;
    let gateway = gateway_for(&server, "/pub/", "");
    for (target, to) in [
        ("/files", "/files/"),
        ("/files/sub%20dir", "/files/sub%20dir/"),
        ("/files/sub%20dir?a=b", "/files/sub%20dir/?a=b"),
        ("/files/sub%20dir;type=d", "/files/sub%20dir/"),
        ("/files//x/..//sub%20dir", "/files/sub%20dir/"),
    ] {
        let answer = gateway.get(target, "").await;
        let location = answer.field("location");
        assert_eq!((answer.status, location), (301, Some(to)), "{target}");
    }
    gateway.quiet().await;
    assert_eq!(server.connections(), 1, "{:?}", server.commands());
}

#[tokio::test]
async fn a_directory_is_a_page_with_a_link_to_each_name_and_to_its_parent() {
    let site = Site::new()
        .file("/pub/sub dir/x", b"x")
        .file("/pub/<b>.txt", b"x");
    let server = FtpServer::start(site).await;
    let gateway = gateway_for(&server, "/pub/", "");
    let page = gateway.get("/files/", "").await;
    let content_type = page.field("content-type");
    assert_eq!(content_type, Some("text/html; charset=utf-8"));
    assert_eq!(links(&page), ["sub%20dir/", "%3Cb%3E.txt", "data.bin"]);
    assert!(page.text().contains("&#60;b&#62;.txt"));
    let page = gateway.get("/files/sub%20dir/", "").await;
    assert_eq!(links(&page), ["../", "x"]);
    assert_eq!(head(&gateway, "/files/").await.status, 200);
    for target in ["/files/gone/", "/files/gone"] {
        assert_eq!(gateway.get(target, "").await.status, 404, "{target}");
    }
    gateway.quiet().await;
    assert_eq!(server.connections(), 1, "{:?}", server.commands());
}

#[tokio::test]
async fn a_redirect_never_names_another_host() {
    let server = FtpServer::start(Site::new().file("/evil.example/x/y", b"")).await;
    let gateway = Running::start(&format!(
        "proxy_pass: [{{ path: /, to: \"{}\" }}]\n",
        server.url()
    ));
    let answer = gateway.get("//evil.example/x", "").await;
    let location = answer.field("location");
    assert_eq!((answer.status, location), (301, Some("/evil.example/x/")));
}

/// From MLSD, and from LIST where the server does not know that.
#[tokio::test]
async fn a_listing_as_json_has_name_type_size_and_date() {
    for site in [
        Site::new(),
        Site::new().reply("MLSD", "500 what"),
        Site::new().reply("MLSD", "502 no"),
    ] {
        let server = FtpServer::start(site).await;
        let gateway = gateway_for(&server, "/", "");
        for _ in 0..2 {
            let answer = gateway.get("/files/", "Accept: application/json\r\n").await;
            assert_eq!(answer.field("content-type"), Some("application/json"));
            let mut json: Value = serde_json::from_slice(&answer.body).unwrap();
            for entry in json["entries"].as_array_mut().unwrap() {
                let modified = entry.as_object_mut().unwrap().remove("modified").unwrap();
                // LIST has no time of day for a date of another year.
                let modified = modified.as_str().unwrap();
                assert!(modified.starts_with("2026-01-02T"), "{modified}");
            }
            let expected = serde_json::json!({ "entries": [
                { "name": "pub", "type": "directory", "size": null },
                { "name": "empty", "type": "file", "size": 0 },
                { "name": "hello.txt", "type": "file", "size": 5 },
            ] });
            assert_eq!(json, expected);
        }
        assert!(server.commands_with("MLSD").len() <= 2);
        gateway.quiet().await;
        assert_eq!(server.connections(), 1);
    }
}

/// Names that are not UTF-8, names with line ends, and names that lead elsewhere.
#[tokio::test]
async fn a_listing_is_utf8_and_its_links_do_not_leave_the_mapping() {
    let list = b"total 3\r\n\
        -rw-r--r-- 1 0 0 1 Jan 02  2026 caf\xe9\r\n\
        -rw-r--r-- 1 0 0 1 Jan 02  2026 two\nlines\r\n\
        -rw-r--r-- 1 0 0 1 Jan 02  2026  leading\r\n\
        drwxr-xr-x 1 0 0 1 Jan 02  2026 ..\r\n\
        -rw-r--r-- 1 0 0 1 Jan 02  2026 ../../etc/passwd\r\n\
        -rw-r--r-- 1 0 0 1 Jan 02  2026 ..\\..\\boot.ini\r\n\
        lrwxrwxrwx 1 0 0 1 Jan 02  2026 link -> /etc/passwd\r\n";
    let send = Action::Send(list.to_vec(), TransferEnd::Reply("250 done"));
    let site = Site::new().reply("MLSD", "500 what").on("LIST", send);
    let server = FtpServer::start(site).await;
    let gateway = gateway_for(&server, "/", "");
    let page = gateway.get("/files/", "").await;
    assert_eq!(links(&page), ["%20leading", "caf%E9", "link"]);
    assert!(page.text().contains("caf\u{fffd}"));
    let json = gateway.get("/files/", "Accept: application/json\r\n").await;
    let json: Value = serde_json::from_slice(&json.body).unwrap();
    let entries = json["entries"].as_array().unwrap().iter();
    let names: Vec<&str> = entries
        .map(|entry| entry["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, [" leading", "caf\u{fffd}", "link"]);
}

/// `passive: false`, with EPRT and with PORT.
#[tokio::test]
async fn in_active_mode_the_server_connects() {
    for site in [Site::new(), Site::new().reply("EPRT", "500 what")] {
        let server = FtpServer::start(site).await;
        let gateway = gateway_for(&server, "/", "passive: false");
        for _ in 0..2 {
            let answer = gateway.get("/files/pub/data.bin", "").await;
            assert_eq!((answer.status, answer.body.len()), (200, 100_000));
        }
        let page = gateway.get("/files/", "").await;
        assert_eq!(links(&page), ["pub/", "empty", "hello.txt"]);
        gateway.quiet().await;
        assert_eq!(server.connections(), 1);
        assert_eq!(server.commands_with("EPSV"), [""; 0]);
        let addresses = server.commands_with("PORT").len() + server.commands_with("EPRT").len();
        assert!(addresses >= 3, "{addresses}");
    }
}

#[tokio::test]
async fn in_active_mode_data_from_another_address_is_not_read() {
    let stranger = Action::Stranger(b"wrong");
    let server = FtpServer::with("EPRT", stranger).await;
    let gateway = gateway_for(&server, "/", "passive: false");
    for target in ["/files/hello.txt", "/files/hello.txt;type=a"] {
        assert_eq!(gateway.get(target, "").await.text(), "hello");
    }
}

#[tokio::test]
async fn paths_are_below_the_directory_of_the_login() {
    let site = Site::new().file("/home/me/a.txt", b"mine");
    let server = FtpServer::start(site.reply("PWD", "257 \"/home/me\" is home")).await;
    let gateway = gateway_for(&server, "/", "");
    assert_eq!(gateway.get("/files/a.txt", "").await.text(), "mine");
}

/// Such a server is sent relative paths, and after CWD they mean something else.
#[tokio::test]
async fn a_connection_without_pwd_is_not_used_again_after_cwd() {
    let site = Site::new()
        .file("/home/me/a.txt", b"mine")
        .file("/-a", b"dash")
        .reply("PWD", "500 what");
    let server = FtpServer::start(site).await;
    let gateway = gateway_for(&server, "/", "");
    for (target, text) in [
        ("/files/hello.txt", "hello"),
        ("/files/-a", "dash"),
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
    assert_eq!(server.commands_with("RETR ./-a"), ["RETR ./-a"]);
    for commands in server.commands() {
        let mut behind_cwd = commands.iter().skip_while(|line| !line.starts_with("CWD"));
        let file_asked = behind_cwd.any(|line| line.starts_with("SIZE"));
        assert!(!file_asked, "{commands:?}");
    }
}

#[tokio::test]
async fn a_client_that_leaves_stops_the_transfer() {
    let site = Site::new().file("/big", &vec![1; 64 << 20]);
    let server = FtpServer::start(site).await;
    let gateway = gateway_for(&server, "/", "");
    let mut client = gateway.client().await;
    client
        .send("GET /files/big HTTP/1.1\r\nHost: a\r\n\r\n")
        .await;
    client.head().await.unwrap();
    client.vanish();
    server.closed.opened(1).await;
    gateway.quiet().await;
    assert_eq!(gateway.get("/files/hello.txt", "").await.text(), "hello");
    assert_eq!(server.connections(), 2, "not used again");
}

/// A Windows server would read the backslash as a slash.
#[tokio::test]
async fn an_exclusion_holds_for_a_path_with_an_encoded_backslash() {
    let server = FtpServer::start(Site::new()).await;
    let gateway = Running::start(&format!(
        "proxy_pass:
- {{ path: /files/private, exclude: true }}
- {{ path: /files, to: \"{}\" }}
",
        server.url()
    ));
    for target in [
        "/files/private%5Chello.txt",
        "/files/x%5C..%5Cprivate/hello.txt",
        "/files/x/..%5Cprivate%5Chello.txt",
    ] {
        let status = gateway.get(target, "").await.status;
        assert!([400, 404].contains(&status), "{target}: {status}");
    }
    assert_eq!(server.commands().concat(), [""; 0]);
}
