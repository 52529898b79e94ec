//! Tasks that run beside the requests: maintenance of pools, counts of sessions, drains, health checks, heartbeats, sources
//! of members, the cluster.
//!
//! The maintenance of pools ends with the snapshot. The health check of a member, the reading of a heartbeat file, and the
//! asking of a source of members go on until their settings change.

mod checks;
mod cluster;
mod discoveries;
mod heartbeats;
mod learning;
mod pause;
mod vanished;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use self::checks::Checks;
pub(crate) use self::cluster::Membership;
use self::discoveries::Discoveries;
pub(crate) use self::discoveries::ask_first;
pub(crate) use self::heartbeats::Listener as HeartbeatListener;
use self::heartbeats::Storages;
pub(crate) use self::learning::note_last as note_learned;
use self::pause::pause;
use crate::backend::Backend;
use crate::cores::Cores;
use crate::state::{LiveBalancer, Shared};

/// The longest interval between two rounds of maintenance of a pool.
const MAINTAIN_INTERVAL: Duration = Duration::from_secs(5);

/// The interval at which sessions are counted, drains followed, and transitions logged that were left out before.
const MEMBERS_INTERVAL: Duration = Duration::from_secs(1);

/// Starts all tasks. They end with `ended`.
pub(crate) fn start(
    shared: &Arc<Shared>,
    heartbeats: Vec<HeartbeatListener>,
    ended: &CancellationToken,
) {
    for listener in heartbeats {
        tokio::spawn(listener.listen(Arc::clone(shared), ended.clone()));
    }
    tokio::spawn(look_after_members(Arc::clone(shared), ended.clone()));
    tokio::spawn(learning::follow(Arc::clone(shared), ended.clone()));
    tokio::spawn(vanished::look_after(Arc::clone(shared), ended.clone()));
    tokio::spawn(follow(Arc::clone(shared), ended.clone()));
}

/// Runs the tasks of the snapshot's balancers. With each new snapshot the health checks and the reading of heartbeat files
/// go on, and the maintenance of pools is started anew.
async fn follow(shared: Arc<Shared>, ended: CancellationToken) {
    let (mut checks, mut storages) = (Checks::default(), Storages::default());
    let mut discoveries = Discoveries::default();
    loop {
        checks.follow(&shared, &ended);
        storages.follow(&shared, &ended);
        discoveries.follow(&shared, &ended);
        let until_swapped = ended.child_token();
        let snapshot = shared.snapshot.load_full();
        for balancer in &snapshot.balancers {
            look_after(&shared.cores, balancer, &until_swapped);
        }
        for server in snapshot.auth_servers() {
            let maintain = || maintain(server.backend.clone(), until_swapped.clone());
            shared.cores.spawn_on_each(maintain);
        }
        drop(snapshot);
        tokio::select! {
            () = ended.cancelled() => return,
            () = shared.swapped.notified() => until_swapped.cancel(),
        }
    }
}

/// Starts the maintenance of the pools of one balancer.
fn look_after(cores: &Cores, balancer: &LiveBalancer, ended: &CancellationToken) {
    for member in &balancer.members {
        // Each core looks after the connections that it keeps.
        let maintain = || maintain(member.backend.clone(), ended.clone());
        cores.spawn_on_each(maintain);
    }
}

async fn look_after_members(shared: Arc<Shared>, ended: CancellationToken) {
    while pause(MEMBERS_INTERVAL, &ended).await {
        for balancer in &shared.snapshot.load_full().balancers {
            balancer.look_after_sessions(Instant::now());
            balancer.log_left_out(Instant::now());
        }
    }
}

async fn maintain(backend: Backend, ended: CancellationToken) {
    let interval = (backend.ttl() / 2).clamp(Duration::from_millis(100), MAINTAIN_INTERVAL);
    backend.maintain().await;
    while pause(interval, &ended).await {
        backend.maintain().await;
    }
}
