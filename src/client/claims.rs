//! Fields in which a member is told who the user is. What a client writes into them does not go on, and counts in no value.

use super::folded::{folded, is_same};
use super::{Client, FORWARDING, is_disguised, is_tls_claim};
use crate::head::Known;

/// The names of such fields, over all mappings.
#[derive(Debug, Clone, Default)]
pub(crate) struct Claims {
    /// Nobody may send these.
    never: Vec<Box<[u8]>>,
    /// Trusted proxies may send these, spelt as the configuration has them.
    trusted: Vec<(Box<[u8]>, Box<str>)>,
}

impl Claims {
    /// `never` are names of fields that nobody may send, `trusted` those that trusted proxies may send.
    pub(crate) fn new<'a>(
        never: impl Iterator<Item = &'a str>,
        trusted: impl Iterator<Item = &'a str>,
    ) -> Self {
        let fold = |name: &str| name.bytes().map(folded).collect();
        let mut never: Vec<Box<[u8]>> = never.map(fold).collect();
        never.sort_unstable();
        never.dedup();
        let mut trusted: Vec<(Box<[u8]>, Box<str>)> =
            trusted.map(|name| (fold(name), name.into())).collect();
        trusted.sort_unstable();
        trusted.dedup();
        Self { never, trusted }
    }

    /// Whether a field of this name says who the user is, and its sender must not. A trusted proxy has to spell a name as the
    /// configuration does: other spellings may be those of its client.
    pub(crate) fn has(&self, name: &[u8], is_trusted: bool) -> bool {
        let may_be_sent = |spelt: &str| is_trusted && name.eq_ignore_ascii_case(spelt.as_bytes());
        let mut never = self.never.iter();
        let mut trusted = self.trusted.iter();
        never.any(|known| is_same(name, known))
            || trusted.any(|(known, spelt)| is_same(name, known) && !may_be_sent(spelt))
    }
}

/// Which fields of a request count in header values, request attributes and conditions: those that may go on to a member.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Believed<'a> {
    pub(crate) claims: &'a Claims,
    /// Whether a trusted proxy has written the fields.
    pub(crate) is_told: bool,
}

impl Believed<'_> {
    /// Whether a field of this name, which is known as `known`, counts. Nobody is believed who says of itself who it is, and
    /// only trusted proxies are believed who say where a request comes from. What a certificate says this gateway has verified
    /// itself, or nobody.
    pub(crate) fn counts(&self, client: &Client, known: Known, name: &[u8]) -> bool {
        let is_forwarding = FORWARDING.has(known) && client.said.is_none();
        let is_tls = match known.is_one_name() {
            true => known == Known::XForwardedClientCert,
            false => is_tls_claim(name) || is_disguised(name),
        };
        !is_forwarding && !is_tls && !self.claims.has(name, self.is_told)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::client::{Trusted, of_request};

    #[test]
    fn what_a_client_says_of_itself_counts_nowhere() {
        let claims = Claims::new(["X-Remote-User"].into_iter(), ["X-Sso-User"].into_iter());
        let client = Client::new(
            "192.0.2.7:1".parse().unwrap(),
            "192.0.2.1:80".parse().unwrap(),
        );
        for (name, told, untold) in [
            ("X-Remote-User", false, false),
            ("x_remote_user", false, false),
            ("X-Sso-User", true, false),
            ("X_Sso_User", false, false),
            ("X-Forwarded-For", false, false),
            ("X_Forwarded_For", false, false),
            ("Forwarded", false, false),
            ("SSL_CLIENT_VERIFY", false, false),
            ("X-Forwarded-Client-Cert", false, false),
            ("Host", true, true),
            ("Connection", true, true),
            ("X-Tenant", true, true),
        ] {
            for (is_told, expected) in [(true, told), (false, untold)] {
                let believed = Believed {
                    claims: &claims,
                    is_told,
                };
                let counts = believed.counts(&client, Known::of(name.as_bytes()), name.as_bytes());
                assert_eq!(counts, expected, "{name} {is_told}");
            }
        }
    }

    #[test]
    fn a_trusted_proxy_says_where_a_request_comes_from_and_nothing_of_certificates() {
        let proxy = Client::new(
            "10.0.0.1:1".parse().unwrap(),
            "192.0.2.1:80".parse().unwrap(),
        );
        let head = http::Request::builder()
            .header("x-forwarded-for", "198.51.100.9")
            .body(())
            .unwrap();
        let trusted = Trusted::new(&["10.0.0.0/8".parse().unwrap()]);
        let client = of_request(Arc::new(proxy), &head.into_parts().0.into(), &trusted);
        let claims = Claims::default();
        let believed = Believed {
            claims: &claims,
            is_told: true,
        };
        for (name, expected) in [
            ("X-Forwarded-For", true),
            ("X-Forwarded-Prefix", true),
            ("X-Real-IP", true),
            ("Forwarded", true),
            ("X_Forwarded_For", false),
            ("X_Real_IP", false),
            ("X.Forwarded.For", false),
            ("X-Forwarded.Prefix", false),
            ("X~Real~IP", false),
            ("X.Forwarded.Client.Cert", false),
            ("Client-Cert", false),
            ("X.Request", true),
            ("X-Forwarded-Client-Cert", false),
            ("x_forwarded_client_cert", false),
            ("SSL_CLIENT_S_DN", false),
        ] {
            let counts = believed.counts(&client, Known::of(name.as_bytes()), name.as_bytes());
            assert_eq!(counts, expected, "{name}");
        }
    }

    #[test]
    fn claims_are_known_in_every_spelling() {
        let claims = Claims::new(
            ["X-Remote-User", "x-mail"].into_iter(),
            ["X-Sso-User"].into_iter(),
        );
        for name in [
            "X-Remote-User",
            "x-remote-user",
            "X_REMOTE_USER",
            "x_Remote-user",
            "X.Remote.User",
            "x~remote!user",
            "X-MAIL",
            "X_Mail",
        ] {
            assert!(claims.has(name.as_bytes(), false), "{name}");
            assert!(claims.has(name.as_bytes(), true), "{name}");
        }
        for name in ["X-Sso-User", "x-sso-user"] {
            assert!(claims.has(name.as_bytes(), false), "{name}");
            assert!(!claims.has(name.as_bytes(), true), "{name}");
        }
        assert!(claims.has(b"X_Sso_User", true));
        for name in [
            "X-Remote-Users",
            "XX-Remote-User",
            "X-Remote",
            "Remote-User",
            "",
        ] {
            assert!(!claims.has(name.as_bytes(), false), "{name}");
        }
    }
}
