//! Regular expressions.

use std::fmt;

use schemars::{Schema, json_schema};

use crate::fault::Fault;
use crate::field::Kind;

/// Most memory of a compiled expression, in bytes. Of a search it is as much again.
const LARGEST: usize = 256 * 1024;

/// A regular expression of the crate `regex`: searched in linear time, bytes as httpd compares them.
#[derive(Clone)]
pub struct Pattern {
    regex: regex::bytes::Regex,
}

impl Pattern {
    /// As it stands in the file.
    #[must_use]
    pub fn text(&self) -> &str {
        self.regex.as_str()
    }

    /// The compiled expression.
    #[must_use]
    pub const fn regex(&self) -> &regex::bytes::Regex {
        &self.regex
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({:?})", self.text())
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl Eq for Pattern {}

/// A regular expression.
pub(crate) enum RegexText {}

impl Kind for RegexText {
    type Value = Pattern;

    fn read(text: &str) -> Result<Pattern, Fault> {
        let mut builder = regex::bytes::RegexBuilder::new(text);
        builder
            .unicode(false)
            .size_limit(LARGEST)
            .dfa_size_limit(LARGEST);
        match builder.build() {
            Ok(regex) => Ok(Pattern { regex }),
            Err(error) => Err(fault(text, &error)),
        }
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string" })
    }
}

fn fault(text: &str, error: &regex::Error) -> Fault {
    if let regex::Error::CompiledTooBig(_) = error {
        return Fault::new("is too large a regular expression")
            .hint("repeat less: {1000} of a group is a thousand copies of it");
    }
    // The last line of the message says what is wrong; those above it show the place.
    let message = error.to_string();
    let reason = message.lines().last().unwrap_or_default();
    let reason = reason.trim_start_matches("error: ");
    let fault = Fault::new(format!("is no regular expression: {reason}"));
    match () {
        () if ["(?=", "(?!", "(?<=", "(?<!"].iter().any(|it| text.contains(it)) => {
            fault.hint("look-around is not known, because it is not found in linear time; several rules may do")
        }
        () if (1..10).any(|group| text.contains(&format!("\\{group}"))) => {
            fault.hint("what a group has found cannot be asked for in the expression itself")
        }
        () => fault.hint("the syntax is that of the crate regex, which is Perl's without look-around"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_compared_with_bytes() {
        let pattern = RegexText::read("^(.*)$").unwrap();
        assert!(pattern.regex().is_match(b"caf\xe9"));
        let pattern = RegexText::read("caf\u{e9}").unwrap();
        assert!(pattern.regex().is_match("café".as_bytes()));
    }

    #[test]
    fn what_is_wrong_is_said_in_one_line() {
        for (text, message, hint) in [
            (
                "(a",
                "is no regular expression: unclosed group",
                "the syntax",
            ),
            (
                "(?=a)",
                "is no regular expression: look-around",
                "look-around",
            ),
            (
                r"(a)\1",
                "is no regular expression: backreferences",
                "what a group",
            ),
            ("(a{900}){900}", "is too large", "repeat less"),
        ] {
            let fault = RegexText::read(text).expect_err(text);
            assert!(
                fault.message.starts_with(message),
                "{text}: {}",
                fault.message
            );
            let found = fault.hint.unwrap_or_default();
            assert!(found.starts_with(hint), "{text}: {found}");
        }
    }
}
