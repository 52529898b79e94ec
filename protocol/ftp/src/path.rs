//! The file or directory that a URL names.
//!
//! A name is any bytes but CR, LF, NUL and `/`; it need not be UTF-8. No path leads out of the directory that the mapping
//! covers. Path parameters are dropped, except a literal `;type=` behind the last segment; an encoded `;` belongs to the
//! name.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};

use crate::command::{TransferType, ends_line};

/// The characters that need no escape in any part of a URL (RFC 3986 section 2.3) are left as they are.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The path of a request, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FtpPath {
    /// The mapping's part of the URL path, escaped, without a slash at its end.
    root: String,
    /// How many of the segments belong to the mapping.
    root_segments: usize,
    /// Decoded. None is empty, `.` or `..`.
    segments: Vec<Vec<u8>>,
    trailing_slash: bool,
    typecode: Typecode,
}

/// `;type=` (RFC 1738 section 3.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Typecode {
    /// `i`, and the default: the bytes of a file.
    Image,
    /// `a`: a text; the server may change its line ends.
    Ascii,
    /// `d`: a directory.
    Directory,
}

/// A path that is refused: CR, LF, NUL or `/` in a name, a bad escape, a way out of the mapping, or an unknown `;type=`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a path that an FTP server is not asked for")]
pub struct BadPath;

impl Typecode {
    /// The type in which the server is asked to send it.
    #[must_use]
    pub const fn transfer_type(self) -> TransferType {
        match self {
            Self::Ascii => TransferType::Ascii,
            Self::Image | Self::Directory => TransferType::Image,
        }
    }
}

impl FtpPath {
    /// Decodes a path. All three arguments are escaped: `client` is the path in the client's request, `sent` what the
    /// mapping made of it, and `root` the mapping's part of `sent`, such as `/pub` or nothing.
    ///
    /// # Errors
    /// For a path that is refused; see [`BadPath`].
    pub fn new(client: &str, sent: &str, root: &str) -> Result<Self, BadPath> {
        let root = root.trim_end_matches('/');
        let mut segments = Vec::new();
        for segment in root.split('/') {
            segments.push(decode(segment)?);
        }
        segments.retain(|segment| !segment.is_empty());
        let root_segments = segments.len();
        let rest = sent.strip_prefix(root).ok_or(BadPath)?;
        if !(rest.is_empty() || rest.starts_with(['/', ';'])) {
            return Err(BadPath);
        }
        for segment in rest.split('/') {
            match decode(without_parameters(segment))?.as_slice() {
                b"" | b"." => {}
                b".." if segments.len() > root_segments => drop(segments.pop()),
                name if name != b".." && !climbs(name) => segments.push(name.to_vec()),
                _ => return Err(BadPath),
            }
        }
        if has_braces(&segments) {
            return Err(BadPath);
        }
        let last = client.rsplit('/').next().unwrap_or_default();
        let last_name = decode(without_parameters(last))?;
        Ok(Self {
            root: root.to_owned(),
            root_segments,
            segments,
            trailing_slash: matches!(last_name.as_slice(), b"" | b"." | b".."),
            typecode: typecode(last)?,
        })
    }

    /// The argument for commands: an absolute path below `home`, the directory that the login began in. Without `home` it
    /// is relative, and empty for that directory itself. It never begins with `-` or `~`, which some servers take for an
    /// option or a user's directory.
    #[must_use]
    pub fn on_server(&self, home: Option<&[u8]>) -> Vec<u8> {
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

    /// What `;type=` says.
    #[must_use]
    pub const fn typecode(&self) -> Typecode {
        self.typecode
    }

    /// Whether the client's path ends in a slash, `.` or `..`: it names a directory, and links in a listing are relative
    /// to it.
    #[must_use]
    pub const fn has_trailing_slash(&self) -> bool {
        self.trailing_slash
    }

    /// Whether it is the directory of the mapping itself, whose parent no link leads to.
    #[must_use]
    pub const fn is_root(&self) -> bool {
        self.segments.len() <= self.root_segments
    }

    /// The last name, decoded; empty for the root of the server.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        self.segments.last().map_or(&[], Vec::as_slice)
    }

    /// The URL path of the directory, with a slash at its end. The mapping's part stands there as it was given, so that it
    /// can be mapped back.
    #[must_use]
    pub fn directory_url(&self) -> String {
        let mut url = self.root.clone();
        url.push('/');
        for segment in self.below_root() {
            url.extend([&escape(segment), "/"]);
        }
        url
    }

    /// The directory below the mapping as people read it, `/` or `/a/b/`. Bytes that are not UTF-8 are replaced.
    #[must_use]
    pub fn shown(&self) -> String {
        let mut shown = String::from("/");
        for segment in self.below_root() {
            shown.extend([&String::from_utf8_lossy(segment), "/"]);
        }
        shown
    }

    fn below_root(&self) -> impl Iterator<Item = &[u8]> {
        let below = self.segments.iter().skip(self.root_segments);
        below.map(Vec::as_slice)
    }
}

fn without_parameters(segment: &str) -> &str {
    segment.split(';').next().unwrap_or_default()
}

/// The last `;type=` of a segment.
fn typecode(segment: &str) -> Result<Typecode, BadPath> {
    let mut typecode = Typecode::Image;
    for parameter in segment.split(';').skip(1) {
        let parameter = decode(parameter)?;
        let Some((key, value)) = parameter.split_at_checked(5) else {
            continue;
        };
        if !key.eq_ignore_ascii_case(b"type=") {
            continue;
        }
        typecode = match value {
            b"i" | b"I" => Typecode::Image,
            b"a" | b"A" => Typecode::Ascii,
            b"d" | b"D" => Typecode::Directory,
            _ => return Err(BadPath),
        };
    }
    Ok(typecode)
}

/// Replaces the escapes of a segment.
fn decode(segment: &str) -> Result<Vec<u8>, BadPath> {
    let decoded: Vec<u8> = percent_decode_str(segment).collect();
    // A bad escape is left as it is. Each good one is two bytes shorter.
    let escapes = segment.bytes().filter(|byte| *byte == b'%').count();
    let all_good = decoded.len().saturating_add(escapes.saturating_mul(2)) == segment.len();
    if !all_good || ends_line(&decoded) || decoded.contains(&b'/') {
        return Err(BadPath);
    }
    Ok(decoded)
}

/// Whether a name has `..` between backslashes: a Windows server would go to the parent directory.
pub(crate) fn climbs(name: &[u8]) -> bool {
    name.contains(&b'\\') && name.split(|byte| *byte == b'\\').any(|part| part == b"..")
}

/// Whether a brace is opened in one segment and closed in a later one. Some old servers expand braces, and `{x,../y}` would
/// lead to the parent directory.
fn has_braces(segments: &[Vec<u8>]) -> bool {
    let opened = segments.iter().position(|name| name.contains(&b'{'));
    let closed = segments.iter().rposition(|name| name.contains(&b'}'));
    opened.zip(closed).is_some_and(|(open, close)| open < close)
}

/// Escapes a name, so that it is one segment of a URL wherever it stands.
#[must_use]
pub fn escape(name: &[u8]) -> String {
    percent_encode(name, ESCAPED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(client: &str) -> Result<FtpPath, BadPath> {
        FtpPath::new(client, &format!("/pub{client}"), "/pub")
    }

    #[test]
    fn a_url_names_a_file_on_the_server() {
        use Typecode::{Ascii, Directory, Image};
        for (client, name, trailing_slash, typecode) in [
            ("/", &b"/pub"[..], true, Image),
            ("/a", b"/pub/a", false, Image),
            ("/a/", b"/pub/a", true, Image),
            (
                "/a%20b/-%C3%A4%25%23",
                "/pub/a b/-\u{e4}%#".as_bytes(),
                false,
                Image,
            ),
            ("/Gr%FC%DFe.txt", b"/pub/Gr\xfc\xdfe.txt", false, Image),
            ("/a%5Cb.txt", b"/pub/a\\b.txt", false, Image),
            ("/a%01%7Fb", b"/pub/a\x01\x7fb", false, Image),
            ("/a%3Btype=a", b"/pub/a;type=a", false, Image),
            ("/a;type=a", b"/pub/a", false, Ascii),
            ("/a;TYPE=I", b"/pub/a", false, Image),
            ("/a;type=%61", b"/pub/a", false, Ascii),
            ("/a;type=d", b"/pub/a", false, Directory),
            ("/a/;type=d", b"/pub/a", true, Directory),
            ("/a;type=d/b", b"/pub/a/b", false, Image),
            ("/a;x=1/b;y", b"/pub/a/b", false, Image),
            ("/a//b/./c/../d", b"/pub/a/b/d", false, Image),
            ("/a/..", b"/pub", true, Image),
            ("/{a,b}*?[x]~", b"/pub/{a,b}*?[x]~", false, Image),
            ("/a..%5C..b", b"/pub/a..\\..b", false, Image),
        ] {
            let path = parsed(client).unwrap();
            assert_eq!(path.on_server(Some(b"/")), name, "{client}");
            assert_eq!(path.has_trailing_slash(), trailing_slash, "{client}");
            assert_eq!(path.typecode(), typecode, "{client}");
        }
    }

    #[test]
    fn commands_ways_out_and_unknown_types_are_refused() {
        for client in [
            "/a%00b",
            "/a%0Db",
            "/a%0ab",
            "/a%2fb",
            "/a%2Fb",
            "/a%",
            "/a%4",
            "/a%zz",
            "/a%%41",
            "/..",
            "/a/../..",
            "/%2e%2e",
            "/..;/x",
            "/%5c..%5cx",
            "/..%5C..%5Cx",
            "/a%5C..",
            "/a;type=e",
            "/a;type=",
            "/a;type=aa",
            "/a;type=%0d%0aDELE",
            "/a;type=%00",
            "/{x,../y}",
            "/{a/b}",
        ] {
            assert_eq!(parsed(client), Err(BadPath), "{client}");
        }
        assert_eq!(FtpPath::new("/a", "/other/a", "/pub"), Err(BadPath));
        assert_eq!(FtpPath::new("/a", "/public/a", "/pub"), Err(BadPath));
    }

    #[test]
    fn commands_get_an_absolute_path_where_the_home_is_known() {
        for (path, root, home, expected) in [
            ("/-a", "", Some("/home/u"), "/home/u/-a"),
            ("/-a", "", Some("/"), "/-a"),
            ("/-a", "", None, "./-a"),
            ("/~a", "", None, "./~a"),
            ("/b/-a", "/", Some("/home/u/"), "/home/u/b/-a"),
            ("/b/-a", "/", None, "b/-a"),
            ("/", "", Some("/"), "/"),
            ("/", "", Some("/home/u"), "/home/u"),
            ("/", "", None, ""),
        ] {
            let parsed = FtpPath::new(path, path, root).unwrap();
            let argument = parsed.on_server(home.map(str::as_bytes));
            assert_eq!(argument, expected.as_bytes(), "{path} {home:?}");
        }
    }

    #[test]
    fn a_directory_has_a_url_below_the_mapping_as_it_was_given() {
        for (client, sent, root, url, shown) in [
            ("/f", "/pub", "/pub", "/pub/", "/"),
            ("/f/", "/pub/", "/pub/", "/pub/", "/"),
            ("/f/a", "/a", "", "/a/", "/a/"),
            (
                "/f/a%20(b)",
                "/my(app%20x/a%20(b)",
                "/my(app%20x",
                "/my(app%20x/a%20%28b%29/",
                "/a (b)/",
            ),
            ("/f/%FC", "/%fc/%FC", "/%fc", "/%fc/%FC/", "/\u{fffd}/"),
            (
                "//evil.example/x",
                "//evil.example/x",
                "",
                "/evil.example/x/",
                "/evil.example/x/",
            ),
        ] {
            let path = FtpPath::new(client, sent, root).unwrap();
            assert_eq!(
                (&*path.directory_url(), &*path.shown()),
                (url, shown),
                "{sent}"
            );
        }
        let root = FtpPath::new("/f", "/pub", "/pub").unwrap();
        assert!(root.is_root() && !root.has_trailing_slash());
        assert!(!parsed("/a").unwrap().is_root());
    }
}
