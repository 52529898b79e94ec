//! Random ids of traces and spans. They are never 0, which means none.

use crate::random;

/// The id of a new trace; `None` where the system has no random numbers.
pub(super) fn trace_id() -> Option<u128> {
    Some(random::bits128().ok()?.max(1))
}

/// The id of a new span.
pub(super) fn span_id() -> Option<u64> {
    Some(random::bits64().ok()?.max(1))
}
