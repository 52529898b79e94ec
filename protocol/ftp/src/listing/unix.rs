//! A line of LIST as `ls -l` writes it: `-rw-r--r--   1 owner group   3 Jan  2 03:04 name`.

use jiff::Timestamp;

use super::entry::{EntryKind, Line, entry};
use super::words::{number, words};
use crate::moment;

/// Shortest line of a device, pipe or socket, in bytes. A shorter one is the rest of a name.
const SPECIAL_MIN: usize = 31;

/// `None` when the line has another format.
pub(super) fn line(line: &[u8], now: Timestamp) -> Option<Line> {
    let kind = match line.first()? {
        b'-' => EntryKind::File,
        b'd' => EntryKind::Directory,
        b'l' => EntryKind::Link,
        // Devices, pipes and sockets cannot be downloaded.
        b'b' | b'c' | b'p' | b's' => return (line.len() >= SPECIAL_MIN).then_some(Line::Other),
        _ => return None,
    };
    // Type and nine permissions, and perhaps a mark of further permissions.
    let modes = memchr::memchr(b' ', line)?;
    if !(10..=11).contains(&modes) {
        return None;
    }
    // Owner and group have spaces on some servers. The first number that a date follows is the size.
    let words = words(line);
    words.windows(4).skip(1).find_map(|four| {
        let [size, month, day, time] = four else {
            return None;
        };
        let size = number(size.text)?;
        let modified = moment::from_ls(month.text, day.text, time.text, now)?;
        // Exactly one space stands between date and name. Further ones belong to the name.
        let name = line.get(time.end..)?.strip_prefix(b" ")?;
        Some(match kind {
            EntryKind::File => entry(name, kind, Some(size), Some(modified)),
            EntryKind::Link => entry(without_target(name), kind, None, Some(modified)),
            EntryKind::Directory => entry(name, kind, None, Some(modified)),
        })
    })
}

/// `name -> target`
fn without_target(name: &[u8]) -> &[u8] {
    let arrow = name.windows(4).position(|window| window == b" -> ");
    arrow.and_then(|at| name.get(..at)).unwrap_or(name)
}
