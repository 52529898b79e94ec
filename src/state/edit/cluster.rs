//! Changes by hand in a cluster: written to the engine, and taken up from there.

use std::collections::BTreeSet;
use std::time::Instant;

use ajpgate_config::MemberChange;
use serde_json::Value;
use tracing::{info, warn};

use super::Edit;
use crate::cluster::{Cell, Cells, ChangeResult, Known, Writes};
use crate::state::cells;
use crate::state::changes::flags;
use crate::state::editing::{EditError, warn_of_taken_cookies};
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
        let known = editing.known_cells();
        let before = cells::values(&editing.layers.overrides.to_json());
        let after = cells::values(&overrides.to_json());
        let mut writes = cells::difference(&before, &after);
        for (key, value) in cells::respelled(&known, &after) {
            writes.entry(key).or_insert(value);
        }
        for (key, value) in std::mem::take(&mut self.flags) {
            writes.entry(key).or_insert(value);
        }
        writes
    }

    /// Writes to the engine. Once it has the change, it is taken up here as on the other gateways, and then this returns.
    /// The lock is released while this waits.
    pub(super) fn write_to_cluster(&mut self, writes: Writes) -> Result<(), EditError> {
        self.may_change()?;
        let Some(cluster) = &mut self.editing().cluster else {
            return Ok(());
        };
        if let Some(why) = &cluster.unusable {
            return Err(EditError::Behind(why.clone()));
        }
        let based_on = cluster.known.revision.ok_or(EditError::Unreachable)?;
        let keys: Vec<String> = writes.keys().cloned().collect();
        cluster.own.extend(keys.iter().cloned());
        let asked = cluster.link.ask(based_on, writes);
        self.editing = None;
        let answer = asked.wait();
        let mut unusable = None;
        if let Some(cluster) = &mut self.editing().cluster {
            for key in &keys {
                cluster.own.remove(key);
            }
            unusable.clone_from(&cluster.unusable);
        }
        match answer {
            ChangeResult::Made => unusable.map_or(Ok(()), |why| Err(EditError::NotHere(why))),
            ChangeResult::Again => Err(EditError::Again),
            ChangeResult::Unreachable => Err(EditError::Unreachable),
            ChangeResult::TooMuch => Err(EditError::TooMuch),
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
        let written = |(key, cell): &(&String, &Cell)| {
            before.cells.get(*key).map(|it| it.version) != Some(cell.version)
        };
        let flags = after.iter().filter(written);
        let flags: Vec<_> = flags
            .filter_map(|(key, cell)| cells::flag(key, cell))
            .collect();
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
        self.tell_flags(&flags, now);
    }

    /// Tells the decisions the flags that were set by hand and count here. The decisions may have others than the configuration:
    /// a drain whose `drain_timeout` is over has disabled the member.
    fn tell_flags(&self, set: &[(String, String, MemberChange)], now: Instant) {
        let snapshot = self.snapshot();
        for (balancer, place, change) in set {
            let balancer = snapshot.balancer(balancer);
            let Some((balancer, member)) = balancer.and_then(|it| Some((it, it.member_at(place)?)))
            else {
                continue;
            };
            let status = flags(change);
            let configured = member.config.status;
            if status.over(configured) != configured {
                // What a source says of the member, or another backend at its url.
                continue;
            }
            if let Err(reason) = balancer.set_flags(member, status, now) {
                let (balancer, url) = (balancer.name(), &member.url);
                warn!(balancer, member = %url, %reason, "a flag that was set by hand cannot be set here");
            }
        }
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
        let overrides =
            Overrides::from_json(state, &self.shared.folder).map_err(EditError::Added)?;
        let before = self.snapshot();
        let mut layers = self.editing().layers.clone();
        layers.overrides = overrides.with_own(&layers.overrides);
        let wanted = layers.over(&self.editing().file);
        let plan = self.plan(&wanted, &before, None)?;
        if let Some(cluster) = &mut self.editing().cluster {
            cluster.taken_up.clone_from(&cluster.known.cells);
        }
        self.editing().layers = layers;
        warn_of_taken_cookies(&wanted);
        self.carry_out(plan, &before, before.tracing.clone(), now);
        // While a new program takes over, the state file is its own. Where it fails, this one writes later.
        self.editing().unwritten = true;
        if self.may_change().is_ok() {
            self.editing().write_what_runs();
        }
        Ok(())
    }
}
