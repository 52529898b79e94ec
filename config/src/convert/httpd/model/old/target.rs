//! From the url that a rule makes to the backends that it means.

use super::super::balancers::{balancer_name, lower_host};
use super::super::known::Old;
use super::super::servers::defined;
use crate::convert::note::Origin;
use crate::convert::told::{Backend, Deed, Telling};

/// What is done with a request whose target is `url`. `own` is the url as the rule has it, before the rest of the path came to it.
pub(super) fn deed(
    old: &Old,
    host: Option<usize>,
    url: &str,
    own: &str,
    origin: &Origin,
    telling: &mut Telling,
) -> Deed {
    let url = url.split('?').next().unwrap_or(url);
    if let Some(name) = balancer_name(url) {
        return of_balancer(old, host, &name, url, telling);
    }
    let Some((scheme, rest)) = url.split_once("://") else {
        return answered(500, format!("{url} is no url"));
    };
    let end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
    let is_own = {
        let own = own.split(['$', '%']).next().unwrap_or(own);
        let own = own.split_once("://").map_or("", |it| it.1);
        let end = own.find('/').unwrap_or(own.len());
        own.len() > end || own.get(..end) == Some(authority) || own.is_empty()
    };
    if !is_own {
        let text = format!("the url has no slash at its end, so {authority} becomes the host");
        telling.step(origin, text);
        return answered(502, format!("there is no host {authority}"));
    }
    at(scheme, authority, path)
}

/// What is sent to a whole url.
pub(super) fn by_url(url: &str) -> Deed {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
    at(scheme, authority, path)
}

fn at(scheme: &str, authority: &str, path: &str) -> Deed {
    let address = address(scheme, authority);
    Deed::Sent {
        to: address.clone(),
        backends: vec![Backend {
            address,
            path: whole(path),
        }],
    }
}

fn of_balancer(
    old: &Old,
    host: Option<usize>,
    name: &str,
    url: &str,
    telling: &mut Telling,
) -> Deed {
    let path = url.get(11 + name.len()..).unwrap_or_default();
    // A balancer of the main server hides that of a virtual host (`mod_proxy.c: merge_proxy_config()`).
    let own = || defined(&old.hosts.get(host?)?.proxies, name);
    let Some(balancer) = defined(&old.main.proxies, name).or_else(own) else {
        return answered(503, format!("balancer://{name} has no members"));
    };
    telling.step(&balancer.origin, format!("balancer://{name}"));
    let backends = balancer.members.iter().map(|member| {
        let url = lower_host(&member.url);
        let (scheme, rest) = url.split_once("://").unwrap_or(("http", &url));
        let end = rest.find('/').unwrap_or(rest.len());
        let (authority, front) = rest.split_at_checked(end).unwrap_or((rest, ""));
        Backend {
            address: address(scheme, authority),
            path: whole(&format!("{front}{path}")),
        }
    });
    Deed::Sent {
        to: format!("balancer://{name}"),
        backends: backends.collect(),
    }
}

pub(super) fn answered(status: u16, why: impl Into<String>) -> Deed {
    let why = why.into();
    Deed::Answered { status, why }
}

/// Scheme, host and port in lower case, with the port of the scheme where there is none.
fn address(scheme: &str, authority: &str) -> String {
    // What WebSocket begins with.
    let scheme = match &*scheme.to_ascii_lowercase() {
        "ws" => "http".to_owned(),
        "wss" => "https".to_owned(),
        _ => scheme.to_ascii_lowercase(),
    };
    let host = authority.rsplit('@').next().unwrap_or(authority);
    let host = host.to_ascii_lowercase();
    let has_port = match host.rsplit_once(':') {
        Some((_, port)) => !port.contains(']'),
        None => false,
    };
    let port = match &*scheme {
        _ if has_port => return format!("{scheme}://{host}"),
        "ajp" => 8009,
        "https" => 443,
        "ftp" => 21,
        _ => 80,
    };
    format!("{scheme}://{host}:{port}")
}

fn whole(path: &str) -> String {
    match path {
        "" => "/".to_owned(),
        path => path.to_owned(),
    }
}
