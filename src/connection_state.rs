//! What a client's connection and the requests on it tell each other.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::head::AnswerHead;

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
    interim: Mutex<Vec<AnswerHead>>,
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

    /// Bytes have come from the client.
    pub(crate) fn receive(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Bytes that have come since this was asked last.
    pub(crate) fn take_received(&self) -> u64 {
        self.received.swap(0, Ordering::Relaxed)
    }

    /// Hands on the head of an interim answer (102 or 103), as it goes to the client.
    pub(crate) fn push_interim(&self, head: AnswerHead) {
        let mut interim = self.interim.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = |head: &AnswerHead| head.fields.bytes().saturating_add(LEAST_INTERIM);
        let waiting: usize = interim.iter().map(bytes).sum();
        if waiting.saturating_add(bytes(&head)) <= MAX_INTERIM {
            interim.push(head);
        }
    }

    /// The heads of interim answers that came since this was asked last.
    pub(crate) fn take_interim(&self) -> Vec<AnswerHead> {
        std::mem::take(&mut self.interim.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
