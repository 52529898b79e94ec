//! Files of Debian's vsftpd, proftpd and pure-ftpd, through the gateway.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::support::ajpgate::Ajpgate;
use crate::support::client::Client;
use crate::support::ftp::{FtpServer, Kind, USER};
use crate::support::process::require;
use crate::support::usage::mib;
use crate::support::{noise, probe};
use serde_json::Value;

const LARGE: usize = 100 * 1000 * 1000;
const HUGE: u64 = 1 << 30;
/// Most memory that a transfer of 1 GiB may add to the gateway, in KiB.
const GROWTH: u64 = 8 * 1024;

/// Names with characters that mean something else in URLs, commands, shells and options, and one that is not UTF-8.
const NAMES: [&[u8]; 11] = [
    b"a b.txt",
    "\u{e4}\u{1f600}.txt".as_bytes(),
    b"Gr\xfc\xdfe.txt",
    b"a\\b.txt",
    b"50%.txt",
    b"#1.txt",
    b"x;type=a",
    b"-rf",
    b"*?[x]{y}",
    b"~root",
    b"\"<q>'&",
];

fn escaped(name: &[u8]) -> String {
    let byte = |byte: &u8| match byte.is_ascii_alphanumeric() {
        true => char::from(*byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    name.iter().map(byte).collect()
}

/// Files named by their size, a file with each name of [`NAMES`] that contains its name, and a directory.
fn furnish(root: &Path) {
    for size in [0, 1, 64 * 1024] {
        fs::write(root.join(format!("{size}.bin")), noise::bytes(7, size)).unwrap();
    }
    for name in NAMES {
        fs::write(root.join(OsStr::from_bytes(name)), name).unwrap();
    }
    fs::create_dir(root.join("sub dir")).unwrap();
    fs::write(root.join("sub dir/in.html"), "inside").unwrap();
    fs::write(root.join("two\nlines"), "is not listed").unwrap();
}

/// A gateway with the server at `/passive` and at `/active`.
async fn gateway_for(kind: Kind, server: &FtpServer, more: &str) -> Ajpgate {
    let (addr, login) = (server.addr(), kind.login());
    Ajpgate::start(&format!(
        "proxy_pass:
  - {{ path: /passive, to: \"ftp://{addr}/\", member: {{ {login}{more} }} }}
  - {{ path: /active, to: \"ftp://{addr}/\", member: {{ {login}passive: false }} }}
"
    ))
    .await
}

async fn get(gateway: &Ajpgate, target: &str) -> probe::Reply {
    probe::get(gateway.front(), target, &[]).await
}

/// The SHA-256 of the output of a command.
fn sha256(script: &str, argument: &str) -> String {
    require("curl", "curl");
    let output = Command::new("bash")
        .args(["-o", "pipefail", "-c", script, "bash", argument])
        .output()
        .unwrap();
    assert!(output.status.success(), "{script} {argument}: {output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.split(' ').next().unwrap().to_owned()
}

fn downloaded(gateway: &Ajpgate, target: &str) -> String {
    let url = format!("http://{}{target}", gateway.front());
    sha256("curl --silent --fail \"$1\" | sha256sum", &url)
}

fn on_disk(file: &Path) -> String {
    sha256("sha256sum <\"$1\"", file.to_str().unwrap())
}

async fn entries(gateway: &Ajpgate, target: &str) -> Vec<Value> {
    let json = [("Accept", "application/json")];
    let reply = probe::get(gateway.front(), target, &json).await;
    assert_eq!(reply.status, 200, "{target}: {}", reply.text());
    let listing: Value = serde_json::from_slice(&reply.body).unwrap();
    listing["entries"].as_array().unwrap().clone()
}

/// Files of several sizes come through whole.
async fn sizes(kind: Kind, gateway: &Ajpgate, mode: &str) {
    for size in [0, 1, 64 * 1024] {
        let reply = get(gateway, &format!("{mode}/{size}.bin")).await;
        assert_eq!(reply.status, 200, "{kind:?} {mode} {size}");
        assert_eq!(reply.header("content-length"), Some(&*size.to_string()));
        assert!(
            reply
                .header("last-modified")
                .is_some_and(|date| date.ends_with("GMT"))
        );
        assert!(
            reply.body == noise::bytes(7, size),
            "{kind:?} {mode} {size}"
        );
    }
}

/// Files with odd names come through; each file contains its name.
async fn names(kind: Kind, gateway: &Ajpgate, mode: &str) {
    for name in NAMES {
        let reply = get(gateway, &format!("{mode}/{}", escaped(name))).await;
        let shown = String::from_utf8_lossy(name);
        let (status, body) = match name.contains(&b'\\') && kind == Kind::PureFtpd {
            // Pure-FTPd lists such a file and refuses to send it.
            true => (403, &b"forbidden\n"[..]),
            false => (200, name),
        };
        assert_eq!(
            (reply.status, &*reply.body),
            (status, body),
            "{kind:?} {mode} {shown}"
        );
    }
}

/// A directory shows all its files, with type, size and time.
async fn directory(kind: Kind, gateway: &Ajpgate, mode: &str) {
    let seen = entries(gateway, &format!("{mode}/")).await;
    let mut names: Vec<&str> = seen
        .iter()
        .map(|entry| entry["name"].as_str().unwrap())
        .collect();
    let shown = NAMES.map(|name| String::from_utf8_lossy(name).into_owned());
    let mut expected: Vec<&str> = shown.iter().map(String::as_str).collect();
    expected.extend(["0.bin", "1.bin", "65536.bin", "sub dir", "upload"]);
    names.sort_unstable();
    expected.sort_unstable();
    assert_eq!(names, expected, "{kind:?} {mode}");
    let large = seen
        .iter()
        .find(|entry| entry["name"] == "65536.bin")
        .unwrap();
    assert_eq!(
        (&large["type"], &large["size"]),
        (&"file".into(), &65536.into())
    );
    assert!(
        large["modified"]
            .as_str()
            .is_some_and(|moment| moment.ends_with('Z'))
    );
}

/// Parts of a file come through.
async fn parts(gateway: &Ajpgate) {
    let part = probe::get(
        gateway.front(),
        "/passive/65536.bin",
        &[("Range", "bytes=60000-")],
    )
    .await;
    assert_eq!(
        (part.status, part.header("content-range")),
        (206, Some("bytes 60000-65535/65536"))
    );
    assert!(part.body == noise::bytes(7, 65536)[60000..]);
    let part = probe::get(
        gateway.front(),
        "/passive/65536.bin",
        &[("Range", "bytes=8-15")],
    )
    .await;
    assert!(part.status == 206 && part.body == noise::bytes(7, 16)[8..]);
}

/// Files of several sizes and names, parts of files and directories, in passive and in active mode.
async fn files_and_directories(kind: Kind) {
    let server = FtpServer::start(kind, furnish).await;
    let gateway = gateway_for(kind, &server, "").await;
    for mode in ["/passive", "/active"] {
        sizes(kind, &gateway, mode).await;
        names(kind, &gateway, mode).await;
        directory(kind, &gateway, mode).await;
    }
    parts(&gateway).await;
    let text = get(&gateway, "/passive/sub%20dir/in.html;type=a").await;
    assert_eq!((text.status, text.text()), (200, "inside".into()));
    assert_eq!(text.header("content-type"), Some("text/html"));
    let moved = get(&gateway, "/passive/sub%20dir").await;
    assert_eq!(
        (moved.status, moved.header("location")),
        (301, Some("/passive/sub%20dir/"))
    );
    for gone in [
        "/passive/gone",
        "/passive/gone/",
        "/passive/gone/x",
        "/active/gone",
    ] {
        assert_eq!(get(&gateway, gone).await.status, 404, "{kind:?} {gone}");
    }
    let head = probe::request(gateway.front(), "HEAD", "/passive/1.bin", &[], b"")
        .await
        .unwrap();
    assert_eq!(
        (head.status, head.header("content-length")),
        (200, Some("1"))
    );
}

#[tokio::test]
async fn files_and_directories_of_vsftpd_come_through() {
    files_and_directories(Kind::Vsftpd).await;
}

#[tokio::test]
async fn files_and_directories_of_proftpd_come_through() {
    files_and_directories(Kind::Proftpd).await;
}

#[tokio::test]
async fn files_and_directories_of_pure_ftpd_come_through() {
    files_and_directories(Kind::PureFtpd).await;
}

#[tokio::test]
async fn a_hundred_megabytes_come_through_unchanged() {
    for kind in Kind::PLAIN {
        let furnish = |root: &Path| fs::write(root.join("large"), noise::bytes(7, LARGE)).unwrap();
        let server = FtpServer::start(kind, furnish).await;
        let gateway = gateway_for(kind, &server, "").await;
        let expected = on_disk(&server.root().join("large"));
        for mode in ["/passive", "/active"] {
            let begun = Instant::now();
            assert_eq!(
                downloaded(&gateway, &format!("{mode}/large")),
                expected,
                "{kind:?} {mode}"
            );
            println!(
                "{kind:?} {mode}: {:.1?}, {}",
                begun.elapsed(),
                gateway.memory()
            );
        }
    }
}

#[tokio::test]
async fn a_gigabyte_comes_through_without_growth_of_memory() {
    let furnish = |root: &Path| {
        let file = root.join("huge");
        fs::write(&file, noise::bytes(7, 1_000_000)).unwrap();
        let file = fs::OpenOptions::new().write(true).open(file).unwrap();
        file.set_len(HUGE).unwrap();
        fs::write(root.join("small"), "small").unwrap();
    };
    let server = FtpServer::start(Kind::Vsftpd, furnish).await;
    let gateway = gateway_for(Kind::Vsftpd, &server, "").await;
    downloaded(&gateway, "/passive/small");
    let before = gateway.memory();
    println!("before: {before}");
    let begun = Instant::now();
    let seen = downloaded(&gateway, "/passive/huge");
    println!("after: {}, in {:.1?}", gateway.memory(), begun.elapsed());
    assert_eq!(seen, on_disk(&server.root().join("huge")));
    let growth = gateway.memory().risen_above(before.peak);
    println!("peak grew by {:.1} MiB", mib(growth));
    assert!(growth < GROWTH);
}

#[tokio::test]
async fn ten_thousand_names_are_listed() {
    for kind in Kind::PLAIN {
        let furnish = |root: &Path| {
            fs::create_dir(root.join("many")).unwrap();
            for number in 0..10_000 {
                fs::write(root.join(format!("many/file number {number:05}.txt")), "").unwrap();
            }
        };
        let server = FtpServer::start(kind, furnish).await;
        let gateway = gateway_for(kind, &server, "").await;
        let begun = Instant::now();
        let seen = entries(&gateway, "/passive/many/").await;
        println!("{kind:?}: {:.1?}, {}", begun.elapsed(), gateway.memory());
        assert_eq!(seen.len(), 10_000, "{kind:?}");
        assert_eq!(seen[9999]["name"], "file number 09999.txt");
    }
}

/// The data connection resumes the TLS session of the control connection, which vsftpd requires.
#[tokio::test]
async fn files_come_through_tls() {
    let server = FtpServer::start(Kind::VsftpdTls, furnish).await;
    let port = server.addr().port();
    let start = async |tls: &str| {
        Ajpgate::start(&format!(
            "proxy_pass: [{{ path: /, to: \"ftps://localhost:{port}/\", member: {{ tls: {{ {tls} }} }} }}]\n"
        ))
        .await
    };
    let gateway = start(&format!("ca: \"{}\"", server.authority().display())).await;
    for _ in 0..2 {
        for size in [0, 1, 64 * 1024] {
            let reply = get(&gateway, &format!("/{size}.bin")).await;
            assert!(
                reply.status == 200 && reply.body == noise::bytes(7, size),
                "{size}: {reply:?}"
            );
        }
        assert_eq!(entries(&gateway, "/").await.len(), NAMES.len() + 5);
    }
    assert_eq!(gateway.connections_given_up().await, 0);
    // No authority of the system has signed its certificate.
    let gateway = start("verify: full").await;
    assert_eq!(get(&gateway, "/1.bin").await.status, 503);
}

#[tokio::test]
async fn the_clients_login_reads_and_writes_what_the_server_allows() {
    for kind in [Kind::Proftpd, Kind::PureFtpd] {
        let server = FtpServer::start(kind, furnish).await;
        let gateway = Ajpgate::start(&format!(
            "proxy_pass: [{{ path: /, to: \"ftp://{}/\", member: {{ allow_write: true }} }}]\n",
            server.addr()
        ))
        .await;
        let asked = get(&gateway, "/1.bin").await;
        assert_eq!(asked.status, 401, "{kind:?}");
        assert!(
            asked
                .header("www-authenticate")
                .unwrap()
                .starts_with("Basic realm=\"ftp://")
        );
        let send = async |login: &str, method: &str, target: &str, body: &[u8]| {
            use base64::Engine as _;
            let login = base64::engine::general_purpose::STANDARD.encode(login);
            let login = format!("Basic {login}");
            let fields = [("Authorization", login.as_str())];
            probe::request(gateway.front(), method, target, &fields, body)
                .await
                .unwrap()
                .status
        };
        let (wrong, right) = (
            format!("{}:wrong", USER.0),
            format!("{}:{}", USER.0, USER.1),
        );
        assert_eq!(send(&wrong, "GET", "/1.bin", b"").await, 401, "{kind:?}");
        assert_eq!(send(&right, "GET", "/1.bin", b"").await, 200, "{kind:?}");
        let body = noise::bytes(7, 300_000);
        let file = "/upload/new%20%C3%A4";
        assert_eq!(send(&right, "PUT", file, &body).await, 201, "{kind:?}");
        assert!(fs::read(server.root().join("upload/new \u{e4}")).unwrap() == body);
        assert_eq!(send(&right, "PUT", file, b"shorter").await, 204, "{kind:?}");
        assert_eq!(
            fs::read(server.root().join("upload/new \u{e4}")).unwrap(),
            b"shorter"
        );
        assert_eq!(send(&right, "DELETE", file, b"").await, 204, "{kind:?}");
        assert_eq!(send(&right, "DELETE", file, b"").await, 404, "{kind:?}");
        let refused = send(&right, "PUT", "/not-mine", b"x").await;
        assert!([403, 404].contains(&refused), "{kind:?}: {refused}");
        assert!(
            fs::read_dir(server.root())
                .unwrap()
                .flatten()
                .all(|entry| { entry.file_name().as_bytes() != b"not-mine" })
        );
    }
}

#[tokio::test]
async fn a_server_that_is_killed_during_a_file_resets_the_client() {
    let furnish = |root: &Path| {
        let file = fs::File::create(root.join("huge")).unwrap();
        file.set_len(HUGE).unwrap();
    };
    let mut server = FtpServer::start(Kind::Vsftpd, furnish).await;
    let gateway = gateway_for(Kind::Vsftpd, &server, "timeout: 5s").await;
    let mut client = Client::connect(gateway.front()).await;
    client
        .send("GET /passive/huge HTTP/1.1\r\nHost: a\r\n\r\n")
        .await;
    let (status, ..) = client.head().await.unwrap();
    assert_eq!(status, 200);
    server.kill();
    assert!(client.ended_by_reset().await);
    gateway.quiet().await;
    assert_eq!(get(&gateway, "/passive/huge").await.status, 503);
}

/// The server has sent less than a quarter of a gigabyte.
#[tokio::test]
async fn a_client_that_leaves_stops_the_transfer() {
    let furnish = |root: &Path| {
        let file = fs::File::create(root.join("huge")).unwrap();
        file.set_len(HUGE).unwrap();
    };
    for kind in Kind::PLAIN {
        let server = FtpServer::start(kind, furnish).await;
        let gateway = gateway_for(kind, &server, "").await;
        let mut client = Client::connect(gateway.front()).await;
        client
            .send("GET /passive/huge HTTP/1.1\r\nHost: a\r\n\r\n")
            .await;
        client.head().await.unwrap();
        client.vanish();
        gateway.quiet().await;
        let moved = gateway
            .count("bytes_total", &[("direction", "from_backend")])
            .await;
        assert!(moved < HUGE / 4, "{kind:?}: {moved}");
    }
}
