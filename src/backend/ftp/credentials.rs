//! Whose login a request uses: the configured one, else the client's, else the anonymous one. Pure.

use ajpgate_config::Ftp;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::HeaderValue;

/// Name and password of an anonymous login, as RFC 1635 has it.
const ANONYMOUS: (&[u8], &[u8]) = (b"anonymous", b"ajpgate@");

/// A login. Connections are kept for one of these, and serve no other.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Credentials {
    pub(super) user: Vec<u8>,
    pub(super) password: Vec<u8>,
    pub(super) source: Source,
}

/// Where a login comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// The configuration: a client can do nothing about it.
    Configured,
    /// The client's `Authorization`.
    Client,
    Anonymous,
}

/// An `Authorization` that cannot be said in FTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unusable;

impl std::fmt::Debug for Credentials {
    /// Without the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credentials({:?})", self.source)
    }
}

impl Credentials {
    /// # Errors
    /// For credentials of a client that hold CR, LF or NUL, or are no name and password. Those of another scheme than
    /// Basic are not for an FTP server.
    pub(super) fn of(ftp: &Ftp, authorization: Option<&HeaderValue>) -> Result<Self, Unusable> {
        let (anonymous, guest) = ANONYMOUS;
        if let Some(user) = &ftp.username {
            let password = ftp
                .password
                .as_ref()
                .map(|secret| secret.expose().as_bytes());
            let unknown = match user.as_bytes() == anonymous {
                true => guest,
                false => b"",
            };
            return Self::new(
                user.as_bytes(),
                password.unwrap_or(unknown),
                Source::Configured,
            );
        }
        let Some(encoded) = authorization.and_then(|value| basic(value.as_bytes())) else {
            return Self::new(anonymous, guest, Source::Anonymous);
        };
        let pair = BASE64.decode(encoded).map_err(|_| Unusable)?;
        let colon = pair.iter().position(|byte| *byte == b':').ok_or(Unusable)?;
        let (user, password) = pair.split_at_checked(colon).ok_or(Unusable)?;
        Self::new(user, password.get(1..).unwrap_or_default(), Source::Client)
    }

    fn new(user: &[u8], password: &[u8], source: Source) -> Result<Self, Unusable> {
        let ends_a_command = |byte: &u8| matches!(byte, b'\r' | b'\n' | 0);
        if user.is_empty() || [user, password].concat().iter().any(ends_a_command) {
            return Err(Unusable);
        }
        Ok(Self {
            user: user.to_vec(),
            password: password.to_vec(),
            source,
        })
    }
}

/// What stands behind `Basic` (RFC 7617).
fn basic(value: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = value.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    Some(rest.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(
        username: Option<&str>,
        password: Option<&str>,
        pair: Option<&[u8]>,
    ) -> Option<(String, String, Source)> {
        let key = |key: &str, value: Option<&str>| {
            value
                .map(|value| format!(", {key}: {value}"))
                .unwrap_or_default()
        };
        let (username, password) = (key("username", username), key("password", password));
        let yaml = format!("{{ url: \"ftp://h\"{username}{password} }}");
        let member = ajpgate_config::parse_member(&yaml, std::path::Path::new("x.yaml")).unwrap();
        let value = pair
            .map(|pair| HeaderValue::try_from(format!("Basic {}", BASE64.encode(pair))).unwrap());
        let login = Credentials::of(&member.ftp, value.as_ref()).ok()?;
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Some((text(login.user), text(login.password), login.source))
    }

    #[test]
    fn the_configuration_then_the_client_then_nobody() {
        let client = Some(&b"me:pass:word"[..]);
        let row = |user: &str, word: &str, source| Some((user.to_owned(), word.to_owned(), source));
        assert_eq!(
            of(Some("u"), Some("p"), client),
            row("u", "p", Source::Configured)
        );
        assert_eq!(
            of(Some("u"), None, client),
            row("u", "", Source::Configured)
        );
        assert_eq!(
            of(None, None, client),
            row("me", "pass:word", Source::Client)
        );
        assert_eq!(of(None, None, Some(b"me:")), row("me", "", Source::Client));
        assert_eq!(
            of(None, None, None),
            row("anonymous", "ajpgate@", Source::Anonymous)
        );
        assert_eq!(
            of(Some("anonymous"), None, None),
            row("anonymous", "ajpgate@", Source::Configured)
        );
    }

    #[test]
    fn what_could_end_a_command_is_no_login() {
        for pair in [
            &b"a\r\nDELE x:p"[..],
            b"a:p\nSITE",
            b"a\0:p",
            b":p",
            b"nocolon",
            b"",
        ] {
            assert_eq!(of(None, None, Some(pair)), None, "{pair:?}");
        }
        let login = |value: &'static str| {
            let member =
                ajpgate_config::parse_member("url: ftp://h", std::path::Path::new("x.yaml"));
            let value = HeaderValue::from_static(value);
            Credentials::of(&member.unwrap().ftp, Some(&value)).map(|login| login.source)
        };
        assert_eq!(login("Bearer abc"), Ok(Source::Anonymous));
        assert_eq!(login("bAsIc  YTpi "), Ok(Source::Client));
        assert_eq!(login("Basic !!!"), Err(Unusable));
    }
}
