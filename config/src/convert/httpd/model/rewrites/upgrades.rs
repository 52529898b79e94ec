//! `RewriteCond %{HTTP:Upgrade}`: rules about requests that go on as WebSocket.

use super::patterns::{is_every, prefix};
use crate::convert::httpd::model::passes::{below, has_group, simple};
use crate::convert::httpd::model::targets::as_http;
use crate::convert::note::Origin;

/// Which requests conditions ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asks {
    /// Those that ask for WebSocket.
    Upgrades,
    /// Those that do not.
    Others,
}

/// Where the WebSocket requests below a path go. They keep their path.
#[derive(Debug)]
pub(crate) struct Upgrade {
    pub(crate) path: String,
    /// Scheme, host and port: `http://10.0.0.11:8080`.
    pub(crate) address: String,
    pub(crate) origin: Origin,
}

/// What conditions say of WebSocket, and the other conditions; `None`: they say nothing of it, or too much.
pub(super) fn asked(conditions: &[Vec<String>]) -> Option<(Asks, Vec<Vec<String>>)> {
    let (mut asks, mut others) = (None, Vec::new());
    for condition in conditions {
        let Some(found) = of_one(condition) else {
            others.push(condition.clone());
            continue;
        };
        let flags = condition.get(2).map_or("", String::as_str);
        if flags.to_ascii_uppercase().contains("OR") || asks.is_some_and(|it| it != found) {
            return None;
        }
        asks = Some(found);
    }
    asks.map(|asks| (asks, others))
}

fn of_one(condition: &[String]) -> Option<Asks> {
    let [test, pattern, ..] = condition else {
        return None;
    };
    let pattern = pattern.to_ascii_lowercase();
    let (is_negated, pattern) = match pattern.strip_prefix('!') {
        Some(pattern) => (true, pattern),
        None => (false, &*pattern),
    };
    let bare = pattern.trim_start_matches(['=', '^']).trim_end_matches('$');
    let bare = bare.trim_start_matches(".*").trim_end_matches(".*");
    let is_it = match &*test.to_ascii_uppercase() {
        "%{HTTP:UPGRADE}" => bare == "websocket",
        "%{HTTP:CONNECTION}" => bare == "upgrade",
        _ => false,
    };
    is_it.then_some(match is_negated {
        true => Asks::Others,
        false => Asks::Upgrades,
    })
}

/// Where a rule sends WebSocket requests, if it leaves their path as it is.
pub(super) fn of_rule(pattern: &str, to: &str, origin: &Origin) -> Option<Upgrade> {
    let url = as_http(to);
    let (path, url) = match url.strip_suffix("%{REQUEST_URI}") {
        Some(address) if is_every(pattern) => ("/".to_owned(), format!("{address}/")),
        Some(address) => {
            let path = prefix(pattern)?;
            let url = format!("{address}{path}");
            (path, url)
        }
        None => simple(pattern, &url).or_else(|| below(pattern, &url))?,
    };
    let (scheme, rest) = url.split_once("://")?;
    let (authority, own) = rest.split_at_checked(rest.find('/').unwrap_or(rest.len()))?;
    let is_same = own.trim_end_matches('/') == path.trim_end_matches('/');
    let is_http = matches!(scheme, "http" | "https") && !has_group(authority);
    (is_same && is_http).then(|| Upgrade {
        path,
        address: format!("{scheme}://{authority}"),
        origin: origin.clone(),
    })
}
