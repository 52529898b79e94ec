//! A configuration of `testdata/convert/real` with the requests that are sent to it.
//!
//! Lines of the file that begin so are for the test, and are comments for httpd:
//!
//! ```text
//! #> GET shop.example.com/shop/x?a=1 | Cookie: JSESSIONID=1.n2 | X-Answer-Location: http://shop.example.com/shop/y
//! #~ meant mapped-back
//! #~ remark it has conditions
//! #! -D NAME
//! ```
//!
//! `#>` is a request: method, host (`localhost` where there is none) and target, then fields. `:2` behind the host is the second
//! port, `https://` before it speaks TLS. A body is as long as `Content-Length` says. `#~` belongs to the request before it and says why the answers may differ: by a
//! [row of those that are meant](super::meant::Row), or by a remark of `convert` with these words. `#!` are arguments for both
//! programs. In the files, and in the fields of requests, `@NAME@` stands for a port or an address; see [`super::places`].

use std::fs;
use std::path::{Path, PathBuf};

use super::meant::Row;

/// One configuration.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) name: String,
    /// Names of files below the server root and their texts: `original.conf`, and what stands in the folder of the case.
    pub(super) files: Vec<(String, String)>,
    pub(super) requests: Vec<Request>,
    /// Arguments for httpd and `convert`: `-D NAME`.
    pub(super) arguments: Vec<String>,
}

/// One request.
#[derive(Debug, Clone)]
pub(super) struct Request {
    /// The line of the file, to tell where it stands.
    pub(super) text: String,
    pub(super) method: String,
    pub(super) secure: bool,
    /// Whether it goes to the second port.
    pub(super) second: bool,
    pub(super) host: String,
    pub(super) target: String,
    pub(super) fields: Vec<(String, String)>,
    /// Why the answers may differ.
    pub(super) accepted: Vec<Reason>,
}

/// Why the answers to a request may differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reason {
    /// It is meant to be so.
    Meant(Row),
    /// `convert` has said so: a part of its remark.
    Remark(String),
}

/// The folder of the configurations, unless `AJPGATE_CONVERT_FOLDER` names another one.
fn folder() -> PathBuf {
    let own = std::env::var_os("AJPGATE_CONVERT_FOLDER").map(PathBuf::from);
    own.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/convert/real"))
}

/// All configurations, by name.
pub(super) fn all() -> Vec<Case> {
    let entries = fs::read_dir(folder()).expect("the folder of the configurations");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|it| it == "conf"));
    files.sort();
    files.iter().map(|file| Case::read(file)).collect()
}

impl Case {
    fn read(file: &Path) -> Self {
        let text = fs::read_to_string(file).unwrap();
        let mut case = Self {
            name: file.file_stem().unwrap().to_string_lossy().into_owned(),
            files: Vec::new(),
            requests: Vec::new(),
            arguments: Vec::new(),
        };
        for line in text.lines() {
            if let Some(request) = line.strip_prefix("#> ") {
                case.requests.push(Request::read(request));
            } else if let Some(reason) = line.strip_prefix("#~ ") {
                let last = case
                    .requests
                    .last_mut()
                    .expect("a request before its reason");
                last.accepted.push(Reason::read(reason));
            } else if let Some(arguments) = line.strip_prefix("#! ") {
                let words = arguments.split_whitespace();
                case.arguments.extend(words.map(str::to_owned));
            }
        }
        assert!(!case.requests.is_empty(), "{}: no requests", case.name);
        case.files.push(("original.conf".to_owned(), text));
        let beside = file.with_extension("");
        below(&beside, "", &mut case.files);
        case
    }
}

/// The files of a folder and its folders.
fn below(folder: &Path, name: &str, files: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        let own = path.file_name().unwrap().to_string_lossy().into_owned();
        let name = format!("{name}{own}");
        match path.is_dir() {
            true => below(&path, &format!("{name}/"), files),
            false => files.push((name, fs::read_to_string(&path).unwrap())),
        }
    }
}

impl Request {
    fn read(text: &str) -> Self {
        let mut parts = text.split(" | ");
        let first = parts.next().unwrap_or_default().trim();
        let (method, url) = first.split_once(' ').expect("a method and a url");
        let (secure, url) = match url.strip_prefix("https://") {
            Some(rest) => (true, rest),
            None => (false, url),
        };
        let (host, target) = match url.find('/') {
            Some(at) => url.split_at(at),
            None => (url, "/"),
        };
        let (host, second) = match host.strip_suffix(":2") {
            Some(host) => (host, true),
            None => (host, false),
        };
        let field = |part: &str| {
            let (name, value) = part.split_once(':').expect("a field with its value");
            (name.trim().to_owned(), value.trim().to_owned())
        };
        Self {
            text: text.to_owned(),
            method: method.to_owned(),
            secure,
            second,
            host: if host.is_empty() { "localhost" } else { host }.to_owned(),
            target: target.to_owned(),
            fields: parts.map(field).collect(),
            accepted: Vec::new(),
        }
    }

    /// The bytes of the request. `number` tells the nodes which one it is; `fill` replaces the names of places.
    pub(super) fn bytes(&self, number: usize, fill: impl Fn(&str) -> String) -> String {
        let fields: String = self
            .fields
            .iter()
            .map(|(name, value)| format!("{name}: {}\r\n", fill(value)))
            .collect();
        let host = match self.fields.iter().any(|(name, _)| name == "Host") {
            true => String::new(),
            false => format!("Host: {}\r\n", self.host),
        };
        let length = self
            .fields
            .iter()
            .find(|(name, _)| name == "Content-Length");
        // An upgrade has a `Connection` of its own.
        let closes = !self.fields.iter().any(|(name, _)| name == "Connection");
        let close = if closes { "Connection: close\r\n" } else { "" };
        let body = "x".repeat(length.map_or(0, |(_, value)| value.parse().unwrap()));
        format!(
            "{} {} HTTP/1.1\r\n{host}{}: {number}\r\n{fields}{close}\r\n{body}",
            self.method,
            self.target,
            super::nodes::NUMBER
        )
    }
}

impl Reason {
    fn read(text: &str) -> Self {
        match text.split_once(' ') {
            Some(("meant", row)) => Self::Meant(Row::named(row.trim())),
            Some(("remark", part)) => Self::Remark(part.trim().to_owned()),
            _ => panic!("`meant ROW` or `remark WORDS` is wanted: {text}"),
        }
    }
}
