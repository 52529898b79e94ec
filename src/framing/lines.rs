//! The lines of a head that may still be incomplete.

use memchr::memchr;

use super::Refused;

/// Where the lines of a head stand in the bytes that have come. While the head is incomplete each call must be
/// given the same bytes again, and more; they are not looked at twice.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    /// Where the first line starts that has not been read.
    at: usize,
    /// So many bytes hold no further end of a line.
    searched: usize,
}

impl Lines {
    /// So many leading bytes belong to no line.
    pub(crate) const fn starting_at(at: usize) -> Self {
        Self { at, searched: 0 }
    }

    /// So many bytes have been read: behind the empty line, the length of the head.
    pub(crate) const fn read(&self) -> usize {
        self.at
    }

    /// Whether the line that comes next has been searched for its end in vain.
    pub(crate) const fn has_begun(&self) -> bool {
        self.searched > self.at
    }

    /// The line that comes next has been read, and ends before this place.
    pub(crate) const fn skip_to(&mut self, place: usize) {
        self.at = place;
    }

    /// The next line without its CR LF; `None` while it is incomplete. A head has at most `max` bytes.
    pub(crate) fn next<'a>(
        &mut self,
        bytes: &'a [u8],
        max: usize,
    ) -> Result<Option<&'a [u8]>, Refused> {
        let from = self.searched.max(self.at);
        let Some(offset) = memchr(b'\n', bytes.get(from..).unwrap_or_default()) else {
            if bytes.len() > max {
                return Err(Refused::HeadTooLarge);
            }
            self.searched = bytes.len();
            return Ok(None);
        };
        let line = bytes
            .get(self.at..from + offset)
            .and_then(<[u8]>::split_last);
        let Some((b'\r', line)) = line else {
            return Err(Refused::BareLineFeed);
        };
        self.at = from + offset + 1;
        if self.at > max {
            return Err(Refused::HeadTooLarge);
        }
        Ok(Some(line))
    }
}
