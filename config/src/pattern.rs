//! `match`: regular expressions for paths, and texts with their captures.

use std::fmt;

use schemars::{Schema, json_schema};

use crate::fault::{Fault, quoted};
use crate::field::Kind;

/// Longest expression, in bytes.
const LONGEST: usize = 4096;

/// Largest compiled expression and largest cache of its states, in bytes.
const MOST_BYTES: usize = 1 << 20;

/// A regular expression that is found anywhere in a path, as ProxyPassMatch finds it.
#[derive(Clone)]
pub struct PathPattern {
    text: String,
    bytes: regex::bytes::Regex,
    letters: regex::Regex,
}

impl PathPattern {
    /// The expression as it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// For the bytes of a path: `.` is one byte, and `\w` and `(?i)` mean ASCII letters, as in httpd.
    #[must_use]
    pub const fn bytes(&self) -> &regex::bytes::Regex {
        &self.bytes
    }

    /// For a path as text: `.` is one letter.
    #[must_use]
    pub const fn letters(&self) -> &regex::Regex {
        &self.letters
    }

    /// The path below which everything is taken: empty for every path. `None` for an expression of another form.
    pub(crate) fn taken(&self) -> Option<String> {
        let bare = self.text.replace(['(', ')'], "");
        let bare = bare.strip_suffix('$').unwrap_or(&bare);
        let start = bare.strip_suffix(".*");
        if bare.len() < self.text.replace(['(', ')'], "").len() && start.is_none() {
            return None;
        }
        let start = start.unwrap_or(bare);
        let literal = match start.strip_prefix('^') {
            Some(literal) => literal,
            None if matches!(start, "" | "/" | ".") => "",
            None => return None,
        };
        let is_literal =
            |letter: char| letter.is_alphanumeric() || "/-_~,:@=!%&' ".contains(letter);
        let literal = if literal == "/" { "" } else { literal };
        literal.chars().all(is_literal).then(|| literal.to_owned())
    }
}

impl PathPattern {
    /// The letters that every path in which it is found begins with; may be empty.
    pub(crate) fn start(&self) -> String {
        literal_start(&self.text)
    }
}

/// The letters that every path begins with in which an expression is found; may be empty.
pub(crate) fn literal_start(pattern: &str) -> String {
    let rest = pattern.strip_prefix('^');
    let Some(rest) = rest.filter(|rest| !rest.contains('|')) else {
        return String::new();
    };
    let literal = |letter: &char| letter.is_alphanumeric() || "/-_~,:@=!%&' ".contains(*letter);
    let mut start: String = rest.chars().take_while(literal).collect();
    let next = rest.chars().nth(start.chars().count());
    if matches!(next, Some('?' | '*' | '{')) {
        start.pop();
    }
    start
}

impl PartialEq for PathPattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Debug for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PathPattern").field(&self.text).finish()
    }
}

/// `match` of a mapping.
pub(crate) enum MatchText {}

impl Kind for MatchText {
    type Value = PathPattern;

    fn read(text: &str) -> Result<PathPattern, Fault> {
        if text.is_empty() {
            return Err(Fault::new("the expression is empty").hint("`^/` takes every path"));
        }
        if text.len() > LONGEST {
            let fault = Fault::new(format!("the expression is longer than {LONGEST} bytes"));
            return Err(fault.hint("write several mappings"));
        }
        if let Some(at) = look_around(text) {
            let hint = "write what may stand there; `exclude: true` with a `match` of its own takes paths away";
            return Err(
                Fault::new("look-around (`(?=`, `(?!`, `(?<`) is not supported")
                    .hint(hint)
                    .at(at),
            );
        }
        let bytes = regex::bytes::RegexBuilder::new(text)
            .unicode(false)
            .size_limit(MOST_BYTES)
            .dfa_size_limit(MOST_BYTES)
            .build();
        let bytes = bytes.map_err(|error| fault(text, &error))?;
        let letters = regex::RegexBuilder::new(text)
            .size_limit(MOST_BYTES)
            .dfa_size_limit(MOST_BYTES)
            .build();
        Ok(PathPattern {
            letters: letters.map_err(|error| fault(text, &error))?,
            bytes,
            text: text.to_owned(),
        })
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "minLength": 1 })
    }
}

/// The character at which a look-around begins. `(?<name>…)` is none.
fn look_around(text: &str) -> Option<usize> {
    let found = ["(?=", "(?!", "(?<=", "(?<!"]
        .iter()
        .filter_map(|it| text.find(it))
        .min()?;
    let escaped = text
        .get(..found)?
        .chars()
        .rev()
        .take_while(|c| *c == '\\')
        .count()
        % 2
        == 1;
    (!escaped).then(|| text.get(..found).map_or(0, |before| before.chars().count()))
}

fn fault(text: &str, error: &regex::Error) -> Fault {
    match error {
        regex::Error::CompiledTooBig(_) => {
            Fault::new("the expression is too large once it is compiled")
                .hint("write smaller numbers of repetitions, or several mappings")
        }
        error => {
            let said = error.to_string();
            // The message shows the expression and an arrow; the reason stands in its last line.
            let why = said.lines().last().unwrap_or_default();
            let why = why.strip_prefix("error: ").unwrap_or(why);
            let fault = Fault::new(format!("{} is no regular expression: {why}", quoted(text)));
            match why.contains("Unicode") {
                true => fault.hint("a path is bytes: write (ä|ö) in place of [äö], and no \\p{…}"),
                false => fault
                    .hint("a backslash stands before a sign that means itself: \\. \\( \\? \\+"),
            }
        }
    }
}

/// A path or query with what a `match` captured in it: `/users/$2`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CaptureText {
    pub(crate) parts: Vec<CapturePart>,
}

/// A part of a [`CaptureText`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CapturePart {
    /// Text as it stands.
    Text(String),
    /// `$0` to `$9`: what this group captured.
    Group(usize),
}

impl CaptureText {
    /// Takes `$0` to `$9` for groups and `\$` for a dollar sign, as httpd does; every other `$` is itself.
    pub(crate) fn of(text: &str) -> Self {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut letters = text.chars().peekable();
        while let Some(letter) = letters.next() {
            let next = letters.peek().copied();
            match (letter, next.and_then(|next| next.to_digit(10))) {
                ('\\', _) if next == Some('$') => {
                    plain.push('$');
                    letters.next();
                }
                ('$', Some(group)) => {
                    letters.next();
                    if !plain.is_empty() {
                        parts.push(CapturePart::Text(std::mem::take(&mut plain)));
                    }
                    parts.push(CapturePart::Group(group as usize));
                }
                _ => plain.push(letter),
            }
        }
        if !plain.is_empty() {
            parts.push(CapturePart::Text(plain));
        }
        Self { parts }
    }

    /// The parts in order.
    #[must_use]
    pub fn parts(&self) -> &[CapturePart] {
        &self.parts
    }

    /// Whether a group is in it.
    pub(crate) fn has_groups(&self) -> bool {
        self.parts
            .iter()
            .any(|part| matches!(part, CapturePart::Group(_)))
    }
}

impl fmt::Display for CaptureText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.parts {
            match part {
                CapturePart::Text(text) => f.write_str(&text.replace('$', "\\$"))?,
                CapturePart::Group(group) => write!(f, "${group}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_one_digit_and_other_dollars_are_themselves() {
        for (text, shown, groups) in [
            ("/a", "/a", 0),
            ("/$1/$22", "/$1/$22", 2),
            ("/\\$1$x$", "/\\$1\\$x\\$", 0),
            ("$0", "$0", 1),
        ] {
            let read = CaptureText::of(text);
            let found = read
                .parts
                .iter()
                .filter(|part| matches!(part, CapturePart::Group(_)));
            assert_eq!(
                (&*read.to_string(), found.count()),
                (shown, groups),
                "{text}"
            );
        }
    }

    #[test]
    fn expressions_that_are_refused() {
        for text in [
            "",
            "(",
            "a(?=b)",
            "(?<!x)y",
            "\\1",
            "[äö]",
            "\\p{L}",
            "(a{1000}){1000}",
            "*",
        ] {
            let fault = MatchText::read(text).expect_err(text);
            assert!(fault.hint.is_some(), "{text}: {}", fault.message);
        }
        for text in [
            "^/u/([a-z]+)/(.*)$",
            "\\.bak$",
            "größe",
            "(?i)\\.PHP",
            "(?<n>a)",
            "a\\(?=b",
        ] {
            assert!(MatchText::read(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn expressions_that_take_everything_below_a_path() {
        for (text, taken) in [
            ("^/", Some("")),
            (".*", Some("")),
            ("^(.*)$", Some("")),
            ("^/(.*)", Some("")),
            ("^/shop", Some("/shop")),
            ("^/shop/(.*)$", Some("/shop/")),
            ("^/shop$", None),
            ("/shop", None),
            ("^/a|b", None),
            ("\\.gif$", None),
        ] {
            let pattern = MatchText::read(text).unwrap();
            assert_eq!(pattern.taken().as_deref(), taken, "{text}");
        }
    }
}
