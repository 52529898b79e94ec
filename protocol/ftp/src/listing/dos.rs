//! A line of LIST as Windows servers write it: `01-02-26  03:04AM       3 name`, or `<DIR>` in place of the size.

use super::entry::{EntryKind, Line, entry};
use super::words::{number, words};
use crate::moment;

/// `None` when the line has another format.
pub(super) fn line(line: &[u8]) -> Option<Line> {
    let words = words(line);
    let [date, time, size, ..] = words.as_slice() else {
        return None;
    };
    let modified = Some(moment::from_dos(date.text, time.text)?);
    let name = line.get(size.end..)?;
    Some(match size.text {
        // Spaces fill the line up to the column of the names.
        b"<DIR>" => entry(
            name.trim_ascii_start(),
            EntryKind::Directory,
            None,
            modified,
        ),
        // Exactly one space stands between size and name.
        size => entry(
            name.strip_prefix(b" ")?,
            EntryKind::File,
            Some(number(size)?),
            modified,
        ),
    })
}
