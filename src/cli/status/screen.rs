//! A terminal whose picture is drawn again and again.

use std::io;

use rustix::termios::tcgetwinsize;

use crate::cli::process::show;

/// The other screen of the terminal, so that what was on the first one comes back; no cursor; long lines are cut off at the
/// edge (xterm's control sequences, DECSET 1049, 25 and 7).
const OPEN: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l";

/// The same back.
const CLOSE: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";

/// Height of a terminal that does not tell it, in lines.
const HEIGHT: usize = 24;

/// While there is one, the terminal shows the picture that was drawn last. Dropping it leaves the terminal as it was.
pub(super) struct Screen(());

impl Screen {
    pub(super) fn open() -> io::Result<Self> {
        let screen = Self(());
        show(OPEN)?;
        Ok(screen)
    }

    /// Replaces the picture, in one write and without clearing the screen before. Returns whether the terminal is still there.
    pub(super) fn draw(&mut self, text: &str) -> io::Result<bool> {
        let size = tcgetwinsize(io::stdout());
        let rows = size.map_or(0, |size| usize::from(size.ws_row));
        show(&picture(text, if rows == 0 { HEIGHT } else { rows }))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // Who watches may have closed the window.
        let _ = show(CLOSE);
    }
}

/// The bytes that draw a text from the upper left corner on. Lines that do not fit are counted in the last one.
fn picture(text: &str, height: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let shown = match lines.len() > height {
        true => height - 1,
        false => lines.len(),
    };
    // The terminal shows it as a whole, where it knows how (mode 2026).
    let mut picture = "\x1b[?2026h\x1b[H".to_owned();
    let rest = lines.len() - shown;
    let rest = (rest > 0).then(|| format!("… {rest} more lines: a higher window shows them"));
    let shown = lines.iter().take(shown).copied();
    for (index, line) in shown.chain(rest.as_deref()).enumerate() {
        if index > 0 {
            picture.push_str("\r\n");
        }
        picture.push_str(line);
        picture.push_str("\x1b[K");
    }
    picture.push_str("\x1b[J\x1b[?2026l");
    picture
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_fits_the_window_and_clears_nothing_that_it_draws() {
        let fits = picture("a\nb\n", 2);
        assert_eq!(fits, "\x1b[?2026h\x1b[Ha\x1b[K\r\nb\x1b[K\x1b[J\x1b[?2026l");
        let cut = picture("a\nb\nc\nd\n", 3);
        assert_eq!(cut.matches("\r\n").count(), 2);
        assert!(
            cut.contains("… 2 more lines") && !cut.contains('c'),
            "{cut:?}"
        );
        assert!(!cut.contains("\x1b[2J"));
    }
}
