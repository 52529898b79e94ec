//! The words of `RewriteRule` and `RewriteCond` (`mod_rewrite.c: parseargline()`).

/// Two words and the flags. A blank behind `\` belongs to the word, and the `\` stays in it; a quote ends at the next one.
pub(crate) fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line.trim();
    while !rest.is_empty() && words.len() < 3 {
        let quote = rest.chars().next().filter(|it| matches!(it, '"' | '\''));
        rest = rest
            .get(quote.map_or(0, char::len_utf8)..)
            .unwrap_or_default();
        let mut end = rest.len();
        let mut letters = rest.char_indices().peekable();
        while let Some((at, letter)) = letters.next() {
            let is_end = match quote {
                Some(quote) => letter == quote,
                None => letter.is_ascii_whitespace(),
            };
            if is_end {
                end = at;
                break;
            }
            if letter == '\\' && letters.peek().is_some_and(|it| it.1.is_ascii_whitespace()) {
                letters.next();
            }
        }
        words.push(rest.get(..end).unwrap_or_default().to_owned());
        let behind = end + usize::from(quote.is_some());
        rest = rest.get(behind..).unwrap_or_default().trim_start();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_rule() {
        for (line, expected) in [
            (r"^/secret\ dir - [F]", r"^/secret\ dir|-|[F]"),
            (r#""^/a b" - "[F, L]""#, "^/a b|-|[F, L]"),
            ("'^/a'  -", "^/a|-"),
            ("%{X} \"a\\\" b\"", "%{X}|a\\|b\""),
            ("\"open", "open"),
        ] {
            assert_eq!(words(line).join("|"), expected, "{line}");
        }
    }
}
