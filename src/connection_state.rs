//! What a client's connection and the requests on it tell each other.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::head::{AnswerHead, Fields};

/// Most bytes of interim answers that wait for the client; those beyond are left out.
const MAX_INTERIM: usize = 64 * 1024;

/// Bytes that an interim answer without fields counts as.
const LEAST_INTERIM: usize = 64;

/// Shared by the connection, which owns the socket, and the request path above it. Both run in the connection's task,
/// one after the other, so no order between the values is needed, and the lock is never waited for.
#[derive(Debug, Default)]
pub(crate) struct ConnectionState {
    requests: AtomicU32,
    received: AtomicU64,
    /// Most connections never have any.
    interim: Mutex<Option<Box<Interim>>>,
}

impl ConnectionState {
    /// For a connection of HTTP/2, where each request has a state of its own: the state of the request of this number, of
    /// which so many bytes have come.
    pub(crate) fn of_stream(number: u32, received: usize) -> Self {
        Self {
            requests: AtomicU32::new(number),
            received: AtomicU64::new(received as u64),
            interim: Mutex::default(),
        }
    }

    /// Counts a request.
    pub(crate) fn begin(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// Requests on this connection so far, the current one included.
    pub(crate) fn requests(&self) -> u32 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Bytes of the current request have been read: of its head, or of its body.
    pub(crate) fn receive(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Bytes that have been read since this was asked last.
    pub(crate) fn take_received(&self) -> u64 {
        self.received.swap(0, Ordering::Relaxed)
    }

    /// Notes the head of an interim answer (102 or 103) of a member.
    pub(crate) fn push_interim(&self, head: AnswerHead) {
        let mut interim = self.interim();
        let interim = interim.get_or_insert_default();
        let waiting: usize = interim.waiting().map(bytes).sum();
        if waiting.saturating_add(bytes(&head)) <= MAX_INTERIM {
            interim.came.push(head);
        }
    }

    /// Hands on to the client what was noted, each head as `finish` makes it.
    pub(crate) fn hand_on_interim(&self, finish: impl Fn(&mut Fields)) {
        if let Some(interim) = &mut *self.interim() {
            for mut head in interim.came.drain(..) {
                finish(&mut head.fields);
                interim.finished.push(head);
            }
        }
    }

    /// The heads that were handed on since this was asked last.
    pub(crate) fn take_interim(&self) -> Vec<AnswerHead> {
        let mut interim = self.interim();
        let finished = interim
            .as_mut()
            .map(|interim| std::mem::take(&mut interim.finished));
        finished.unwrap_or_default()
    }

    fn interim(&self) -> MutexGuard<'_, Option<Box<Interim>>> {
        self.interim.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Heads of interim answers.
#[derive(Debug, Default)]
struct Interim {
    /// As the member wrote them.
    came: Vec<AnswerHead>,
    /// As the client gets them.
    finished: Vec<AnswerHead>,
}

impl Interim {
    fn waiting(&self) -> impl Iterator<Item = &AnswerHead> {
        self.came.iter().chain(&self.finished)
    }
}

/// Bytes that an interim answer counts as.
fn bytes(head: &AnswerHead) -> usize {
    head.fields.bytes().saturating_add(LEAST_INTERIM)
}
