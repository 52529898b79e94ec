//! Which header fields go on to a backend, which come back to a client, and which the gateway adds.

mod forwarding;
mod nominated;
mod passing;

use std::convert::Infallible;

use bytes::BytesMut;
use http::Version;
use http::header::{HeaderMap, HeaderName, HeaderValue};

pub(crate) use self::nominated::{HOP_BY_HOP, Nominated};
pub(crate) use self::passing::Passing;
use crate::head::{Fields, Known};

fn is_among(names: &[&str], name: &[u8]) -> bool {
    let mut names = names.iter();
    names.any(|known| known.as_bytes().eq_ignore_ascii_case(name))
}

/// The gateway's entry in `Via`: the version in which it received the request, and its name.
const fn via(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "1.0 ajpgate",
        Version::HTTP_2 => "2.0 ajpgate",
        _ => "1.1 ajpgate",
    }
}

/// What a mapping's rules change in the fields of one attempt.
#[derive(Debug, Default)]
pub(crate) struct Overlay<'a> {
    /// Names of fields that do not go on as they came.
    pub(crate) removed: Vec<&'a str>,
    /// Fields that go on in their place or beside them.
    pub(crate) added: Vec<(&'a str, Vec<u8>)>,
}

impl<'a> Overlay<'a> {
    /// Has another value of a field go on in place of the client's, unless a rule has replaced it already; `None`: none.
    pub(crate) fn replace(&mut self, name: &'a str, value: Option<Vec<u8>>) {
        if self.removes(name.as_bytes()) {
            return;
        }
        self.removed.push(name);
        self.added.extend(value.map(|value| (name, value)));
    }

    /// Whether a rule has taken the place of the fields of this name.
    pub(crate) fn removes(&self, name: &[u8]) -> bool {
        is_among(&self.removed, name)
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
    /// Those that the client sent.
    pub(crate) sent: &'a Fields,
    /// Which of them go on.
    pub(crate) passing: Passing<'a>,
    pub(crate) overlay: &'a Overlay<'a>,
    /// The authority that the client named, as it named it.
    pub(crate) host: &'a str,
    /// What the backend gets as `Host`.
    pub(crate) host_sent: &'a str,
    /// Its port, or the scheme's.
    pub(crate) port: u16,
    /// The fields that name the user, for a backend that speaks HTTP.
    pub(crate) of_user: &'a [(&'a str, &'a str)],
}

impl RequestFields<'_> {
    /// Hands each field to `put`, and what its name is: `Host` first, then the client's in their order, then those that the
    /// gateway adds. Framing is the backend's business.
    pub(crate) fn try_each<E>(
        &self,
        added: Added,
        mut put: impl FnMut(Known, &[u8], &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        if !self.host_sent.is_empty() && !self.overlay.removes(b"host") {
            put(Known::Host, b"host", self.host_sent.as_bytes())?;
        }
        for (known, name, value) in self.sent.entries() {
            if self.goes_on(known, name) {
                put(known, name, value)?;
            }
        }
        if added == Added::All {
            // Which of them it is matters to nobody.
            let put = |name: &str, value: &[u8]| put(Known::XForwarded, name.as_bytes(), value);
            self.try_each_forwarding(put)?;
        }
        for (name, value) in &self.overlay.added {
            put(Known::of(name.as_bytes()), name.as_bytes(), value)?;
        }
        Ok(())
    }

    /// The same fields as a map, and `Via` (RFC 9110 section 7.6.3), for a backend that speaks HTTP. `host` is what
    /// a request without one gets.
    pub(crate) fn to_map(&self, host: &str, version: Version) -> HeaderMap {
        let mut values = BytesMut::with_capacity(self.sent.bytes().saturating_add(512));
        let mut fields = Vec::with_capacity(self.sent.len().saturating_add(8));
        let mut put = |_: Known, name: &[u8], value: &[u8]| {
            if let Ok(name) = HeaderName::from_bytes(name) {
                let start = values.len();
                values.extend_from_slice(value);
                fields.push((name, start..values.len()));
            }
            Ok::<_, Infallible>(())
        };
        if self.host_sent.is_empty() && !self.overlay.removes(b"host") {
            let Ok(()) = put(Known::Host, b"host", host.as_bytes());
        }
        let Ok(()) = self.try_each(Added::All, &mut put);
        for (name, value) in self.of_user {
            if !self.overlay.removes(name.as_bytes()) {
                let Ok(()) = put(Known::Other, name.as_bytes(), value.as_bytes());
            }
        }
        if !self.overlay.removes(b"via") {
            let Ok(()) = put(Known::Via, b"via", via(version).as_bytes());
        }
        // All values in one allocation.
        let values = values.freeze();
        let mut map = HeaderMap::with_capacity(fields.len());
        for (name, value) in fields {
            if let Ok(value) = HeaderValue::from_maybe_shared(values.slice(value)) {
                map.append(name, value);
            }
        }
        map
    }

    /// The one value of a field that the gateway acts on for a backend, rules of the mapping included.
    #[cfg(feature = "ftp")]
    pub(crate) fn get<'n>(&'n self, name: &'n str) -> Option<&'n [u8]> {
        let added = self.overlay.added.iter().rev();
        let mut added = added.filter(|(added, _)| added.eq_ignore_ascii_case(name));
        let is_sent = || {
            let known = Known::of(name.as_bytes());
            self.passing.is_for_members(known, name.as_bytes())
                && !self.overlay.removes(name.as_bytes())
        };
        match added.next() {
            Some((_, value)) => Some(value),
            None => self.sent.get(name).filter(|_| is_sent()),
        }
    }

    /// Whether a field of the client goes on.
    fn goes_on(&self, known: Known, name: &[u8]) -> bool {
        self.passing.goes_on(known, name) && !self.overlay.removes(name)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http::Method;

    use super::*;
    use crate::client::{self, Believed, Claims, Client, Trusted};
    use crate::head::{RequestHead, RequestTarget};

    fn fields(sent: &[(&'static str, &'static str)], client: &str) -> Vec<String> {
        let mut headers = Fields::default();
        for (name, value) in sent {
            headers.push(name.as_bytes(), value.as_bytes());
        }
        let client = Client::new(client.parse().unwrap(), "127.0.0.1:80".parse().unwrap());
        let head = RequestHead {
            method: Method::GET,
            target: RequestTarget::parse(b"/").unwrap(),
            version: Version::HTTP_11,
            fields: headers,
        };
        let trusted = Trusted::new(&["10.0.0.0/8".parse().unwrap()]);
        let client = client::of_request(Arc::new(client), &head, &trusted);
        let headers = head.fields;
        let mut seen = Vec::new();
        RequestFields {
            sent: &headers,
            passing: Passing {
                client: &client,
                believed: Believed {
                    claims: &Claims::default(),
                    is_told: false,
                },
                nominated: &Nominated::of(&headers),
                keeps_authorization: false,
            },
            overlay: &Overlay::default(),
            host: "shop.example.com:8080",
            host_sent: "shop.example.com:8080",
            port: 8080,
            of_user: &[],
        }
        .try_each(Added::All, |_, name, value| {
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
                ("X_Forwarded_For", "10.0.0.1"),
                ("x-forwarded_proto", "https"),
                ("X-REAL_IP", "10.0.0.1"),
                ("x-real-ip", "10.0.0.1"),
                ("forwarded", "for=10.0.0.1"),
                ("SSL_CLIENT_CERT", "x"),
                ("X-SSL-Client-Verify", "SUCCESS"),
                ("x_forwarded_client_cert", "x"),
            ],
            "192.0.2.7:4711",
        );
        assert_eq!(seen[1..], ADDED);
    }

    #[test]
    fn what_a_trusted_proxy_says_is_kept_and_appended_to() {
        let seen = fields(
            &[
                ("x-forwarded-for", "198.51.100.9"),
                ("X-Forwarded-For", "10.0.0.8"),
                ("X-Real-IP", "198.51.100.9"),
                ("X-Forwarded-Proto", "https"),
                ("X-Forwarded-Prefix", "/shop"),
                ("X-Forwarded-Client-Cert", "By=spiffe"),
                ("X_Forwarded_For", "203.0.113.66"),
                ("Forwarded", "for=198.51.100.9;by=_lb"),
                ("accept", "*/*"),
            ],
            "10.0.0.1:4711",
        );
        assert_eq!(
            seen[1..],
            [
                "X-Real-IP: 198.51.100.9",
                "X-Forwarded-Proto: https",
                "X-Forwarded-Prefix: /shop",
                "accept: */*",
                "x-forwarded-for: 198.51.100.9, 10.0.0.8, 10.0.0.1",
                "x-forwarded-port: 8080",
                "x-forwarded-host: shop.example.com:8080",
                r#"forwarded: for=198.51.100.9;by=_lb, for=10.0.0.1;host=\"shop.example.com:8080\";proto=https"#,
            ]
        );
    }

    #[test]
    fn what_a_trusted_proxy_does_not_say_names_the_client_and_then_the_proxy() {
        let seen = fields(&[("X-Forwarded-For", "198.51.100.9")], "10.0.0.1:4711");
        assert_eq!(
            seen[1..],
            [
                "x-forwarded-for: 198.51.100.9, 10.0.0.1",
                "x-real-ip: 198.51.100.9",
                "x-forwarded-proto: http",
                "x-forwarded-port: 8080",
                "x-forwarded-host: shop.example.com:8080",
                r#"forwarded: for=198.51.100.9;host=\"shop.example.com:8080\";proto=http, for=10.0.0.1"#,
            ]
        );
        let seen = fields(&[("Forwarded", "for=\"[2001:db8::9]\"")], "10.0.0.1:4711");
        assert_eq!(seen[1], "x-forwarded-for: 2001:db8::9, 10.0.0.1");
        let seen = fields(&[("X-Forwarded-Proto", "https")], "10.0.0.1:4711");
        assert_eq!(seen[2], "x-forwarded-for: 10.0.0.1");
    }

    #[test]
    fn a_connection_field_takes_no_name_of_a_client_away() {
        let sent = [
            ("connection", "x-forwarded-for, x-real-ip"),
            ("x-forwarded-for", "198.51.100.9"),
            ("x-real-ip", "198.51.100.9"),
        ];
        let seen = fields(&sent, "10.0.0.1:4711");
        assert_eq!(seen[1], "x-forwarded-for: 198.51.100.9, 10.0.0.1");
        assert_eq!(seen[2], "x-real-ip: 198.51.100.9");
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
