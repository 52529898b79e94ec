//! What is wrong with one value, before it is known where the value stands.

use std::fmt;

use serde::de;

/// Separates the parts of a [`Fault`] on its way through serde.
const PART: char = '\u{1}';

/// What is wrong with a value.
///
/// serde hands errors over as text. So the alternate form of `Display` (`{:#}`) carries all parts, and
/// [`de::Error::custom`] takes it apart again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Fault {
    /// What is wrong, without naming the key.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) hint: Option<String>,
    /// The character of the value that is meant, from 0.
    pub(crate) at: Option<usize>,
}

impl Fault {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            ..Self::default()
        }
    }

    /// A key that has no value.
    pub(crate) fn no_value() -> Self {
        Self::new("has no value").hint("give it one, or remove the key")
    }

    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }

    /// The same of a text that begins with so many characters before the value.
    pub(crate) fn behind(self, characters: usize) -> Self {
        Self {
            at: self.at.map(|at| at + characters),
            ..self
        }
    }

    pub(crate) fn at(self, character: usize) -> Self {
        Self {
            at: Some(character),
            ..self
        }
    }
}

/// A value as it is quoted in messages: with escapes, and not longer than a line bears.
pub(crate) fn quoted(text: &str) -> String {
    const LONGEST: usize = 60;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{:?}…", text.get(..end).unwrap_or_default()),
        None => format!("{text:?}"),
    }
}

/// `a, b or c`
pub(crate) fn one_of<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<&str> = words.into_iter().collect();
    match words.split_last() {
        None => String::new(),
        Some((only, [])) => (*only).to_owned(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if f.alternate() {
            let hint = self.hint.as_deref().unwrap_or_default();
            write!(f, "{PART}{hint}{PART}")?;
            if let Some(at) = self.at {
                write!(f, "{at}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        let text = format!("{message:#}");
        let mut parts = text.split(PART);
        Self {
            message: parts.next().unwrap_or_default().to_owned(),
            hint: parts
                .next()
                .filter(|hint| !hint.is_empty())
                .map(str::to_owned),
            at: parts.next().and_then(|at| at.parse().ok()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_parts_survive_serde() {
        let fault = Fault::new("is wrong").hint("do this").at(7);
        assert_eq!(<Fault as de::Error>::custom(&fault), fault);
        let bare = Fault::new("is wrong");
        assert_eq!(<Fault as de::Error>::custom(&bare), bare);
    }
}
