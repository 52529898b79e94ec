//! Changes by hand on their way to the engine.

use std::sync::mpsc as answers;
use std::time::Duration;

use tokio::sync::mpsc;

use super::machine::{Change, ChangeResult, MOST_WAITING, Version, Writes};

/// The longest that a change waits for its answer. Each answer of the engine has a limit of its own, which is shorter.
const PATIENCE: Duration = Duration::from_secs(4);

/// A change, and where its answer goes.
pub(crate) type Order = Change<answers::SyncSender<ChangeResult>>;

/// To whoever speaks with the engine.
#[derive(Debug, Clone)]
pub(crate) struct Link(mpsc::Sender<Order>);

impl Link {
    /// A link and its other end.
    pub(crate) fn new() -> (Self, mpsc::Receiver<Order>) {
        let (orders, taken) = mpsc::channel(MOST_WAITING);
        (Self(orders), taken)
    }

    /// Asks for a change that is based on a revision.
    pub(crate) fn ask(&self, based_on: Version, writes: Writes) -> Asked {
        let (id, answer) = answers::sync_channel(1);
        let order = Change {
            id,
            based_on,
            writes,
        };
        // When it cannot be sent, the sender of its answer is dropped with it.
        drop(self.0.try_send(order));
        Asked(answer)
    }
}

/// A change that was asked for.
#[derive(Debug)]
pub(crate) struct Asked(answers::Receiver<ChangeResult>);

impl Asked {
    /// Waits for the answer, for up to 4 s. Blocks the thread.
    pub(crate) fn wait(self) -> ChangeResult {
        self.0
            .recv_timeout(PATIENCE)
            .unwrap_or(ChangeResult::Unreachable)
    }
}
