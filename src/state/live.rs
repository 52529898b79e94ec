//! A balancer while it runs.

mod changing;

use std::collections::HashMap;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use ajpgate_config as config;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use super::member::LiveMember;
use super::prepared::{Prepared, Unusable};
use super::seen::SeenSession;
use super::shared_routes::SharedRoutes;
use crate::balancer::{
    Applied, Balancer, Command, MemberId, MemberSpec, MemberView, NoMember, Refused, Settings,
    Spec, View,
};
use crate::clock;
use crate::random;
use crate::sticky;
use crate::telemetry::WarnLimit;
use crate::telemetry::metrics::{
    BalancerMetrics, CodeCounters, Handles, MemberMetrics, StickyResult,
};

/// A balancer: its decisions behind a mutex, and its configuration.
///
/// Each configuration makes a new version of it. All versions share the decisions and wake the same waiting requests.
#[derive(Debug)]
pub(crate) struct LiveBalancer {
    /// What it is configured with: the file, and the changes made by hand.
    pub(crate) config: Arc<config::Balancer>,
    /// `BALANCER_NAME`; `None` for a backend's URL in place of a balancer.
    pub(crate) variable: Option<Arc<str>>,
    /// In the order of the configuration.
    pub(crate) members: Vec<Arc<LiveMember>>,
    /// Where each of them is among them.
    places: HashMap<MemberId, usize>,
    /// Where the member at a place of urls is among them.
    by_place: HashMap<String, usize>,
    pub(crate) metrics: Arc<Handles<BalancerMetrics>>,
    /// Members that no backend could be made for.
    pub(super) unusable: Vec<Unusable>,
    shared_routes: SharedRoutes,
    /// Limits the warnings about requests that no member could have.
    pub(crate) unserved: Arc<WarnLimit<NoMember>>,
    core: Arc<Mutex<Decisions>>,
    /// Wakes the requests that wait for a usable member.
    changed: Arc<Notify>,
}

/// What all versions of a balancer share.
#[derive(Debug)]
struct Decisions {
    balancer: Balancer,
    /// The members of the newest version. A request that began with an older version may get a member that was added
    /// later: a second connector of its session's Tomcat, for example.
    newest: Vec<Arc<LiveMember>>,
}

/// The decisions of a balancer, locked. When the lock is released after a change that a request may wait for, all waiting
/// requests are woken, and each chooses again.
#[derive(Debug)]
pub(crate) struct Core<'a> {
    decisions: MutexGuard<'a, Decisions>,
    epoch: u64,
    changed: &'a Notify,
}

impl Deref for Core<'_> {
    type Target = Balancer;

    fn deref(&self) -> &Balancer {
        &self.decisions.balancer
    }
}

impl DerefMut for Core<'_> {
    fn deref_mut(&mut self) -> &mut Balancer {
        &mut self.decisions.balancer
    }
}

impl Core<'_> {
    /// A member of the newest version.
    pub(super) fn newest(&self, id: MemberId) -> Option<&Arc<LiveMember>> {
        let mut newest = self.decisions.newest.iter();
        newest.find(|member| member.id == id)
    }
}

impl Drop for Core<'_> {
    fn drop(&mut self) {
        if self.epoch() != self.epoch {
            self.changed.notify_waiters();
        }
    }
}

impl LiveBalancer {
    /// A balancer that starts with this configuration.
    pub(super) fn start(wanted: Prepared, now: Instant) -> Self {
        let balancer = Balancer::new(Spec {
            settings: Settings::from(&*wanted.config),
            seed: random::seed(),
            members: wanted.config.members.iter().map(MemberSpec::from).collect(),
        });
        let ids = balancer.view(now).members.into_iter().map(|view| view.id);
        let members = wanted.members.into_iter().zip(ids);
        let members: Vec<Arc<LiveMember>> = members
            .map(|(member, id)| Arc::new(LiveMember::new(id, member, &wanted.config, now)))
            .collect();
        let variable = match wanted.alone {
            true => None,
            false => Some(Arc::from(format!("balancer://{}", wanted.config.name))),
        };
        Unusable::tell(&wanted.unusable, &wanted.config.name, &[]);
        let live = Self {
            config: wanted.config,
            unusable: wanted.unusable,
            variable,
            metrics: Handles::new(wanted.metrics),
            unserved: Arc::new(WarnLimit::per_second()),
            core: Arc::new(Mutex::new(Decisions {
                balancer,
                newest: members.clone(),
            })),
            changed: Arc::default(),
            places: places_of(&members),
            by_place: by_place(&members),
            shared_routes: SharedRoutes::of(&members),
            members,
        };
        let nothing = SharedRoutes::default();
        live.shared_routes.tell(live.name(), &nothing);
        live.tell_withdrawn(now);
        live
    }

    /// Members that are left out because no backend could be made for them.
    pub(super) fn left_out(&self) -> impl Iterator<Item = &config::Member> {
        let left_out = self.unusable.iter().filter(|it| !it.runs);
        left_out.map(|it| &*it.config)
    }

    /// The url of a member that was added by hand and is left out. `key` is its url or its route.
    pub(super) fn left_out_by_hand(&self, key: &str) -> Option<&str> {
        let place = config::place_of(key);
        let by_hand = |it: &&config::Member| it.origin.source == config::MemberSource::Hand;
        let of_key = |it: &&config::Member| it.url.place() == place || it.route == key;
        let mut left_out = self.left_out().filter(by_hand).filter(of_key);
        left_out.next().map(|member| &*member.url.text)
    }

    /// The name after `balancer://`, or the URL that stands in place of a balancer.
    pub(crate) fn name(&self) -> &str {
        &self.config.name
    }

    /// Whether it is the balancer of a backend's URL in place of a balancer.
    pub(crate) const fn stands_alone(&self) -> bool {
        self.variable.is_none()
    }

    /// Whether another member has the route of this one.
    pub(crate) fn shares_route(&self, member: &LiveMember) -> bool {
        let config = &member.config;
        !config.origin.standing.drains() && self.shared_routes.contains(&config.route)
    }

    /// Whether it is the balancer of this backend, which a mapping names in place of a balancer.
    pub(super) fn stands_for(&self, member: &config::Member) -> bool {
        self.stands_alone() && self.config.members.first() == Some(member)
    }

    /// Whether both are versions of one balancer.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.core, &other.core)
    }

    /// Waits for the next change that may let a request have a member.
    pub(crate) fn change(&self) -> Notified<'_> {
        self.changed.notified()
    }

    /// Locks the decisions: for well under a microsecond, and never across an await.
    pub(crate) fn core(&self) -> Core<'_> {
        // Nothing panics while it is locked; if something did, the counters would still be valid.
        let decisions = self.core.lock().unwrap_or_else(PoisonError::into_inner);
        Core {
            epoch: decisions.balancer.epoch(),
            changed: &self.changed,
            decisions,
        }
    }

    pub(super) fn member(&self, id: MemberId) -> Option<&Arc<LiveMember>> {
        // Until the first member is removed, ids are positions.
        let at_its_place = self
            .members
            .get(id.get() as usize)
            .filter(|member| member.id == id);
        at_its_place.or_else(|| {
            let place = *self.places.get(&id)?;
            self.members.get(place)
        })
    }

    /// The member at this place, see [`MemberUrl::place`](config::MemberUrl::place).
    pub(super) fn member_at(&self, place: &str) -> Option<&Arc<LiveMember>> {
        let index = *self.by_place.get(place)?;
        self.members.get(index)
    }

    /// Its members, each with what the decisions show of it. A member that a later version has removed is left out.
    pub(crate) fn shown_in<'b, 'v>(
        &'b self,
        view: &'v View,
    ) -> impl Iterator<Item = (&'b Arc<LiveMember>, &'v MemberView)> {
        let ids = view.members.iter().map(|it| it.id);
        let places: HashMap<MemberId, usize> = ids.zip(0..).collect();
        self.members.iter().filter_map(move |member| {
            let place = *places.get(&member.id)?;
            Some((member, view.members.get(place)?))
        })
    }

    /// Whether requests are searched for a session.
    pub(crate) fn is_sticky(&self) -> bool {
        self.config.is_sticky()
    }

    /// The id in a session value: what comes before its route.
    pub(crate) fn session_id<'s>(&self, session: &'s str) -> &'s str {
        let sticky = self.config.sticky.as_ref();
        sticky::id_of(session, sticky.and_then(|sticky| sticky.separator))
    }

    /// Counts a session that this member has answered. `route` is the route that it asked for, unless the member has it:
    /// the members with that route have the session no longer.
    pub(crate) fn saw_session(
        &self,
        id: &str,
        route: Option<&str>,
        member: &LiveMember,
    ) -> SeenSession {
        let now = clock::now().into_std();
        let key = member.sessions().insert(id.as_bytes(), now);
        self.leave_homes(id, route, member);
        SeenSession::new(key, self.config.session_timeout, now)
    }

    fn leave_homes(&self, id: &str, route: Option<&str>, member: &LiveMember) {
        let Some(route) = route else { return };
        let homes: Vec<MemberId> = self.core().members_of(route).collect();
        for home in homes.into_iter().filter(|home| *home != member.id) {
            if let Some(home) = self.member(home) {
                home.sessions().forget(id.as_bytes());
            }
        }
    }

    /// Counts a session that this member issued with a route that is not its own. A route that no member has counts as
    /// unknown: what a backend sends is no label.
    pub(crate) fn count_mismatch(&self, member: &LiveMember, issued: &str) {
        let metrics = member.metrics.now();
        metrics.count_mismatch(self.has_route(issued).then_some(issued));
    }

    /// Whether a member has this route.
    pub(crate) fn has_route(&self, route: &str) -> bool {
        self.metrics.now().sticky.of(route).is_some()
    }

    /// Counts what became of the route that a session asked for. Where `member` has served a session of its own, and has
    /// another route by now, it counts for that one.
    pub(crate) fn count_sticky(
        &self,
        route: Option<&str>,
        result: StickyResult,
        member: Option<&LiveMember>,
    ) {
        let metrics = self.metrics.now();
        let is_gone = |route: &str| !route.is_empty() && metrics.sticky.of(route).is_none();
        if result == StickyResult::Hit
            && route.is_some_and(is_gone)
            && let Some(newest) = member.and_then(|it| self.core().newest(it.id).cloned())
        {
            metrics.sticky.count(Some(&newest.config.route), result);
            return;
        }
        metrics.sticky.count(route, result);
    }

    /// The balancer is gone. What its requests still do counts with `requests`.
    pub(super) fn count_with(&self, requests: &CodeCounters) {
        self.metrics.replace_by(BalancerMetrics::of_none(requests));
        for member in &self.members {
            member.metrics.replace_by(MemberMetrics::of_none(requests));
        }
    }

    /// How many attempts a request has.
    pub(crate) fn tries(&self) -> u32 {
        let others = u32::try_from(self.members.len().saturating_sub(1)).unwrap_or(u32::MAX);
        self.config.maxattempts.unwrap_or(others).saturating_add(1)
    }

    /// Counts a health check of a member that has passed, or has failed for a reason.
    pub(crate) fn checked(
        &self,
        member: &LiveMember,
        passed: bool,
        reason: Option<&str>,
        now: Instant,
    ) {
        let transition = self.core().checked(member.id, passed, now);
        if let Some(transition) = transition {
            self.log_with(&transition, reason);
        }
    }

    /// Carries out a command of an operator.
    ///
    /// # Errors
    /// The reason; then nothing has changed.
    pub(crate) fn apply(&self, command: Command, now: Instant) -> Result<Applied, Refused> {
        if let Command::Change(id, change) = &command
            && change.status.disabled == Some(false)
            && let Some(member) = self.member(*id)
        {
            member.drain().gave_up = false;
        }
        let applied = self.core().apply(command, now)?;
        self.has_applied(&applied, now);
        Ok(applied)
    }

    /// Tells requests and log what a command has changed.
    pub(super) fn has_applied(&self, applied: &Applied, now: Instant) {
        self.tell_withdrawn(now);
        if let Some(transition) = &applied.transition {
            self.log(transition);
        }
    }

    /// Tells the requests that wait for a connection which members an operator has disabled or stopped.
    fn tell_withdrawn(&self, now: Instant) {
        let view = self.core().view(now);
        for (member, view) in self.shown_in(&view) {
            member.set_withdrawn(view.status.takes_nothing());
        }
    }
}

fn places_of(members: &[Arc<LiveMember>]) -> HashMap<MemberId, usize> {
    members.iter().map(|member| member.id).zip(0..).collect()
}

fn by_place(members: &[Arc<LiveMember>]) -> HashMap<String, usize> {
    let places = members.iter().map(|member| member.config.url.place());
    places.zip(0..).collect()
}
