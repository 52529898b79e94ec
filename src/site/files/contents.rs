//! The bytes of a file on their way to a client.

use std::future::Future as _;
use std::io;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use rustix::io::Errno;
use tokio::task::{JoinHandle, spawn_blocking};
use tracing::warn;

use super::directory::{Directory, Trouble};
use super::piece::{read_now, read_patiently};

/// What is left to send of a file.
///
/// A piece of up to 64 KiB is read when it is asked for, so a slow client holds one piece. As many bytes are sent as were
/// announced: a file that grows meanwhile makes no difference, and one that becomes shorter is an error, so that the client
/// does not take what it has for all of it.
#[derive(Debug)]
pub(crate) struct Contents {
    directory: Arc<Directory>,
    state: State,
    /// Number of the next byte.
    at: u64,
    left: u64,
}

/// ```text
///            a piece is asked for, and the kernel does not have it
///   Open ───────────────────────────────────────────────────────► Reading
///     ▲                                                              │
///     └──────────────────────────────────────────────────────────────┘
///                              the piece is there
///   Open ──► Closed: the last byte was read, or it could not be read
/// ```
#[derive(Debug)]
enum State {
    Open(OwnedFd),
    /// Another thread reads.
    Reading(JoinHandle<(OwnedFd, rustix::io::Result<Bytes>)>),
    Closed,
}

impl Contents {
    /// The bytes from `at` on, `left` of them.
    pub(super) fn new(directory: Arc<Directory>, file: OwnedFd, at: u64, left: u64) -> Self {
        let state = match left {
            0 => State::Closed,
            _ => State::Open(file),
        };
        Self {
            directory,
            state,
            at,
            left,
        }
    }

    /// Bytes that are still to be read.
    pub(crate) const fn left(&self) -> u64 {
        self.left
    }

    /// The next piece; `None` behind the last one.
    ///
    /// # Errors
    /// When the file is shorter than it was, or cannot be read any more.
    pub(crate) fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        let (file, piece) = match std::mem::replace(&mut self.state, State::Closed) {
            State::Closed => return Poll::Ready(self.ended()),
            State::Open(file) => match read_now(&file, self.at, self.left, self.directory.medium) {
                Some(piece) => (file, piece),
                None => {
                    return self.poll_other_thread(cx, read_elsewhere(file, self.at, self.left));
                }
            },
            State::Reading(reading) => return self.poll_other_thread(cx, reading),
        };
        Poll::Ready(Some(self.took(file, piece)))
    }

    fn poll_other_thread(
        &mut self,
        cx: &mut Context<'_>,
        mut reading: JoinHandle<(OwnedFd, rustix::io::Result<Bytes>)>,
    ) -> Poll<Option<io::Result<Bytes>>> {
        let read = Pin::new(&mut reading);
        let Poll::Ready(read) = read.poll(cx) else {
            self.state = State::Reading(reading);
            return Poll::Pending;
        };
        Poll::Ready(Some(match read {
            Ok((file, piece)) => self.took(file, piece),
            // The runtime ends.
            Err(error) => Err(io::Error::other(error)),
        }))
    }

    fn took(&mut self, file: OwnedFd, piece: rustix::io::Result<Bytes>) -> io::Result<Bytes> {
        let piece = match piece {
            Ok(piece) if piece.is_empty() => return Err(self.broken_off(None)),
            Ok(piece) => piece,
            Err(error) => return Err(self.broken_off(Some(error))),
        };
        let length = piece.len() as u64;
        self.at = self.at.saturating_add(length);
        self.left = self.left.saturating_sub(length);
        if self.left > 0 {
            self.state = State::Open(file);
        }
        Ok(piece)
    }

    /// All was read, or an error was said before.
    fn ended(&self) -> Option<io::Result<Bytes>> {
        (self.left > 0).then(|| Err(io::ErrorKind::UnexpectedEof.into()))
    }

    /// The client is cut off. `None`: the file has become shorter.
    fn broken_off(&self, error: Option<Errno>) -> io::Error {
        let directory = self.directory.path().display();
        let trouble = match error {
            Some(_) => Trouble::Broken,
            None => Trouble::Shorter,
        };
        if let Some(left_out) = self.directory.warnings.due(trouble) {
            let left_out = left_out.field();
            match error {
                Some(error) => {
                    warn!(%directory, %error, left_out, "a file cannot be read to its end: its client was cut off");
                }
                None => {
                    warn!(%directory, left_out, "a file became shorter while it was sent: its client was cut off");
                }
            }
        }
        error.map_or(io::ErrorKind::UnexpectedEof.into(), io::Error::from)
    }
}

/// Has a piece read by a thread that may wait.
fn read_elsewhere(
    file: OwnedFd,
    at: u64,
    most: u64,
) -> JoinHandle<(OwnedFd, rustix::io::Result<Bytes>)> {
    spawn_blocking(move || {
        let piece = read_patiently(&file, at, most);
        (file, piece)
    })
}
