//! The thread that writes lines.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use ajpgate_config::Sink;
use tracing::warn;

use super::out::Out;
use super::queue::Queue;
use crate::telemetry::metrics::Counter;

/// Bytes of a buffer for lines that are kept while nothing waits.
const KEPT: usize = 1024 * 1024;

/// The end of the requests.
#[derive(Debug)]
pub(super) struct Writer {
    queue: Arc<Queue>,
    dropped: Counter,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    pub(super) fn start(sink: &Sink, dropped: Counter) -> io::Result<Self> {
        let out = Out::open(sink)?;
        let sink = sink.clone();
        let queue = Arc::new(Queue::default());
        let lines = Arc::clone(&queue);
        let thread = std::thread::Builder::new()
            .name("access-log".to_owned())
            .spawn(move || write_all(&lines, &sink, out))?;
        Ok(Self {
            queue,
            dropped,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Queues a line, or drops it when the queue is full.
    pub(super) fn write(&self, line: &str) {
        if !self.queue.push(line) {
            self.dropped.increment(1);
        }
    }

    /// Has the file opened anew behind the lines that wait: a tool may have renamed it.
    pub(super) fn reopen(&self) {
        self.queue.reopen();
    }

    /// Waits until everything is written.
    pub(super) async fn close(&self) {
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(thread) = thread else { return };
        self.queue.stop();
        let waited = tokio::task::spawn_blocking(move || thread.join());
        let _ = waited.await;
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue.stop();
    }
}

/// Writes lines as they come, many with one call. A disk that is full loses lines, not requests: what could not be
/// written is tried again, and meanwhile the queue fills up.
fn write_all(queue: &Queue, sink: &Sink, mut out: Out) {
    let mut buffer = Vec::new();
    loop {
        if out.is_stuck() {
            let wanted = queue.pause_after_failure();
            out.write_rest();
            if out.is_stuck() && !wanted {
                continue;
            }
        }
        let mut work = queue.take(buffer);
        let before = work.reopen_at.unwrap_or(work.lines.len());
        let (old, new) = work.lines.split_at_checked(before).unwrap_or_default();
        out.write(old);
        if work.reopen_at.is_some() {
            match Out::open(sink) {
                Ok(reopened) => out.go_on_in(reopened),
                Err(error) => {
                    warn!(%error, "cannot open the access log {sink} again: it goes on in the old file");
                }
            }
            out.write(new);
        }
        if work.stop {
            return;
        }
        work.lines.clear();
        work.lines.shrink_to(KEPT);
        buffer = work.lines;
        queue.pause();
    }
}
