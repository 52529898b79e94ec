//! Changes while requests run: by hand, or by another configuration.
//!
//! What runs is the file with what was changed by hand over it. Each change makes a new configuration of these, plans
//! the way to it, writes down what was done by hand, and only then goes the way: a change is made as a whole or not at
//! all. A request that is under way goes on with the snapshot that it began with, whose decisions, connections and
//! counts are the same.
//!
//! In a cluster the engine is written to first. What it has is then taken up by all gateways in the same way, whoever has
//! asked for it. What this gateway has discovered or learned changes this gateway alone.

mod cluster;
mod sources;

use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Instant;

use ajpgate_config::{Balancer, BalancerChange, Config, Member, MemberChange, MemberUrl, place_of};
use serde_json::Value;
use tracing::warn;

use super::bad_files::BadFiles;
use super::cells;
use super::changes::flags;
use super::directories::Directories;
use super::discovered::{Before, Which, is_discovered};
use super::editing::{EditError, Editing, taken_cookies};
use super::guard::GuardError;
use super::layers::Layers;
use super::live::LiveBalancer;
use super::member::LiveMember;
use super::plan::Plan;
use super::shared::Shared;
use super::snapshot::Snapshot;
use crate::backend::backend;
use crate::balancer::{Command, Refused};
use crate::cluster::Writes;
use crate::telemetry::metrics::ConnectCounters;
use crate::traces::Tracing;

/// Why what runs on this gateway changes.
#[derive(Debug)]
enum Why {
    /// Somebody has changed it by hand. It is written to the state file before it is made; what cannot be written is not made.
    ByHand,
    /// The gateway was told it or has seen it, and runs it in any case. It is written soon, behind others of that moment: nobody waits
    /// for the disk.
    Seen,
    /// The file was read again, with these directories. What follows from it is written soon too.
    Reload(Directories),
}

/// The lock for changes of what runs. Whoever holds it is alone: only traffic changes what it looks at.
#[derive(Debug)]
pub(crate) struct Edit<'a> {
    shared: &'a Shared,
    /// `None` while others may have their turn.
    editing: Option<MutexGuard<'a, Editing>>,
    /// Flags that are set by hand: all gateways of a cluster are told them, also those that have them already.
    flags: Writes,
}

impl Shared {
    /// Waits for the others who change something. To be held shortly, and never across an await.
    pub(crate) fn edit(&self) -> Edit<'_> {
        Edit {
            shared: self,
            editing: Some(self.turn()),
            flags: Writes::new(),
        }
    }

    /// Changes something in a thread for blocking work, because it may wait for a disk and for other changes. A change that has
    /// begun is completed, also when nobody waits for it any more.
    ///
    /// # Errors
    /// Why the change was not made.
    pub(crate) async fn edit_aside<T: Send + 'static>(
        self: &Arc<Self>,
        change: impl FnOnce(&mut Edit<'_>) -> Result<T, EditError> + Send + 'static,
    ) -> Result<T, EditError> {
        let shared = Arc::clone(self);
        let changed = tokio::task::spawn_blocking(move || change(&mut shared.edit())).await;
        changed.unwrap_or_else(|error| Err(EditError::Broken(error.to_string())))
    }

    fn turn(&self) -> MutexGuard<'_, Editing> {
        self.editing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Edit<'_> {
    fn editing(&mut self) -> &mut Editing {
        let shared = self.shared;
        self.editing.get_or_insert_with(|| shared.turn())
    }

    /// What runs now.
    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.shared.snapshot.load_full()
    }

    /// Changes settings of a member.
    ///
    /// # Errors
    /// The reason; then nothing has changed.
    pub(crate) fn change_member(
        &mut self,
        balancer: &LiveBalancer,
        member: &LiveMember,
        change: &MemberChange,
        now: Instant,
    ) -> Result<(), EditError> {
        said_by_source(member, change)?;
        let mut layers = self.editing().layers.clone();
        let below = layers.discovered.over(&self.editing().file);
        let route = route_from_source(&below, balancer.name(), &member.config.url);
        let learned = layers.overrides.learned(balancer.name(), &member.url);
        let route = route.map(|route| match route {
            "" => learned.unwrap_or_default().to_owned(),
            route => route.to_owned(),
        });
        layers
            .overrides
            .change_member(balancer.name(), &member.url, change, route.as_deref());
        self.flags = cells::of_flags(balancer.name(), &member.url, change);
        // The new configuration tells the decisions what differs from the old one. Flags are set even where the
        // configuration has them already: a drain whose `drain_timeout` is over has disabled the member, for example.
        let flags = flags(change);
        self.run_by_hand(layers, now, || balancer.set_flags(member, flags, now))
    }

    /// Forgets the failures of a member. Returns whether there were any.
    ///
    /// # Errors
    /// When the balancer has no member with this url.
    pub(crate) fn clear_error(
        &self,
        balancer: &LiveBalancer,
        url: &str,
        now: Instant,
    ) -> Result<bool, EditError> {
        let member = balancer.member_at(&place_of(url));
        let member = member.ok_or(Refused::NoSuchMember)?;
        let applied = balancer.apply(Command::ClearError(member.id), now)?;
        Ok(applied.transition.is_some())
    }

    /// Changes settings of a balancer.
    ///
    /// # Errors
    /// The reason; then nothing has changed.
    pub(crate) fn change_balancer(
        &mut self,
        balancer: &LiveBalancer,
        change: &BalancerChange,
        now: Instant,
    ) -> Result<(), EditError> {
        let mut layers = self.editing().layers.clone();
        layers.overrides.change_balancer(balancer.name(), change);
        if change.stickysession.is_some() && self.is_session_cookie_taken(&layers, balancer) {
            return Err(EditError::TakenByName);
        }
        self.run(layers, now, || Ok(()))
    }

    /// Adds a member, with these keys.
    ///
    /// # Errors
    /// The reason; then nothing has changed.
    pub(crate) fn add_member(
        &mut self,
        balancer: &LiveBalancer,
        member: Member,
        keys: Value,
        now: Instant,
    ) -> Result<(), EditError> {
        let mut members = balancer.members.iter();
        if members.any(|other| other.config.url.is_same_place(&member.url)) {
            return Err(EditError::Exists);
        }
        let connects = ConnectCounters::nowhere();
        backend(&member, self.shared.cores.count(), &connects).map_err(GuardError::from)?;
        let mut layers = self.editing().layers.clone();
        if layers
            .room(&self.editing().file, balancer.name(), "")
            .is_full()
        {
            return Err(EditError::TooMany);
        }
        layers.overrides.add_member(balancer.name(), member, keys);
        if self.is_session_cookie_taken(&layers, balancer) {
            return Err(EditError::TakenByUrl);
        }
        self.run_by_hand(layers, now, || Ok(()))
    }

    /// Removes a member. Its requests are completed.
    ///
    /// # Errors
    /// The reason; then nothing has changed.
    pub(crate) fn remove_member(
        &mut self,
        balancer: &LiveBalancer,
        member: &LiveMember,
        now: Instant,
    ) -> Result<(), EditError> {
        let mut layers = self.editing().layers.clone();
        let below = layers.discovered.over(&self.editing().file);
        layers
            .overrides
            .remove_member(balancer.name(), &member.url, &below);
        self.run_by_hand(layers, now, || Ok(()))
    }

    /// Removes a member that was added by hand and is left out because it cannot be used now. `key` is its url or its route.
    /// Returns its url; `None` when there is no such member.
    ///
    /// # Errors
    /// The reason; then nothing has changed.
    pub(crate) fn remove_left_out(
        &mut self,
        balancer: &LiveBalancer,
        key: &str,
        now: Instant,
    ) -> Result<Option<String>, EditError> {
        let mut layers = self.editing().layers.clone();
        let url = layers.overrides.left_out(balancer.name(), key);
        let url = url.or_else(|| balancer.left_out_by_hand(key));
        let Some(url) = url.map(str::to_owned) else {
            return Ok(None);
        };
        layers.overrides.forget_left_out(balancer.name(), &url);
        self.run_by_hand(layers, now, || Ok(()))?;
        Ok(Some(url))
    }

    /// Runs another configuration, with what was changed by hand over it.
    ///
    /// # Errors
    /// The reason; then nothing has changed.
    pub(crate) fn reload(&mut self, file: &Config, now: Instant) -> Result<(), EditError> {
        let mut layers = self.editing().layers.clone();
        let overrides = layers.overrides.read_again(&self.shared.folder);
        layers.overrides = overrides.map_err(EditError::Added)?;
        layers.follow(&Before::of(&self.editing().file), file);
        layers.look_into_files(file, Which::New);
        if let Some(why) = taken_cookies(&layers.over(file)).next() {
            return Err(EditError::TakenByFile(why));
        }
        let before = std::mem::replace(&mut self.editing().file, file.clone());
        let run = Directories::open(file).map_err(EditError::from);
        let run = run.and_then(|directories| {
            let why = Why::Reload(directories);
            self.run_here(layers, why, now, || Ok(()))
        });
        match run {
            Ok(()) => self.try_again(now),
            Err(_) => self.editing().file = before,
        }
        run
    }

    /// Whether the balancer's `sticky_cookie` has the name of the session cookie, as the file must not have it either.
    fn is_session_cookie_taken(&mut self, layers: &Layers, balancer: &LiveBalancer) -> bool {
        let wanted = layers.over(&self.editing().file);
        let wanted = wanted.balancer(balancer.name());
        wanted.is_some_and(|it| it.taken_session_cookie().is_some())
    }

    /// Makes a change of members. As for the file, a `redirect` that leads nowhere is accepted with a warning: the member
    /// that it names may be added next.
    fn run_by_hand(
        &mut self,
        layers: Layers,
        now: Instant,
        tell: impl FnOnce() -> Result<(), Refused>,
    ) -> Result<(), EditError> {
        let before = useless_redirects(&self.editing().effective());
        self.run(layers, now, tell)?;
        for useless in &useless_redirects(&self.editing().effective()) {
            if !before.contains(useless) {
                let (balancer, member, why) = useless;
                warn!(balancer, member, "{why}");
            }
        }
        Ok(())
    }

    /// Makes a change by hand: in a cluster on all its gateways, else here.
    fn run(
        &mut self,
        layers: Layers,
        now: Instant,
        tell: impl FnOnce() -> Result<(), Refused>,
    ) -> Result<(), EditError> {
        let writes = self.writes(&layers.overrides);
        if writes.is_empty() {
            return self.run_here(layers, Why::ByHand, now, tell);
        }
        let wanted = layers.over(&self.editing().file);
        self.plan(&wanted, &self.snapshot(), None)?;
        // All gateways make the change, and this one with them.
        self.write_to_cluster(writes)?;
        Ok(tell()?)
    }

    /// Makes a change on this gateway alone.
    fn run_here(
        &mut self,
        mut layers: Layers,
        why: Why,
        now: Instant,
        tell: impl FnOnce() -> Result<(), Refused>,
    ) -> Result<(), EditError> {
        self.may_change()?;
        let before = self.snapshot();
        let wanted = layers.keep_routes(&self.editing().file, &before.balancers);
        let is_by_hand = matches!(why, Why::ByHand);
        let opened = match why {
            Why::Reload(directories) => Some(directories),
            Why::ByHand | Why::Seen => None,
        };
        let plan = self.plan(&wanted, &before, opened)?;
        let tracing = self.tracing(&wanted, &before)?;
        let editing = self.editing();
        let is_new = layers != editing.layers;
        if is_new && is_by_hand {
            editing.write_first(&layers)?;
        }
        tell()?;
        editing.layers = layers;
        self.carry_out(plan, &before, tracing, now);
        self.editing().unwritten |= is_new && !is_by_hand;
        Ok(())
    }

    /// Writes the state file where it lacks something of what runs. Returns whether it lacks nothing now.
    pub(crate) fn write_what_is_new(&mut self) -> bool {
        let may_change = self.may_change().is_ok();
        let editing = self.editing();
        !editing.unwritten || !may_change || editing.write_what_runs()
    }

    /// What the program after this one must know of what was changed by hand and discovered; nothing where there is nothing.
    pub(crate) fn for_next_program(&mut self) -> Option<Vec<u8>> {
        let mut layers = self.editing().layers.clone();
        // What was learned a moment ago is no part of them yet.
        for balancer in &self.snapshot().balancers {
            layers.learn(balancer.name(), &balancer.taught());
        }
        self.editing().for_next_program(&layers)
    }

    /// While a new program takes over, nothing may be changed: it has read everything already.
    fn may_change(&self) -> Result<(), EditError> {
        match self.shared.held.stands_still() {
            true => Err(EditError::Replaced),
            false => Ok(()),
        }
    }

    /// The way to another configuration. `reloaded` has the directories of a file that was read again; then other files that it
    /// names must be good too.
    fn plan<'p>(
        &self,
        wanted: &'p Config,
        before: &'p Snapshot,
        reloaded: Option<Directories>,
    ) -> Result<Plan<'p>, EditError> {
        let Shared { cores, metrics, .. } = self.shared;
        let bad_files = match reloaded {
            Some(_) => BadFiles::Refused,
            None => BadFiles::LeftAsRead,
        };
        let plan = Plan::new(
            wanted,
            &before.balancers,
            &before.mappings,
            reloaded.unwrap_or_else(|| before.directories.clone()),
            bad_files,
            cores.count(),
            metrics,
        );
        // What it had registered already.
        Ok(plan.inspect_err(|_| metrics.forget_others(&before.named()))?)
    }

    fn tracing(
        &self,
        wanted: &Config,
        before: &Snapshot,
    ) -> Result<Option<Arc<Tracing>>, EditError> {
        let spans = &self.shared.counters.spans;
        let tracing = Tracing::follow(wanted.traces.as_ref(), before.tracing.as_ref(), spans);
        Ok(tracing?)
    }

    fn carry_out(
        &mut self,
        plan: Plan<'_>,
        before: &Snapshot,
        tracing: Option<Arc<Tracing>>,
        now: Instant,
    ) {
        let (mut snapshot, retired) = plan.carry_out(now);
        snapshot.tracing = tracing;
        snapshot.told_members = Arc::new(self.editing().told_members());
        let named = snapshot.named();
        let has_lost_a_member = !snapshot.has_members_of(before);
        let snapshot = Arc::new(snapshot);
        self.shared.snapshot.store(Arc::clone(&snapshot));
        for gone in before.balancers_without(&snapshot) {
            gone.count_with(&self.shared.counters.requests);
        }
        if has_lost_a_member {
            self.shared.metrics.forget_others(&named);
        }
        self.shared.swapped.notify_one();
        self.shared.leaving.note(before, &retired);
        for backend in retired {
            backend.retire();
        }
    }
}

/// The redirects that lead nowhere: balancer, member, and why.
fn useless_redirects(config: &Config) -> Vec<(String, String, String)> {
    let of = |balancer: &Balancer| {
        let members = balancer.members.iter();
        let useless = members.filter_map(|member| {
            let why = balancer.useless_redirect(member)?;
            Some((balancer.name.clone(), member.url.text.clone(), why))
        });
        useless.collect::<Vec<_>>()
    };
    config.balancers.iter().flat_map(of).collect()
}

/// The route that a member has from its source; `None` where no source names it.
fn route_from_source<'c>(below: &'c Config, balancer: &str, url: &MemberUrl) -> Option<&'c str> {
    let mut members = below.balancer(balancer)?.members.iter();
    let member = members.find(|it| it.url.is_same_place(url))?;
    is_discovered(member).then_some(&member.route)
}

/// Refuses to take back what the source of a member says of it.
fn said_by_source(member: &LiveMember, change: &MemberChange) -> Result<(), EditError> {
    let standing = member.config.origin.standing;
    let takes_back = |said: bool, flag: Option<bool>| said && flag == Some(false);
    let (key, says) = if takes_back(standing.takes_nothing(), change.disabled) {
        ("disabled", "says that it is not ready")
    } else if takes_back(standing.drains(), change.drain) {
        match standing.has_vanished() {
            true => ("drain", "no longer names it"),
            false => ("drain", "says that it ends"),
        }
    } else {
        return Ok(());
    };
    Err(EditError::SaidBySource { key, says })
}
