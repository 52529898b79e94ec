//! Words and numbers of a line.

/// A decimal number; `None` for other text.
pub(super) fn number(text: &[u8]) -> Option<u64> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(text).ok().filter(|_| digits)?;
    text.parse().ok()
}

/// A word of a line.
pub(super) struct Word<'a> {
    pub(super) text: &'a [u8],
    /// The place in the line where the word ends, in bytes.
    pub(super) end: usize,
}

/// The words of a line, which spaces separate.
pub(super) fn words(line: &[u8]) -> Vec<Word<'_>> {
    let mut end = 0_usize;
    let mut words = Vec::new();
    for text in line.split(|byte| *byte == b' ') {
        end = end.saturating_add(text.len());
        if !text.is_empty() {
            words.push(Word { text, end });
        }
        end = end.saturating_add(1);
    }
    words
}
