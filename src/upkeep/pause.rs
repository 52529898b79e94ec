//! The pause between two rounds of a task.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// Waits for the interval; returns `false` when the task has to end.
pub(super) async fn pause(interval: Duration, ended: &CancellationToken) -> bool {
    tokio::select! {
        () = ended.cancelled() => false,
        () = tokio::time::sleep(interval) => true,
    }
}
