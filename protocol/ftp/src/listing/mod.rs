//! Directories as servers list them: MLSD (RFC 3659 section 7), and LIST in the formats of `ls -l` and of Windows servers.
//!
//! An entry's name is what a request can ask for: not empty, not `.` or `..`, without a slash, a control character, or a
//! backslash that leads to a parent directory. Lines with other names are left out.

mod dos;
mod entry;
mod mlsd;
mod unix;
mod words;

use jiff::Timestamp;

use self::entry::Line;
pub use self::entry::{Entry, EntryKind};

/// Longest line, in bytes. File names have 255 bytes at most on most systems, and facts stand before them.
pub const LINE_MAX: usize = 8 * 1024;

/// Longest listing, in bytes: about 100,000 names.
pub const LISTING_MAX: usize = 8 * 1024 * 1024;

/// A listing that exceeds [`LINE_MAX`] or [`LISTING_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("directory listing too long")]
pub struct TooLong;

/// The command whose output is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// MLSD.
    Mlsd,
    /// LIST.
    List,
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

/// Reads a line of LIST.
fn list(line: &[u8], now: Timestamp) -> Line {
    if line.starts_with(b"total ") {
        return Line::Other;
    }
    unix::line(line, now)
        .or_else(|| dos::line(line))
        .unwrap_or(Line::Rest)
}

#[cfg(test)]
mod tests;
