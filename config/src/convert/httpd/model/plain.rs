//! Letters that stand for themselves in an expression and in a path.

/// Whether a text has such letters alone, so that an expression of it takes just this text.
pub(super) fn is_plain(text: &str) -> bool {
    let is_literal = |letter: char| letter.is_alphanumeric() || "/-_~".contains(letter);
    text.chars().all(is_literal)
}

/// Whether a text is a path that the text, taken for an expression, finds too.
pub(super) fn finds_itself(text: &str) -> bool {
    text.starts_with('/') && is_plain(&text.replace('.', ""))
}
