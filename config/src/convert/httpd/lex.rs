//! Bytes to lines and words (`server/util.c: ap_cfg_getline()`, `server/util.c: ap_getword_conf()`).

/// A line with those that continue it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// The number of the first line, from 1.
    pub(super) number: u32,
    /// The text without blanks around it.
    pub(super) text: String,
}

/// The lines of a file that are neither empty nor comments. `\` before the end of a line continues it, in a comment too.
/// Bytes that are not UTF-8 are taken for Latin-1.
pub(super) fn lines(bytes: &[u8]) -> Vec<Line> {
    let text = crate::convert::files::text_of(bytes);
    let mut lines = Vec::new();
    let mut begun: Option<Line> = None;
    for (number, part) in (1..).zip(text.split('\n')) {
        // Files that were put together have the mark in the middle.
        let part = part.strip_prefix('\u{feff}').unwrap_or(part);
        let part = part.strip_suffix('\r').unwrap_or(part);
        let (part, goes_on) = match part.strip_suffix('\\') {
            Some(part) => (part, true),
            None => (part, false),
        };
        let line = begun.get_or_insert(Line {
            number,
            text: String::new(),
        });
        line.text.push_str(part);
        if !goes_on {
            lines.extend(begun.take());
        }
    }
    lines.extend(begun);
    let trimmed = lines.into_iter().map(|line| Line {
        text: line.text.trim_matches(is_blank).to_owned(),
        ..line
    });
    trimmed
        .filter(|line| !line.text.is_empty() && !line.text.starts_with('#'))
        .collect()
}

fn is_blank(letter: char) -> bool {
    letter.is_ascii_whitespace() || letter == '\u{b}'
}

/// The first word of a text, and what is behind it; `None` where there is none. Quotes count at the start of a word only.
pub(super) fn word(text: &str) -> Option<(String, &str)> {
    let text = text.trim_start_matches(is_blank);
    let quote = text.chars().next()?;
    if quote != '"' && quote != '\'' {
        let end = text.find(is_blank).unwrap_or(text.len());
        let (word, rest) = text.split_at_checked(end)?;
        return Some((unescaped(word, None), rest.trim_start_matches(is_blank)));
    }
    let inner = text.get(1..)?;
    let mut escaped = false;
    let end = inner.char_indices().find(|(_, letter)| {
        let ends = *letter == quote && !escaped;
        escaped = *letter == '\\' && !escaped;
        ends
    });
    let end = end.map_or(inner.len(), |(at, _)| at);
    let (word, rest) = inner.split_at_checked(end)?;
    let rest = rest.strip_prefix(quote).unwrap_or(rest);
    Some((
        unescaped(word, Some(quote)),
        rest.trim_start_matches(is_blank),
    ))
}

/// `\\` is a backslash, and before the quote of its word a backslash vanishes; elsewhere it is itself.
fn unescaped(word: &str, quote: Option<char>) -> String {
    let mut text = String::with_capacity(word.len());
    let mut letters = word.chars().peekable();
    while let Some(letter) = letters.next() {
        let next = letters.peek().copied();
        match letter == '\\' && next.is_some_and(|next| next == '\\' || Some(next) == quote) {
            true => text.extend(letters.next()),
            false => text.push(letter),
        }
    }
    text
}

/// All words of a text.
pub(super) fn words(mut text: &str) -> Vec<String> {
    let mut words = Vec::new();
    while let Some((word, rest)) = word(text) {
        words.push(word);
        text = rest;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_go_on_behind_a_backslash_and_comments_swallow_them() {
        let text = b"\xef\xbb\xbfA 1 \\\r\n  2\r\n# no \\\nB\n\n\xef\xbb\xbfC\\";
        let lines = lines(text);
        let found: Vec<_> = lines.iter().map(|it| (it.number, &*it.text)).collect();
        assert_eq!(found, [(1, "A 1   2"), (6, "C")]);
    }

    #[test]
    fn quotes_count_at_the_start_of_a_word() {
        for (text, expected) in [
            (r#"a "b c" d"#, vec!["a", "b c", "d"]),
            (r#"secret="x y""#, vec!["secret=\"x", "y\""]),
            (r#""a \" b" 'c "d"'"#, vec!["a \" b", "c \"d\""]),
            (r"\.bak$ a\\b", vec![r"\.bak$", r"a\b"]),
            (r#""open"#, vec!["open"]),
            ("", vec![]),
        ] {
            assert_eq!(words(text), expected, "{text}");
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_are_latin_1() {
        assert_eq!(lines(b"A \xe9").first().map(|it| &*it.text), Some("A é"));
    }
}
