//! Spans on their way to the collector.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use opentelemetry_sdk::trace::SpanData;
use tokio::runtime::Builder;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::collector::Collector;
use super::error::TracingError;
use crate::telemetry::WarnLimit;
use crate::telemetry::metrics::{SpanCounters, SpanResult};

/// Most spans that wait. Those that find no room are dropped and counted.
const QUEUED: usize = 2048;

/// Most spans of one request to the collector.
const BATCH: usize = 512;

/// How long the first span of a batch waits for others.
const PAUSE: Duration = Duration::from_secs(1);

/// How long the end of the program waits for the last spans.
const CLOSED_WITHIN: Duration = Duration::from_secs(5);

/// The end of the requests.
#[derive(Debug)]
pub(super) struct Queue {
    spans: mpsc::Sender<SpanData>,
    counters: SpanCounters,
    stop: CancellationToken,
    /// Closed when the thread ends.
    thread: Mutex<Option<oneshot::Receiver<()>>>,
}

impl Queue {
    /// Starts the thread that sends spans.
    pub(super) fn start(
        collector: Collector,
        counters: &SpanCounters,
    ) -> Result<Self, TracingError> {
        let (spans, waiting) = mpsc::channel(QUEUED);
        let (running, thread) = oneshot::channel::<()>();
        let stop = CancellationToken::new();
        let sending = Sending {
            waiting,
            collector,
            counters: counters.clone(),
            stop: stop.clone(),
            warnings: WarnLimit::per_minute(),
        };
        let runtime = Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new()
            .name("traces".to_owned())
            .spawn(move || {
                runtime.block_on(sending.run());
                drop(running);
            })?;
        Ok(Self {
            spans,
            counters: counters.clone(),
            stop,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Queues a span, or drops it when the queue is full.
    pub(super) fn push(&self, span: SpanData) {
        if self.spans.try_send(span).is_err() {
            self.counters.increment(SpanResult::Dropped);
        }
    }

    /// Has the thread send what is queued and end; waits for [`CLOSED_WITHIN`] at most.
    pub(super) async fn close(&self) {
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(thread) = thread else { return };
        self.stop.cancel();
        if timeout(CLOSED_WITHIN, thread).await.is_err() {
            warn!("the collector of traces takes too long: the last spans are lost");
        }
    }
}

/// The end of the thread.
struct Sending {
    waiting: mpsc::Receiver<SpanData>,
    collector: Collector,
    counters: SpanCounters,
    stop: CancellationToken,
    warnings: WarnLimit,
}

impl Sending {
    /// Sends spans in batches until the end.
    async fn run(mut self) {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            let goes_on = self.gather(&mut batch).await;
            if !batch.is_empty() {
                self.send(std::mem::take(&mut batch)).await;
            } else if !goes_on {
                return;
            }
        }
    }

    /// Waits for spans: for the first one, and then a moment for more. Returns whether there may be more.
    async fn gather(&mut self, batch: &mut Vec<SpanData>) -> bool {
        let stop = self.stop.clone();
        let gathering = async {
            if self.waiting.recv_many(batch, BATCH).await == 0 {
                return false;
            }
            let pause = sleep(PAUSE);
            tokio::pin!(pause);
            while batch.len() < BATCH {
                let room = BATCH - batch.len();
                tokio::select! {
                    () = &mut pause => break,
                    count = self.waiting.recv_many(batch, room) => if count == 0 {
                        return false;
                    },
                }
            }
            true
        };
        let goes_on = tokio::select! {
            goes_on = gathering => Some(goes_on),
            () = stop.cancelled() => None,
        };
        goes_on.unwrap_or_else(|| {
            self.waiting.close();
            while batch.len() < BATCH
                && let Ok(span) = self.waiting.try_recv()
            {
                batch.push(span);
            }
            false
        })
    }

    async fn send(&self, batch: Vec<SpanData>) {
        let count = batch.len();
        let result = match self.collector.send(batch).await {
            Ok(()) => SpanResult::Sent,
            Err(error) => {
                if let Some(left_out) = self.warnings.due(()) {
                    warn!(
                        collector = self.collector.url(),
                        error,
                        spans = count,
                        left_out = left_out.field(),
                        "the collector has not taken spans of traces"
                    );
                }
                SpanResult::Failed
            }
        };
        for _ in 0..count {
            self.counters.increment(result);
        }
    }
}
