//! What is known of a connection from the bytes that it sends and takes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::budget::{Budget, Flood};
use super::frames::{Frames, kind};
use super::written::Written;
use crate::clock;

/// What is known of a connection. Shared by its task, its streams and its [socket](super::socket), which the same task polls.
#[derive(Debug, Clone)]
pub(super) struct Watch(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    frames: Frames,
    budget: Budget,
    flood: Option<Flood>,
    /// When the frame began of which only a part has come.
    frame_since: Instant,
    /// When the header block began that is not complete.
    block_since: Option<Instant>,
    /// When the last bytes came.
    read_at: Instant,
    /// When the client last took something of a body.
    wrote_at: Instant,
    written: Written,
    /// Streams that `h2` has refused and nobody has counted.
    refused: u64,
}

impl Watch {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self(Arc::new(Mutex::new(State {
            frames: Frames::default(),
            budget: Budget::new(now),
            flood: None,
            frame_since: now,
            block_since: None,
            read_at: now,
            wrote_at: now,
            written: Written::default(),
            refused: 0,
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What there was too much of. Nothing more is read then.
    pub(super) fn flood(&self) -> Option<Flood> {
        self.state().flood
    }

    /// Since when the client owes the rest of a header block, or of another frame but DATA.
    pub(super) fn owed_since(&self) -> Option<Instant> {
        let state = self.state();
        let frame = state.frames.owes_control().then_some(state.frame_since);
        state.block_since.or(frame)
    }

    /// When the last bytes came of a DATA frame of this stream of which only a part has come, and how many have.
    pub(super) fn data_of(&self, stream: u32) -> Option<(Instant, usize)> {
        let state = self.state();
        let (frame, received) = state.frames.current()?;
        (frame.kind == kind::DATA && frame.stream == stream).then_some((state.read_at, received))
    }

    /// When the client last took something of a body. What it can have at any time, as the answer to a PING, does not count.
    pub(super) fn wrote_at(&self) -> Instant {
        self.state().wrote_at
    }

    /// How many streams `h2` has refused since this was asked last.
    pub(super) fn take_refused(&self) -> u64 {
        std::mem::take(&mut self.state().refused)
    }

    /// These bytes of the client have come.
    pub(super) fn read(&self, bytes: &[u8]) {
        let now = clock::now();
        let state = &mut *self.state();
        let (mut flood, mut block_since) = (state.flood, state.block_since);
        let between = state.frames.is_between();
        let budget = &mut state.budget;
        let ended = state.frames.read(bytes, |frame| {
            flood = flood.or(budget.count(frame, now).err());
            block_since = frame
                .leaves_block_open()
                .then(|| block_since.unwrap_or(now));
        });
        if between || ended {
            state.frame_since = now;
        }
        if state.frames.updates_too_often() {
            flood = flood.or(Some(Flood::SizeUpdates));
        }
        (state.flood, state.block_since, state.read_at) = (flood, block_since, now);
    }

    /// These bytes were written to the client.
    pub(super) fn wrote<'a>(&self, pieces: impl IntoIterator<Item = &'a [u8]>) {
        let state = &mut *self.state();
        for piece in pieces {
            state.budget.wrote(piece.len());
            let seen = state.written.read(piece);
            state.refused += seen.refused;
            if seen.data {
                state.wrote_at = clock::now();
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use super::*;
    use crate::framing::Preface;

    /// A DATA frame of this stream begins, and so many bytes of its 10,000 have come.
    pub(in super::super) fn data_on_its_way(watch: &Watch, stream: u8, bytes: usize) {
        let header = [0, 0x27, 0x10, kind::DATA, 0, 0, 0, 0, stream];
        let payload = vec![0; bytes];
        watch.read(&[Preface::BYTES, &header[..], &payload[..]].concat());
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_client_owes_is_known_since_its_first_byte() {
        let second = Duration::from_secs(1);
        let watch = Watch::new();
        let start = Instant::now();
        watch.read(Preface::BYTES);
        assert_eq!(watch.owed_since(), None);
        tokio::time::advance(second).await;
        // A header block that goes on in CONTINUATION.
        watch.read(&[0, 0, 1, kind::HEADERS, 0, 0, 0, 0, 1, 0x88]);
        tokio::time::advance(second).await;
        watch.read(&[0, 0, 1, kind::CONTINUATION, 0, 0, 0, 0, 1, 0x88]);
        assert_eq!(watch.owed_since(), Some(start + second));
        watch.read(&[0, 0, 1, kind::CONTINUATION, 4, 0, 0, 0, 1, 0x88, 0]);
        // The first byte of the next frame came with it.
        assert_eq!(watch.owed_since(), Some(start + 2 * second));
        tokio::time::advance(second).await;
        watch.read(&[0, 8, kind::PING]);
        assert_eq!(watch.owed_since(), Some(start + 2 * second));
        watch.read(&[0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(watch.owed_since(), None);
        // DATA may take its time: the body is waited for.
        watch.read(&[0, 0, 2, kind::DATA, 0, 0, 0, 0, 1, 0]);
        assert_eq!(watch.owed_since(), None);
        assert_eq!(watch.data_of(1), Some((start + 3 * second, 1)));
        assert_eq!(watch.data_of(3), None);
    }
}
