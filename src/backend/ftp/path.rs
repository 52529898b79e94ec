//! From the path of a request to a file's on the server. Pure.
//!
//! Parameters go, as they went when the mapping was decided: only a literal `;type=` behind the last segment means
//! something here, and an encoded `;` belongs to the name. A name is whatever bytes it is, but none that could end a
//! command, and no path climbs out of what the mapping covers.

use std::fmt::Write as _;

/// What a request names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FtpPath {
    /// Decoded, none of them empty, `.` or `..`.
    segments: Vec<Vec<u8>>,
    /// How many of them are the mapping's.
    root: usize,
    /// Whether the client has said that it means a directory, by the slash behind it.
    pub(super) slash: bool,
    pub(super) kind: Kind,
}

/// `;type=` (RFC 1738 section 3.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `i`, and the default.
    Image,
    /// `a`: the server may change line ends. Its bytes are passed on as they come.
    Ascii,
    /// `d`: a listing.
    Directory,
}

/// A path that no server is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BadPath;

impl FtpPath {
    /// `asked` is the client's path, `sent` what the mapping made of it, `root` what stands in that for the mapping.
    ///
    /// # Errors
    /// CR, LF, NUL, an encoded slash, a bad escape, `..` beyond the root, an unknown type.
    pub(super) fn new(asked: &str, sent: &str, root: &str) -> Result<Self, BadPath> {
        let kind = kind_of(asked)?;
        let root = root.trim_end_matches('/');
        let name = |segment: &str| decode(segment.split(';').next().unwrap_or_default());
        let mut segments = Vec::new();
        for segment in root.split('/') {
            segments.push(decode(segment)?);
        }
        segments.retain(|segment| !segment.is_empty());
        let own = segments.len();
        // What the mapping put there is there as it stands; behind it is what the client said.
        let rest = sent.strip_prefix(root).ok_or(BadPath)?;
        if !(rest.is_empty() || rest.starts_with(['/', ';'])) {
            return Err(BadPath);
        }
        for segment in rest.split('/') {
            match name(segment)?.as_slice() {
                b"" | b"." => {}
                b".." if segments.len() > own => drop(segments.pop()),
                b".." => return Err(BadPath),
                name => segments.push(name.to_vec()),
            }
        }
        // Some old servers expand braces, and what they expand to may climb: `{x,../y}`.
        let opened = segments.iter().position(|name| name.contains(&b'{'));
        let closed = segments.iter().rposition(|name| name.contains(&b'}'));
        if opened.zip(closed).is_some_and(|(open, close)| open < close) {
            return Err(BadPath);
        }
        let last = asked.rsplit('/').next().unwrap_or_default();
        let last = last.split(';').next().unwrap_or_default();
        Ok(Self {
            root: own,
            segments,
            slash: matches!(decode(last)?.as_slice(), b"" | b"." | b".."),
            kind,
        })
    }

    /// As the server is told it: below the directory that a login begins in, or relative to that when the server does
    /// not say which it is. It never begins with `-` or `~`; it is empty for that directory itself, when it is relative.
    pub(super) fn on_server(&self, home: Option<&[u8]>) -> Vec<u8> {
        let names = self.segments.join(&b'/');
        let (mut path, slash): (Vec<u8>, &[u8]) = match (home, names.first()) {
            (Some(home), _) => (home.strip_suffix(b"/").unwrap_or(home).to_vec(), b"/"),
            (None, Some(b'-' | b'~')) => (b".".to_vec(), b"/"),
            (None, _) => (Vec::new(), b""),
        };
        if !names.is_empty() || path.is_empty() {
            path.extend_from_slice(slash);
        }
        path.extend_from_slice(&names);
        path
    }

    /// Whether it is the mapping's own directory: its parent is nobody's business.
    pub(super) const fn is_root(&self) -> bool {
        self.segments.len() <= self.root
    }

    /// The last name; empty for the root.
    pub(super) fn name(&self) -> &[u8] {
        self.segments.last().map_or(&[], Vec::as_slice)
    }

    /// As a path of a URL that ends in a slash.
    pub(super) fn as_directory(&self) -> String {
        let mut path = String::from("/");
        for segment in &self.segments {
            path.push_str(&escape(segment));
            path.push('/');
        }
        path
    }

    /// As people read it, below the mapping: `/`, or `/a/b/`.
    pub(super) fn shown(&self) -> String {
        let mut shown = String::from("/");
        for segment in self.segments.iter().skip(self.root) {
            shown.push_str(&String::from_utf8_lossy(segment));
            shown.push('/');
        }
        shown
    }
}

fn kind_of(asked: &str) -> Result<Kind, BadPath> {
    let last = asked.rsplit('/').next().unwrap_or_default();
    let mut kind = Kind::Image;
    for parameter in last.split(';').skip(1) {
        let decoded = decode(parameter)?;
        let Some(value) = decoded
            .split_at_checked(5)
            .filter(|(key, _)| key.eq_ignore_ascii_case(b"type="))
            .map(|(_, value)| value)
        else {
            continue;
        };
        kind = match value {
            b"i" | b"I" => Kind::Image,
            b"a" | b"A" => Kind::Ascii,
            b"d" | b"D" => Kind::Directory,
            _ => return Err(BadPath),
        };
    }
    Ok(kind)
}

/// Takes escapes out of a segment.
fn decode(segment: &str) -> Result<Vec<u8>, BadPath> {
    let mut decoded = Vec::with_capacity(segment.len());
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b'%' => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                let (high, low) = bytes.next().zip(bytes.next()).ok_or(BadPath)?;
                let (high, low) = digit(high).zip(digit(low)).ok_or(BadPath)?;
                u8::try_from(high << 4 | low).map_err(|_| BadPath)?
            }
            byte => byte,
        };
        match byte {
            b'\r' | b'\n' | 0 | b'/' => return Err(BadPath),
            byte => decoded.push(byte),
        }
    }
    Ok(decoded)
}

/// Escapes all of a name but what never needs it (RFC 3986 section 2.3), so that it is one segment wherever it stands.
pub(super) fn escape(name: &[u8]) -> String {
    let mut escaped = String::with_capacity(name.len());
    for &byte in name {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn path(asked: &str, sent: &str, root: &str) -> Option<(String, bool, Kind)> {
        let path = FtpPath::new(asked, sent, root).ok()?;
        let text = String::from_utf8(path.on_server(Some(b"/"))).unwrap();
        Some((text, path.slash, path.kind))
    }

    #[test]
    fn names_come_out_as_the_server_knows_them() {
        use Kind::{Ascii, Directory, Image};
        for (raw, expected) in [
            ("/", ("/pub", true, Image)),
            ("/a", ("/pub/a", false, Image)),
            ("/a/", ("/pub/a", true, Image)),
            ("/a%20b/-%C3%A4%25%23", ("/pub/a b/-\u{e4}%#", false, Image)),
            ("/a%3Btype=a", ("/pub/a;type=a", false, Image)),
            ("/a;type=a", ("/pub/a", false, Ascii)),
            ("/a;TYPE=I", ("/pub/a", false, Image)),
            ("/a;type=d", ("/pub/a", false, Directory)),
            ("/a/;type=d", ("/pub/a", true, Directory)),
            ("/a;x=1/b;y", ("/pub/a/b", false, Image)),
            ("/a//b/./c/../d", ("/pub/a/b/d", false, Image)),
            ("/a/..", ("/pub", true, Image)),
            ("/{a,b}*?[x]~", ("/pub/{a,b}*?[x]~", false, Image)),
        ] {
            let sent = format!("/pub{raw}");
            let expected = (expected.0.to_owned(), expected.1, expected.2);
            assert_eq!(path(raw, &sent, "/pub"), Some(expected), "{raw}");
        }
        let bare = FtpPath::new("/f", "/pub", "/pub").unwrap();
        assert!(bare.is_root() && !bare.slash);
        assert_eq!(bare.as_directory(), "/pub/");
    }

    #[test]
    fn what_no_server_is_asked_for() {
        for raw in [
            "/a%00b",
            "/a%0Db",
            "/a%0ab",
            "/a%2fb",
            "/a%2Fb",
            "/a%",
            "/a%4",
            "/a%zz",
            "/..",
            "/a/../..",
            "/%2e%2e",
            "/..;/x",
            "/a;type=e",
            "/a;type=",
            "/a;type=aa",
            "/a;type=%0d%0aDELE",
            "/{x,../y}",
            "/{a/b}",
        ] {
            assert_eq!(path(raw, &format!("/pub{raw}"), "/pub"), None, "{raw}");
        }
        assert_eq!(path("/a", "/other/a", "/pub"), None);
    }

    #[test]
    fn a_path_is_below_the_home_of_the_login() {
        let path = FtpPath::new("/-a", "/-a", "").unwrap();
        assert_eq!(path.on_server(Some(b"/home/u")), b"/home/u/-a");
        assert_eq!(path.on_server(Some(b"/")), b"/-a");
        assert_eq!(path.on_server(None), b"./-a");
        let path = FtpPath::new("/b/-a", "/b/-a", "/").unwrap();
        assert_eq!(path.on_server(Some(b"/home/u/")), b"/home/u/b/-a");
        assert_eq!(path.on_server(None), b"b/-a");
        let root = FtpPath::new("/", "/", "").unwrap();
        assert_eq!(root.on_server(Some(b"/")), b"/");
        assert_eq!(root.on_server(Some(b"/home/u")), b"/home/u");
        assert_eq!(root.on_server(None), b"");
    }

    proptest! {
        /// Whatever a client says, nothing ends a command and nothing leaves the mapping.
        #[test]
        fn no_path_leaves_its_mapping(raw in "(/|\\.|%2e|%2[fF]|;|%0[aAdD0]|a|%|\\{|,|\\}|=|type){0,24}") {
            let sent = format!("/pub/{raw}");
            if let Ok(path) = FtpPath::new(&format!("/{raw}"), &sent, "/pub") {
                let path = path.on_server(Some(b"/"));
                prop_assert!(path.starts_with(b"/pub"));
                prop_assert!(!path.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)));
                prop_assert!(path.split(|byte| *byte == b'/').all(|name| name != b".."));
            }
        }

        #[test]
        fn escaped_names_come_back(name in prop::collection::vec(any::<u8>(), 1..30)) {
            let clean = !name.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0 | b'/'));
            prop_assert_eq!(decode(&escape(&name)).ok(), clean.then_some(name));
        }
    }
}
