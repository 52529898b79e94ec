//! What all connections share.

use std::path::PathBuf;
use std::sync::Mutex;

use arc_swap::ArcSwap;
use http::HeaderValue;
use tokio::sync::{Notify, mpsc, oneshot};

use super::closing::Closing;
use super::editing::Editing;
use super::journal::Journal;
use super::learning::HeardRoutes;
use super::leaving::LeavingMembers;
use super::snapshot::Snapshot;
use crate::client::PerAddress;
use crate::cores::Cores;
use crate::handover::Held;
use crate::identity::Hashing;
use crate::random;
use crate::supervisor::Supervisor;
use crate::telemetry::access_log::AccessLog;
use crate::telemetry::metrics::{GatewayMetrics, Metrics};
use crate::tls::Challenges;

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    /// Tells this program from the one before it and the one after it.
    pub(crate) program: HeaderValue,
    pub(crate) snapshot: ArcSwap<Snapshot>,
    pub(crate) metrics: Metrics,
    pub(crate) counters: GatewayMetrics,
    pub(crate) access_log: AccessLog,
    /// The threads that serve clients.
    pub(crate) cores: Cores,
    pub(crate) closing: Closing,
    /// The sockets that the gateway listens on.
    pub(crate) held: Held,
    pub(crate) supervisor: Supervisor,
    /// What authorities are answered that ask whether a name is ours.
    pub(crate) challenges: Challenges,
    /// Open connections of clients, by address.
    pub(crate) per_address: PerAddress,
    /// The threads that check passwords.
    pub(crate) hashing: Hashing,
    /// Held by whoever changes what runs; see [`Shared::edit`].
    pub(crate) editing: Mutex<Editing>,
    pub(crate) journal: Journal,
    pub(crate) leaving: LeavingMembers,
    pub(crate) heard_routes: HeardRoutes,
    /// Where the configuration is: what the files that it names are relative to.
    pub(crate) folder: PathBuf,
    /// The snapshot is another one.
    pub(crate) swapped: Notify,
    /// To whoever reads the configuration again.
    pub(crate) reloads: mpsc::Sender<oneshot::Sender<Reloaded>>,
}

/// How an attempt to read the configuration again has ended: with the keys that have changed and count from the next
/// start on.
pub(crate) type Reloaded = Result<Vec<&'static str>, NotReloaded>;

/// Why the configuration was not read again. Then nothing has changed.
#[derive(Debug)]
pub(crate) enum NotReloaded {
    /// It does not come from a file.
    NoFile,
    /// The file cannot be used; a line `file:line:column: what is wrong` for each reason.
    Rejected(Vec<String>),
    /// What it wants cannot be had.
    Failed(String),
    /// Another program is taking over.
    Replaced,
}

impl Shared {
    /// A name that no other program has: the process id, and 64 random bits.
    pub(crate) fn new_name() -> HeaderValue {
        let name = format!("{:x}-{:016x}", std::process::id(), random::seed());
        HeaderValue::try_from(name).unwrap_or_else(|_| HeaderValue::from_static("-"))
    }

    /// Reads the configuration again, after those who have asked before.
    pub(crate) async fn reload(&self) -> Reloaded {
        let gone = || NotReloaded::Failed("the gateway is shutting down".to_owned());
        let (asked, answer) = oneshot::channel();
        self.reloads.send(asked).await.map_err(|_| gone())?;
        answer.await.unwrap_or_else(|_| Err(gone()))
    }
}
