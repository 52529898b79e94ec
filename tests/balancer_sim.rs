//! A balancer in a world of random requests, failures, operators, health checks and clock jumps.
//!
//! Every step is derived from a seed. When an invariant breaks, seed and step are printed;
//! `AJPGATE_SIM_SEED=<seed> cargo test --test balancer_sim` plays the same world again, and
//! `AJPGATE_SIM_STEPS=<steps>` changes how many steps are played in all (a million).

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::time::{Duration, Instant};

use ajpgate::balancer::{
    Balancer, Change, Command, Health, How, LBSET_MAX, MemberId, MemberSpec, MemberView, NoMember,
    Outcome, Pick, Spec, StatusChange, Ticket, Tried, View, Want,
};
use ajpgate_config::{LbMethod, LoadFactor, Status};

/// Steps of one world: long enough for every state, short enough to meet many worlds.
const STEPS_PER_WORLD: u64 = 10_000;

const ROUTES: [&str; 6] = ["", "n1", "n2", "n3", "n4", "east.n5"];
const DOMAINS: [&str; 3] = ["", "east", "west"];

#[test]
fn a_million_steps_keep_the_invariants() {
    if let Some(seed) = number("AJPGATE_SIM_SEED") {
        World::new(seed).play(STEPS_PER_WORLD);
        return;
    }
    let steps = number("AJPGATE_SIM_STEPS").unwrap_or(1_000_000);
    for seed in 0..steps.div_ceil(STEPS_PER_WORLD) {
        World::new(seed).play(STEPS_PER_WORLD);
    }
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().expect("a number"))
}

struct World {
    random: Random,
    balancer: Balancer,
    now: Instant,
    open: Vec<Open>,
    /// What the last view showed of counters that never fall.
    seen: Vec<MemberView>,
    place: Place,
}

/// A request under way.
struct Open {
    ticket: Ticket,
    probe: bool,
}

/// Where in the simulation we are; says so when a test panics.
struct Place {
    seed: u64,
    step: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Self { seed, step } = self;
            eprintln!("seed {seed}, step {step}: AJPGATE_SIM_SEED={seed} plays it again");
        }
    }
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let members = (0..random.below(9)).map(|_| random.member()).collect();
        let balancer = Balancer::new(Spec {
            method: *random.one_of(&LbMethod::ALL),
            sticky: random.chance(9, 10),
            nofailover: random.chance(1, 4),
            forcerecovery: random.chance(3, 4),
            slow_start: Duration::from_secs(random.below(3) * 10),
            checks: None,
            seed,
            members,
        });
        Self {
            random,
            balancer,
            now: Instant::now(),
            open: Vec::new(),
            seen: Vec::new(),
            place: Place { seed, step: 0 },
        }
    }

    fn play(mut self, steps: u64) {
        for step in 0..steps {
            self.place.step = step;
            match self.random.below(100) {
                0..45 => self.request(),
                45..85 => self.finish_one(),
                85..90 => self.wait(),
                90..93 => self.check_health(),
                93..96 => self.report(),
                _ => self.command(),
            }
            self.check();
        }
        self.peace();
    }

    /// A request, with its further tries.
    fn request(&mut self) {
        let route = self
            .random
            .chance(1, 2)
            .then(|| *self.random.one_of(&ROUTES));
        let mut tried = Tried::new();
        loop {
            let want = Want {
                route,
                tried: &tried,
            };
            let before = self.balancer.view(self.now);
            let result = self.balancer.pick(want, self.now);
            self.balancer.check_invariants();
            match result {
                Err(reason) => return check_refusal(&before, want, reason),
                Ok(pick) => {
                    check_pick(&before, &self.balancer.view(self.now), want, &pick);
                    let (member, probe) = (pick.member, pick.probe);
                    if !self.random.chance(1, 4) {
                        let ticket = pick.ticket;
                        return self.open.push(Open { ticket, probe });
                    }
                    let outcome = *self.random.one_of(&[Outcome::Failed, Outcome::Neutral]);
                    self.balancer.settle(pick.ticket, outcome, self.now);
                    tried.insert(member);
                }
            }
        }
    }

    fn finish_one(&mut self) {
        if self.open.is_empty() {
            return;
        }
        let which = self.random.below(self.open.len() as u64) as usize;
        let Open { ticket, probe } = self.open.swap_remove(which);
        let bytes = self.random.below(200_000);
        let member = ticket.member();
        self.balancer
            .traffic(member, bytes, self.random.below(200_000));
        let took = Duration::from_micros(self.random.below(1_000_000));
        self.balancer.answered(member, took, self.now);
        let outcome = match self.random.below(10) {
            0..7 => Outcome::Served,
            7 => Outcome::Neutral,
            _ => Outcome::Failed,
        };
        let transition = self.balancer.settle(ticket, outcome, self.now);
        if let Some(transition) = transition {
            assert_ne!(transition.from, transition.to);
            // Only a probe ends a probation.
            assert!(probe || transition.from.health != Health::Probing);
        }
    }

    fn wait(&mut self) {
        self.now += match self.random.below(10) {
            0..6 => Duration::from_millis(self.random.below(1_000)),
            6..9 => Duration::from_secs(self.random.below(120)),
            _ => Duration::from_secs(self.random.below(1_000_000)),
        };
    }

    fn check_health(&mut self) {
        if let Some(member) = self.any_member() {
            let failed = self.random.chance(2, 5);
            self.balancer.health(member, failed, self.now);
        }
    }

    /// A heartbeat, or a count of sessions.
    fn report(&mut self) {
        let Some(member) = self.any_member() else {
            return;
        };
        let (ready, busy) = (self.random.below(9) as u32, self.random.below(3) as u32);
        self.balancer.heartbeat(member, ready, busy, self.now);
        let sessions = self.random.below(100);
        self.balancer.live_sessions(member, sessions);
    }

    fn command(&mut self) {
        let member = self.any_member();
        let random = &mut self.random;
        let command = match (random.below(13), member) {
            (0, _) => Command::Method(*random.one_of(&LbMethod::ALL)),
            (1, _) => Command::Nofailover(random.chance(1, 4)),
            (2, _) => Command::Forcerecovery(random.chance(3, 4)),
            (3, _) => Command::Sticky(random.chance(9, 10)),
            (4, _) => Command::Add(random.member()),
            (5, Some(member)) => Command::Remove(member),
            (6, Some(member)) => Command::ClearError(member),
            (8, _) => Command::SlowStart(Duration::from_secs(random.below(3) * 10)),
            (7, _) => {
                let mut order: Vec<MemberId> = self.seen.iter().map(|member| member.id).collect();
                order.reverse();
                Command::Order(order)
            }
            (_, Some(member)) => Command::Change(member, random.change()),
            (_, None) => Command::Add(random.member()),
        };
        let too_many = matches!(command, Command::Add(_)) && self.seen.len() > 8;
        if too_many {
            return;
        }
        let before = self.balancer.view(self.now);
        if self.balancer.apply(command, self.now).is_err() {
            assert_eq!(before, self.balancer.view(self.now), "a refusal that acts");
        }
    }

    fn any_member(&mut self) -> Option<MemberId> {
        let which = self.random.below(self.seen.len().max(1) as u64) as usize;
        self.seen.get(which).map(|member| member.id)
    }

    /// What must hold after every step.
    fn check(&mut self) {
        self.balancer.check_invariants();
        let view = self.balancer.view(self.now);
        for member in &view.members {
            let mine = |open: &&Open| open.ticket.member() == member.id;
            let busy = self.open.iter().filter(mine).count();
            assert_eq!(member.busy, busy as u64, "busy is not the open tickets");
            if let Some(before) = self.seen.iter().find(|before| before.id == member.id) {
                assert!(member.elected >= before.elected && member.errors >= before.errors);
                assert!(member.to_backend >= before.to_backend);
                assert!(member.from_backend >= before.from_backend);
            }
        }
        let regular = view
            .members
            .iter()
            .any(|member| member.usable && takes_new(&view, member));
        assert!(self.balancer.usable(self.now) || !regular);
        self.seen = view.members;
    }

    /// When everything is well again, everybody who may work can be had, and nobody is busy.
    fn peace(mut self) {
        for open in std::mem::take(&mut self.open) {
            self.balancer
                .settle(open.ticket, Outcome::Neutral, self.now);
        }
        let members = self.balancer.view(self.now).members;
        for member in &members {
            assert_eq!(member.busy, 0);
            self.balancer.health(member.id, false, self.now);
        }
        self.balancer
            .apply(Command::Sticky(true), self.now)
            .expect("no reason to refuse");
        for member in members {
            if member.route.is_empty() || member.status.disabled || member.status.stopped {
                continue;
            }
            let tried = Tried::new();
            let want = Want {
                route: Some(&member.route),
                tried: &tried,
            };
            let pick = self.balancer.pick(want, self.now).expect("all is well");
            // A hot standby comes after the redirect of another member of its route.
            assert!(pick.how == How::Sticky || (pick.how == How::Redirect && pick.route_changed));
            assert!(!pick.probe && !pick.forced);
            self.balancer.settle(pick.ticket, Outcome::Served, self.now);
        }
    }
}

/// Whether a member could take a request at the time of the view, drain and role aside.
fn could_serve(member: &MemberView, tried: &Tried) -> bool {
    let up = match member.health {
        Health::Ok | Health::Recovering | Health::Forced => true,
        Health::Error | Health::Probing => false,
    };
    up && !member.status.disabled
        && !member.status.stopped
        && !member.check_failed
        && !tried.contains(member.id)
}

/// Whether nothing but its health could keep a request without a session from a regular member or a standby.
fn takes_new(view: &View, member: &MemberView) -> bool {
    let heard = view.method != LbMethod::Heartbeat || member.slots > 0;
    heard && !member.status.drain && !member.status.hot_spare
}

fn check_pick(before: &View, after: &View, want: Want<'_>, pick: &Pick) {
    let find = |view: &View| {
        let mut members = view.members.iter();
        let member = members.find(|member| member.id == pick.member);
        member.expect("a picked member exists").clone()
    };
    let (was, is) = (find(before), find(after));
    assert!(!want.tried.contains(pick.member), "tried twice");
    assert!(!was.status.disabled && !was.status.stopped && !was.check_failed);
    match was.health {
        Health::Ok | Health::Recovering | Health::Forced => {}
        Health::Error => assert!(pick.forced || was.retry_in == Some(Duration::ZERO)),
        Health::Probing => {
            // A probation ends early only for requests that nobody else may serve.
            assert!(before.forcerecovery);
            let mut others = before.members.iter();
            let elsewhere =
                others.any(|other| could_serve(other, want.tried) && takes_new(before, other));
            assert!(!elsewhere || (before.nofailover && pick.how == How::Sticky));
        }
    }
    let route = want
        .route
        .filter(|route| before.sticky && !route.is_empty());
    match pick.how {
        How::Sticky => assert_eq!(route, Some(&*is.route)),
        How::Redirect => assert_ne!(route, Some(&*is.route)),
        How::Domain => assert!(!before.nofailover && !is.domain.is_empty()),
        How::Free => {}
    }
    if matches!(pick.how, How::Free | How::Domain) {
        assert!(!was.status.drain, "a draining member got somebody new");
        assert_eq!(pick.route_changed, before.sticky);
        // A session's own member is never passed over, nor a lower set.
        for other in &before.members {
            let passed_over = could_serve(other, want.tried);
            assert!(!passed_over || route != Some(&*other.route));
            let regular = takes_new(before, other);
            assert!(pick.how == How::Domain || !passed_over || !regular || other.set >= is.set);
        }
    }
    assert_eq!(pick.probe, is.health == Health::Probing);
    assert_eq!(pick.draining, was.status.drain);
    assert_eq!((is.elected, is.busy), (was.elected + 1, was.busy + 1));
}

fn check_refusal(before: &View, want: Want<'_>, reason: NoMember) {
    let route = want
        .route
        .filter(|route| before.sticky && !route.is_empty());
    if reason == NoMember::RouteForced {
        assert!(before.nofailover);
        let mut members = before.members.iter();
        assert!(members.any(|member| Some(&*member.route) == route));
    }
    assert_eq!(reason == NoMember::Empty, before.members.is_empty());
    for member in &before.members {
        let could_serve = could_serve(member, want.tried);
        let may_serve = match reason {
            NoMember::RouteForced => Some(&*member.route) == route,
            _ => takes_new(before, member),
        };
        assert!(!could_serve || !may_serve, "{reason}, but for {member:?}");
    }
}

/// splitmix64 (Steele, Lea, Flood 2014): small, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn chance(&mut self, of: u64, among: u64) -> bool {
        self.below(among) < of
    }

    fn one_of<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len() as u64) as usize]
    }

    fn maybe<T>(&mut self, value: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.chance(1, 4).then(|| value(self))
    }

    fn factor(&mut self) -> LoadFactor {
        let hundredths = 100 + self.below(9_901);
        LoadFactor::from_hundredths(hundredths as u32).expect("in range")
    }

    fn status(&mut self) -> Status {
        let mut flag = || self.chance(1, 8);
        Status {
            disabled: flag(),
            stopped: flag(),
            drain: flag(),
            hot_standby: flag(),
            hot_spare: flag(),
            ignore_errors: flag(),
        }
    }

    fn member(&mut self) -> MemberSpec {
        MemberSpec {
            route: (*self.one_of(&ROUTES)).to_owned(),
            redirect: (*self.one_of(&ROUTES)).to_owned(),
            domain: (*self.one_of(&DOMAINS)).to_owned(),
            factor: self.factor(),
            set: self.below(3) as u8,
            status: self.status(),
            retry: Duration::from_secs(self.below(60)),
        }
    }

    fn change(&mut self) -> Change {
        Change {
            route: self.maybe(|random| (*random.one_of(&ROUTES)).to_owned()),
            redirect: self.maybe(|random| (*random.one_of(&ROUTES)).to_owned()),
            domain: self.maybe(|random| (*random.one_of(&DOMAINS)).to_owned()),
            factor: self.maybe(Self::factor),
            set: self.maybe(|random| match random.below(10) {
                0 => LBSET_MAX + 1,
                set => set as u8 / 3,
            }),
            retry: self.maybe(|random| Duration::from_secs(random.below(60))),
            status: StatusChange {
                disabled: self.maybe(|random| random.chance(1, 8)),
                stopped: self.maybe(|random| random.chance(1, 8)),
                drain: self.maybe(|random| random.chance(1, 8)),
                hot_standby: self.maybe(|random| random.chance(1, 8)),
                hot_spare: self.maybe(|random| random.chance(1, 8)),
                ignore_errors: self.maybe(|random| random.chance(1, 8)),
            },
        }
    }
}
