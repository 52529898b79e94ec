//! A user, as the gateway knows it: the one value that everything behind identity is told.

use ajpgate_config::USER_FIELD;

/// Longest name of a user in bytes.
const LONGEST_NAME: usize = 1024;

/// Longest value of an attribute in bytes.
const LONGEST_VALUE: usize = 4096;

/// Who the user of a request is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct User {
    /// Text without control characters, 1 to 1024 bytes.
    pub(crate) name: String,
    /// How the gateway knows.
    pub(crate) kind: Kind,
    /// What else is known of the user.
    pub(crate) attributes: Vec<Attribute>,
}

/// One attribute of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attribute {
    /// The name of the request attribute, as the configuration writes it.
    pub(crate) name: String,
    /// The field for members that speak HTTP.
    pub(crate) field: String,
    /// Text without control characters.
    pub(crate) value: String,
}

/// How the gateway knows who the user is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    ClientCertificate,
    Header,
    Basic,
    Forward,
}

impl Kind {
    /// What a servlet sees as `getAuthType()`.
    pub(crate) const fn auth_type(self) -> &'static str {
        match self {
            Self::ClientCertificate => "CLIENT_CERT",
            Self::Header => "HEADER",
            Self::Basic => "BASIC",
            Self::Forward => "FORWARD",
        }
    }
}

impl User {
    /// A user without attributes; `None` for a text that can be no name, as it is.
    pub(crate) fn new(name: &[u8], kind: Kind) -> Option<Self> {
        Some(Self {
            name: text(name, LONGEST_NAME)?,
            kind,
            attributes: Vec::new(),
        })
    }

    /// Whether both are the same person, known in the same way.
    pub(crate) fn is(&self, other: &Self) -> bool {
        (self.kind, &self.name) == (other.kind, &other.name)
    }

    /// The fields that tell a member that speaks HTTP.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        let attributes = self.attributes.iter();
        let attributes = attributes.map(|attribute| (&*attribute.field, &*attribute.value));
        std::iter::once((USER_FIELD, &*self.name)).chain(attributes)
    }
}

/// The value of an attribute; `None` for what is none.
pub(super) fn value(bytes: &[u8]) -> Option<String> {
    text(bytes, LONGEST_VALUE)
}

/// UTF-8 of at most this many bytes, not empty and without control characters. It neither begins nor ends with white space: some
/// member would take that off, and see another user.
fn text(bytes: &[u8], longest: usize) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    let fits = (1..=longest).contains(&text.len())
        && text.trim() == text
        && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_text_of_one_line() {
        for (bytes, name) in [
            (&b"anna"[..], Some("anna")),
            (b" anna", None),
            (b"anna ", None),
            ("\u{a0}anna".as_bytes(), None),
            ("anna\u{3000}".as_bytes(), None),
            ("\u{2003}anna".as_bytes(), None),
            (b"anna b", Some("anna b")),
            (b"Anna \xc3\x84nger", Some("Anna Änger")),
            (b"anna@example.com", Some("anna@example.com")),
            (b"", None),
            (b"  ", None),
            (b"an\nna", None),
            (b"an\0na", None),
            (b"an\x7fna", None),
            (b"an\xc2\x85na", None),
            (b"\xff", None),
            (&[b'x'; 1025], None),
        ] {
            let user = User::new(bytes, Kind::Basic);
            assert_eq!(user.map(|user| user.name).as_deref(), name, "{bytes:?}");
        }
    }
}
