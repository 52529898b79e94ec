//! Traces: what happened to a request, for a collector of OpenTelemetry.
//!
//! A request is one span, and each attempt on a member is a span below it. The gateway goes on with the trace that the client
//! names in the field `traceparent`, or begins one; `docs/tracing.md` has the rules. [`Tracing`] decides that and hands what is
//! over to a thread of its own, which requests never wait for.

mod attributes;
mod collector;
mod error;
mod ids;
mod queue;
mod resource;
mod trace;

use std::sync::Arc;

use ajpgate_config::{Part, Tracing as Settings};

use self::collector::Collector;
pub(crate) use self::error::TracingError;
use self::ids::{span_id, trace_id};
use self::queue::Queue;
pub(crate) use self::trace::{On, Trace};
use crate::head::RequestHead;
use crate::telemetry::metrics::SpanCounters;
use crate::trace_context::{TRACEPARENT, TRACESTATE, TraceContext, state};

/// What `tracing` of a configuration says, and the thread that sends spans to the collector. The thread ends once nobody holds
/// this value, when what is queued has been sent.
#[derive(Debug)]
pub(crate) struct Tracing {
    settings: Settings,
    queue: Arc<Queue>,
}

impl Tracing {
    /// What a configuration wants: `before` if that is the same, or another thread.
    ///
    /// # Errors
    /// The thread cannot be started, or the system has no certificates to verify the collector's with.
    pub(crate) fn follow(
        wanted: Option<&Settings>,
        before: Option<&Arc<Self>>,
        counters: &SpanCounters,
    ) -> Result<Option<Arc<Self>>, TracingError> {
        let Some(settings) = wanted else {
            return Ok(None);
        };
        if let Some(before) = before.filter(|it| it.settings == *settings) {
            return Ok(Some(Arc::clone(before)));
        }
        let collector = Collector::new(&settings.otlp)?;
        Ok(Some(Arc::new(Self {
            queue: Arc::new(Queue::start(collector, counters)?),
            settings: settings.clone(),
        })))
    }

    /// The trace of a request that arrives. `None` where the client does not want its own trace recorded: the fields then go on
    /// as they are.
    pub(crate) fn begin(&self, head: &RequestHead) -> Option<Box<Trace>> {
        let parent = TraceContext::of(head.fields.all(TRACEPARENT));
        if parent.is_some_and(|parent| !parent.is_sampled) {
            return None;
        }
        let trace_id = match parent {
            Some(parent) => parent.trace_id,
            None => trace_id()?,
        };
        let context = TraceContext {
            trace_id,
            span_id: span_id()?,
            is_sampled: parent.is_some() || is_sampled(trace_id, self.settings.sample),
        };
        let state = parent.and_then(|_| state(head.fields.all(TRACESTATE)));
        let queue = context.is_sampled.then(|| Arc::clone(&self.queue));
        Some(Box::new(Trace::new(context, parent, state, queue)))
    }

    /// Sends what is queued, within a bound, and ends the thread.
    pub(crate) async fn close(&self) {
        self.queue.close().await;
    }
}

/// Whether a trace that begins here is recorded. Its id decides, so that the part holds for any number of traces.
fn is_sampled(trace_id: u128, sample: Part) -> bool {
    const BITS: u32 = 56;
    let low = trace_id & ((1 << BITS) - 1);
    low * u128::from(Part::WHOLE) < u128::from(sample.millionths()) << BITS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_part_that_is_asked_for_is_sampled() {
        for (millionths, of_million) in [(0, 0..=0), (10_000, 9_000..=11_000)] {
            let part = Part::from_millionths(millionths).unwrap();
            let ids = (0..1_000_000_u128).map(|it| it * 0x9e37_79b9_7f4a_7c15_f39c_c060);
            let count = ids.filter(|id| is_sampled(*id, part)).count();
            assert!(of_million.contains(&count), "{millionths}: {count}");
        }
        for id in [1, u128::MAX, 1 << 56] {
            assert!(is_sampled(id, Part::ALL), "{id}");
        }
    }
}
