//! `files`: a directory beside the Tomcats. Whatever is asked for, only files inside the directory come out.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::client::{self, Answer, Client};
use crate::support::gateway::{ConfigFile, Running, ask};
use crate::support::scratch::Scratch;
use crate::support::{h2, soon, until};

/// What every file inside the directory begins with.
const INSIDE: &str = "inside: ";

/// A directory `www` with links and odd names, and secrets beside it.
struct Site(Scratch);

impl Site {
    fn new() -> Self {
        let site = Self(Scratch::new("files"));
        for (name, rest) in [
            ("index.html", "index"),
            ("a.txt", "a"),
            ("folder/index.html", "index of folder"),
            ("folder/b.css", "b"),
            ("folder/deep/c.js", "c"),
            ("none/d.txt", "d"),
            ("a b.txt", "blank"),
            ("per%cent.txt", "per cent"),
            ("back\\slash.txt", "backslash"),
            ("semi;colon.txt", "semicolon"),
            ("quest?ion.txt", "question"),
            ("caf\u{e9}.txt", "utf-8"),
            ("UPPER.TXT", "upper"),
            ("...three", "dots"),
            (".hidden", "hidden"),
            (".git/config", "hidden"),
            ("folder/.env", "hidden"),
            ("private/p.txt", "private"),
        ] {
            site.0
                .write(&format!("www/{name}"), &format!("{INSIDE}{rest}"));
        }
        site.0.write("secret.txt", "secret");
        site.0.write("outside/secret.txt", "secret");
        site.0.write("www-secret/secret.txt", "secret");
        let latin1 = OsStr::from_bytes(b"caf\xe9.txt");
        fs::write(site.www().join(latin1), format!("{INSIDE}latin-1")).unwrap();
        let long = format!("{}.txt", "x".repeat(251));
        fs::write(site.www().join(long), format!("{INSIDE}long")).unwrap();
        for (name, to) in [
            ("link", "a.txt"),
            ("link-folder", "folder"),
            ("folder/link-up", "../a.txt"),
            ("out", "../secret.txt"),
            ("out-folder", "../outside"),
            ("out-root", "/"),
            ("out-etc", "/etc/passwd"),
            ("out-proc", "/proc/self/root"),
            ("out-and-back", "../www/a.txt"),
            ("loop", "loop"),
            ("dangling", "nowhere"),
        ] {
            symlink(to, site.www().join(name)).unwrap();
        }
        let fifo = std::process::Command::new("mkfifo")
            .arg(site.www().join("pipe"))
            .status();
        assert!(fifo.unwrap().success());
        site
    }

    fn www(&self) -> PathBuf {
        self.0.path().join("www")
    }

    /// The mapping of the directory to `/static`, with these keys.
    fn mapping(&self, keys: &str) -> String {
        mapping(&self.www(), keys)
    }

    fn start(&self, keys: &str) -> Running {
        Running::start(&format!("proxy_pass:\n{}", self.mapping(keys)))
    }
}

fn mapping(directory: &Path, keys: &str) -> String {
    format!(
        "  - {{ path: /static, files: \"{}\"{keys} }}\n",
        directory.display()
    )
}

async fn shown(gateway: &Running, target: &str) -> String {
    show(&gateway.get(target, "").await)
}

/// The status, and what a file inside says or where a redirect leads.
fn show(answer: &Answer) -> String {
    let body = String::from_utf8_lossy(&answer.body);
    let rest = match answer.field("location") {
        Some(location) => location.to_owned(),
        None => body.strip_prefix(INSIDE).unwrap_or_default().to_owned(),
    };
    format!("{} {rest}", answer.status).trim_end().to_owned()
}

#[tokio::test]
async fn files_of_a_directory_are_found_by_the_path_behind_the_mapping() {
    let site = Site::new();
    let gateway = site.start("");
    let long = format!("/static/{}.txt", "x".repeat(251));
    for (target, expected) in [
        ("/static/a.txt", "200 a"),
        ("/static/a.txt?v=1", "200 a"),
        ("/static/", "200 index"),
        ("/static", "308 /static/"),
        ("/static?a=b&c", "308 /static/?a=b&c"),
        ("/static/folder/b.css", "200 b"),
        ("/static/folder/deep/c.js", "200 c"),
        ("/static/folder/", "200 index of folder"),
        ("/static/folder", "308 /static/folder/"),
        ("/static/folder?x=%20", "308 /static/folder/?x=%20"),
        ("/static/none/", "404"),
        ("/static/none", "308 /static/none/"),
        ("/static/none/d.txt", "200 d"),
        ("/static/a%20b.txt", "200 blank"),
        ("/static/per%25cent.txt", "200 per cent"),
        ("/static/back%5Cslash.txt", "200 backslash"),
        ("/static/semi%3Bcolon.txt", "200 semicolon"),
        ("/static/quest%3Fion.txt", "200 question"),
        ("/static/caf%C3%A9.txt", "200 utf-8"),
        ("/static/caf%E9.txt", "200 latin-1"),
        ("/static/UPPER.TXT", "200 upper"),
        (&long, "200 long"),
        // A file system that tells small from large letters.
        ("/static/A.TXT", "404"),
        ("/STATIC/a.txt", "404"),
        // Parameters are cut, as Tomcat does: it writes them into links when there are no cookies.
        ("/static/a.txt;jsessionid=1.n1", "200 a"),
        ("/static;x/folder;y/b.css;z", "200 b"),
        // The path as it is decided on.
        ("/static/./a.txt", "200 a"),
        ("/static//a.txt", "200 a"),
        ("/static/folder/../a.txt", "200 a"),
        ("/static/%61.txt", "200 a"),
        ("//static/a.txt", "200 a"),
        // Links that stay inside.
        ("/static/link", "200 a"),
        ("/static/link-folder/b.css", "200 b"),
        ("/static/link-folder", "308 /static/link-folder/"),
        ("/static/folder/link-up", "200 a"),
        // A file is no folder.
        ("/static/a.txt/", "404"),
        ("/static/a.txt/index.html", "404"),
        ("/static/nowhere", "404"),
        ("/static/nowhere/", "404"),
        ("/statics", "404"),
        ("/", "404"),
    ] {
        assert_eq!(shown(&gateway, target).await, expected, "{target}");
    }
}

/// Ways to write `..`.
const DOTS: [&str; 18] = [
    "..",
    "%2e%2e",
    ".%2e",
    "%2E.",
    "..;",
    "..;x=1",
    "%2e%2e;a=b",
    "..%00",
    "%252e%252e",
    "%c0%ae%c0%ae",
    "..%c0%af",
    "..%ef%bc%8f",
    "%u002e%u002e",
    "..%01",
    "..%20",
    ".;./",
    "....",
    "..%09",
];

/// Ways to write `/`.
const SLASHES: [&str; 9] = ["/", "%2f", "%2F", "%5c", "\\", "//", "/./", "%252f", "/;/"];

/// Where a secret stands, from the directory above.
const SECRETS: [&str; 3] = ["secret.txt", "outside/secret.txt", "www-secret/secret.txt"];

const STARTS: [&str; 5] = [
    "/static/",
    "/static/folder/",
    "/static;x/",
    "/static/a.txt/",
    "/static/none/../",
];

/// Every way to write a path out of the directory.
fn climbing() -> Vec<String> {
    let mut paths = Vec::new();
    for start in STARTS {
        for dots in DOTS {
            for slash in SLASHES {
                let secret = SECRETS[paths.len() % SECRETS.len()];
                paths.push(format!("{start}{dots}{slash}{secret}"));
                paths.push(format!("{start}{dots}{slash}{dots}{slash}{secret}"));
            }
            let up = format!("{dots}/").repeat(12);
            paths.push(format!("{start}{up}etc/passwd"));
        }
    }
    paths
}

const BY_HAND: [&str; 62] = [
    "/static/.hidden",
    "/static/%2ehidden",
    "/static/%2Ehidden",
    "/static/./.hidden",
    "/static//.hidden",
    "/static/.hidden;x",
    "/static/.hidden/",
    "/static/.git",
    "/static/.git/",
    "/static/.git/config",
    "/static/%2egit/config",
    "/static/folder/.env",
    "/static/folder/%2eenv",
    "/static/folder/..%2f.hidden",
    "/static/link-folder/.env",
    "/static/...three",
    "/static/.",
    "/static/..",
    "/static/.;/.hidden",
    "/static/out",
    "/static/out/",
    "/static/out-folder",
    "/static/out-folder/",
    "/static/out-folder/secret.txt",
    "/static/out-root",
    "/static/out-root/etc/passwd",
    "/static/out-etc",
    "/static/out-proc/etc/passwd",
    "/static/out-and-back",
    "/static/folder/../out",
    "/static/link-folder/../out",
    "/static/loop",
    "/static/dangling",
    "/static/pipe",
    "/static/a.txt%00",
    "/static/a.txt%00.html",
    "/static/%00",
    "/static/a.txt%0a",
    "/static/a.txt%0d%0aX:1",
    "/static/a.txt%20",
    "/static/a.txt.",
    "/static/a.txt::$DATA",
    "/static/a.txt~",
    "/static/C:%5cwindows%5cwin.ini",
    "/static/%5c%5chost%5cshare",
    "/static/file:///etc/passwd",
    "/static//etc/passwd",
    "/static/%2fetc%2fpasswd",
    "/static/%2Fetc/passwd",
    "/static/proc/self/environ",
    "/static-secret/secret.txt",
    "/staticsecret/secret.txt",
    "/static%2f..%2fsecret.txt",
    "/static%00/a.txt",
    "/static/%",
    "/static/%2",
    "/static/%zz",
    "/static/~root/",
    "/static/*",
    "/static/?/../../secret.txt",
    "/static/folder%2f..%2f..%2fsecret.txt",
    "/static/index.html/../../secret.txt",
];

#[tokio::test]
async fn no_path_leads_out_of_the_directory_or_to_a_name_with_a_dot() {
    let site = Site::new();
    let pass = site
        .mapping(", encoded_slash: pass")
        .replace("/static", "/passes");
    let gateway = Running::start(&format!("proxy_pass:\n{}{pass}", site.mapping("")));
    let mut paths = climbing();
    paths.extend(BY_HAND.map(str::to_owned));
    let names = (0..=255_u8).map(|byte| format!("/static/%{byte:02x}"));
    paths.extend(names);
    for letters in [255, 256, 4095, 4096, 5000] {
        paths.push(format!("/static/{}", "y".repeat(letters)));
        paths.push(format!("/static/{}", "y/".repeat(letters / 2)));
    }
    assert!(paths.len() > 2000);
    let mut answered = 0;
    for path in &paths {
        for path in [path.clone(), path.replacen("/static", "/passes", 1)] {
            let answer = gateway.get(&path, "").await;
            let body = String::from_utf8_lossy(&answer.body).into_owned();
            // Only a few of these paths come to a file inside: the index, say.
            let is_good = match answer.status {
                200 => {
                    body == "inside: index"
                        || body == "inside: a"
                        || body.starts_with("inside: index of")
                }
                308 => answer.field("location").unwrap().starts_with('/'),
                400 | 404 => {
                    !body.contains("secret") && !body.contains("root:") && !body.contains("hidden")
                }
                _ => false,
            };
            assert!(is_good, "{path}: {} {body}", answer.status);
            answered += 1;
        }
    }
    assert!(answered > 4000);
    for path in BY_HAND {
        let answer = gateway.get(path, "").await;
        let is_index = ["/static/.", "/static/?", "/static/.;"]
            .iter()
            .any(|it| path.starts_with(it))
            && answer.body == b"inside: index";
        assert!(
            is_index || matches!(answer.status, 400 | 404),
            "{path}: {}",
            answer.status
        );
    }
}

#[tokio::test]
async fn an_exclusion_holds_for_files_whatever_the_spelling() {
    let site = Site::new();
    let gateway = Running::start(&format!(
        "proxy_pass:\n{}  - {{ path: /static/private, exclude: true }}\n  - {{ path: /static/folder/index.html, exclude: true }}\n",
        site.mapping("")
    ));
    for path in [
        "/static/private/p.txt",
        "/static/private",
        "/static/private/",
        "/static/private;x/p.txt",
        "/static/private/p.txt;x",
        "/static/%70rivate/p.txt",
        "/static//private/p.txt",
        "/static/./private/p.txt",
        "/static/folder/../private/p.txt",
        "/static/folder/..;/private/p.txt",
        "/static/x/..;y/private/p.txt",
        "/static/%2e/private/p.txt",
        "//static/private/p.txt",
        "/other/../static/private/p.txt",
        "/static;a=b/private/p.txt",
        "/static/private%2fp.txt",
        "/static/private%5cp.txt",
        // The index of a folder is that file.
        "/static/folder/",
        "/static/folder/index.html",
    ] {
        let answer = gateway.get(path, "").await;
        assert!(
            matches!(answer.status, 400 | 404),
            "{path}: {}",
            show(&answer)
        );
    }
    assert_eq!(shown(&gateway, "/static/folder/b.css").await, "200 b");
}

#[tokio::test]
async fn a_compressed_neighbour_is_kept_in_as_the_file_beside_it() {
    let site = packed();
    fs::write(site.www().join("only.css.br"), "brotli").unwrap();
    let gateway = Running::start(&format!(
        "proxy_pass:\n{}  - {{ path: /static/app.js, deny: [\"0.0.0.0/0\", \"::/0\"], files: {} }}\n  \
         - {{ match: \"^/static/only\\\\.css$\", exclude: true }}\n",
        site.mapping(""),
        site.www().join("folder").display()
    ));
    for (path, status) in [
        ("/static/app.js", 403),
        ("/static/app.js.gz", 404),
        ("/static/app.js.br", 404),
        ("/static/x/../app.js.%67z", 404),
        ("/static/app.js.gz;x", 404),
        ("/static/only.css", 404),
        ("/static/only.css.gz", 404),
        ("/static/only.css.br", 404),
        // Nobody is kept from this one.
        ("/static/index.html.gz", 200),
    ] {
        let answer = gateway.get(path, "").await;
        assert_eq!(answer.status, status, "{path}");
    }
}

#[tokio::test]
async fn no_redirect_of_a_folder_leads_to_another_host() {
    let site = Site::new();
    let directory = site.www();
    fs::create_dir_all(directory.join("evil.example")).unwrap();
    fs::create_dir_all(format!("{}/\\evil.example", directory.display())).unwrap();
    let gateway = Running::start(&format!(
        "proxy_pass:\n  - {{ path: /, files: \"{}\" }}\n",
        directory.display()
    ));
    for (target, expected) in [
        ("//evil.example", "308 /evil.example/"),
        ("///evil.example", "308 /evil.example/"),
        ("//evil.example/%2e%2e/folder", "308 /folder/"),
        ("/x/..//evil.example", "308 /evil.example/"),
        ("/.//evil.example", "308 /evil.example/"),
        ("/;//evil.example", "308 /evil.example/"),
        ("/%5Cevil.example", "308 /%5Cevil.example/"),
        ("/\\evil.example", "400"),
        ("/folder?//evil.example", "308 /folder/?//evil.example"),
        ("http://localhost/folder", "308 /folder/"),
    ] {
        assert_eq!(shown(&gateway, target).await, expected, "{target}");
    }
}

#[tokio::test]
async fn heads_say_what_a_file_is() {
    let site = Site::new();
    site.0.write("www/unknown.nobody-knows", INSIDE);
    site.0.write("www/empty.css", "");
    let gateway = site.start(", cache_control: \"max-age=86400\"");
    let mut client = gateway.client().await;
    let get = client.get("/static/folder/b.css", "").await;
    assert_eq!(get.status, 200);
    assert_eq!(get.field("content-type"), Some("text/css"));
    assert_eq!(get.field("content-length"), Some("9"));
    assert_eq!(get.field("accept-ranges"), Some("bytes"));
    assert_eq!(get.field("cache-control"), Some("max-age=86400"));
    assert_eq!(get.field("vary"), None);
    assert!(get.field("etag").unwrap().starts_with('"'));
    assert!(get.field("last-modified").unwrap().ends_with(" GMT"));
    client
        .send("HEAD /static/folder/b.css HTTP/1.1\r\nHost: a\r\n\r\n")
        .await;
    let head = client.try_answer("HEAD").await.unwrap();
    let named = |answer: &Answer| -> Vec<_> {
        let fields = answer.fields.iter().filter(|(name, _)| name != "Date");
        fields.cloned().collect()
    };
    assert_eq!(named(&head), named(&get));
    let unknown = client.get("/static/unknown.nobody-knows", "").await;
    assert_eq!(
        unknown.field("content-type"),
        Some("application/octet-stream")
    );
    let empty = client.get("/static/empty.css", "").await;
    assert_eq!(
        (empty.status, empty.field("content-length")),
        (200, Some("0"))
    );
    let redirect = client.get("/static/folder", "").await;
    assert_eq!(redirect.field("cache-control"), None);
}

#[tokio::test]
async fn other_methods_than_get_and_head_are_405() {
    let site = Site::new();
    let gateway = site.start("");
    for method in [
        "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "PROPFIND", "get",
    ] {
        for target in ["/static/a.txt", "/static/nowhere", "/static/", "/static"] {
            let mut client = gateway.client().await;
            client
                .send(format!(
                    "{method} {target} HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
                ))
                .await;
            let answer = client.try_answer(method).await.unwrap();
            assert_eq!(answer.status, 405, "{method} {target}");
            assert_eq!(
                answer.field("allow"),
                Some("GET, HEAD"),
                "{method} {target}"
            );
            // The body was read: the connection goes on.
            assert_eq!(show(&client.get("/static/a.txt", "").await), "200 a");
        }
    }
}

/// Fields with `TAG` and `DATE` in place of those of the file, and the status, Content-Range and body of the answer.
const CONDITIONS: &[(&str, u16, Option<&str>, &str)] = &[
    ("If-None-Match: TAG", 304, None, ""),
    ("If-None-Match: W/TAG", 304, None, ""),
    ("If-Modified-Since: DATE", 304, None, ""),
    ("If-None-Match: \"x\"", 200, None, "0123456789"),
    ("If-Match: TAG", 200, None, "0123456789"),
    ("If-Match: \"x\"", 412, None, "412 Precondition Failed\n"),
    (
        "If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT",
        412,
        None,
        "412 Precondition Failed\n",
    ),
    ("Range: bytes=2-4", 206, Some("bytes 2-4/10"), "234"),
    ("Range: bytes=-3", 206, Some("bytes 7-9/10"), "789"),
    ("Range: bytes=8-", 206, Some("bytes 8-9/10"), "89"),
    ("Range: bytes=0-0,5-6", 200, None, "0123456789"),
    (
        "Range: bytes=10-",
        416,
        Some("bytes */10"),
        "416 Range Not Satisfiable\n",
    ),
    (
        "Range: bytes=2-4\r\nIf-Range: TAG",
        206,
        Some("bytes 2-4/10"),
        "234",
    ),
    (
        "Range: bytes=2-4\r\nIf-Range: \"x\"",
        200,
        None,
        "0123456789",
    ),
];

#[tokio::test]
async fn conditions_and_ranges_are_answered_with_both_protocols() {
    let site = Site::new();
    site.0.write("www/ten.txt", "0123456789");
    let gateway = Running::start(&format!(
        "listeners: [{{ bind: \"127.0.0.1:0\", http2: true }}]\nproxy_pass:\n{}",
        site.mapping("")
    ));
    let first = gateway.get("/static/ten.txt", "").await;
    let tag = first.field("etag").unwrap();
    let date = first.field("last-modified").unwrap();
    for (fields, status, range, body) in CONDITIONS {
        let fields = fields.replace("TAG", tag).replace("DATE", date) + "\r\n";
        let one = gateway.get("/static/ten.txt", &fields).await;
        assert_eq!((one.status, one.text()), (*status, *body), "{fields}");
        assert_eq!(one.field("content-range"), *range, "{fields}");
        let mut all = h2::get("/static/ten.txt");
        let split = fields.lines().map(|line| line.split_once(": ").unwrap());
        all.extend(split.map(|(name, value)| (known(&name.to_ascii_lowercase()), value)));
        let mut client = h2::Http2::connect(gateway.front).await;
        let stream = client.open(&all, true).await;
        let two = client.answer(stream).await;
        assert_eq!((two.status, two.text()), (*status, *body), "{fields}");
        assert_eq!(two.field("content-range"), *range, "{fields}");
        if matches!(status, 200 | 206 | 304) {
            assert_eq!(one.field("etag"), Some(tag));
            assert_eq!(two.field("etag"), Some(tag));
        }
    }
}

fn known(name: &str) -> &'static str {
    let names = [
        "if-match",
        "if-none-match",
        "if-modified-since",
        "if-unmodified-since",
        "if-range",
        "range",
    ];
    names.into_iter().find(|known| *known == name).unwrap()
}

/// A site with compressed neighbours of `app.js`, `only.css` and the index.
fn packed() -> Site {
    let site = Site::new();
    site.0.write("www/app.js", "plain, and long enough");
    site.0.write("www/app.js.gz", "gzip");
    site.0.write("www/app.js.br", "brotli");
    site.0.write("www/only.css", "plain");
    site.0.write("www/only.css.gz", "gzip");
    site.0.write("www/index.html.gz", "gzip");
    fs::create_dir(site.www().join("a.txt.gz")).unwrap();
    symlink("../secret.txt", site.www().join("a.txt.br")).unwrap();
    site
}

#[tokio::test]
async fn a_compressed_neighbour_is_sent_to_who_takes_it() {
    let site = packed();
    let gateway = site.start("");
    for (target, accepted, coding, body) in [
        (
            "/static/app.js",
            "gzip, deflate, br, zstd",
            Some("br"),
            "brotli",
        ),
        ("/static/app.js", "gzip", Some("gzip"), "gzip"),
        ("/static/app.js", "br;q=0, gzip;q=0.1", Some("gzip"), "gzip"),
        ("/static/app.js", "identity", None, "plain, and long enough"),
        ("/static/app.js", "", None, "plain, and long enough"),
        ("/static/only.css", "br, gzip", Some("gzip"), "gzip"),
        ("/static/only.css", "br", None, "plain"),
        ("/static/", "gzip", Some("gzip"), "gzip"),
    ] {
        let answer = gateway
            .get(target, &format!("Accept-Encoding: {accepted}\r\n"))
            .await;
        assert_eq!(answer.text(), body, "{target} {accepted}");
        assert_eq!(
            answer.field("content-encoding"),
            coding,
            "{target} {accepted}"
        );
        assert_eq!(
            answer.field("vary"),
            Some("Accept-Encoding"),
            "{target} {accepted}"
        );
        assert_ne!(answer.field("content-type"), Some("application/gzip"));
    }
}

#[tokio::test]
async fn a_compressed_neighbour_is_a_version_of_its_own() {
    let site = packed();
    let gateway = site.start("");
    let plain = gateway.get("/static/app.js", "").await;
    let gzip = gateway
        .get("/static/app.js", "Accept-Encoding: gzip\r\n")
        .await;
    assert_eq!(plain.field("content-type"), gzip.field("content-type"));
    assert_ne!(plain.field("etag"), gzip.field("etag"));
    let tag = gzip.field("etag").unwrap();
    let fields = format!("Accept-Encoding: gzip\r\nIf-None-Match: {tag}\r\n");
    let unchanged = gateway.get("/static/app.js", &fields).await;
    assert_eq!(
        (unchanged.status, unchanged.field("vary")),
        (304, Some("Accept-Encoding"))
    );
    assert_eq!(
        gateway
            .get("/static/app.js", &format!("If-None-Match: {tag}\r\n"))
            .await
            .status,
        200
    );
    let part = gateway
        .get(
            "/static/app.js",
            "Accept-Encoding: gzip\r\nRange: bytes=1-2\r\n",
        )
        .await;
    assert_eq!((part.status, part.text()), (206, "zi"));
    assert_eq!(part.field("content-range"), Some("bytes 1-2/4"));
    // A neighbour that is no file inside the directory is none.
    let answer = gateway
        .get("/static/a.txt", "Accept-Encoding: br, gzip\r\n")
        .await;
    assert_eq!(
        (show(&answer), answer.field("vary")),
        ("200 a".to_owned(), None)
    );
    // Asked for by its own name, it is a file like others.
    let itself = gateway
        .get("/static/app.js.gz", "Accept-Encoding: gzip\r\n")
        .await;
    assert_eq!(
        (itself.text(), itself.field("content-encoding")),
        ("gzip", None)
    );
    assert_eq!(itself.field("content-type"), Some("application/gzip"));
}

/// Bytes that are the same nowhere.
fn large(bytes: usize) -> String {
    (0_u64..)
        .flat_map(|number| format!("{number:016x}\n").into_bytes())
        .take(bytes)
        .map(char::from)
        .collect()
}

#[tokio::test]
async fn large_files_arrive_whole_with_both_protocols() {
    let site = Site::new();
    let sizes = [8 * 1024, 8 * 1024 + 1, 64 * 1024, 64 * 1024 + 1, 3_000_001];
    for size in sizes {
        site.0.write(&format!("www/{size}"), &large(size));
    }
    let gateway = Running::start(&format!(
        "listeners: [{{ bind: \"127.0.0.1:0\", http2: true }}]\nproxy_pass:\n{}",
        site.mapping("")
    ));
    for size in sizes {
        let target = format!("/static/{size}");
        let expected = large(size);
        let one = gateway.get(&target, "").await;
        assert!(one.complete && one.text() == expected, "{size}");
        let part = gateway.get(&target, "Range: bytes=1000-8100\r\n").await;
        assert!(part.text() == &expected[1000..=8100], "{size}");
        let mut client = h2::Http2::connect(gateway.front).await;
        let stream = client.open(&h2::get(&target), true).await;
        client.window(0, 4_000_000).await;
        client.window(stream, 4_000_000).await;
        let two = client.answer(stream).await;
        assert!(two.text() == expected, "{size}");
    }
}

#[tokio::test]
async fn a_file_that_becomes_shorter_resets_its_client() {
    let site = Site::new();
    let path = site.0.write("www/large", &"x".repeat(40_000_000));
    let gateway = site.start("");
    let mut client = gateway.client().await;
    client
        .send("GET /static/large HTTP/1.1\r\nHost: a\r\n\r\n")
        .await;
    let (status, _, _) = client.head().await.unwrap();
    assert_eq!(status, 200);
    // The sockets hold a few megabytes; the rest is read when the client takes it.
    fs::OpenOptions::new()
        .write(true)
        .open(path)
        .unwrap()
        .set_len(30_000_000)
        .unwrap();
    assert!(client.ended_by_reset().await);
}

#[tokio::test]
async fn requests_for_files_are_counted_and_their_bodies_bounded() {
    let site = Site::new();
    let gateway = Running::start(&format!(
        "limits: {{ max_body: 10 }}\nproxy_pass:\n{}",
        site.mapping("")
    ));
    let mut client = gateway.client().await;
    for target in [
        "/static/a.txt",
        "/static/a.txt",
        "/static/nowhere",
        "/static/folder",
    ] {
        client.get(target, "").await;
    }
    client
        .send("GET /static/a.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab")
        .await;
    assert_eq!(show(&client.answer().await), "200 a");
    client
        .send("GET /static/a.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nabcdefghijk")
        .await;
    assert_eq!(client.answer().await.status, 413);
    for (code, count) in [("2xx", 3.0), ("3xx", 1.0), ("4xx", 2.0)] {
        let labels = [("code", code), ("balancer", ""), ("member", "")];
        gateway
            .metric_becomes("ajpgate_requests_total", &labels, count)
            .await;
    }
}

#[tokio::test]
async fn rules_and_limits_of_the_mapping_hold_for_all_that_the_directory_answers() {
    let site = Site::new();
    let gateway = Running::start(&format!(
        "limits: {{ max_body: 10 }}\n\
         response_headers: [{{ set: X-All, value: a }}]\n\
         proxy_pass:\n{}  - {{ path: /old, redirect: /new, response_headers: [{{ set: X-Own, value: o }}] }}\n  \
         - {{ path: /static/closed, files: \"{}\", deny: [\"0.0.0.0/0\"], response_headers: [{{ set: X-Own, value: o }}] }}\n",
        site.mapping(", max_body: 3, response_headers: [{ set: X-Own, value: o }]"),
        site.www().display(),
    ));
    for (target, more, status) in [
        ("/static/a.txt", "", 200),
        ("/static/nowhere", "", 404),
        ("/static/folder", "", 308),
        ("/static/a.txt", "Range: bytes=99-\r\n", 416),
        ("/static/a.txt", "If-Match: \"x\"\r\n", 412),
        ("/old/x", "", 308),
    ] {
        let answer = gateway.get(target, more).await;
        assert_eq!(answer.status, status, "{target}");
        assert_eq!(answer.all("x-all"), ["a"], "{target}");
        assert_eq!(answer.all("x-own"), ["o"], "{target}");
    }
    // What refuses the request before that is not the directory's answer.
    let answer = gateway.get("/static/closed/a.txt", "").await;
    assert_eq!(
        (answer.status, answer.field("x-own"), answer.field("x-all")),
        (403, None, Some("a"))
    );
    let mut client = gateway.client().await;
    client
        .send("GET /static/a.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabcd")
        .await;
    assert_eq!(client.answer().await.status, 413);
}

#[tokio::test]
async fn a_directory_counts_as_it_was_when_the_configuration_was_read() {
    let site = Site::new();
    let file = ConfigFile::new(
        "files-reload",
        &format!("proxy_pass:\n{}", site.mapping("")),
    );
    let gateway = Running::start_from(&file);
    let moved = site.0.path().join("moved");
    fs::rename(site.www(), &moved).unwrap();
    site.0.write("www/a.txt", "inside: new");
    assert_eq!(shown(&gateway, "/static/a.txt").await, "200 a");
    assert_eq!(
        ask(&gateway, "POST", "/api/v1/reload", "").await.status,
        200
    );
    assert_eq!(shown(&gateway, "/static/a.txt").await, "200 new");
    // A directory that is not there changes nothing.
    fs::remove_dir_all(site.www()).unwrap();
    let answer = ask(&gateway, "POST", "/api/v1/reload", "").await;
    assert!((400..600).contains(&answer.status), "{}", answer.status);
    assert!(answer.text().contains("www"), "{}", answer.text());
    assert_eq!(shown(&gateway, "/static/a.txt").await, "404");
    fs::rename(&moved, site.www()).unwrap();
    assert_eq!(
        ask(&gateway, "POST", "/api/v1/reload", "").await.status,
        200
    );
    assert_eq!(shown(&gateway, "/static/a.txt").await, "200 a");
}

/// A folder inside and a link that leads out change places while files below them are asked for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_race_leads_out_of_the_directory() {
    let site = Site::new();
    let www = site.www();
    site.0.write("www/turn/secret.txt", "inside: turn");
    symlink("../outside", www.join("turn-out")).unwrap();
    let gateway = site.start("");
    let ended = Arc::new(AtomicBool::new(false));
    let turning = std::thread::spawn({
        let ended = Arc::clone(&ended);
        move || {
            let turn = |from: &str, to: &str| fs::rename(www.join(from), www.join(to)).unwrap();
            while !ended.load(Ordering::Relaxed) {
                turn("turn", "turn-away");
                turn("turn-out", "turn");
                turn("turn", "turn-out");
                turn("turn-away", "turn");
            }
        }
    });
    let (mut inside, mut missing) = (0, 0);
    let mut client = gateway.client().await;
    let mut enough = async || {
        while inside < 200 || missing < 200 {
            let answer = client.get("/static/turn/secret.txt", "").await;
            match show(&answer).as_str() {
                "200 turn" => inside += 1,
                "404" => missing += 1,
                other => panic!("{other}"),
            }
        }
    };
    soon("both are seen", enough()).await;
    ended.store(true, Ordering::Relaxed);
    turning.join().unwrap();
}

/// A client that reads nothing holds a piece of its file, and no file is read ahead of it.
#[tokio::test]
async fn slow_clients_do_not_hold_up_others() {
    let site = Site::new();
    site.0.write("www/large", &"x".repeat(20_000_000));
    let gateway = site.start("");
    let mut slow = Vec::new();
    for _ in 0..50 {
        let mut client = Client::connect(gateway.front).await;
        client
            .send("GET /static/large HTTP/1.1\r\nHost: a\r\n\r\n")
            .await;
        slow.push(client);
    }
    for _ in 0..20 {
        assert_eq!(
            show(&client::get(gateway.front, "/static/a.txt", "").await),
            "200 a"
        );
    }
    for client in slow {
        client.vanish();
    }
    until("all requests are counted", async || {
        gateway
            .metric("ajpgate_requests_total", &[("code", "2xx")])
            .await
            >= 70.0
    })
    .await;
}
