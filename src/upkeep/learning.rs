//! Routes that were learned become part of what runs, and of the state file.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::pause::pause;
use crate::state::{Edit, EditError, Shared};
use crate::telemetry::WarnLimit;

/// The time from one look to the next. Requests find the member before, by its decisions.
const INTERVAL: Duration = Duration::from_millis(250);

/// The time from one attempt to write a state file that could not be written to the next.
const WRITE_AGAIN: Duration = Duration::from_secs(10);

/// Notes learned routes, those of a balancer as one change, until `ended`.
pub(super) async fn follow(shared: Arc<Shared>, ended: CancellationToken) {
    let failed = WarnLimit::per_minute();
    let mut written = Instant::now();
    while pause(INTERVAL, &ended).await {
        if written.elapsed() >= WRITE_AGAIN {
            written = Instant::now();
            // What went wrong is in the log.
            let _ = shared
                .edit_aside(|edit| {
                    edit.write_again();
                    Ok(())
                })
                .await;
        }
        let balancers = shared.snapshot.load_full().balancers.clone();
        for balancer in &balancers {
            let taught = balancer.taught();
            if taught.is_empty() {
                continue;
            }
            let name = balancer.name().to_owned();
            let learn = move |edit: &mut Edit<'_>| edit.learn(&name, &taught, Instant::now());
            match shared.edit_aside(learn).await {
                Ok(()) | Err(EditError::Replaced) => {}
                Err(error) => {
                    if let Some(left_out) = failed.due(()) {
                        let balancer = balancer.name();
                        warn!(balancer, %error, left_out = left_out.field(), "learned routes cannot be noted");
                    }
                }
            }
        }
    }
}
