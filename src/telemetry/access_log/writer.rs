//! The thread that writes lines.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ajpgate_config::Sink;
use tokio::sync::oneshot;
use tracing::warn;

use super::out::Out;
use super::queue::Queue;
use crate::telemetry::metrics::Counter;

/// Bytes of a buffer for lines that are kept while nothing waits.
const KEPT: usize = 1024 * 1024;

/// How long the end of the program waits for the last lines. A pipe whose reader has stopped takes none, and no call ends the
/// thread that waits for it.
const CLOSED_WITHIN: Duration = Duration::from_secs(5);

/// The end of the requests.
#[derive(Debug)]
pub(super) struct Writer {
    queue: Arc<Queue>,
    dropped: Counter,
    /// Closed when the thread ends.
    thread: Mutex<Option<oneshot::Receiver<()>>>,
    /// What the log is written to, for a warning.
    sink: Sink,
}

impl Writer {
    pub(super) fn start(sink: &Sink, dropped: Counter) -> io::Result<Self> {
        let out = Out::open(sink)?;
        let queue = Arc::new(Queue::default());
        let (lines, reopened) = (Arc::clone(&queue), sink.clone());
        let (running, thread) = oneshot::channel::<()>();
        std::thread::Builder::new()
            .name("access-log".to_owned())
            .spawn(move || {
                write_all(&lines, &reopened, out);
                drop(running);
            })?;
        Ok(Self {
            queue,
            dropped,
            thread: Mutex::new(Some(thread)),
            sink: sink.clone(),
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

    /// Waits until everything is written, or for [`CLOSED_WITHIN`].
    pub(super) async fn close(&self) {
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(thread) = thread else { return };
        self.queue.stop();
        if tokio::time::timeout(CLOSED_WITHIN, thread).await.is_err() {
            warn!(
                "the access log {} takes no more: its last lines are lost",
                self.sink
            );
        }
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

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::process::Command;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_pipe_that_nobody_reads_does_not_hold_up_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.log");
        let made = Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        // The thread ends when this is dropped.
        let pipe = OpenOptions::new().read(true).write(true).open(&path);
        let writer = Writer::start(&Sink::File(path.clone()), Counter::default()).unwrap();
        let line = "x".repeat(1000);
        // More than a pipe holds.
        (0..1000).for_each(|_| writer.write(&line));
        writer.close().await;
        drop(pipe);
    }
}
