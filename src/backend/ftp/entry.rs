//! Lines of listings: MLSD (RFC 3659 section 7), and LIST as `ls -l` and DOS write it. Pure.

use jiff::Timestamp;

use super::moment;

/// One name in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// As the server has it: not empty, not `.` or `..`, no slash, no control character.
    pub(super) name: Vec<u8>,
    pub(super) kind: EntryKind,
    /// Bytes, of a file.
    pub(super) size: Option<u64>,
    pub(super) modified: Option<Timestamp>,
}

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EntryKind {
    File,
    Directory,
    Link,
}

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    Entry(Entry),
    /// Nothing for a listing: the directory itself, its parent, a sum.
    Other,
    /// It is none of the format. So the name before it had a line end in it, and this is its rest.
    Rest,
}

/// How a server lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Mlsd,
    List,
}

/// Collects the entries of a listing, line by line, without line ends.
#[derive(Debug)]
pub(super) struct Listing {
    format: Format,
    now: Timestamp,
    entries: Vec<Entry>,
    /// The last line was empty.
    blank: bool,
}

impl Listing {
    /// `now` tells the year of a date that has none.
    pub(super) const fn new(format: Format, now: Timestamp) -> Self {
        Self {
            format,
            now,
            entries: Vec::new(),
            blank: false,
        }
    }

    pub(super) fn add(&mut self, line: &[u8]) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        // Some servers end a listing with one; between two lines it is the end of a name.
        if std::mem::replace(&mut self.blank, line.is_empty()) {
            self.entries.pop();
        }
        if line.is_empty() {
            return;
        }
        let said = match self.format {
            Format::Mlsd => mlsd(line),
            Format::List => list(line, self.now),
        };
        match said {
            Line::Entry(entry) => self.entries.push(entry),
            Line::Other => {}
            // Half a name is another file's, or nobody's.
            Line::Rest => drop(self.entries.pop()),
        }
    }

    /// Directories first, then by name.
    pub(super) fn finish(mut self) -> Vec<Entry> {
        let rank = |entry: &Entry| entry.kind != EntryKind::Directory;
        self.entries
            .sort_by(|one, other| (rank(one), &one.name).cmp(&(rank(other), &other.name)));
        self.entries
    }
}

/// `type=file;size=3;modify=20260102030405; name`
fn mlsd(line: &[u8]) -> Line {
    let Some(end) = line.iter().position(|byte| *byte == b' ') else {
        return Line::Rest;
    };
    let (facts, name) = line.split_at_checked(end).unwrap_or_default();
    let name = name.get(1..).unwrap_or_default();
    if !(facts.is_empty() || facts.ends_with(b";")) {
        return Line::Rest;
    }
    let (mut kind, mut size, mut modified) = (EntryKind::File, None, None);
    for fact in facts
        .split(|byte| *byte == b';')
        .filter(|fact| !fact.is_empty())
    {
        let Some(equals) = fact.iter().position(|byte| *byte == b'=') else {
            return Line::Rest;
        };
        let (key, value) = fact.split_at_checked(equals).unwrap_or_default();
        let value = value.get(1..).unwrap_or_default();
        match key.to_ascii_lowercase().as_slice() {
            b"type" => {
                kind = match value.to_ascii_lowercase().as_slice() {
                    b"dir" => EntryKind::Directory,
                    b"cdir" | b"pdir" => return Line::Other,
                    value if value.starts_with(b"os.unix=s") => EntryKind::Link,
                    _ => EntryKind::File,
                }
            }
            b"size" => size = number(value),
            b"modify" => modified = moment::of_digits(value),
            _ => {}
        }
    }
    entry(name, kind, size, modified)
}

/// `-rw-r--r--   1 owner group   3 Jan  2 03:04 name`, or `01-02-26  03:04AM       3 name`.
fn list(line: &[u8], now: Timestamp) -> Line {
    if line.starts_with(b"total ") {
        return Line::Other;
    }
    unix(line, now).or_else(|| dos(line)).unwrap_or(Line::Rest)
}

fn unix(line: &[u8], now: Timestamp) -> Option<Line> {
    let kind = match line.first()? {
        b'-' => EntryKind::File,
        b'd' => EntryKind::Directory,
        b'l' => EntryKind::Link,
        // Devices, pipes and sockets are nothing to fetch.
        b'b' | b'c' | b'p' | b's' => return (line.len() > 30).then_some(Line::Other),
        _ => return None,
    };
    let modes = line.iter().position(|byte| *byte == b' ')?;
    if !(10..=11).contains(&modes) {
        return None;
    }
    // Owner and group may be one word, and may hold anything; a number, a month, a day and a time come one after
    // the other only where the size is.
    let words = words(line);
    words.windows(4).skip(1).find_map(|four| {
        let [size, month, day, time] = four else {
            return None;
        };
        let size = number(size.text)?;
        let modified = moment::of_listing(month.text, day.text, time.text, now)?;
        // One space is between the date and the name. Others belong to the name.
        let name = line.get(time.end..)?.strip_prefix(b" ")?;
        let name = match kind {
            EntryKind::Link => before(name, b" -> "),
            _ => name,
        };
        let size = (kind == EntryKind::File).then_some(size);
        Some(entry(name, kind, size, Some(modified)))
    })
}

fn dos(line: &[u8]) -> Option<Line> {
    let words = words(line);
    let [date, time, size] = words.get(..3)? else {
        return None;
    };
    let number_at = |text: &[u8], from, to| number(text.get(from..to)?);
    let (month, day) = (number_at(date.text, 0, 2)?, number_at(date.text, 3, 5)?);
    let year = match (date.text.len(), date.text.get(5)?) {
        (8, b'-') => 2000 + number_at(date.text, 6, 8)?,
        (10, b'-') => number_at(date.text, 6, 10)?,
        _ => return None,
    };
    let (hour, minute) = (number_at(time.text, 0, 2)?, number_at(time.text, 3, 5)?);
    let hour = match time.text.get(5..)? {
        b"AM" | b"am" => hour % 12,
        b"PM" | b"pm" => hour % 12 + 12,
        b"" => hour,
        _ => return None,
    };
    let modified =
        moment::of_digits(format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}00").as_bytes())?;
    let (kind, size) = match size.text {
        b"<DIR>" => (EntryKind::Directory, None),
        size => (EntryKind::File, Some(number(size)?)),
    };
    let column = words.get(2)?.end;
    let name = line.get(column..)?;
    // A directory's mark is followed by spaces up to the column of the names, a size by one.
    let name = match kind {
        EntryKind::Directory => name.trim_ascii_start(),
        _ => name.strip_prefix(b" ")?,
    };
    Some(entry(name, kind, size, Some(modified)))
}

fn entry(name: &[u8], kind: EntryKind, size: Option<u64>, modified: Option<Timestamp>) -> Line {
    let unfit = name
        .iter()
        .any(|byte| byte.is_ascii_control() || *byte == b'/');
    if unfit || matches!(name, b"" | b"." | b"..") {
        return Line::Other;
    }
    Line::Entry(Entry {
        name: name.to_vec(),
        kind,
        size,
        modified,
    })
}

/// A word of a line, and where it ends in it.
struct Word<'a> {
    text: &'a [u8],
    end: usize,
}

fn words(line: &[u8]) -> Vec<Word<'_>> {
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

fn before<'a>(name: &'a [u8], mark: &[u8]) -> &'a [u8] {
    let at = name.windows(mark.len()).position(|window| window == mark);
    at.and_then(|at| name.get(..at)).unwrap_or(name)
}

fn number(text: &[u8]) -> Option<u64> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(text)
        .ok()
        .filter(|_| digits)?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests;
