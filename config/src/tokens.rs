//! The syntax that access-log formats and header values share: text with `%…` tokens.

use std::iter::Peekable;
use std::str::Chars;

use crate::fault::{Fault, quoted};

/// A part of a text.
#[derive(Debug)]
pub(crate) enum Part {
    /// Text as it stands; `%%` is a percent sign.
    Text(String),
    /// `%…`
    Token(Token),
}

/// `%`, a status condition, `<` or `>`, `{argument}`, a letter.
#[derive(Debug)]
pub(crate) struct Token {
    /// Where the percent sign is, in characters from 0.
    pub(crate) at: usize,
    /// The whole token.
    pub(crate) written: String,
    /// `400,501` or `!200,304`.
    pub(crate) condition: Option<Condition>,
    /// The text in braces.
    pub(crate) argument: Option<String>,
    /// The letter, or `^` and two more.
    pub(crate) letter: String,
}

/// `400,501` or `!200,304` between `%` and the letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// Whether it holds for all other statuses.
    pub negated: bool,
    /// The statuses; at least one.
    pub statuses: Vec<u16>,
}

impl Condition {
    /// Whether the token is filled in.
    #[must_use]
    pub fn holds(&self, status: u16) -> bool {
        self.statuses.contains(&status) != self.negated
    }
}

/// Longest text, in bytes.
const LONGEST: usize = 8192;

/// Divides a text into its parts.
pub(crate) fn parts(text: &str) -> Result<Vec<Part>, Fault> {
    if text.len() > LONGEST {
        return Err(Fault::new(format!("longer than {LONGEST} bytes")).hint("leave something out"));
    }
    let mut cursor = Cursor {
        chars: text.chars().peekable(),
        at: 0,
    };
    let (mut parts, mut plain) = (Vec::new(), String::new());
    while let Some(c) = cursor.next() {
        if c != '%' {
            plain.push(c);
            continue;
        }
        if cursor.skip_one('%') {
            plain.push('%');
            continue;
        }
        if !plain.is_empty() {
            parts.push(Part::Text(std::mem::take(&mut plain)));
        }
        parts.push(Part::Token(cursor.token(text)?));
    }
    if !plain.is_empty() {
        parts.push(Part::Text(plain));
    }
    Ok(parts)
}

/// The characters, counted.
struct Cursor<'a> {
    chars: Peekable<Chars<'a>>,
    at: usize,
}

impl Iterator for Cursor<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        self.at += 1;
        self.chars.next()
    }
}

impl Cursor<'_> {
    fn skip_one(&mut self, wanted: char) -> bool {
        let found = self.chars.peek() == Some(&wanted);
        if found {
            self.next();
        }
        found
    }

    /// A token whose percent sign has just been taken.
    fn token(&mut self, text: &str) -> Result<Token, Fault> {
        let start = self.at - 1;
        let (mut argument, mut negated, mut statuses) = (None, false, String::new());
        let letter = loop {
            let Some(c) = self.next() else {
                return Err(Fault::new("a percent sign stands alone")
                    .hint("write %% for a percent sign")
                    .at(start));
            };
            match c {
                '<' | '>' => {}
                '!' => negated = true,
                '0'..='9' | ',' => statuses.push(c),
                '{' => argument = Some(self.argument()?),
                '^' => {
                    let two: String = self.by_ref().take(2).collect();
                    break format!("^{two}");
                }
                c => break c.to_string(),
            }
        };
        Ok(Token {
            at: start,
            written: text.chars().skip(start).take(self.at - start).collect(),
            condition: condition(negated, &statuses, start)?,
            argument,
            letter,
        })
    }

    fn argument(&mut self) -> Result<String, Fault> {
        let start = self.at - 1;
        let mut argument = String::new();
        for c in self.by_ref() {
            match c {
                '}' => return Ok(argument),
                c => argument.push(c),
            }
        }
        Err(Fault::new("`{` is not closed")
            .hint("write %{NAME} with a letter behind it, like %{Referer}i")
            .at(start))
    }
}

fn condition(negated: bool, statuses: &str, at: usize) -> Result<Option<Condition>, Fault> {
    if statuses.is_empty() && !negated {
        return Ok(None);
    }
    let statuses: Option<Vec<u16>> = statuses
        .split(',')
        .map(|status| {
            status
                .parse()
                .ok()
                .filter(|status| (100..=599).contains(status))
        })
        .collect();
    match statuses {
        Some(statuses) => Ok(Some(Condition { negated, statuses })),
        None => Err(Fault::new("the condition is no list of statuses")
            .hint(format!(
                "write {} or {}",
                quoted("%400,501{Referer}i"),
                quoted("%!200,304{Referer}i")
            ))
            .at(at)),
    }
}
