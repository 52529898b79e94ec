//! A file or listing on its way from the server: when it is complete, and when the client may see its last bytes.
//!
//! Two things end a transfer, in either order: the end of the data connection, and a reply with code 226 or 250 on the
//! control connection. Where the number of bytes is announced to the client, the last ones are held back until both are
//! there. So a client never has all announced bytes of a transfer that failed.

use bytes::Bytes;

use crate::range::Part;
use crate::reply::Reply;

/// Why a transfer failed. The control connection is out of step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadDownload {
    /// The server ended it with another reply than 226 and 250.
    #[error("transfer ended with {0}")]
    Refused(u16),
    /// The server ended it well, but this many bytes are missing.
    #[error("transfer ends {0} bytes early")]
    Short(u64),
    /// More bytes came than the file has behind the offset of REST: the server began at another one.
    #[error("transfer longer than the rest of the file")]
    OtherPart,
}

/// What follows from an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing yet.
    Wait,
    /// These bytes are for the client.
    Data(Bytes),
    /// The transfer is complete with these last bytes. The control connection can be used again.
    Complete(Bytes),
    /// All announced bytes are there with these last ones, but not the end of the transfer. Both connections must be closed.
    Cut {
        /// The last bytes for the client.
        last: Bytes,
        /// Whether the server sent more than the size that it had told.
        surplus: bool,
    },
}

/// One transfer.
///
/// ```text
///               ┌──226, 250────► Confirmed ──end of data──┐
///   Receiving ──┤                                         ├──► Complete
///       │       └─end of data──► Ended ─────226, 250──────┘
///       └─more bytes than announced (Receiving, Confirmed)───► Cut
/// ```
/// Another reply, and a `Complete` with too few bytes, are errors.
#[derive(Debug)]
pub struct Download {
    state: DownloadState,
    extent: Extent,
    /// Announced bytes that have not come; `None` when the number is unknown.
    left: Option<u64>,
    /// The last announced bytes.
    held: Bytes,
}

/// See the chart of [`Download`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DownloadState {
    Receiving,
    Confirmed,
    Ended,
}

/// Which bytes of the file the server sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// All.
    Whole,
    /// From an offset to the end.
    Tail,
    /// From an offset to the end, of which the client wants only the first bytes.
    Middle,
}

impl Download {
    /// A transfer of a part of a file of `size` bytes; `None` when the size is unknown.
    #[must_use]
    pub const fn new(size: Option<u64>, part: Part) -> Self {
        let (extent, left) = match (part, size) {
            (Part::Bytes { first, last }, Some(size)) => {
                let end = last.saturating_add(1);
                let extent = if end < size {
                    Extent::Middle
                } else {
                    Extent::Tail
                };
                (extent, Some(end.saturating_sub(first)))
            }
            _ => (Extent::Whole, size),
        };
        Self {
            state: DownloadState::Receiving,
            extent,
            left,
            held: Bytes::new(),
        }
    }

    /// Bytes that were announced and have not come.
    #[must_use]
    pub const fn left(&self) -> Option<u64> {
        self.left
    }

    /// Whether the reply that ends the transfer has come.
    #[must_use]
    pub const fn is_confirmed(&self) -> bool {
        matches!(self.state, DownloadState::Confirmed)
    }

    /// Whether the end of the data connection has come.
    #[must_use]
    pub const fn has_ended(&self) -> bool {
        matches!(self.state, DownloadState::Ended)
    }

    /// Bytes came on the data connection.
    ///
    /// # Errors
    /// [`BadDownload::OtherPart`].
    pub fn on_data(&mut self, mut bytes: Bytes) -> Result<Step, BadDownload> {
        let Some(left) = &mut self.left else {
            return Ok(Step::Data(bytes));
        };
        let count = bytes.len() as u64;
        if count < *left {
            *left = left.saturating_sub(count);
            return Ok(Step::Data(bytes));
        }
        let surplus = count > *left;
        if *left > 0 {
            bytes.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
            self.held = bytes;
            *left = 0;
        }
        match self.extent {
            Extent::Middle => Ok(self.cut(false)),
            Extent::Whole if surplus => Ok(self.cut(true)),
            Extent::Tail if surplus => Err(BadDownload::OtherPart),
            Extent::Whole | Extent::Tail => Ok(Step::Wait),
        }
    }

    /// The data connection ended.
    ///
    /// # Errors
    /// [`BadDownload::Short`].
    pub fn on_end(&mut self) -> Result<Step, BadDownload> {
        match self.state {
            DownloadState::Confirmed => self.complete(),
            DownloadState::Receiving | DownloadState::Ended => {
                self.state = DownloadState::Ended;
                Ok(Step::Wait)
            }
        }
    }

    /// A reply came on the control connection, behind the preliminary one.
    ///
    /// # Errors
    /// [`BadDownload::Refused`], [`BadDownload::Short`].
    pub fn on_reply(&mut self, reply: &Reply) -> Result<Step, BadDownload> {
        match self.state {
            DownloadState::Ended if reply.is_transfer_complete() => self.complete(),
            DownloadState::Receiving if reply.is_transfer_complete() => {
                self.state = DownloadState::Confirmed;
                Ok(Step::Wait)
            }
            _ => Err(BadDownload::Refused(reply.code)),
        }
    }

    fn complete(&mut self) -> Result<Step, BadDownload> {
        match self.left {
            Some(left @ 1..) => Err(BadDownload::Short(left)),
            _ => Ok(Step::Complete(std::mem::take(&mut self.held))),
        }
    }

    fn cut(&mut self, surplus: bool) -> Step {
        let last = std::mem::take(&mut self.held);
        Step::Cut { last, surplus }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What happens on the connections.
    enum Event {
        Data(&'static str),
        End,
        Reply(u16),
    }

    use Event::{Data, End, Reply as Code};

    /// The step that each event leads to, up to the first error.
    fn steps(size: Option<u64>, part: Part, events: &[Event]) -> Vec<Result<Step, BadDownload>> {
        let mut download = Download::new(size, part);
        let mut steps = Vec::new();
        for event in events {
            let step = match event {
                Data(text) => download.on_data(Bytes::from_static(text.as_bytes())),
                End => download.on_end(),
                Code(code) => download.on_reply(&Reply {
                    code: *code,
                    first: Vec::new(),
                    last: Vec::new(),
                }),
            };
            let failed = step.is_err();
            steps.push(step);
            if failed {
                break;
            }
        }
        steps
    }

    fn data(text: &'static str) -> Result<Step, BadDownload> {
        Ok(Step::Data(Bytes::from_static(text.as_bytes())))
    }

    fn complete(text: &'static str) -> Result<Step, BadDownload> {
        Ok(Step::Complete(Bytes::from_static(text.as_bytes())))
    }

    fn cut(text: &'static str, surplus: bool) -> Result<Step, BadDownload> {
        let last = Bytes::from_static(text.as_bytes());
        Ok(Step::Cut { last, surplus })
    }

    const WAIT: Result<Step, BadDownload> = Ok(Step::Wait);

    #[test]
    fn the_last_announced_bytes_wait_for_the_end_and_for_the_reply() {
        let whole = |events: &[Event]| steps(Some(5), Part::Whole, events);
        assert_eq!(
            whole(&[Data("he"), Data("llo"), End, Code(226)]),
            [data("he"), WAIT, WAIT, complete("llo")]
        );
        assert_eq!(
            whole(&[Data("hello"), Code(250), End]),
            [WAIT, WAIT, complete("hello")]
        );
        assert_eq!(
            whole(&[Code(226), Data("hel"), Data("lo"), End]),
            [WAIT, data("hel"), WAIT, complete("lo")]
        );
    }

    #[test]
    fn bytes_of_unknown_number_are_handed_on_as_they_come() {
        assert_eq!(
            steps(
                None,
                Part::Whole,
                &[Data("he"), Data("llo"), End, Code(226)]
            ),
            [data("he"), data("llo"), WAIT, complete("")]
        );
    }

    #[test]
    fn an_empty_file_needs_end_and_reply_too() {
        assert_eq!(
            steps(Some(0), Part::Whole, &[End, Code(226)]),
            [WAIT, complete("")]
        );
    }

    #[test]
    fn another_reply_than_226_and_250_is_a_failure() {
        for code in [150, 200, 331, 425, 426, 451, 550] {
            let refused = Err(BadDownload::Refused(code));
            assert_eq!(
                steps(Some(5), Part::Whole, &[Data("hello"), End, Code(code)]),
                [WAIT, WAIT, refused.clone()]
            );
            assert_eq!(steps(None, Part::Whole, &[Code(code)]), [refused]);
        }
        let twice = steps(Some(5), Part::Whole, &[Code(226), Code(226)]);
        assert_eq!(twice, [WAIT, Err(BadDownload::Refused(226))]);
    }

    #[test]
    fn fewer_bytes_than_announced_are_a_failure() {
        assert_eq!(
            steps(Some(5), Part::Whole, &[Data("hell"), End, Code(226)]),
            [data("hell"), WAIT, Err(BadDownload::Short(1))]
        );
        assert_eq!(
            steps(Some(5), Part::Whole, &[Code(226), End]),
            [WAIT, Err(BadDownload::Short(5))]
        );
    }

    #[test]
    fn more_bytes_than_announced_are_cut_off() {
        assert_eq!(
            steps(Some(5), Part::Whole, &[Data("hello, world")]),
            [cut("hello", true)]
        );
        assert_eq!(
            steps(Some(5), Part::Whole, &[Data("hello"), Data("!")]),
            [WAIT, cut("hello", true)]
        );
        assert_eq!(steps(Some(0), Part::Whole, &[Data("!")]), [cut("", true)]);
    }

    #[test]
    fn a_part_ends_where_the_client_wants_it_to() {
        let middle = Part::Bytes { first: 1, last: 2 };
        assert_eq!(
            steps(Some(5), middle, &[Data("e"), Data("llo")]),
            [data("e"), cut("l", false)]
        );
        let tail = Part::Bytes { first: 2, last: 4 };
        assert_eq!(
            steps(Some(5), tail, &[Data("llo"), End, Code(226)]),
            [WAIT, WAIT, complete("llo")]
        );
    }

    #[test]
    fn more_bytes_than_the_rest_of_the_file_are_another_part() {
        let tail = Part::Bytes { first: 2, last: 4 };
        assert_eq!(
            steps(Some(5), tail, &[Data("hello")]),
            [Err(BadDownload::OtherPart)]
        );
        assert_eq!(
            steps(Some(5), tail, &[Data("hel"), Data("lo")]),
            [WAIT, Err(BadDownload::OtherPart)]
        );
    }
}
