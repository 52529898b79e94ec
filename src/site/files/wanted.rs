//! Which name of a directory a path asks for.

use super::neighbour;

/// A name below the directory, as a path asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Relative to the directory, without a slash at its end; `.` is the directory itself.
    pub(super) name: Vec<u8>,
    /// Whether the path ends with a slash, and the name is that of the index of a folder.
    pub(crate) is_index: bool,
}

impl Wanted {
    /// `rest` is what stands behind the path of the mapping, decoded and in normal form: empty, or a slash and more.
    /// `index` is the name of the file that stands for a folder.
    ///
    /// `None` for names that are never served: those that begin with a dot, and those with a NUL, which is what an encoded
    /// slash is in a normal form.
    pub(crate) fn of(rest: &[u8], index: &str) -> Option<Self> {
        let behind_slash = match rest {
            [] => return Some(Self::entry(b".")),
            [b'/', behind @ ..] => behind,
            _ => return None,
        };
        let (folders, is_index) = match behind_slash {
            [] => (&[][..], true),
            [b'/', ..] => return None,
            [folders @ .., b'/'] => (folders, true),
            name => (name, false),
        };
        let is_served = |name: &[u8]| !matches!(name, [] | [b'.', ..]) && !name.contains(&0);
        if !folders.is_empty() && !folders.split(|byte| *byte == b'/').all(is_served) {
            return None;
        }
        if !is_index {
            return Some(Self::entry(folders));
        }
        let slash: &[u8] = match folders {
            [] => b"",
            _ => b"/",
        };
        Some(Self {
            name: [folders, slash, index.as_bytes()].concat(),
            is_index,
        })
    }

    /// The ending of a name that may be that of a compressed neighbour, `.gz` for example; the file beside it has the name
    /// without it.
    pub(crate) fn ending_of_neighbour(&self) -> Option<&'static [u8]> {
        neighbour::ending_of(&self.name).filter(|_| !self.is_index)
    }

    fn entry(name: &[u8]) -> Self {
        Self {
            name: name.to_vec(),
            is_index: false,
        }
    }
}

/// The name, for people.
impl std::fmt::Display for Wanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(rest: &[u8]) -> Option<(String, bool)> {
        let wanted = Wanted::of(rest, "index.html")?;
        Some((wanted.name.escape_ascii().to_string(), wanted.is_index))
    }

    #[test]
    fn a_path_names_a_file_or_the_index_of_a_folder() {
        for (rest, name, is_index) in [
            (&b""[..], ".", false),
            (b"/", "index.html", true),
            (b"/a.css", "a.css", false),
            (b"/a/b.css", "a/b.css", false),
            (b"/a/", "a/index.html", true),
            (b"/a/b/", "a/b/index.html", true),
            (b"/a..b/c.", "a..b/c.", false),
            (b"/a\\b", r"a\\b", false),
            (b"/caf\xe9", r"caf\xe9", false),
            (b"/a b;c", "a b;c", false),
        ] {
            let found = wanted(rest);
            assert_eq!(found, Some((name.to_owned(), is_index)), "{rest:?}");
        }
    }

    #[test]
    fn names_that_are_never_served() {
        for rest in [
            &b"/.htaccess"[..],
            b"/.",
            b"/..",
            b"/../a",
            b"/a/../b",
            b"/a/.git/config",
            b"/.git/",
            b"/...",
            b"//a",
            b"/a//b",
            b"//",
            b"/a\0b",
            b"/..\0a",
            b"/a/\0",
            b"a",
        ] {
            assert_eq!(wanted(rest), None, "{}", rest.escape_ascii());
        }
    }
}
