//! The recipes of `docs/from-httpd.md`: httpd with the left half and the gateway with the right half, in front of the same
//! nodes, answer the requests of each recipe as the page says.

use crate::support::ajpgate::Ajpgate;
use crate::support::client::{Answer, Client};
use crate::support::httpd::{Httpd, HttpdOptions};
use crate::support::node::Node;
use crate::support::scratch::Scratch;
use std::net::SocketAddr;
use std::process::Command;

const PAGE: &str = include_str!("../../docs/from-httpd.md");

/// The Host of every request.
const HOST: &str = "shop.example.com";

/// What the recipes use beside the usual modules.
const MODULES: [&str; 10] = [
    "alias",
    "authn_core",
    "authn_file",
    "auth_basic",
    "authz_host",
    "authz_user",
    "deflate",
    "filter",
    "mime",
    "dir",
];

/// A section of the page.
struct Recipe {
    title: &'static str,
    httpd: &'static str,
    yaml: &'static str,
    /// Lines of the last block: a request and its answer.
    tried: Vec<&'static str>,
}

/// The block of a language in a section; empty where there is none.
fn block(section: &'static str, language: &str) -> &'static str {
    let fence = format!("```{language}\n");
    let behind = section.split_once(&*fence).map_or("", |(_, behind)| behind);
    behind.split_once("```").map_or("", |(block, _)| block)
}

/// The sections of the page: the first is what all recipes stand beside.
fn sections() -> (Recipe, Vec<Recipe>) {
    let recipe = |section: &'static str| Recipe {
        title: section.lines().next().unwrap_or_default(),
        httpd: block(section, "apache"),
        yaml: block(section, "yaml"),
        tried: block(section, "text").lines().collect(),
    };
    let mut sections = PAGE.split("\n## ").map(recipe);
    let first = sections.next().expect("the page has no beginning");
    (first, sections.collect())
}

/// The files that recipes name.
fn furnish() -> Scratch {
    let folder = Scratch::new("recipes");
    folder.write("static/site.css", "body { color: teal }\n");
    folder.write("secret", "nobody may read this\n");
    let page = "<title>the page that was not found</title>\n";
    folder.write("etc/errors/404.html", page);
    folder.folder("etc/conf.d");
    let users = folder.write("etc/users.htpasswd", "");
    let made = Command::new("htpasswd")
        .args(["-B", "-b"])
        .arg(users)
        .args(["ann", "s3cret"])
        .output()
        .expect("htpasswd, of the package apache2-utils, does not start");
    assert!(made.status.success(), "{made:?}");
    folder
}

/// A text of the page with the addresses and folders of this test.
fn local(text: &str, nodes: &[Node; 2], folder: &Scratch) -> String {
    let folder = folder.path();
    let [first, second] = nodes.each_ref().map(|node| node.ajp_addr().to_string());
    let lines = text.lines().filter(|line| !line.contains("VirtualHost"));
    let text: Vec<&str> = lines.collect();
    (text.join("\n") + "\n")
        .replace("10.0.0.11:8009", &first)
        .replace("10.0.0.12:8009", &second)
        .replace("bind: 0.0.0.0:", "bind: 127.0.0.1:0 # ")
        .replace("/var/www/static", &folder.join("static").to_string_lossy())
        .replace("/etc/ajpgate", &folder.join("etc").to_string_lossy())
}

/// A request of a recipe, with what is expected of its answer.
struct Tried<'a> {
    method: &'a str,
    target: &'a str,
    /// `[Name: value]` or `[body 7]`.
    extra: Option<&'a str>,
    status: u16,
    /// The status of httpd where it is another one, or where the rest of its answer is.
    httpd: Option<u16>,
    expected: Vec<&'a str>,
}

impl<'a> Tried<'a> {
    fn of(line: &'a str) -> Self {
        let (request, answer) = line.split_once(" -> ").expect(line);
        let (request, extra) = match request.split_once(" [") {
            Some((request, extra)) => (request, Some(extra.trim_end_matches(']'))),
            None => (request, None),
        };
        let (method, target) = request.split_once(' ').expect(line);
        let mut parts = answer.split(", ");
        let statuses = parts.next().unwrap();
        let (status, httpd) = match statuses.split_once(" (httpd: ") {
            Some((status, httpd)) => (status, Some(httpd.trim_end_matches(')'))),
            None => (statuses, None),
        };
        Self {
            method,
            target,
            extra,
            status: status.parse().expect(line),
            httpd: httpd.map(|httpd| httpd.parse().expect(line)),
            expected: parts.collect(),
        }
    }

    async fn send(&self, address: SocketAddr) -> Answer {
        let Self { method, target, .. } = self;
        let (mut fields, mut body) = (String::new(), String::new());
        match self.extra.map(|extra| (extra, extra.strip_prefix("body "))) {
            Some((_, Some(length))) => {
                body = "x".repeat(length.parse().unwrap());
                fields = format!("Content-Length: {length}\r\n");
            }
            Some((field, None)) => fields = format!("{field}\r\n"),
            None => {}
        }
        let head = format!("{method} {target} HTTP/1.1\r\nHost: {HOST}\r\n{fields}\r\n{body}");
        let mut client = Client::connect(address).await;
        client.send(head).await;
        client.try_answer(method).await.expect("no answer")
    }

    /// What of the answer is not as the page says; empty when all is.
    fn differs(&self, answer: &Answer, is_httpd: bool) -> Vec<String> {
        let mut found = Vec::new();
        if let Some(status) = self.httpd.filter(|_| is_httpd) {
            if answer.status != status {
                found.push(format!("status {}", answer.status));
            }
            return found;
        }
        if answer.status != self.status {
            found.push(format!("status {}", answer.status));
        }
        for expected in &self.expected {
            if let Some(text) = expected.strip_prefix('"') {
                let text = text.trim_end_matches('"').to_lowercase();
                let body = String::from_utf8_lossy(&answer.body).to_lowercase();
                if !body.contains(&text) {
                    found.push(format!("body {body:?}"));
                }
                continue;
            }
            let (name, wanted) = expected.split_once(": ").expect(expected);
            let value = answer.field(name).unwrap_or("-");
            // httpd writes whole URLs, with its port.
            let own = value.strip_prefix(&*format!("http://{HOST}"));
            let path = own.and_then(|rest| rest.find('/').and_then(|at| rest.get(at..)));
            let value = path.unwrap_or(value);
            if !fits(wanted, value) {
                found.push(format!("{name}: {value}"));
            }
        }
        found
    }
}

/// Whether a value is the wanted one, which may begin or end with `*` for any text.
fn fits(wanted: &str, value: &str) -> bool {
    match (wanted.strip_prefix('*'), wanted.strip_suffix('*')) {
        (Some(end), _) => value.ends_with(end),
        (None, Some(start)) => value.starts_with(start),
        (None, None) => wanted == value,
    }
}

#[tokio::test]
async fn each_recipe_does_the_same_in_httpd_and_here() {
    let nodes = [Node::start("node1").await, Node::start("node2").await];
    let folder = furnish();
    let (beside, recipes) = sections();
    assert!(recipes.len() >= 12, "{} recipes", recipes.len());
    let mut wrong = Vec::new();
    for recipe in &recipes {
        let types = "TypesConfig /dev/null\nAddType text/css .css\n";
        let lines = [types, beside.httpd, recipe.httpd].concat();
        let options = MODULES
            .iter()
            .fold(HttpdOptions::new(), |it, module| it.module(module));
        let options = options.directives(&local(&lines, &nodes, &folder));
        let httpd = Httpd::start(options).await;
        let yaml = local(&[beside.yaml, recipe.yaml].concat(), &nodes, &folder);
        let gateway = Ajpgate::start(&yaml).await;
        assert!(
            !recipe.tried.is_empty(),
            "{}: nothing is tried",
            recipe.title
        );
        for line in &recipe.tried {
            let tried = Tried::of(line);
            for (name, address) in [("httpd", httpd.addr()), ("ajpgate", gateway.front())] {
                let differs = tried.differs(&tried.send(address).await, name == "httpd");
                if !differs.is_empty() {
                    wrong.push(format!(
                        "{}: {line}: {name} has {}",
                        recipe.title,
                        differs.join(", ")
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
