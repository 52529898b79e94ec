//! Changes by hand in a cluster: written to the engine, and taken up from there.

use std::collections::BTreeSet;
use std::time::Instant;

use serde_json::Value;
use tracing::{info, warn};

use super::Edit;
use crate::cluster::{Answer, Cells, Known, Writes};
use crate::state::cells;
use crate::state::editing::EditError;
use crate::state::overrides::Overrides;

/// How many settings a log line names that other gateways have changed.
const SHOWN: usize = 10;

impl Edit<'_> {
    /// What the cluster is known to have.
    pub(crate) fn known_cells(&mut self) -> Cells {
        self.editing().known_cells()
    }

    /// What the cluster is to be told; nothing without one.
    pub(super) fn writes(&mut self, overrides: &Overrides) -> Writes {
        let editing = self.editing();
        if editing.cluster.is_none() {
            return Writes::new();
        }
        let before = cells::values(&editing.layers.overrides.to_json());
        cells::difference(&before, &cells::values(&overrides.to_json()))
    }

    /// Writes to the engine. Once it has the change, it is taken up here as on the other gateways, and then this returns.
    /// The lock is released while this waits.
    pub(super) fn write_to_cluster(&mut self, writes: Writes) -> Result<(), EditError> {
        self.may_change()?;
        let Some(cluster) = &mut self.editing().cluster else {
            return Ok(());
        };
        let based_on = cluster.known.revision.ok_or(EditError::Unreachable)?;
        cluster.own = writes.keys().cloned().collect();
        let asked = cluster.link.ask(based_on, writes);
        self.editing = None;
        let answer = asked.wait();
        let mut unusable = None;
        if let Some(cluster) = &mut self.editing().cluster {
            cluster.own.clear();
            unusable.clone_from(&cluster.unusable);
        }
        match answer {
            // The others have it.
            Answer::Made => unusable.map_or(Ok(()), |why| Err(EditError::Added(why))),
            Answer::Again => Err(EditError::Again),
            Answer::Unreachable => Err(EditError::Unreachable),
            Answer::TooMuch => Err(EditError::TooMuch),
        }
    }

    /// Runs what the cluster has. What cannot be used here is named in the log, and this gateway goes on as it was.
    pub(crate) fn take_up(&mut self, known: Known, now: Instant) {
        let Some(cluster) = &mut self.editing().cluster else {
            return;
        };
        let before = std::mem::replace(&mut cluster.known, known);
        let after = &cluster.known.cells;
        let value = |cells: &Cells, key: &String| cells.get(key).and_then(|it| it.value.clone());
        let keys = after.keys().chain(before.cells.keys());
        let differs = |key: &&String| value(after, key) != value(&before.cells, key);
        let changed: BTreeSet<String> = keys.filter(differs).cloned().collect();
        let others = changed.difference(&cluster.own);
        let others: Vec<String> = others.map(|key| cells::shown(key)).collect();
        if !others.is_empty() {
            let count = others.len();
            let first = others.iter().take(SHOWN).cloned().collect::<Vec<_>>();
            let settings = first.join(", ");
            info!(
                count,
                settings, "changes by hand on other gateways count here"
            );
        }
        self.run_known(now);
    }

    /// Runs what is known, where something of it could not be used before: a file that was missing may be there now.
    pub(super) fn try_again(&mut self, now: Instant) {
        let cluster = self.editing().cluster.as_ref();
        if cluster.is_some_and(|it| it.unusable.is_some()) {
            self.run_known(now);
        }
    }

    fn run_known(&mut self, now: Instant) {
        let Some(cluster) = &self.editing().cluster else {
            return;
        };
        let state = cells::state(&cluster.known.cells);
        let unusable = self.run_state(&state, now).err();
        let unusable = unusable.map(|error| error.to_string());
        if let Some(reason) = &unusable {
            warn!(%reason, "what other gateways have changed cannot be taken up");
        }
        if let Some(cluster) = &mut self.editing().cluster {
            cluster.unusable = unusable;
        }
    }

    fn run_state(&mut self, state: &Value, now: Instant) -> Result<(), EditError> {
        let shared = self.shared;
        let overrides = Overrides::from_json(state, &shared.folder).map_err(EditError::Added)?;
        let before = self.snapshot();
        let mut layers = self.editing().layers.clone();
        layers.overrides = overrides.with_own(&layers.overrides);
        let wanted = layers.over(&self.editing().file);
        let plan = self.plan(&wanted, &before, before.directories.clone())?;
        if let Some(cluster) = &mut self.editing().cluster {
            cluster.taken_up.clone_from(&cluster.known.cells);
        }
        // While a new program takes over, the state file is its own.
        if !shared.held.stands_still() {
            // The cluster has it, so it counts in any case.
            let _ = self.editing().write_down(&layers.overrides);
        }
        self.editing().layers = layers;
        self.carry_out(plan, &before, before.tracing.clone(), now);
        Ok(())
    }
}
