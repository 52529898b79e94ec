//! The path of a request as httpd and mod_jk compare it (`server/util.c: ap_normalize_path()`).

/// Why a server refuses a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BadPath {
    /// An escape that is none, a zero byte, or dots that lead out of the root.
    Bad,
    /// `%2F`, unless `AllowEncodedSlashes` allows it.
    EncodedSlash,
}

/// The path decoded; slashes in a row are one, and dot segments are resolved. Bytes that are not UTF-8 are taken for Latin-1.
pub(super) fn normal(path: &str) -> Result<String, BadPath> {
    resolved(&decoded(path)?).ok_or(BadPath::Bad)
}

/// What becomes of `%2F` in a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slashes {
    /// The path is refused.
    Refused,
    /// It stays as it is (`AllowEncodedSlashes NoDecode`).
    Kept,
    /// It is a slash (`AllowEncodedSlashes On`).
    Decoded,
}

/// The same with other `%2F`.
pub(super) fn normal_with(path: &str, slashes: Slashes) -> Result<String, BadPath> {
    resolved(&without_escapes(path, slashes)?).ok_or(BadPath::Bad)
}

/// A path without its escapes.
pub(super) fn decoded(path: &str) -> Result<String, BadPath> {
    without_escapes(path, Slashes::Refused)
}

fn without_escapes(path: &str, slashes: Slashes) -> Result<String, BadPath> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes().iter();
    while let Some(byte) = rest.next() {
        if *byte != b'%' {
            bytes.push(*byte);
            continue;
        }
        let mut digit = || char::from(*rest.next()?).to_digit(16);
        let (Some(high), Some(low)) = (digit(), digit()) else {
            return Err(BadPath::Bad);
        };
        match u8::try_from(high * 16 + low) {
            Ok(0) | Err(_) => return Err(BadPath::Bad),
            Ok(b'/') => match slashes {
                Slashes::Refused => return Err(BadPath::EncodedSlash),
                Slashes::Kept => bytes.extend(b"%2F"),
                Slashes::Decoded => bytes.push(b'/'),
            },
            Ok(byte) => bytes.push(byte),
        }
    }
    Ok(match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => error.into_bytes().into_iter().map(char::from).collect(),
    })
}

/// The path without empty and dot segments; `None`: it leads out of the root.
fn resolved(path: &str) -> Option<String> {
    let mut kept: Vec<&str> = Vec::new();
    let mut is_folder = false;
    for segment in path.split('/') {
        is_folder = matches!(segment, "" | "." | "..");
        match segment {
            "" | "." => {}
            ".." => drop(kept.pop()?),
            segment => kept.push(segment),
        }
    }
    let end = if is_folder && !kept.is_empty() {
        "/"
    } else {
        ""
    };
    Some(format!("/{}{end}", kept.join("/")))
}

/// The path without `;name=value` in its segments.
pub(super) fn without_parameters(path: &str) -> String {
    let segments = path.split('/').map(|it| it.split(';').next().unwrap_or(it));
    segments.collect::<Vec<_>>().join("/")
}

/// How many bytes of a path the path of a directive takes, `/app` or `/app/` (`modules/mappers/mod_alias.c: alias_matches()`);
/// `None`: it does not take it.
pub(super) fn taken(own: &str, path: &str) -> Option<usize> {
    let rest = path.strip_prefix(own)?;
    (own.ends_with('/') || rest.is_empty() || rest.starts_with('/')).then_some(own.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_as_servers_compare_them() {
        for (path, expected) in [
            ("/a/b", Ok("/a/b")),
            ("/a//b/./c/../d/", Ok("/a/b/d/")),
            ("/a/..", Ok("/")),
            ("/a%20b;x=1/%C3%A9", Ok("/a b;x=1/é")),
            ("/%e9", Ok("/é")),
            ("/../a", Err(BadPath::Bad)),
            ("/%zz", Err(BadPath::Bad)),
            ("/%", Err(BadPath::Bad)),
            ("/%00", Err(BadPath::Bad)),
            ("/a%2Fb", Err(BadPath::EncodedSlash)),
        ] {
            assert_eq!(normal(path), expected.map(str::to_owned), "{path}");
        }
        assert_eq!(without_parameters("/a;x=1/b;y"), "/a/b");
    }

    #[test]
    fn what_the_path_of_a_directive_takes() {
        for (own, path, expected) in [
            ("/", "/x", Some(1)),
            ("/app", "/app", Some(4)),
            ("/app", "/app/x", Some(4)),
            ("/app", "/apple", None),
            ("/app/", "/app", None),
            ("/app/", "/app/x", Some(5)),
        ] {
            assert_eq!(taken(own, path), expected, "{own} {path}");
        }
    }
}
