//! From one version of a balancer to the next.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Instant;

use ajpgate_config as config;
use tracing::warn;

use super::{Core, LiveBalancer, by_place, places_of};
use crate::balancer::{Command, MemberId, MemberSpec, Settings, Transition};
use crate::state::member::LiveMember;
use crate::state::prepared::{Prepared, PreparedMember, Unusable};
use crate::state::shared_routes::SharedRoutes;
use crate::telemetry::metrics::{CodeCounters, MemberMetrics};

impl LiveBalancer {
    /// The next version of this balancer: another configuration, the same decisions. Nothing can fail any more.
    pub(in crate::state) fn change_to(&self, wanted: Prepared, now: Instant) -> Self {
        let mut changing = Changing {
            old: self,
            core: self.core(),
            now,
            transitions: Vec::new(),
        };
        // Before members are added: the settings say how a new member begins.
        changing.apply(Command::Settings(Settings::from(&*wanted.config)));
        if self.config.health_check != wanted.config.health_check {
            changing.core.restart_checks();
        }
        changing.remove_others(&wanted.config, &wanted.metrics.requests);
        let members = wanted.members.into_iter();
        let members: Vec<Arc<LiveMember>> = members
            .filter_map(|member| changing.change_or_add(member, &wanted.config))
            .collect();
        changing.apply(Command::Order(members.iter().map(|it| it.id).collect()));
        let Changing {
            mut core,
            transitions,
            ..
        } = changing;
        core.decisions.newest.clone_from(&members);
        drop(core);
        Unusable::tell(&wanted.unusable, &wanted.config.name, &self.unusable);
        let metrics = match has_routes_of(&self.config, &wanted.config) {
            true => Arc::clone(&self.metrics),
            false => self.metrics.replace_by(wanted.metrics),
        };
        let next = Self {
            config: wanted.config,
            unusable: wanted.unusable,
            variable: self.variable.clone(),
            places: places_of(&members),
            by_place: by_place(&members),
            shared_routes: SharedRoutes::of(&members),
            members,
            metrics,
            unserved: Arc::clone(&self.unserved),
            core: Arc::clone(&self.core),
            changed: Arc::clone(&self.changed),
        };
        next.shared_routes.tell(next.name(), &self.shared_routes);
        next.tell_withdrawn(now);
        for transition in &transitions {
            next.log(transition);
        }
        next
    }
}

/// A balancer on the way to its next version, its decisions locked.
struct Changing<'a> {
    old: &'a LiveBalancer,
    core: Core<'a>,
    now: Instant,
    /// What the log is told afterwards.
    transitions: Vec<Transition>,
}

impl Changing<'_> {
    fn apply(&mut self, command: Command) -> Option<MemberId> {
        match self.core.apply(command, self.now) {
            Ok(applied) => {
                self.transitions.extend(applied.transition);
                applied.added
            }
            Err(reason) => {
                let balancer = self.old.name();
                warn!(balancer, %reason, "a change of the configuration is not possible");
                None
            }
        }
    }

    /// Removes the members that this configuration does not have. What they still answer counts with `requests`.
    fn remove_others(&mut self, wanted: &config::Balancer, requests: &CodeCounters) {
        let stay: HashSet<String> = wanted.members.iter().map(|it| it.url.place()).collect();
        let gone = self
            .old
            .members
            .iter()
            .filter(|it| !stay.contains(&it.config.url.place()));
        let gone: Vec<MemberId> = gone
            .map(|it| {
                it.metrics.replace_by(MemberMetrics::of_none(requests));
                it.id
            })
            .collect();
        if !gone.is_empty() {
            self.apply(Command::Remove(gone));
        }
    }

    /// The member with this configuration: the running one, changed, or a new one.
    fn change_or_add(
        &mut self,
        wanted: PreparedMember,
        balancer: &config::Balancer,
    ) -> Option<Arc<LiveMember>> {
        let spec = MemberSpec::from(&*wanted.config);
        let Some(running) = self.old.member_at(&wanted.config.url.place()) else {
            let id = self.apply(Command::Add(spec))?;
            let member = LiveMember::new(id, wanted, balancer, self.now);
            return Some(Arc::new(member));
        };
        let before = MemberSpec::from(&*running.config);
        if before != spec {
            let mut change = before.change_to(&spec);
            let drain = match spec.status.drain {
                true => *running.drain(),
                false => running.take_drain(),
            };
            change.status = drain.follow(change.status, spec.status);
            self.apply(Command::Change(running.id, change));
        }
        let mut member = running.next(wanted);
        if !counts_sessions_alike(&self.old.config, balancer) {
            member = member.counting_anew(balancer, self.now);
            self.core.live_sessions(member.id, 0);
        }
        Some(Arc::new(member))
    }
}

/// Whether the same routes are counted with both configurations.
fn has_routes_of(one: &config::Balancer, other: &config::Balancer) -> bool {
    let routes = |balancer: &config::Balancer| {
        let members = balancer.members.iter();
        members.map(|it| it.route.clone()).collect::<BTreeSet<_>>()
    };
    routes(one) == routes(other)
}

/// Whether sessions that were counted with one configuration count with the other too: both find the same sessions, with
/// the same ids, and call them alive for as long.
fn counts_sessions_alike(one: &config::Balancer, other: &config::Balancer) -> bool {
    let cookie = |balancer: &config::Balancer| {
        let cookie = balancer.sticky_cookie.as_ref();
        cookie.map(|cookie| cookie.name.clone())
    };
    one.session_timeout == other.session_timeout
        && one.sticky == other.sticky
        && cookie(one) == cookie(other)
}
