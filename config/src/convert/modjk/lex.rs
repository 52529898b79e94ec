//! Bytes to properties, as mod_jk reads them (`common/jk_map.c: jk_map_read_properties()`).

/// `key=value`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// From 1.
    pub(super) number: u32,
    /// Without blanks around it.
    pub(super) key: String,
    /// Without blanks around it, and never empty.
    pub(super) value: String,
}

/// A file's lines.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Lines {
    /// The lines that say something.
    pub(super) said: Vec<Line>,
    /// The numbers of the lines that mod_jk does not read, though they are neither empty nor comments.
    pub(super) unread: Vec<u32>,
    /// Whether the first line is not read because of a byte order mark before it.
    pub(super) marked: bool,
}

/// The lines of a file. Bytes that are not UTF-8 are taken for Latin-1.
pub(super) fn lines(bytes: &[u8]) -> Lines {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
    };
    let mut lines = Lines::default();
    for (number, text) in (1..).zip(text.split('\n')) {
        let (text, marked) = match text.strip_prefix('\u{feff}') {
            Some(rest) if number == 1 => (rest, true),
            _ => (text, false),
        };
        match property(text) {
            Some(_) if marked => lines.marked = true,
            Some((key, value)) => lines.said.push(Line { number, key, value }),
            None if bare(text).is_empty() => {}
            None => lines.unread.push(number),
        }
    }
    lines
}

/// The key and value of one line. `#` begins a comment wherever it stands, and there are no escapes or continuations.
pub(crate) fn property(text: &str) -> Option<(String, String)> {
    let (key, value) = bare(text).split_once('=')?;
    let (key, value) = (key.trim_matches(is_blank), value.trim_matches(is_blank));
    (!key.is_empty() && !value.is_empty()).then(|| (key.to_owned(), value.to_owned()))
}

/// A line without its comment and the blanks around it.
fn bare(text: &str) -> &str {
    text.split('#')
        .next()
        .unwrap_or_default()
        .trim_matches(is_blank)
}

fn is_blank(letter: char) -> bool {
    letter.is_ascii_whitespace() || letter == '\u{b}'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_line_and_a_number_sign_is_a_comment_anywhere() {
        for (text, expected) in [
            ("a=b", Some(("a", "b"))),
            (
                " worker.a.host = 10.0.0.1 \r",
                Some(("worker.a.host", "10.0.0.1")),
            ),
            ("worker.a.secret=x#y", Some(("worker.a.secret", "x"))),
            ("a=b=c", Some(("a", "b=c"))),
            ("a=n1,\\", Some(("a", "n1,\\"))),
            ("a=", None),
            ("=b", None),
            ("a: b", None),
            ("# a=b", None),
        ] {
            let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
            assert_eq!(property(text), expected, "{text}");
        }
    }

    #[test]
    fn lines_that_say_nothing_are_counted_and_a_mark_spoils_the_first() {
        let found = lines("\u{feff}a=b\n\n# c\n! d\ne=f\r\n".as_bytes());
        assert!(found.marked);
        assert_eq!(found.unread, [4]);
        let said: Vec<_> = found.said.iter().map(|it| (it.number, &*it.key)).collect();
        assert_eq!(said, [(5, "e")]);
        assert_eq!(lines(b"a=\xe9").said.len(), 1);
    }
}
