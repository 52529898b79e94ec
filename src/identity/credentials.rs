//! `Authorization: Basic` (RFC 7617).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::user::{Kind, User};
use crate::head::{Fields, Known};

/// Longest credentials in bytes, before they are decoded.
const LONGEST: usize = 4096;

/// A name and a password that a client has sent.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(super) user: String,
    pub(super) password: Vec<u8>,
}

impl Credentials {
    /// Whether this user may have sent them: one who is known by a password, under the same name.
    pub(crate) fn may_be(&self, user: &User) -> bool {
        let named = User::new(self.user.as_bytes(), Kind::Basic);
        named.is_some_and(|named| named.is(user))
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credentials({:?})", self.user)
    }
}

/// What a request says about a password.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// Nothing: there is no Authorization, or one of another scheme.
    Nothing,
    /// What cannot be right: no base64, no colon, control characters, or several fields.
    Broken,
    Credentials(Credentials),
}

impl Sent {
    pub(crate) fn of(fields: &Fields) -> Self {
        let mut values = fields.all(Known::Authorization);
        let Some(value) = values.next() else {
            return Self::Nothing;
        };
        let (scheme, rest) = match value.iter().position(u8::is_ascii_whitespace) {
            Some(at) => value.split_at(at),
            None => (value, &b""[..]),
        };
        if values.next().is_some() {
            // Two programs might read two different users.
            return Self::Broken;
        }
        if !scheme.eq_ignore_ascii_case(b"basic") {
            return Self::Nothing;
        }
        match decode(rest.trim_ascii()) {
            Some(credentials) => Self::Credentials(credentials),
            None => Self::Broken,
        }
    }
}

/// The user name ends at the first colon. Neither part has control characters (RFC 7617 section 2).
fn decode(text: &[u8]) -> Option<Credentials> {
    if text.len() > LONGEST {
        return None;
    }
    let pair = STANDARD.decode(text).ok()?;
    let colon = pair.iter().position(|byte| *byte == b':')?;
    let (user, password) = pair.split_at(colon);
    let password = password.get(1..)?;
    let user = std::str::from_utf8(user).ok()?;
    let clean = !user.is_empty()
        && !user.chars().any(char::is_control)
        && !password.iter().any(u8::is_ascii_control);
    clean.then(|| Credentials {
        user: user.to_owned(),
        password: password.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(values: &[&str]) -> Sent {
        let mut fields = Fields::default();
        for value in values {
            fields.push(b"Authorization", value.as_bytes());
        }
        Sent::of(&fields)
    }

    fn credentials(user: &str, password: &str) -> Sent {
        Sent::Credentials(Credentials {
            user: user.to_owned(),
            password: password.as_bytes().to_vec(),
        })
    }

    #[test]
    fn credentials_of_the_standard_are_read() {
        for (value, expected) in [
            // RFC 7617 sections 2 and 2.1.
            (
                "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
                credentials("Aladdin", "open sesame"),
            ),
            ("Basic dGVzdDoxMjPCow==", credentials("test", "123£")),
            ("basic  YTpiOmM=", credentials("a", "b:c")),
            ("BASIC\tYTo=", credentials("a", "")),
            ("Basic", Sent::Broken),
            ("Basic !", Sent::Broken),
            ("Basic YQ==", Sent::Broken),
            // Without padding, or with bits behind its end.
            ("Basic YTpi=", Sent::Broken),
            ("Basic YTq=", Sent::Broken),
            ("Basic OmI=", Sent::Broken),
            ("Basic YQA6Yg==", Sent::Broken),
            ("Basic YTpiCg==", Sent::Broken),
            ("Basic /zpi", Sent::Broken),
            ("Basic YTpi YTpi", Sent::Broken),
            ("Bearer YTpi", Sent::Nothing),
            ("Basically YTpi", Sent::Nothing),
            ("", Sent::Nothing),
        ] {
            assert_eq!(sent(&[value]), expected, "{value}");
        }
        assert_eq!(sent(&[]), Sent::Nothing);
        assert_eq!(sent(&["Basic YTpi", "Basic YTpi"]), Sent::Broken);
        assert_eq!(sent(&["Bearer x", "Basic YTpi"]), Sent::Broken);
        let long = format!(
            "Basic {}",
            STANDARD.encode("a:".to_owned() + &"x".repeat(4096))
        );
        assert_eq!(sent(&[&long]), Sent::Broken);
    }

    #[test]
    fn a_password_is_not_shown() {
        let shown = format!("{:?}", sent(&["Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="]));
        assert!(shown.contains("Aladdin") && !shown.contains("sesame"));
    }
}
