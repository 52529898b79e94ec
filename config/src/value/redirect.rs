//! Values of `redirect`, `respond` and `scheme`.

use schemars::{Schema, json_schema};

use super::control::no_control_characters;
use super::host::host_name;
use super::word::Keyword;
use crate::fault::{Fault, quoted};
use crate::field::Kind;
use crate::model::ClientScheme;

impl Keyword for ClientScheme {
    fn words() -> Vec<(&'static str, Self)> {
        vec![("http", Self::Http), ("https", Self::Https)]
    }
}

/// Where a redirect leads, as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RedirectTarget {
    /// `https`: the same URL over TLS.
    Https,
    /// A path, or a whole URL.
    Url {
        /// `https://new.example.com`, or empty for a path alone.
        origin: String,
        /// Empty, or `/new`; may have `$1` where `match` stands beside it.
        path: String,
        query: Option<String>,
        fragment: Option<String>,
    },
}

/// `redirect` or `redirect.to`.
pub(crate) enum RedirectTo {}

impl Kind for RedirectTo {
    type Value = RedirectTarget;

    fn read(text: &str) -> Result<RedirectTarget, Fault> {
        if text == "https" {
            return Ok(RedirectTarget::Https);
        }
        no_control_characters(text)?;
        let odd = |c: char| !c.is_ascii_graphic() || "\"<>^`{|}".contains(c);
        if let Some(at) = text.chars().position(odd) {
            let fault = Fault::new(format!("{} has a character that no URL has", quoted(text)));
            return Err(fault.hint("write it as %XX").at(at));
        }
        if text.replace("\\$", "").contains('\\') || text.starts_with("//") {
            let fault = Fault::new(format!(
                "{} is taken for another host by browsers",
                quoted(text)
            ));
            return Err(fault.hint("write a path with one slash, or a whole URL"));
        }
        let (origin, rest) = match text.split_once("://") {
            Some((scheme, rest)) => {
                if !["http", "https"].contains(&scheme) {
                    let fault =
                        Fault::new(format!("{} is not a URL of http or https", quoted(text)));
                    return Err(fault.hint("write https://HOST/path"));
                }
                let end = rest.find(['/', '?', '#', '$', '\\']).unwrap_or(rest.len());
                let (authority, rest) = rest.split_at(end);
                check_authority(authority)?;
                (format!("{scheme}://{authority}"), rest)
            }
            None if text.starts_with(['/', '$']) => (String::new(), text),
            None => {
                let fault = Fault::new(format!("{} is neither a path nor a URL", quoted(text)));
                return Err(fault.hint("write `https`, /path, or https://HOST/path"));
            }
        };
        let (rest, fragment) = match rest.split_once('#') {
            Some((rest, fragment)) => (rest, Some(fragment.to_owned())),
            None => (rest, None),
        };
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (rest, None),
        };
        Ok(RedirectTarget::Url {
            origin,
            path: path.to_owned(),
            query,
            fragment,
        })
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "pattern": "^(https|[/$].*|https?://.+)$" })
    }
}

fn check_authority(authority: &str) -> Result<(), Fault> {
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    };
    if port.is_some_and(|port| !matches!(port.parse::<u16>(), Ok(1..))) {
        return Err(
            Fault::new(format!("{} has no port from 1 to 65535", quoted(authority)))
                .hint("write HOST:PORT"),
        );
    }
    let literal = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    match literal {
        Some(address) if address.parse::<std::net::Ipv6Addr>().is_ok() => Ok(()),
        Some(address) => Err(
            Fault::new(format!("{} is not an IPv6 address", quoted(address))).hint("write [::1]"),
        ),
        None => host_name(host),
    }
}

/// `redirect.status`
pub(crate) enum RedirectStatus {}

impl Kind for RedirectStatus {
    type Value = u16;

    fn read(text: &str) -> Result<u16, Fault> {
        match text.parse() {
            Ok(status @ (301 | 302 | 303 | 307 | 308)) => Ok(status),
            _ => Err(Fault::new(format!("{} is not a status of a redirect", quoted(text)))
                .hint("301, 308: for ever; 302, 307: for now; 303: with GET. 307 and 308 keep the method")),
        }
    }

    fn schema() -> Schema {
        json_schema!({ "enum": [301, 302, 303, 307, 308] })
    }
}

/// `respond.status`
pub(crate) enum AnswerStatus {}

impl Kind for AnswerStatus {
    type Value = u16;

    fn read(text: &str) -> Result<u16, Fault> {
        match text.parse() {
            Ok(status @ 200..=599) => Ok(status),
            _ => Err(
                Fault::new(format!("{} is not the status of an answer", quoted(text)))
                    .hint("a status is a number from 200 to 599"),
            ),
        }
    }

    fn schema() -> Schema {
        json_schema!({ "type": "integer", "minimum": 200, "maximum": 599 })
    }
}

/// Largest body of `respond`, in bytes.
pub(crate) const LARGEST_ANSWER: usize = 64 * 1024;

/// `respond.body`
pub(crate) enum AnswerBody {}

impl Kind for AnswerBody {
    type Value = String;

    fn read(text: &str) -> Result<String, Fault> {
        match text.len() > LARGEST_ANSWER {
            true => Err(Fault::new("the body is larger than 64KiB").hint("serve it with `files`")),
            false => Ok(text.to_owned()),
        }
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string" })
    }
}

/// `respond.content_type`: a field value.
pub(crate) enum ContentType {}

impl Kind for ContentType {
    type Value = String;

    fn read(text: &str) -> Result<String, Fault> {
        let plain = text.chars().all(|c| c.is_ascii_graphic() || c == ' ');
        match plain && text.trim() == text && text.contains('/') {
            true => Ok(text.to_owned()),
            false => Err(
                Fault::new(format!("{} is not a content type", quoted(text)))
                    .hint("write text/plain, or \"text/html; charset=utf-8\""),
            ),
        }
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "pattern": "^[!-~]([ -~]*[!-~])?$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_of_redirects() {
        for text in [
            "https",
            "/new",
            "/",
            "https://h",
            "http://[::1]:8/x?y#z",
            "https://h$1",
            "$1",
            "/\\$x",
        ] {
            assert!(RedirectTo::read(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "http",
            "new",
            "//evil",
            "/\\evil",
            "\\evil",
            "javascript:alert(1)",
            "ftp://h/",
            "https://",
            "https://a b/",
            "https://h:0/",
            "https://u@h/",
            "https://[::x]/",
            "/a b",
            "/ä",
            "/a\r\nb",
            "/<x>",
            "https://h\\@evil",
        ] {
            assert!(RedirectTo::read(text).is_err(), "{text}");
        }
    }
}
