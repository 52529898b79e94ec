//! Standard error as the output of the program's log.
//!
//! No request waits for who reads the log: where nobody takes a line it is lost, because the pipe's reader has gone or has stopped
//! reading, or because the disk is full.

use std::io::{self, StderrLock, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;

/// How long a line waits for a reader that has kept up so far: 100 ms. Lines behind it do not wait until somebody reads again.
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

/// Standard error. What cannot be written counts as written.
pub(super) struct StandardError;

impl Write for StandardError {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut out = io::stderr().lock();
        for piece in line.chunks(PIECE) {
            if !is_taken(&out) || out.write_all(piece).is_err() {
                break;
            }
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
