//! What a terminal is told beside text.

use std::io::IsTerminal as _;

/// The end of every colour (ECMA-48, SGR 0).
const PLAIN: &str = "\x1b[0m";

/// A colour of a text on a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Colour {
    Bold,
    Dim,
    Red,
    Green,
    Yellow,
    Cyan,
}

/// What standard output is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terminal {
    /// A person looks at it.
    pub(super) is_one: bool,
    /// Colours are wanted: not with `NO_COLOR`, nor where the terminal has none.
    pub(super) colours: bool,
}

impl Terminal {
    pub(super) fn of_stdout() -> Self {
        let is_one = std::io::stdout().is_terminal();
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        Self {
            is_one,
            colours: is_one && !refused && !dumb,
        }
    }

    /// The text in this colour, where colours are wanted.
    pub(super) fn paint(self, text: &str, colour: Option<Colour>) -> String {
        let code = match colour.filter(|_| self.colours) {
            None => return text.to_owned(),
            Some(Colour::Bold) => "1",
            Some(Colour::Dim) => "2",
            Some(Colour::Red) => "31",
            Some(Colour::Green) => "32",
            Some(Colour::Yellow) => "33",
            Some(Colour::Cyan) => "36",
        };
        format!("\x1b[{code}m{text}{PLAIN}")
    }
}

/// The text of somebody else without control characters: they could move the cursor, or make up lines.
pub(super) fn plain(text: &str) -> String {
    let shown = |c: char| match c.is_control() {
        true => '\u{fffd}',
        false => c,
    };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_cannot_move_the_cursor() {
        let evil = "a\x1b[2Jb\nc\u{9b}1md\te\u{7f}";
        assert_eq!(
            plain(evil),
            "a\u{fffd}[2Jb\u{fffd}c\u{fffd}1md\u{fffd}e\u{fffd}"
        );
        assert_eq!(plain("ajp://größe:8009"), "ajp://größe:8009");
    }

    #[test]
    fn colours_are_for_terminals_that_want_them() {
        let mut terminal = Terminal {
            is_one: true,
            colours: true,
        };
        assert_eq!(
            terminal.paint("up", Some(Colour::Green)),
            "\x1b[32mup\x1b[0m"
        );
        assert_eq!(terminal.paint("up", None), "up");
        terminal.colours = false;
        assert_eq!(terminal.paint("up", Some(Colour::Green)), "up");
    }
}
