//! URLs of backends and of balancers.

use std::net::Ipv6Addr;

use schemars::{Schema, json_schema};

use super::host::host_name;
use super::name::BalancerName;
use crate::fault::{Fault, one_of, quoted};
use crate::field::Kind;
use crate::model::{MemberUrl, Scheme};
use crate::nearest::nearest;

const SCHEMES: [Scheme; 5] = [
    Scheme::Ajp,
    Scheme::Http,
    Scheme::Https,
    Scheme::Ftp,
    Scheme::Ftps,
];

/// `url` of a member.
pub(crate) enum MemberTarget {}

impl Kind for MemberTarget {
    type Value = MemberUrl;

    fn read(text: &str) -> Result<MemberUrl, Fault> {
        member_url(text)
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "pattern": "^(ajp|https?|ftps?)://[^/?#@]+(/[^?#]*)?$" })
    }
}

/// `upgrade_url` of a member: its HTTP connector.
pub(crate) enum UpgradeTarget {}

impl Kind for UpgradeTarget {
    type Value = MemberUrl;

    fn read(text: &str) -> Result<MemberUrl, Fault> {
        no_credentials(text)?;
        let http = "upgrades go to the member's HTTP connector: http://HOST:PORT";
        if text.starts_with("ws://") || text.starts_with("wss://") {
            return Err(
                Fault::new(format!("{} is not an HTTP url", quoted(text))).hint(format!(
                    "write http:// for ws://, https:// for wss://: {http}"
                )),
            );
        }
        let url = member_url(text)?;
        match url.scheme {
            Scheme::Http | Scheme::Https => Ok(url),
            Scheme::Ajp | Scheme::Ftp | Scheme::Ftps => {
                Err(Fault::new(format!("{} cannot carry upgrades", quoted(text))).hint(http))
            }
        }
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "pattern": "^https?://[^/?#@]+(/[^?#]*)?$" })
    }
}

/// What `to` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Destination {
    /// `balancer://name/path`; the path is empty or `/app`.
    Balancer { name: String, path: String },
    /// A backend.
    Member(MemberUrl),
}

/// A target as it was written, its path and query apart: beside `match` they may have `$1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TargetValue {
    /// The target with its path.
    pub(crate) to: Destination,
    /// The target without its path.
    pub(crate) bare: Destination,
    /// Empty, `/app/$1` or `$1`.
    pub(crate) path: String,
    pub(crate) query: Option<String>,
}

/// `to` of a mapping.
pub(crate) enum TargetUrl {}

impl Kind for TargetUrl {
    type Value = TargetValue;

    fn read(text: &str) -> Result<TargetValue, Fault> {
        let host = text.find("://").map_or(0, |at| at + 3);
        let rest = text.get(host..).unwrap_or_default();
        let end = rest
            .find(['/', '?', '#', '$', '\\'])
            .map_or(text.len(), |at| host + at);
        let (address, rest) = text.split_at_checked(end).unwrap_or((text, ""));
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (rest, None),
        };
        let odd = |c: char| !c.is_ascii_graphic() || "\"<>\\^`{|}#".contains(c);
        if let Some(query) = query
            && query.replace("\\$", "").contains(odd)
        {
            let fault = Fault::new(format!(
                "{} has a character that no query has",
                quoted(text)
            ));
            return Err(fault.hint("write it as %XX"));
        }
        let plain = path.replace("\\$", "$");
        let slash = if plain.starts_with('$') { "/" } else { "" };
        let is_as_written = slash.is_empty() && plain == path;
        let to = destination(address, &format!("{slash}{plain}"));
        let to = to.map_err(|fault| match is_as_written {
            true => fault,
            false => Fault { at: None, ..fault },
        });
        Ok(TargetValue {
            to: to?,
            bare: destination(address, "")?,
            path: path.to_owned(),
            query: query.map(str::to_owned),
        })
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "pattern": "^(balancer|ajp|https?|ftps?)://[^/?#@]+([/?$\\\\][^#]*)?$" })
    }
}

/// `address` is scheme and host; `path` is empty or begins with a slash.
fn destination(address: &str, path: &str) -> Result<Destination, Fault> {
    let Some(name) = address.strip_prefix("balancer://") else {
        let text = format!("{address}{path}");
        return member_url(&text)
            .map(Destination::Member)
            .map_err(|fault| or_balancer(&text, fault));
    };
    Ok(Destination::Balancer {
        name: BalancerName::read(name)?,
        path: url_path(path).map_err(|fault| fault.behind(address.len()))?,
    })
}

/// The hint for a bad url that was perhaps meant as the name of a balancer.
fn or_balancer(text: &str, fault: Fault) -> Fault {
    match text.split_once("://") {
        _ if no_credentials(text).is_err() => fault,
        None if BalancerName::read(text).is_ok() => fault.hint(format!(
            "write balancer://{text}/ for the balancer of that name, or the url of a backend"
        )),
        Some((scheme, _)) if nearest(scheme, ["balancer"]).is_some() => {
            fault.hint("did you mean balancer://?")
        }
        _ if fault.hint.is_none() => fault.hint("write balancer://NAME/ or the url of a backend"),
        _ => fault,
    }
}

/// Refuses a url with a password. This check comes first, because messages of the others quote the url.
pub(super) fn no_credentials(text: &str) -> Result<(), Fault> {
    let authority = text.split_once("://").map_or(text, |(_, rest)| rest);
    let authority = authority.split('/').next().unwrap_or_default();
    match authority.contains('@') {
        true => Err(Fault::new("a url has no credentials here")
            .hint("`username` and `password` are keys of their own")),
        false => Ok(()),
    }
}

fn member_url(text: &str) -> Result<MemberUrl, Fault> {
    no_credentials(text)?;
    let bad = |why: &str| Fault::new(format!("{} {why}", quoted(text)));
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err(
            bad("is not a url").hint("write it with its protocol, like ajp://10.0.0.11:8009")
        );
    };
    let lower = scheme.to_ascii_lowercase();
    let Some(scheme) = SCHEMES.into_iter().find(|known| known.name() == lower) else {
        return Err(unknown_scheme(scheme));
    };
    let (authority, path) = match rest.find(['/', '?', '#']) {
        Some(end) => rest.split_at(end),
        None => (rest, ""),
    };
    let (host, port) = host_and_port(authority)?;
    let before = text.len().saturating_sub(path.len());
    let path = url_path(path).map_err(|fault| fault.behind(before))?;
    Ok(MemberUrl {
        scheme,
        host,
        port: port.unwrap_or(scheme.default_port()),
        text: text.trim_end_matches('/').to_owned(),
        path,
    })
}

/// The place that a member's url names, see [`MemberUrl::place`]; the text itself where it is no such url.
#[must_use]
pub fn place_of(text: &str) -> String {
    member_url(text).map_or_else(|_| text.to_owned(), |url| url.place())
}

fn unknown_scheme(scheme: &str) -> Fault {
    let names = || SCHEMES.into_iter().map(Scheme::name);
    let fault = Fault::new(format!("{} is not a protocol of a backend", quoted(scheme)));
    match nearest(scheme, names()) {
        Some(near) => fault.hint(format!("did you mean {near}://?")),
        None => fault.hint(format!("use {}", one_of(names()))),
    }
}

/// `10.0.0.11:8009`, `tomcat1`, `[::1]:8009`
pub(super) fn host_and_port(authority: &str) -> Result<(String, Option<u16>), Fault> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let Some((address, port)) = rest.split_once(']') else {
                return Err(Fault::new("`[` is not closed").hint(IN_BRACKETS));
            };
            let Ok(address) = address.parse::<Ipv6Addr>() else {
                let fault = Fault::new(format!("{} is not an IPv6 address", quoted(address)));
                return Err(fault.hint(IN_BRACKETS));
            };
            (address.to_string(), port)
        }
        None => {
            let (host, port) = match authority.find(':') {
                Some(colon) => authority.split_at(colon),
                None => (authority, ""),
            };
            let is_address = host.is_empty() && authority.parse::<Ipv6Addr>().is_ok()
                || host.is_empty() && port.matches(':').count() > 1;
            host_name(host).map_err(|fault| match is_address {
                true => fault.hint(IN_BRACKETS),
                false => fault,
            })?;
            (host.to_ascii_lowercase(), port)
        }
    };
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => None,
        Some(digits) => match digits.parse() {
            Ok(port @ 1..) if digits.bytes().all(|b| b.is_ascii_digit()) => Some(port),
            _ => return Err(bad_port(digits)),
        },
        None => return Err(bad_port(port)),
    };
    Ok((host, port))
}

const IN_BRACKETS: &str = "an IPv6 address stands in brackets: ajp://[::1]:8009";

fn bad_port(text: &str) -> Fault {
    let fault = Fault::new(format!("{} is not a port from 1 to 65535", quoted(text)));
    match text.contains(':') {
        true => fault.hint(IN_BRACKETS),
        false => fault.hint("write HOST:PORT, like 10.0.0.11:8009"),
    }
}

/// The path of a URL, without the slash at its end.
fn url_path(path: &str) -> Result<String, Fault> {
    const ALLOWED: &str = "/-._~!$&'()*+,=:@%";
    if path.contains(['?', '#']) {
        return Err(Fault::new("a query has no place here").hint("the client's query is sent on"));
    }
    if let Some(c) = path
        .chars()
        .find(|c| !c.is_ascii_alphanumeric() && !ALLOWED.contains(*c))
    {
        return Err(Fault::new(format!("the path contains {c:?}")).hint(
            "a path of a url has letters, digits and -._~!$&'()*+,=:@; write others as %XX",
        ));
    }
    let decoded = decoded(path)?;
    let mut segments = decoded.split(|byte| matches!(byte, b'/' | b'\\'));
    if segments.any(|segment| matches!(segment, b"." | b"..")) {
        let fault = Fault::new("the path contains a dot segment");
        return Err(
            fault.hint("write the path that is meant: backends refuse or resolve such segments")
        );
    }
    Ok(path.trim_end_matches('/').to_owned())
}

/// The bytes that a path stands for. A fault names the character of the path.
fn decoded(path: &str) -> Result<Vec<u8>, Fault> {
    let mut decoded = Vec::with_capacity(path.len());
    let mut bytes = path.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let hex = path.get(at + 1..at + 3);
        let hex = hex.filter(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let value = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match value {
            None => {
                let fault = Fault::new("the path contains a `%` without two hexadecimal digits");
                return Err(fault.hint("a percent sign itself is written %25").at(at));
            }
            Some(0 | b'\n' | b'\r') => {
                let written = hex.unwrap_or_default();
                let fault = Fault::new(format!("the path contains %{written}"));
                return Err(fault
                    .hint("NUL and line ends are refused in every path: remove it")
                    .at(at));
            }
            Some(value) => decoded.push(value),
        }
        bytes.nth(1);
    }
    Ok(decoded)
}

#[cfg(test)]
mod tests;
