//! Whose user name and password a request uses.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::command::ends_line;

/// User name and password of an anonymous login (RFC 1635).
const ANONYMOUS: (&str, &str) = ("anonymous", "ajpgate@");

/// User name and password. A connection is logged in once, and serves requests with an equal login only.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// Argument of USER: not empty, without CR, LF and NUL.
    pub user: Vec<u8>,
    /// Argument of PASS: without CR, LF and NUL.
    pub password: Vec<u8>,
}

/// An `Authorization` that has no user name and password, or one that the commands of FTP cannot carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no usable user name and password in Authorization")]
pub struct BadLogin;

impl std::fmt::Debug for Login {
    /// Without name and password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Login")
    }
}

impl Login {
    /// The configured user name and password, else those of the client, else the anonymous ones.
    ///
    /// `authorization` is the value of that field. Another scheme than Basic (RFC 7617) is not for an FTP server: the
    /// request is anonymous.
    ///
    /// # Errors
    /// For Basic credentials without a user name or a colon, with CR, LF or NUL, or in bad base64.
    pub fn choose(
        configured: Option<(&str, Option<&str>)>,
        authorization: Option<&[u8]>,
    ) -> Result<Self, BadLogin> {
        let (anonymous, mail) = ANONYMOUS;
        if let Some((user, password)) = configured {
            let default = if user == anonymous { mail } else { "" };
            let password = password.unwrap_or(default);
            return Self::new(user.as_bytes(), password.as_bytes());
        }
        let Some(encoded) = authorization.and_then(basic) else {
            return Self::new(anonymous.as_bytes(), mail.as_bytes());
        };
        let pair = BASE64.decode(encoded).map_err(|_| BadLogin)?;
        let colon = memchr::memchr(b':', &pair).ok_or(BadLogin)?;
        let (user, password) = pair.split_at_checked(colon).ok_or(BadLogin)?;
        Self::new(user, password.get(1..).unwrap_or_default())
    }

    fn new(user: &[u8], password: &[u8]) -> Result<Self, BadLogin> {
        if user.is_empty() || ends_line(user) || ends_line(password) {
            return Err(BadLogin);
        }
        Ok(Self {
            user: user.to_vec(),
            password: password.to_vec(),
        })
    }
}

/// The credentials of `Basic`.
fn basic(authorization: &[u8]) -> Option<&[u8]> {
    let (scheme, credentials) = authorization.split_at_checked(6)?;
    scheme
        .eq_ignore_ascii_case(b"basic ")
        .then(|| credentials.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(user: &str, password: &str) -> Result<Login, BadLogin> {
        Ok(Login {
            user: user.into(),
            password: password.into(),
        })
    }

    fn of_client(pair: &[u8]) -> Result<Login, BadLogin> {
        let authorization = format!("Basic {}", BASE64.encode(pair));
        Login::choose(None, Some(authorization.as_bytes()))
    }

    #[test]
    fn the_configured_login_comes_before_the_clients_and_that_before_the_anonymous_one() {
        let client = format!("Basic {}", BASE64.encode("me:pass:word"));
        let client = Some(client.as_bytes());
        for (configured, authorization, expected) in [
            (Some(("u", Some("p"))), client, login("u", "p")),
            (Some(("u", None)), client, login("u", "")),
            (
                Some(("anonymous", None)),
                None,
                login("anonymous", "ajpgate@"),
            ),
            (None, client, login("me", "pass:word")),
            (None, None, login("anonymous", "ajpgate@")),
        ] {
            assert_eq!(Login::choose(configured, authorization), expected);
        }
        assert_eq!(of_client(b"me:"), login("me", ""));
    }

    #[test]
    fn credentials_that_no_command_can_carry_are_refused() {
        for pair in [
            &b"a\r\nDELE x:p"[..],
            b"a:p\nSITE",
            b"a\0:p",
            b":p",
            b"no colon",
            b"",
        ] {
            assert_eq!(of_client(pair), Err(BadLogin), "{pair:?}");
        }
    }

    #[test]
    fn credentials_are_base64_behind_the_word_basic() {
        let choose = |value: &str| Login::choose(None, Some(value.as_bytes()));
        assert_eq!(choose("bAsIc  YTpi "), login("a", "b"));
        assert_eq!(choose("Basic !!!"), Err(BadLogin));
        assert_eq!(choose("Bearer abc"), login("anonymous", "ajpgate@"));
        assert_eq!(choose(""), login("anonymous", "ajpgate@"));
    }

    #[test]
    fn a_login_is_printed_without_name_and_password() {
        let login = of_client(b"me:secret").unwrap();
        assert_eq!(format!("{login:?}"), "Login");
    }
}
