//! The thread that writes lines.

use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

use ajpgate_config::Sink;
use tracing::warn;

use crate::telemetry::metrics::Counter;

/// Lines that may wait. With 300 bytes each that is 5 MB.
const QUEUE: usize = 16 * 1024;

enum Message {
    Line(String),
    Reopen,
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
        let out = open(sink)?;
        let sink = sink.clone();
        let (queue, lines) = sync_channel(QUEUE);
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
    pub(super) fn write(&self, line: String) {
        if self.queue.try_send(Message::Line(line)).is_err() {
            self.dropped.increment(1);
        }
    }

    /// Has the file opened anew behind the lines that wait: a tool may have renamed it.
    pub(super) fn reopen(&self) {
        // When the queue is full the disk is the trouble, not the file's name.
        let _ = self.queue.try_send(Message::Reopen);
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

type Out = BufWriter<Box<dyn Write + Send>>;

fn open(sink: &Sink) -> io::Result<Out> {
    Ok(BufWriter::new(match sink {
        Sink::Stdout => Box::new(io::stdout()),
        Sink::Stderr => Box::new(io::stderr()),
        // Appended to, so that a tool may truncate it.
        Sink::File(path) => Box::new(OpenOptions::new().append(true).create(true).open(path)?),
    }))
}

/// Writes lines as they come; what has been written is flushed as soon as nothing waits.
fn write_all(lines: &Receiver<Message>, sink: &Sink, mut out: Out) {
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
            Some(Message::Reopen) => {
                let _ = out.flush();
                match open(sink) {
                    Ok(new) => out = new,
                    Err(error) => {
                        warn!(%error, "cannot open the access log {sink} again: it goes on in the old file");
                    }
                }
            }
            Some(Message::Stop) | None => {
                let _ = out.flush();
                return;
            }
        }
    }
}
