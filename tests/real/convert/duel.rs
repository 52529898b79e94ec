//! One configuration: httpd with it, then ajpgate with what `convert` makes of it, on the same ports.

use std::path::Path;
use std::process::Command;

use crate::support::ajpgate::Ajpgate;
use crate::support::client::Client;
use crate::support::httpd::{Httpd, HttpdOptions};

use super::case::{Case, Reason, Request};
use super::meant::Row;
use super::places::Places;
use super::seen::{Difference, Seen, differences, lets_in, seen};

/// Modules beside the usual ones, as distributions load them.
const MODULES: [&str; 30] = [
    "access_compat",
    "alias",
    "allowmethods",
    "auth_basic",
    "authn_core",
    "authn_file",
    "authz_groupfile",
    "authz_host",
    "authz_user",
    "autoindex",
    "brotli",
    "cgi",
    "deflate",
    "dir",
    "expires",
    "filter",
    "jk",
    "macro",
    "mime",
    "negotiation",
    "proxy_wstunnel",
    "proxy_hcheck",
    "remoteip",
    "reqtimeout",
    "rewrite",
    "socache_shmcb",
    "ssl",
    "substitute",
    "unique_id",
    "vhost_alias",
];

/// The password of `ann` is `secret`.
const USERS: &str = "ann:$2y$05$PXlPd2P30wbIw2X7VwoqYOR1RJ2pUenBjoj3VXn5UrRD1sBuT7mY.\n";

/// Files that every server root has.
const FILES: [(&str, &str); 7] = [
    ("mime.types", "text/html html\ntext/css css\n"),
    ("users", USERS),
    ("htdocs/index.html", "the first page\n"),
    ("htdocs/static/site.css", "the style\n"),
    ("htdocs/shop/index.html", "a page of the shop\n"),
    ("errors/404.html", "not here\n"),
    ("errors/503.html", "come back later\n"),
];

/// What a configuration has shown.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// Requests, and how many of them a backend answered in httpd.
    pub(super) requests: usize,
    pub(super) served: usize,
    /// What is wrong; empty: nothing.
    pub(super) wrong: Vec<String>,
}

/// What `convert` has printed.
struct Printed {
    yaml: String,
    remarks: String,
}

/// Sends the requests of a configuration to both.
pub(super) async fn fight(case: &Case, places: &Places) -> Outcome {
    let mut outcome = Outcome {
        requests: case.requests.len(),
        ..Outcome::default()
    };
    let mut httpd = Httpd::start(options(case, places)).await;
    let root = httpd.path("");
    let mut by_httpd = Vec::new();
    for (number, request) in case.requests.iter().enumerate() {
        by_httpd.push(ask(request, number, places, &httpd.log()).await);
    }
    httpd.kill();
    let printed = match convert(case, &root) {
        Ok(printed) => printed,
        Err(why) => {
            outcome.wrong.push(format!("{}: {why}", case.name));
            return outcome;
        }
    };
    if let Err(why) = check(&printed.yaml, &root) {
        let Printed { yaml, remarks } = printed;
        let text = format!("=== {}\n{yaml}\n{remarks}\n{why}", case.name);
        outcome.wrong.push(text);
        return outcome;
    }
    let ajpgate = Ajpgate::start(&printed.yaml).await;
    for (number, (request, before)) in case.requests.iter().zip(&by_httpd).enumerate() {
        let after = ask(request, number, places, &ajpgate.log()).await;
        outcome.served += usize::from(before.contains_key(super::seen::REACHED));
        outcome
            .wrong
            .extend(complaint(request, before, &after, &printed.remarks));
    }
    if std::env::var_os("AJPGATE_CONVERT_ONLY").is_some() {
        println!("{}\n{}", printed.yaml, printed.remarks);
        for (request, before) in case.requests.iter().zip(&by_httpd) {
            println!("{}\n  {before:?}", request.text);
        }
    }
    if !outcome.wrong.is_empty() {
        let Printed { yaml, remarks } = printed;
        let text = format!("=== {}\n{yaml}\n{remarks}", case.name);
        outcome.wrong.insert(0, text);
    }
    outcome
}

fn options(case: &Case, places: &Places) -> HttpdOptions {
    let mut options = HttpdOptions::new().threads(8);
    for module in MODULES {
        options = options.module(module);
    }
    for (name, text) in FILES {
        options = options.file(name, text);
    }
    for (name, text) in &case.files {
        options = options.file(name, &places.fill(text));
    }
    for pair in case.arguments.chunks(2) {
        if let [_, name] = pair {
            options = options.directives(&format!("Define {name}"));
        }
    }
    options.directives("ServerName localhost:80\nJkLogFile mod_jk.log\nJkShmFile run/jk.shm\nInclude original.conf")
}

fn convert(case: &Case, root: &Path) -> Result<Printed, String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ajpgate"));
    command
        .args(["convert", "--httpd"])
        .arg(root.join("original.conf"));
    command.arg("--server-root").arg(root).args(&case.arguments);
    let done = command.output().expect("the program runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    match done.status.success() {
        true => Ok(Printed {
            yaml: text(done.stdout),
            remarks: text(done.stderr),
        }),
        false => Err(text(done.stderr)),
    }
}

/// Whether `check` accepts the YAML.
fn check(yaml: &str, root: &Path) -> Result<(), String> {
    let file = root.join("converted.yaml");
    std::fs::write(&file, yaml).expect("a file of the test");
    let mut command = Command::new(env!("CARGO_BIN_EXE_ajpgate"));
    let done = command.args(["check", "-c"]).arg(file).output();
    let done = done.expect("the program runs");
    match done.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned()),
    }
}

async fn ask(request: &Request, number: usize, places: &Places, log: &str) -> Seen {
    let front = places.front(request.second);
    let bytes = request.bytes(number, |value| places.fill(value));
    let answer = match request.secure {
        true => {
            let mut client = places.tls(&request.host).connect(front).await;
            client.send(&bytes).await;
            client.try_answer(&request.method).await
        }
        false => {
            let mut client = Client::connect(front).await;
            client.send(&bytes).await;
            client.try_answer(&request.method).await
        }
    };
    seen(&answer.unwrap_or_else(|| panic!("no answer to\n{bytes}\n{log}")))
}

/// What is wrong with the second answer; `None`: it is the same, or all that differs is explained.
fn complaint(request: &Request, httpd: &Seen, ajpgate: &Seen, remarks: &str) -> Option<String> {
    let mut found = differences(httpd, ajpgate);
    let always = |it: &Difference| {
        Row::ALWAYS
            .iter()
            .any(|row| row.allows(it, request, httpd, ajpgate))
    };
    found.retain(|it| !always(it));
    let mut text: String = found.iter().map(|it| format!("  {it}\n")).collect();
    if lets_in(httpd, ajpgate) {
        text.insert_str(0, "  it lets in whom httpd keeps out\n");
        return Some(format!("{}\n{text}", request.text));
    }
    let mut left = found.clone();
    for reason in &request.accepted {
        let before = left.len();
        match reason {
            Reason::Meant(row) => left.retain(|it| !row.allows(it, request, httpd, ajpgate)),
            Reason::Remark(words) if remarks.lines().any(|it| is_remark(it, words)) => left.clear(),
            Reason::Remark(words) => text += &format!("  no remark says: {words}\n"),
        }
        if left.len() == before {
            text += &format!("  {reason:?} explains nothing\n");
            return Some(format!("{}\n{text}", request.text));
        }
    }
    (!left.is_empty()).then(|| format!("{}\n{text}", request.text))
}

/// Whether a line of standard error is a remark, with its file and line, that has these words.
fn is_remark(line: &str, words: &str) -> bool {
    let place = line.split_once(": ").map_or("", |(place, _)| place);
    let number = place.rsplit_once(':').map_or("", |(_, number)| number);
    let is_number = !number.is_empty() && number.bytes().all(|it| it.is_ascii_digit());
    is_number && line.contains(words)
}
