//! Rates of requests, realms, and urls of servers that say who a user is.

use std::num::NonZeroU32;
use std::time::Duration;

use schemars::{Schema, json_schema};

use super::control::no_control_characters;
use super::url::{Destination, TargetUrl, no_credentials};
use crate::fault::{Fault, quoted};
use crate::field::Kind;
use crate::model::{MemberUrl, Scheme};
use crate::nearest::nearest;

/// Most requests that a rate can name.
const MOST_REQUESTS: u32 = 1_000_000;

/// `requests` of a rate: `20/s`, `100/m`, `1000/h`; 0 is none.
pub(crate) enum RequestRate {}

impl Kind for RequestRate {
    type Value = Option<(NonZeroU32, Duration)>;

    fn read(text: &str) -> Result<Self::Value, Fault> {
        let hint = "write 20/s, 100/m or 1000/h; 0 is no limit";
        let (number, unit) = match text.split_once('/') {
            Some((number, unit)) => (number.trim(), Some(unit.trim())),
            None => (text.trim(), None),
        };
        let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        let count: Option<u32> = number.parse().ok().filter(|_| digits);
        let period = match unit {
            Some("s") => Some(1),
            Some("m") => Some(60),
            Some("h") => Some(3600),
            _ => None,
        };
        match (count, period, unit) {
            (Some(0), Some(_), _) | (Some(0), _, None) => Ok(None),
            (Some(count), Some(seconds), _) if count <= MOST_REQUESTS => {
                Ok(NonZeroU32::new(count).map(|count| (count, Duration::from_secs(seconds))))
            }
            (Some(_), Some(_), _) => Err(Fault::new(format!(
                "{} is too much: at most {MOST_REQUESTS}",
                quoted(text)
            ))
            .hint(hint)),
            _ => Err(Fault::new(format!("{} is not a rate of requests", quoted(text))).hint(hint)),
        }
    }

    fn schema() -> Schema {
        json_schema!({ "anyOf": [
            { "type": "string", "pattern": r"^(0|[0-9]{1,7}\s*/\s*[smh])$" },
            { "type": "integer", "minimum": 0, "maximum": 0 },
        ] })
    }
}

/// `realm` of a challenge: what browsers show.
pub(crate) enum Realm {}

impl Kind for Realm {
    type Value = String;

    fn read(text: &str) -> Result<String, Fault> {
        no_control_characters(text)?;
        match (1..=200).contains(&text.len()) {
            true => Ok(text.to_owned()),
            false => Err(Fault::new("a realm has 1 to 200 bytes").hint("write a short name")),
        }
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "minLength": 1, "maxLength": 200 })
    }
}

/// `url` of a server that says who a user is: http or https, with a path and a query.
pub(crate) enum AuthUrl {}

/// A url in its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AuthTarget {
    /// Scheme, host and port.
    pub(crate) url: MemberUrl,
    /// The path, which begins with a slash.
    pub(crate) path: String,
    /// The query without its question mark.
    pub(crate) query: Option<String>,
}

impl Kind for AuthUrl {
    type Value = AuthTarget;

    fn read(text: &str) -> Result<AuthTarget, Fault> {
        let hint = "write http://HOST:PORT/PATH or https://HOST/PATH";
        if let Some((bare, _)) = text.split_once('#') {
            let fault = Fault::new("what is behind `#` is never sent to a server");
            return Err(fault.hint("remove it").at(bare.chars().count()));
        }
        let (whole, query) = match text.split_once('?') {
            Some((whole, query)) => (whole, Some(query)),
            None => (text, None),
        };
        no_credentials(whole).map_err(|fault| fault.hint("remove them"))?;
        let scheme = whole.split_once("://").map_or("", |(scheme, _)| scheme);
        let of_http = ["http", "https"];
        if !of_http.iter().any(|it| it.eq_ignore_ascii_case(scheme)) {
            let near = nearest(scheme, of_http).map(|near| format!("did you mean {near}://?"));
            let fault = Fault::new(format!("{} is not an HTTP url", quoted(text)));
            return Err(fault.hint(near.unwrap_or_else(|| hint.to_owned())));
        }
        let url = match TargetUrl::read(whole)?.to {
            Destination::Member(url) if matches!(url.scheme, Scheme::Http | Scheme::Https) => url,
            _ => return Err(Fault::new(format!("{} is not an HTTP url", quoted(text))).hint(hint)),
        };
        let allowed = |c: char| c.is_ascii_graphic() && !"#\"<>\\^`{|}".contains(c);
        if let Some(bad) = query.and_then(|query| query.chars().find(|c| !allowed(*c))) {
            return Err(Fault::new(format!("the query contains {bad:?}")).hint("write it as %XX"));
        }
        let (_, rest) = whole.split_once("://").unwrap_or_default();
        let path = rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/");
        Ok(AuthTarget {
            path: path.to_owned(),
            query: query.map(str::to_owned),
            url,
        })
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "pattern": r"^https?://[^/?#@]+(/[^?#]*)?(\?[^#]*)?$" })
    }
}

/// The url of a collector of traces.
pub(crate) enum CollectorUrl {}

impl Kind for CollectorUrl {
    type Value = AuthTarget;

    fn read(text: &str) -> Result<AuthTarget, Fault> {
        no_credentials(text).map_err(|fault| {
            fault.hint("OTEL_EXPORTER_OTLP_HEADERS in the environment says who sends the traces")
        })?;
        AuthUrl::read(text)
    }

    fn schema() -> Schema {
        AuthUrl::schema()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates() {
        for (text, rate) in [
            ("20/s", Some((20, 1))),
            ("100/m", Some((100, 60))),
            ("1000 / h", Some((1000, 3600))),
            ("0", None),
            ("0/s", None),
        ] {
            let read = RequestRate::read(text).unwrap();
            let read = read.map(|(count, period)| (count.get(), period.as_secs()));
            assert_eq!(read, rate, "{text}");
        }
        for text in [
            "",
            "20",
            "/s",
            "20/d",
            "-1/s",
            "+2/s",
            "1.5/s",
            "2000000/s",
            "20/s/s",
            "99999999999/s",
        ] {
            assert!(RequestRate::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn urls_of_servers_that_are_asked() {
        for (text, path, query) in [
            ("http://127.0.0.1:4180/auth", "/auth", None),
            ("https://sso.example.com", "/", None),
            ("http://a/verify/", "/verify/", None),
            (
                "http://a/auth?allowed_groups=x%20y",
                "/auth",
                Some("allowed_groups=x%20y"),
            ),
            ("http://[::1]:80/", "/", None),
        ] {
            let read = AuthUrl::read(text).unwrap();
            assert_eq!(
                (&*read.path, read.query.as_deref()),
                (path, query),
                "{text}"
            );
        }
        let write = "write http://HOST:PORT/PATH or https://HOST/PATH";
        let headers = "OTEL_EXPORTER_OTLP_HEADERS in the environment says who sends the traces";
        for (text, hint) in [
            ("grpc://h:4317", write),
            ("ajp://a/", write),
            ("a", write),
            ("htps://a/", "did you mean https://?"),
            ("https://u:p@h/x?y=1", headers),
        ] {
            let fault = CollectorUrl::read(text).unwrap_err();
            assert_eq!(fault.hint.as_deref(), Some(hint), "{text}");
            assert!(!fault.message.contains("u:p"));
        }
        let fault = AuthUrl::read("https://u:p@h/x?y=1").unwrap_err();
        assert_eq!(fault.hint.as_deref(), Some("remove them"));
        let fault = AuthUrl::read("http://a/x#y").unwrap_err();
        assert_eq!(
            fault.message,
            "what is behind `#` is never sent to a server"
        );
        for text in [
            "ajp://a/",
            "balancer://a/",
            "ftp://a/",
            "http://user@a/",
            "http://a/x#y",
            "http://a/?x y",
            "http://a/?x#y",
            "a",
            "",
        ] {
            assert!(AuthUrl::read(text).is_err(), "{text}");
        }
    }
}
