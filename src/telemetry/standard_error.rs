//! Standard error as the output of the program's log.
//!
//! No request waits long for who reads the log: where nobody takes a line within 100 ms it is lost, because the pipe's reader has gone
//! or has stopped reading, or because the disk is full. The lines behind it do not wait until somebody reads again.

use std::io::{self, StderrLock, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;

/// How long a line waits for a reader that has kept up so far: 100 ms.
const PATIENCE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 100_000_000,
};

/// No wait.
const AT_ONCE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 0,
};

/// Bytes that a pipe takes without blocking once it can be written to (`PIPE_BUF` of pipe(7)).
const PIECE: usize = 4096;

/// Whether the last line found nobody who reads.
static STALLED: AtomicBool = AtomicBool::new(false);

/// Whether the last line was lost behind its beginning: its end is to be written before the next one.
static CUT: AtomicBool = AtomicBool::new(false);

/// Standard error. What cannot be written counts as written.
pub(super) struct StandardError;

impl Write for StandardError {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut out = io::stderr().lock();
        let end: &[u8] = match CUT.load(Ordering::Relaxed) {
            true => b"\n",
            false => b"",
        };
        let pieces = std::iter::once(end).chain(line.chunks(PIECE));
        for (at, piece) in pieces.enumerate() {
            if piece.is_empty() {
                continue;
            }
            if !is_taken(&out) || out.write_all(piece).is_err() {
                // Of the line itself something was written where this is not its first piece.
                CUT.fetch_or(at > 1, Ordering::Relaxed);
                break;
            }
            CUT.store(false, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether a piece can be written without blocking.
fn is_taken(out: &StderrLock<'_>) -> bool {
    let patience = match STALLED.load(Ordering::Relaxed) {
        true => AT_ONCE,
        false => PATIENCE,
    };
    let mut asked = [PollFd::new(out, PollFlags::OUT)];
    let ready = retry_on_intr(|| poll(&mut asked, Some(&patience)));
    let taken = ready.is_ok_and(|ready| ready > 0);
    STALLED.store(!taken, Ordering::Relaxed);
    taken
}
