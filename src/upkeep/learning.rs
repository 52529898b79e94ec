//! Routes that were learned become part of what runs, and what runs is written to the state file.

use std::sync::{Arc, TryLockError};
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

/// Notes learned routes, those of a balancer as one change, and writes the state file where it lacks something, until `ended`.
pub(super) async fn follow(shared: Arc<Shared>, ended: CancellationToken) {
    let failed = WarnLimit::per_minute();
    let mut unwritable: Option<Instant> = None;
    while pause(INTERVAL, &ended).await {
        note(&shared, &failed).await;
        let is_due = unwritable.is_none_or(|since| since.elapsed() >= WRITE_AGAIN);
        if is_due && is_unwritten(&shared) {
            unwritable = (!write(&shared).await).then(Instant::now);
        }
    }
}

/// Notes what was learned in the last moment before the end, and writes what was not written yet.
pub(crate) async fn note_last(shared: &Arc<Shared>) {
    note(shared, &WarnLimit::per_minute()).await;
    if is_unwritten(shared) {
        write(shared).await;
    }
}

/// Whether the state file lacks something. Whoever changes something at this moment is not waited for.
fn is_unwritten(shared: &Shared) -> bool {
    match shared.editing.try_lock() {
        Ok(editing) => editing.is_unwritten(),
        Err(TryLockError::Poisoned(editing)) => editing.into_inner().is_unwritten(),
        Err(TryLockError::WouldBlock) => false,
    }
}

/// Writes the state file. Returns whether it lacks nothing now; else the log says why.
async fn write(shared: &Arc<Shared>) -> bool {
    let write = |edit: &mut Edit<'_>| Ok(edit.write_what_is_new());
    shared.edit_aside(write).await.unwrap_or(false)
}

async fn note(shared: &Arc<Shared>, failed: &WarnLimit) {
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
