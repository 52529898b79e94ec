//! The thread that writes lines.

use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

use ajpgate_config::Sink;
use metrics::Counter;

/// Lines that may wait. With 300 bytes each that is 5 MB.
const QUEUE: usize = 16 * 1024;

enum Message {
    Line(String),
    Stop,
}

/// The queue's end at the requests.
#[derive(Debug)]
pub(super) struct Writer {
    queue: SyncSender<Message>,
    dropped: Counter,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    pub(super) fn start(sink: &Sink, dropped: Counter) -> io::Result<Self> {
        let out: Box<dyn Write + Send> = match sink {
            Sink::Stdout => Box::new(io::stdout()),
            Sink::Stderr => Box::new(io::stderr()),
            // Appended to, so that a tool may truncate it.
            Sink::File(path) => Box::new(OpenOptions::new().append(true).create(true).open(path)?),
        };
        let (queue, lines) = sync_channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("access-log".to_owned())
            .spawn(move || write_all(&lines, BufWriter::new(out)))?;
        Ok(Self {
            queue,
            dropped,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Queues a line, or drops it when the queue is full.
    pub(super) fn write(&self, line: String) {
        if self.queue.try_send(Message::Line(line)).is_err() {
            self.dropped.increment(1);
        }
    }

    /// Waits until everything is written.
    pub(super) async fn close(&self) {
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(thread) = thread else { return };
        let queue = self.queue.clone();
        let waited = tokio::task::spawn_blocking(move || {
            let _ = queue.send(Message::Stop);
            thread.join()
        });
        let _ = waited.await;
    }
}

/// Writes lines as they come; what has been written is flushed as soon as nothing waits.
fn write_all(lines: &Receiver<Message>, mut out: BufWriter<Box<dyn Write + Send>>) {
    loop {
        let next = match lines.try_recv() {
            Err(TryRecvError::Empty) => {
                // A full disk loses lines, not requests.
                let _ = out.flush();
                lines.recv().ok()
            }
            next => next.ok(),
        };
        match next {
            Some(Message::Line(mut line)) => {
                line.push('\n');
                let _ = out.write_all(line.as_bytes());
            }
            Some(Message::Stop) | None => {
                let _ = out.flush();
                return;
            }
        }
    }
}
