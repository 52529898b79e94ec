//! Texts as YAML.

/// A key.
pub(super) fn key_text(key: &str) -> String {
    plain_or_quoted(key)
}

/// A text as it stands where YAML takes it so, else in double quotes. `${` would be a variable: it is written `$${`.
pub(super) fn plain_or_quoted(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    let mut quoted = String::from("\"");
    for letter in text.replace("${", "$${").chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            letter
                if letter.is_control()
                    || matches!(letter, '\u{2028}' | '\u{2029}' | '\u{feff}') =>
            {
                quoted.push_str(&format!("\\u{:04x}", u32::from(letter)));
            }
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

/// Whether a text needs no quotes, in a list or map of one line too.
fn is_plain(text: &str) -> bool {
    let word = |letter: char| letter.is_ascii_alphanumeric() || "/_.-".contains(letter);
    let first = text.chars().next();
    let address = text.contains('.')
        && text
            .chars()
            .all(|letter| letter.is_ascii_digit() || ".:/".contains(letter));
    first.is_some_and(|first| first.is_ascii_alphanumeric() || first == '/')
        && (text.chars().all(word) || address)
        && !is_special(text)
}

/// Words and numbers that some readers of YAML take for something else than text.
fn is_special(text: &str) -> bool {
    let words = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];
    let number = text.parse::<f64>().is_ok() || text.starts_with("0x") || text.starts_with("0o");
    number || words.contains(&&*text.to_ascii_lowercase())
}
