//! Which header fields go on to a backend, which come back to a client, and which the gateway adds.

use std::convert::Infallible;

use http::Version;
use http::header::{CONNECTION, HOST, HeaderMap, HeaderName, HeaderValue, VIA};

use crate::peer::Peer;

/// Whether a field concerns one connection only (RFC 9110 section 7.6.1), in requests and answers.
pub(crate) fn is_hop_by_hop(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "keep-alive"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "http2-settings"
    )
}

/// Whether a field is not copied because the gateway writes it itself (framing, `Host`) or has answered it (`Expect`).
fn is_acted_on(name: &str) -> bool {
    matches!(name, "content-length" | "expect" | "host")
}

/// Whether a field is `Proxy`, which HTTP does not know and CGI programs read as the variable `HTTP_PROXY`
/// (CVE-2016-5385).
fn is_dangerous(name: &str) -> bool {
    name == "proxy"
}

/// Whether proxies say in a field who the client is. No proxy is trusted yet.
fn is_forwarding(name: &str) -> bool {
    match name.as_bytes().first() {
        Some(b'x') => name.starts_with("x-forwarded-") || name == "x-real-ip",
        Some(b'f') => name == "forwarded",
        _ => false,
    }
}

/// The gateway's entry in `Via`: the version in which it received the request, and its name.
fn via(version: Version) -> HeaderValue {
    HeaderValue::from_static(match version {
        Version::HTTP_10 => "1.0 ajpgate",
        Version::HTTP_2 => "2.0 ajpgate",
        _ => "1.1 ajpgate",
    })
}

/// Names that a `Connection` field nominates, beyond those that never go on anyway.
#[derive(Debug, Default)]
pub(crate) struct Nominated(Vec<HeaderName>);

impl Nominated {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut names = Vec::new();
        for value in headers.get_all(CONNECTION) {
            for option in value.as_bytes().split(|byte| *byte == b',') {
                let option = option.trim_ascii();
                if option.eq_ignore_ascii_case(b"keep-alive")
                    || option.eq_ignore_ascii_case(b"close")
                {
                    continue;
                }
                if let Ok(name) = HeaderName::from_bytes(option) {
                    names.push(name);
                }
            }
        }
        Self(names)
    }

    pub(crate) fn contains(&self, name: &HeaderName) -> bool {
        self.0.contains(name)
    }
}

/// What a mapping's rules change in the fields of one attempt.
#[derive(Debug, Default)]
pub(crate) struct Overlay {
    /// Fields that do not go on as they came.
    pub(crate) removed: Vec<HeaderName>,
    /// Fields that go on in their place or beside them.
    pub(crate) added: Vec<(HeaderName, HeaderValue)>,
}

impl Overlay {
    /// Has another value of a field go on in place of the client's, unless a rule has replaced it already; `None`: none.
    pub(crate) fn replace(&mut self, name: HeaderName, value: Option<HeaderValue>) {
        if self.removed.contains(&name) {
            return;
        }
        self.removed.push(name.clone());
        self.added.extend(value.map(|value| (name, value)));
    }
}

/// Which fields the gateway adds to those of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Added {
    /// The forwarding fields (`X-Forwarded-For` and the like), and those of the mapping's rules.
    All,
    /// Only those of the mapping's rules.
    ByRules,
}

/// The fields of a request as a backend gets them.
#[derive(Debug)]
pub(crate) struct RequestFields<'a> {
    pub(crate) headers: &'a HeaderMap,
    pub(crate) nominated: &'a Nominated,
    pub(crate) overlay: &'a Overlay,
    pub(crate) peer: &'a Peer,
    /// The authority that the client named, as it named it.
    pub(crate) host: &'a str,
    /// What the backend gets as `Host`.
    pub(crate) host_sent: &'a str,
    /// Its port, or the scheme's.
    pub(crate) port: u16,
}

impl RequestFields<'_> {
    /// Hands each field to `put`: `Host` first, then the client's in their order, then those that the gateway adds.
    /// Framing is the backend's business.
    pub(crate) fn try_each<E>(
        &self,
        added: Added,
        mut put: impl FnMut(&[u8], &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        if !self.host_sent.is_empty() && !self.is_removed("host") {
            put(b"host", self.host_sent.as_bytes())?;
        }
        for (name, value) in self.headers {
            if self.goes_on(name) {
                put(name.as_str().as_bytes(), value.as_bytes())?;
            }
        }
        if added == Added::All {
            self.try_each_forwarding(|name, value| put(name.as_bytes(), value.as_bytes()))?;
        }
        for (name, value) in &self.overlay.added {
            put(name.as_str().as_bytes(), value.as_bytes())?;
        }
        Ok(())
    }

    /// The same fields as a map, and `Via` (RFC 9110 section 7.6.3), for a backend that speaks HTTP. `host` is what
    /// a request without one gets.
    pub(crate) fn to_map(&self, host: &str, version: Version) -> HeaderMap {
        let mut map = HeaderMap::with_capacity(self.headers.len().saturating_add(8));
        let host = match self.host_sent {
            "" => host,
            sent => sent,
        };
        if !self.is_removed("host")
            && let Ok(host) = HeaderValue::from_str(host)
        {
            map.insert(HOST, host);
        }
        for (name, value) in self.headers {
            if self.goes_on(name) {
                map.append(name, value.clone());
            }
        }
        let Ok(()) = self.try_each_forwarding(|name, value| {
            if let Ok(value) = HeaderValue::from_str(value) {
                map.append(HeaderName::from_static(name), value);
            }
            Ok::<_, Infallible>(())
        });
        if !self.is_removed("via") {
            map.append(VIA, via(version));
        }
        for (name, value) in &self.overlay.added {
            map.append(name, value.clone());
        }
        map
    }

    /// The one value of a field that the gateway acts on for a backend, rules of the mapping included.
    #[cfg(feature = "ftp")]
    pub(crate) fn get(&self, name: &HeaderName) -> Option<&HeaderValue> {
        let added = self.overlay.added.iter().rev();
        let mut added = added.filter(|(added, _)| added == name);
        match added.next() {
            Some((_, value)) => Some(value),
            None if self.is_removed(name.as_str()) => None,
            None => self.headers.get(name),
        }
    }

    fn goes_on(&self, name: &HeaderName) -> bool {
        let text = name.as_str();
        !(is_hop_by_hop(text)
            || is_acted_on(text)
            || is_dangerous(text)
            || is_forwarding(text)
            || self.nominated.contains(name)
            || self.overlay.removed.contains(name))
    }

    fn try_each_forwarding<E>(
        &self,
        mut put: impl FnMut(&'static str, &str) -> Result<(), E>,
    ) -> Result<(), E> {
        let Self { peer, host, .. } = self;
        let mut put = |name: &'static str, value: &str| match self.is_removed(name) {
            true => Ok(()),
            false => put(name, value),
        };
        put("x-forwarded-for", &peer.ip)?;
        put("x-real-ip", &peer.ip)?;
        put("x-forwarded-proto", peer.scheme())?;
        put("x-forwarded-port", itoa::Buffer::new().format(self.port))?;
        let mut forwarded = String::with_capacity(128);
        forwarded.push_str(&peer.forwarded_for);
        if !host.is_empty() {
            put("x-forwarded-host", host)?;
            forwarded.push_str(";host=\"");
            forwarded.push_str(host);
            forwarded.push('"');
        }
        forwarded.push_str(";proto=");
        forwarded.push_str(peer.scheme());
        put("forwarded", &forwarded)
    }

    /// Whether a rule has taken the field's place.
    fn is_removed(&self, name: &str) -> bool {
        self.overlay
            .removed
            .iter()
            .any(|removed| removed.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(sent: &[(&'static str, &'static str)], peer: &str) -> Vec<String> {
        let headers: HeaderMap = sent
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect();
        let peer = Peer::new(
            peer.parse().unwrap(),
            "127.0.0.1:80".parse().unwrap(),
            false,
        );
        let mut seen = Vec::new();
        RequestFields {
            headers: &headers,
            nominated: &Nominated::of(&headers),
            overlay: &Overlay::default(),
            peer: &peer,
            host: "shop.example.com:8080",
            host_sent: "shop.example.com:8080",
            port: 8080,
        }
        .try_each(Added::All, |name, value| {
            seen.push(format!("{}: {}", name.escape_ascii(), value.escape_ascii()));
            Ok::<_, ()>(())
        })
        .unwrap();
        seen
    }

    const ADDED: [&str; 6] = [
        "x-forwarded-for: 192.0.2.7",
        "x-real-ip: 192.0.2.7",
        "x-forwarded-proto: http",
        "x-forwarded-port: 8080",
        "x-forwarded-host: shop.example.com:8080",
        r#"forwarded: for=192.0.2.7;host=\"shop.example.com:8080\";proto=http"#,
    ];

    #[test]
    fn what_concerns_one_connection_stays_there() {
        let seen = fields(
            &[
                ("connection", "close, X-Hop"),
                ("keep-alive", "timeout=5"),
                ("te", "trailers"),
                ("upgrade", "websocket"),
                ("expect", "100-continue"),
                ("content-length", "5"),
                ("x-hop", "1"),
                ("accept", "*/*"),
            ],
            "192.0.2.7:4711",
        );
        assert_eq!(seen[..2], ["host: shop.example.com:8080", "accept: */*"]);
        assert_eq!(seen[2..], ADDED);
    }

    #[test]
    fn what_a_client_says_about_itself_is_replaced() {
        let seen = fields(
            &[
                ("x-forwarded-for", "10.0.0.1"),
                ("x-forwarded-anything", "x"),
                ("x-real-ip", "10.0.0.1"),
                ("forwarded", "for=10.0.0.1"),
            ],
            "192.0.2.7:4711",
        );
        assert_eq!(seen[1..], ADDED);
    }

    #[test]
    fn addresses_have_their_usual_forms() {
        assert!(
            fields(&[], "[2001:db8::1]:4711").contains(
                &r#"forwarded: for=\"[2001:db8::1]\";host=\"shop.example.com:8080\";proto=http"#
                    .to_owned()
            )
        );
        assert!(
            fields(&[], "[::ffff:192.0.2.7]:4711")
                .contains(&"x-forwarded-for: 192.0.2.7".to_owned())
        );
    }
}
