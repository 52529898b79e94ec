//! Waiting between two rounds of a task.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// Waits; `false` when there is nothing more to wait for.
pub(super) async fn pause(interval: Duration, ended: &CancellationToken) -> bool {
    tokio::select! {
        () = ended.cancelled() => false,
        () = tokio::time::sleep(interval) => true,
    }
}
