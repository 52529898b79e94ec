//! The target of a request (RFC 9112 section 3.2): its text, and where its parts stand in it.

use std::fmt;

use http::Uri;

/// Longest target in bytes: what the crate `http` holds.
const MAX: usize = 65_534;

/// Why a text is no target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadTarget {
    TooLong,
    Malformed,
}

/// The target of a request, checked. Its parts stand one behind the other: `http://` `a:80` `/b` `?c`.
#[derive(Debug, Clone)]
pub(crate) struct RequestTarget {
    text: String,
    /// Where the scheme ends; 0 where there is none.
    scheme: u16,
    /// Where the authority begins.
    authority: u16,
    /// Where the authority ends and the path begins.
    path: u16,
    /// Where the path ends, and the question mark of a query stands.
    end: u16,
}

impl RequestTarget {
    /// A fragment has no place in a target, and Tomcat's own connector refuses bytes beyond ASCII, `"`, `<` and `>` too
    /// (`HttpParser.isNotRequestTarget`).
    ///
    /// # Errors
    /// When the text is no target.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, BadTarget> {
        if text.len() > MAX {
            return Err(BadTarget::TooLong);
        }
        let refused = |byte: &u8| matches!(byte, 0..=b' ' | b'#' | b'"' | b'<' | b'>' | 0x7f..);
        if text.iter().any(refused) {
            return Err(BadTarget::Malformed);
        }
        if text.first() != Some(&b'/') {
            let uri = Uri::try_from(text).map_err(|_| BadTarget::Malformed)?;
            return Ok(Self::of(&uri));
        }
        let end = memchr::memchr(b'?', text).unwrap_or(text.len());
        // The one byte more that the crate `http` refuses, in a path.
        if memchr::memchr(b'`', text.get(..end).unwrap_or_default()).is_some() {
            return Err(BadTarget::Malformed);
        }
        Ok(Self {
            text: String::from_utf8(text.to_vec()).map_err(|_| BadTarget::Malformed)?,
            scheme: 0,
            authority: 0,
            path: 0,
            end: place(end),
        })
    }

    /// The target that the crate `http` has read.
    pub(crate) fn of(uri: &Uri) -> Self {
        let text = uri.to_string();
        let scheme = uri.scheme_str().map_or(0, str::len);
        let authority = match scheme {
            0 => 0,
            end => end + "://".len(),
        };
        let path = authority
            + uri
                .authority()
                .map_or(0, |authority| authority.as_str().len());
        let end = path + uri.path().len();
        Self {
            text,
            scheme: place(scheme),
            authority: place(authority),
            path: place(path),
            end: place(end),
        }
    }

    fn part(&self, from: u16, to: u16) -> &str {
        let range = usize::from(from)..usize::from(to);
        self.text.get(range).unwrap_or_default()
    }

    /// All of it.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The raw path, with escapes and parameters. `*` for all of a server; empty for CONNECT.
    pub(crate) fn path(&self) -> &str {
        self.part(self.path, self.end)
    }

    /// The raw query without its question mark.
    pub(crate) fn query(&self) -> Option<&str> {
        self.text.get(usize::from(self.end)..)?.strip_prefix('?')
    }

    /// The scheme of an absolute target.
    pub(crate) fn scheme(&self) -> Option<&str> {
        Some(self.part(0, self.scheme)).filter(|scheme| !scheme.is_empty())
    }

    /// The authority of an absolute target, and of CONNECT.
    pub(crate) fn authority(&self) -> Option<&str> {
        Some(self.part(self.authority, self.path)).filter(|authority| !authority.is_empty())
    }
}

/// A place in a target. The crate `http` holds no target that is too long for it.
fn place(at: usize) -> u16 {
    u16::try_from(at).unwrap_or(u16::MAX)
}

impl fmt::Display for RequestTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Whether a target is read as the crate `http` reads it; a fragment, which it cuts off, is refused.
    fn agrees(text: &str) -> bool {
        let ours = RequestTarget::parse(text.as_bytes());
        let theirs = text.parse::<Uri>().ok();
        let refused = |c: char| matches!(c, '#' | '"' | '<' | '>' | '\x7f'..) || c <= ' ';
        match (ours, theirs) {
            (Err(_), None) => true,
            (Err(_), Some(_)) => text.contains(refused),
            (Ok(_), None) => false,
            (Ok(ours), Some(theirs)) => {
                theirs == *ours.as_str()
                    && ours.path() == theirs.path()
                    && ours.query() == theirs.query()
                    && ours.scheme() == theirs.scheme_str()
                    && ours.authority() == theirs.authority().map(http::uri::Authority::as_str)
            }
        }
    }

    #[test]
    fn targets_of_every_form_are_read() {
        for text in [
            "/",
            "/a;x=1/b?c=d?e",
            "/?",
            "*",
            "http://a",
            "http://a:80/b?c",
            "a:443",
            "",
            "a",
            "?",
            "/a#b",
            "/`",
            "/?`",
            "//",
        ] {
            assert!(agrees(text), "{text}");
        }
        let long = format!("/{}", "a".repeat(MAX));
        assert_eq!(
            RequestTarget::parse(long.as_bytes()).unwrap_err(),
            BadTarget::TooLong
        );
    }

    #[test]
    fn each_byte_is_judged_as_the_crate_http_does() {
        for byte in 0..=127_u8 {
            let c = char::from(byte);
            assert!(
                agrees(&format!("/a{c}b")) && agrees(&format!("/a?{c}b")),
                "{byte}"
            );
        }
    }

    proptest! {
        #[test]
        fn the_crate_http_reads_the_same(text in "(/|http://|\\*|[a-z]:)?[ -~]{0,12}") {
            prop_assert!(agrees(&text), "{}", text);
        }
    }
}
