//! What came back for a request, and in what two answers differ.

use std::collections::BTreeMap;

use crate::support::client::Answer;

use super::nodes::NODE;

/// Fields of answers that a server writes of itself, or that belong to the connection.
const IGNORED: [&str; 13] = [
    "accept-ranges",
    "allow",
    "connection",
    "content-length",
    "date",
    "etag",
    "keep-alive",
    "last-modified",
    "retry-after",
    "server",
    "transfer-encoding",
    "upgrade",
    "vary",
];

/// An answer, by parts: `status`, `field NAME`, and what the node was told, one fact each.
pub(super) type Seen = BTreeMap<String, String>;

/// The part that tells which backend answered.
pub(super) const REACHED: &str = "node";

/// The parts of an answer.
pub(super) fn seen(answer: &Answer) -> Seen {
    let mut seen = Seen::from([("status".to_owned(), answer.status.to_string())]);
    // A page of the gateway's own may stand in for a backend's answer.
    let told = answer.body.is_empty() || answer.body.starts_with(b"node: ");
    let by_node = answer.field(NODE).filter(|_| told);
    for (name, value) in &answer.fields {
        let name = name.to_ascii_lowercase();
        // The pages of both servers about errors are their own.
        let own_type = name == "content-type" && by_node.is_none() && answer.status != 200;
        if name == "x-node" || IGNORED.contains(&&*name) || own_type {
            continue;
        }
        let part = seen.entry(format!("field {name}")).or_default();
        if !part.is_empty() {
            part.push('\n');
        }
        // The gateway says in which letters it reads a password.
        part.push_str(value.trim_end_matches(", charset=\"UTF-8\""));
    }
    let body = String::from_utf8_lossy(&answer.body);
    if let Some(node) = by_node {
        seen.insert(REACHED.to_owned(), node.to_owned());
        for line in body.lines() {
            let (name, value) = line.split_once(": ").unwrap_or((line, ""));
            let part = seen.entry(format!("told {name}")).or_default();
            part.push_str(value);
        }
    } else if answer.status == 200 {
        seen.insert("body".to_owned(), body.into_owned());
    }
    seen
}

/// The status.
pub(super) fn status(seen: &Seen) -> u16 {
    seen["status"].parse().unwrap()
}

/// The parts in which two answers differ, with both values.
pub(super) fn differences(httpd: &Seen, ajpgate: &Seen) -> Vec<Difference> {
    let names = httpd.keys().chain(ajpgate.keys());
    let names: std::collections::BTreeSet<&String> = names.collect();
    names
        .into_iter()
        .filter(|name| httpd.get(*name) != ajpgate.get(*name))
        .map(|name| Difference {
            part: name.clone(),
            httpd: httpd.get(name).cloned(),
            ajpgate: ajpgate.get(name).cloned(),
        })
        .collect()
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) part: String,
    pub(super) httpd: Option<String>,
    pub(super) ajpgate: Option<String>,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
        write!(
            f,
            "{}: httpd {}, ajpgate {}",
            self.part,
            shown(&self.httpd),
            shown(&self.ajpgate)
        )
    }
}

/// Whether somebody comes in whom httpd keeps out. No reason excuses that.
pub(super) fn lets_in(httpd: &Seen, ajpgate: &Seen) -> bool {
    let kept_out = matches!(status(httpd), 401 | 403) && !httpd.contains_key(REACHED);
    let served = ajpgate.contains_key(REACHED) || status(ajpgate) == 200;
    kept_out && served
}
