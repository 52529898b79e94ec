//! Fields in which a member is told who the user is. What a client writes into them does not go on.

/// The names of such fields, over all mappings.
#[derive(Debug, Clone, Default)]
pub(crate) struct Claims {
    /// Nobody may send these.
    never: Vec<Box<[u8]>>,
    /// Trusted proxies may send these, spelt as the configuration has them.
    trusted: Vec<(Box<[u8]>, Box<str>)>,
}

/// A letter of a name as programs see it that make a variable of the name, as CGI does (RFC 3875 section 4.1.18): they make
/// `_` of `-`, and many of them of everything that is neither letter nor digit.
const fn folded(letter: u8) -> u8 {
    match letter.is_ascii_alphanumeric() {
        true => letter.to_ascii_lowercase(),
        false => b'_',
    }
}

fn is_same(name: &[u8], other: &[u8]) -> bool {
    name.len() == other.len()
        && name
            .iter()
            .zip(other)
            .all(|(letter, other)| folded(*letter) == *other)
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

#[cfg(test)]
mod tests {
    use super::*;

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
