//! A balancer: its settings, its members, and what every event needs of them.

use std::time::{Duration, Instant};

use super::id::MemberId;
use super::member::Member;
use super::method;
use super::pending::Pending;
use super::ramp::Ramp;
use super::random::Random;
use super::recovery::Health;
use super::routes::Routes;
use super::sets::{self, Scope};
use super::settings::{MemberSpec, Settings};
use super::tried::Tried;
use super::turns::Turns;

/// The initial state of a balancer.
#[derive(Debug, Clone)]
pub struct Spec {
    /// The settings of the balancer itself.
    pub settings: Settings,
    /// The seed of the random numbers; only `heartbeat` and `leastlatency` need any.
    pub seed: u64,
    /// The members, in the order that breaks ties.
    pub members: Vec<MemberSpec>,
}

/// A named group of members that share load and sessions.
#[derive(Debug)]
pub struct Balancer {
    pub(super) settings: Settings,
    pub(super) random: Random,
    pub(super) members: Vec<Member>,
    /// Which of them have a route.
    pub(super) routes: Routes,
    pub(super) pending: Pending,
    /// Whether the weight of a member may change with time.
    pub(super) ramping: bool,
    /// The number of the next member that is added.
    pub(super) next_id: u32,
    /// Changes with every event that may give a waiting request a member.
    pub(super) epoch: u64,
    pub(super) scratch: Scratch,
}

/// Buffers for a pick, so that it allocates nothing.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// Indices of the eligible members.
    pub(super) eligible: Vec<usize>,
    /// The same, where nobody has changed since.
    pub(super) turns: Turns,
    /// Those of them that `slow_start` does not hold back.
    pub(super) admitted: Vec<usize>,
    /// For each member, the depth from which on its redirect is known to find no member.
    pub(super) dead_ends: Vec<u32>,
}

impl Scratch {
    fn reserve(&mut self, members: usize) {
        self.eligible.reserve(members);
        self.admitted.reserve(members);
        self.dead_ends.reserve(members);
    }
}

impl Balancer {
    /// A balancer whose members are healthy and have served no request. If checks are mandatory, members are kept out until
    /// they pass.
    #[must_use]
    pub fn new(spec: Spec) -> Self {
        let mut balancer = Self {
            settings: spec.settings,
            random: Random::new(spec.seed),
            members: Vec::with_capacity(spec.members.len()),
            routes: Routes::default(),
            pending: Pending::default(),
            ramping: false,
            next_id: 0,
            epoch: 0,
            scratch: Scratch::default(),
        };
        for member in spec.members {
            balancer.push(member);
        }
        balancer.routes_changed();
        balancer
    }

    /// The settings that are in force.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Whether a member has this route, whatever its state. No member has the empty route.
    #[must_use]
    pub fn knows_route(&self, route: &str) -> bool {
        !self.routes.places(route).is_empty()
    }

    /// The members with this route, in their order. No member has the empty route.
    pub fn members_of(&self, route: &str) -> impl Iterator<Item = MemberId> + use<'_> {
        let places = self.routes.places(route).iter();
        places
            .filter_map(|place| self.members.get(*place))
            .map(|member| member.id)
    }

    /// Counts bytes of bodies to and from a member, for `lbmethod: bytraffic`. Heads and packet overhead do not count
    /// (`mod_proxy_ajp.c: ap_proxy_ajp_request()`).
    ///
    /// Does nothing for a removed member.
    pub fn traffic(&mut self, member: MemberId, to_backend: u64, from_backend: u64) {
        if let Some(member) = self.member_mut(member) {
            member.traffic.add(to_backend, from_backend);
        }
    }

    /// Whether a request without a session would get a member.
    ///
    /// A member whose `retry` has passed counts, and so does one that is being probed where no other takes the request. One that only forced recovery would bring back does not, because it is not
    /// known to work.
    #[must_use]
    pub fn usable(&self, now: Instant) -> bool {
        let mut eligible = Vec::new();
        let tried = Tried::new();
        sets::eligible(
            &self.members,
            &Scope::all(self.settings.method, &tried, now),
            &mut eligible,
        );
        let is_probed = |member: &Member| {
            self.settings.forcerecovery
                && member.takes_new_requests()
                && member.recovery.health() == Health::Probing
                && !member.check_failed
        };
        !eligible.is_empty() || self.members.iter().any(is_probed)
    }

    /// Whether a request of a session that a draining member has would get it.
    #[must_use]
    pub fn serves_sessions(&self, now: Instant) -> bool {
        let drains = |member: &Member| member.status.drain && member.is_usable_at(now);
        self.members.iter().any(drains)
    }

    /// The time until a member may take a request of this route that got none, for `Retry-After`.
    ///
    /// Zero when one may be tried now, or when none is in error. Members that an operator or health checks keep out do not
    /// count, because time does not bring them back. With `nofailover`, only the members of the route count.
    #[must_use]
    pub fn retry_after(&self, route: Option<&str>, now: Instant) -> Duration {
        let route = route.filter(|route| self.settings.sticky && self.knows_route(route));
        let has_session = |member: &Member| route.is_some_and(|route| member.has_route(route));
        let only_its_own = self.settings.nofailover && route.is_some();
        let counts = |member: &&Member| {
            let takes = member.takes_new_requests() && !only_its_own;
            member.is_allowed() && !member.check_failed && (takes || has_session(member))
        };
        let counted = self.members.iter().filter(counts);
        let waits = counted.map(|member| member.retry_in(now).unwrap_or_default());
        waits.min().unwrap_or_default()
    }

    /// Panics when the state contradicts itself. For tests and simulations.
    pub fn check_invariants(&self) {
        for (index, member) in self.members.iter().enumerate() {
            assert!(member.id.get() < self.next_id, "an id nobody gave");
            assert!(
                self.members
                    .iter()
                    .skip(index + 1)
                    .all(|other| other.id != member.id),
                "two members with one id"
            );
            member.check_invariants();
        }
        assert!(
            self.scratch.eligible.capacity() >= self.members.len()
                && self.scratch.admitted.capacity() >= self.members.len()
                && self.scratch.dead_ends.capacity() >= self.members.len(),
            "a pick would allocate"
        );
        self.check_pending();
        assert_eq!(
            self.routes,
            Routes::of(&self.members),
            "a route leads elsewhere"
        );
        assert!(
            self.ramping || self.members.iter().all(|member| member.ramp.is_none()),
            "a weight is not brought up to date"
        );
    }

    pub(super) fn push(&mut self, spec: MemberSpec) -> MemberId {
        self.add_pending();
        let id = MemberId::new(self.next_id);
        self.next_id = self.next_id.saturating_add(1);
        let mut member = Member::new(id, spec);
        member.check_failed = self.settings.checks.is_some_and(|checks| checks.mandatory);
        self.members.push(member);
        self.scratch.reserve(self.members.len());
        id
    }

    /// Records that a member is in service again. With `slow_start` all counters restart, and the member starts with a
    /// smaller weight.
    pub(super) fn come_back(&mut self, id: MemberId, now: Instant) {
        if self.settings.slow_start.is_zero() {
            return;
        }
        if let Some(member) = self.member_mut(id) {
            member.ramp = Some(Ramp::new(now));
        }
        self.weigh(now);
        self.reset();
    }

    pub(super) fn reset(&mut self) {
        self.add_pending();
        method::reset(self.settings.method, &mut self.members);
    }

    /// Updates the weights of all members to this time.
    pub(super) fn weigh(&mut self, now: Instant) {
        self.add_pending();
        self.ramping = false;
        for member in &mut self.members {
            member.weigh(self.settings.slow_start, now);
            self.ramping |= member.ramp.is_some();
        }
    }

    /// Members, their order or a route have changed.
    pub(super) fn routes_changed(&mut self) {
        self.routes = Routes::of(&self.members);
    }

    pub(super) fn member_mut(&mut self, id: MemberId) -> Option<&mut Member> {
        // Until the first member is removed, ids are places.
        let place = id.get() as usize;
        let index = match self.members.get(place) {
            Some(member) if member.id == id => place,
            _ => self.place(id)?,
        };
        self.members.get_mut(index)
    }

    /// The place of a member whose id is not its place.
    fn place(&self, id: MemberId) -> Option<usize> {
        let is_there = |&place: &usize| self.members.get(place).is_some_and(|it| it.id == id);
        let known = self.routes.place(id).filter(is_there);
        // Within a command that adds or removes members, the table is that of before.
        known.or_else(|| self.members.iter().position(|member| member.id == id))
    }
}
