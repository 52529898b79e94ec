//! Directories as servers list them: MLSD (RFC 3659 section 7), and LIST in the formats of `ls -l` and of Windows servers.
//!
//! An entry's name is what a request can ask for: not empty, not `.` or `..`, without a slash, a control character, or a
//! backslash that leads to a parent directory. Lines with other names are left out.

mod dos;
mod mlsd;
mod unix;

use jiff::Timestamp;

use crate::path::climbs;

/// Longest line, in bytes. File names have 255 bytes at most on most systems, and facts stand before them.
pub const LINE_MAX: usize = 8 * 1024;

/// Longest listing, in bytes: about 100,000 names.
pub const LISTING_MAX: usize = 8 * 1024 * 1024;

/// A listing that exceeds [`LINE_MAX`] or [`LISTING_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("directory listing too long")]
pub struct TooLong;

/// One name in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The bytes that the server uses.
    pub name: Vec<u8>,
    /// What the name stands for.
    pub kind: EntryKind,
    /// Bytes of a file.
    pub size: Option<u64>,
    /// When it was changed.
    pub modified: Option<Timestamp>,
}

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A file, or something unknown.
    File,
    /// A directory.
    Directory,
    /// A symbolic link, to a file or a directory.
    Link,
}

/// The command whose output is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// MLSD.
    Mlsd,
    /// LIST.
    List,
}

/// What one line says.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Line {
    Entry(Entry),
    /// Not shown: the directory itself, its parent, a total, a name that no request can ask for.
    Other,
    /// Not of the format. The name in the line before contains a line end, and this is the rest of it.
    Rest,
}

/// Reads a listing. How its bytes were split on their way makes no difference.
///
/// Only at the end of the transfer is it known that the listing is complete.
#[derive(Debug)]
pub struct ListingReader {
    format: Format,
    now: Timestamp,
    /// Bytes so far.
    total: usize,
    /// The beginning of a line.
    partial: Vec<u8>,
    entries: Vec<Entry>,
    after_empty_line: bool,
}

impl ListingReader {
    /// `now` tells the year of dates without one.
    #[must_use]
    pub const fn new(format: Format, now: Timestamp) -> Self {
        Self {
            format,
            now,
            total: 0,
            partial: Vec::new(),
            entries: Vec::new(),
            after_empty_line: false,
        }
    }

    /// Reads the next bytes.
    ///
    /// # Errors
    /// For a listing that exceeds its bounds.
    pub fn read(&mut self, mut data: &[u8]) -> Result<(), TooLong> {
        self.total = self.total.saturating_add(data.len());
        if self.total > LISTING_MAX {
            return Err(TooLong);
        }
        while let Some((line, rest)) = memchr::memchr(b'\n', data)
            .and_then(|end| Some((data.get(..end)?, data.get(end.saturating_add(1)..)?)))
        {
            data = rest;
            if self.partial.is_empty() && line.len() <= LINE_MAX {
                self.line(line);
                continue;
            }
            self.keep(line)?;
            let line = std::mem::take(&mut self.partial);
            self.line(&line);
        }
        self.keep(data)
    }

    /// The entries, directories first, then by name.
    #[must_use]
    pub fn finish(mut self) -> Vec<Entry> {
        let last = std::mem::take(&mut self.partial);
        if !last.is_empty() {
            self.line(&last);
        }
        let rank = |entry: &Entry| entry.kind != EntryKind::Directory;
        self.entries
            .sort_by(|one, other| (rank(one), &one.name).cmp(&(rank(other), &other.name)));
        self.entries
    }

    /// Keeps the beginning of a line.
    fn keep(&mut self, data: &[u8]) -> Result<(), TooLong> {
        if self.partial.len().saturating_add(data.len()) > LINE_MAX {
            return Err(TooLong);
        }
        self.partial.extend_from_slice(data);
        Ok(())
    }

    /// Reads a line without its `\n`.
    fn line(&mut self, line: &[u8]) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        // Some servers end a listing with an empty line. Between two lines it is the end of a name with a line end.
        if std::mem::replace(&mut self.after_empty_line, line.is_empty()) {
            self.entries.pop();
        }
        if line.is_empty() {
            return;
        }
        let read = match self.format {
            Format::Mlsd => mlsd::line(line),
            Format::List => list(line, self.now),
        };
        match read {
            Line::Entry(entry) => self.entries.push(entry),
            Line::Other => {}
            // The name before was only the first part of a name.
            Line::Rest => drop(self.entries.pop()),
        }
    }
}

/// A line of LIST.
fn list(line: &[u8], now: Timestamp) -> Line {
    if line.starts_with(b"total ") {
        return Line::Other;
    }
    unix::line(line, now)
        .or_else(|| dos::line(line))
        .unwrap_or(Line::Rest)
}

/// An entry, unless no request can ask for its name.
fn entry(name: &[u8], kind: EntryKind, size: Option<u64>, modified: Option<Timestamp>) -> Line {
    let unusable = |byte: &u8| byte.is_ascii_control() || *byte == b'/';
    if name.iter().any(unusable) || matches!(name, b"" | b"." | b"..") || climbs(name) {
        return Line::Other;
    }
    Line::Entry(Entry {
        name: name.to_vec(),
        kind,
        size,
        modified,
    })
}

/// A decimal number.
fn number(text: &[u8]) -> Option<u64> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(text).ok().filter(|_| digits)?;
    text.parse().ok()
}

/// A word of a line.
struct Word<'a> {
    text: &'a [u8],
    /// Where it ends in the line, in bytes.
    end: usize,
}

/// The words of a line, which spaces separate.
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

#[cfg(test)]
mod tests;
