//! The lines between the requests, which add one each, and the thread that writes them, which takes all at once.
//!
//! A thread that is woken for each line costs more than the line. So the first line after a quiet time wakes the writer, and
//! then the writer rests for [`PAUSE`] after each write and takes what has come meanwhile.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Bytes of lines that may wait: about 16,000 lines of 300 bytes.
const MAX_WAITING: usize = 5 * 1024 * 1024;

/// So many bytes wake the writer before its pause is over.
const MANY: usize = 1024 * 1024;

/// How long the writer lets lines gather after a write.
const PAUSE: Duration = Duration::from_millis(50);

/// How long the writer waits after a write that has failed: a disk that is full, or a pipe that nobody reads.
const AFTER_FAILURE: Duration = Duration::from_millis(500);

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    /// The writer has something to do.
    due: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    work: Work,
    writer: Writer,
}

/// What the writer has to do.
#[derive(Debug, Default)]
pub(super) struct Work {
    /// Whole lines with their line ends.
    pub(super) lines: Vec<u8>,
    /// The file is opened anew behind so many bytes of the lines.
    pub(super) reopen_at: Option<usize>,
    /// Nothing comes after this.
    pub(super) stop: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Writer {
    /// Writes, or has been woken.
    #[default]
    Awake,
    /// Lets lines gather.
    Pausing,
    /// Waits for the next line.
    Idle,
}

impl Work {
    const fn is_some(&self) -> bool {
        !self.lines.is_empty() || self.is_urgent()
    }

    /// Whether somebody waits for it.
    const fn is_urgent(&self) -> bool {
        self.stop || self.reopen_at.is_some()
    }
}

impl Queue {
    /// Adds a line; `false` when there is no room for it.
    pub(super) fn push(&self, line: &str) -> bool {
        let mut waiting = self.lock();
        let lines = &mut waiting.work.lines;
        // Room for the line end.
        if lines.len().saturating_add(line.len()) >= MAX_WAITING {
            return false;
        }
        lines.extend_from_slice(line.as_bytes());
        lines.push(b'\n');
        let many = lines.len() >= MANY;
        let wake = match waiting.writer {
            Writer::Awake => false,
            Writer::Pausing => many,
            Writer::Idle => true,
        };
        if wake {
            self.wake(waiting);
        }
        true
    }

    /// Has the file opened anew behind the lines that wait.
    pub(super) fn reopen(&self) {
        let mut waiting = self.lock();
        waiting.work.reopen_at = Some(waiting.work.lines.len());
        self.wake(waiting);
    }

    /// Has the writer end behind the lines that wait.
    pub(super) fn stop(&self) {
        let mut waiting = self.lock();
        waiting.work.stop = true;
        self.wake(waiting);
    }

    fn wake(&self, mut waiting: MutexGuard<'_, Waiting>) {
        waiting.writer = Writer::Awake;
        drop(waiting);
        self.due.notify_one();
    }

    /// Waits for something to do, and takes all of it. `lines` is an empty buffer for the lines to come.
    pub(super) fn take(&self, lines: Vec<u8>) -> Work {
        let mut waiting = self.lock();
        while !waiting.work.is_some() {
            waiting.writer = Writer::Idle;
            waiting = self
                .due
                .wait(waiting)
                .unwrap_or_else(PoisonError::into_inner);
        }
        waiting.writer = Writer::Awake;
        let next = Work {
            lines,
            ..Work::default()
        };
        std::mem::replace(&mut waiting.work, next)
    }

    /// Lets lines gather, unless somebody waits for the writer.
    pub(super) fn pause(&self) {
        let enough = |work: &Work| work.is_urgent() || work.lines.len() >= MANY;
        let _ = self.rest(PAUSE, enough);
    }

    /// Waits before a write that has failed is tried again; `true`: somebody waits for the writer.
    pub(super) fn pause_after_failure(&self) -> bool {
        self.rest(AFTER_FAILURE, Work::is_urgent)
    }

    /// Rests until there is `enough` to do, but no longer than `time`; whether there is.
    fn rest(&self, time: Duration, enough: impl Fn(&Work) -> bool) -> bool {
        let mut waiting = self.lock();
        waiting.writer = Writer::Pausing;
        let waited = self
            .due
            .wait_timeout_while(waiting, time, |waiting| !enough(&waiting.work));
        let (mut waiting, _) = waited.unwrap_or_else(PoisonError::into_inner);
        waiting.writer = Writer::Awake;
        enough(&waiting.work)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_writer_takes_all_lines_at_once_and_learns_where_the_file_is_opened_anew() {
        let queue = Queue::default();
        assert!(queue.push("one"));
        assert!(queue.push("two"));
        queue.reopen();
        assert!(queue.push("three"));
        let work = queue.take(Vec::new());
        assert_eq!(work.lines, b"one\ntwo\nthree\n");
        assert_eq!((work.reopen_at, work.stop), (Some(8), false));
        queue.stop();
        let work = queue.take(Vec::new());
        assert!(work.lines.is_empty() && work.reopen_at.is_none() && work.stop);
    }

    #[test]
    fn a_full_queue_takes_no_further_line_until_it_has_been_emptied() {
        let queue = Queue::default();
        let line = "x".repeat(1023);
        let pushed = (0..).take_while(|_| queue.push(&line)).count();
        assert_eq!(pushed, 5 * 1024);
        assert_eq!(queue.take(Vec::new()).lines.len(), MAX_WAITING);
        assert!(queue.push(&line));
    }

    #[test]
    fn a_pause_ends_early_for_whoever_waits() {
        let queue = Queue::default();
        queue.stop();
        queue.pause();
        assert!(queue.pause_after_failure());
        assert!(queue.take(Vec::new()).stop);
    }
}
