//! A simulation of a balancer with random requests, failures, changes by operators, health checks, reports and clock jumps.
//!
//! There are ten million picks. Each is checked by the state of the picked member; in one step of [`THOROUGH`], the whole
//! balancer is compared before and after. Every step is derived from a seed. A failure prints the seed and the step, and
//! `AJPGATE_SEED=<seed> cargo test --test balancer_sim` repeats that run with all checks in each step.
//! `AJPGATE_PICKS=<picks>` changes the number of picks.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

#[path = "balancer_sim/random.rs"]
mod random;
#[path = "balancer_sim/rules.rs"]
mod rules;

use std::time::{Duration, Instant};

use ajpgate::balancer::{
    Balancer, Command, Health, Hope, How, MemberId, MemberView, NoMember, Outcome, Spec, Ticket,
    Transition, Tried, Want,
};

use random::{ROUTES, Random};
use rules::{check_member, check_pick, check_refusal, takes_new};

/// Number of picks of all tests together.
const PICKS: u64 = 10_000_000;

/// Number of tests that share the picks and run at the same time.
const SHARDS: u64 = 4;

/// Steps of one simulated balancer: enough to reach every state, and few enough for many balancers.
const STEPS_PER_WORLD: u64 = 10_000;

/// One step in this number is checked with the whole balancer.
const THOROUGH: u64 = 256;

#[test]
fn picks_keep_to_the_rules_1_of_4() {
    shard(0);
}

#[test]
fn picks_keep_to_the_rules_2_of_4() {
    shard(1);
}

#[test]
fn picks_keep_to_the_rules_3_of_4() {
    shard(2);
}

#[test]
fn picks_keep_to_the_rules_4_of_4() {
    shard(3);
}

fn shard(shard: u64) {
    if let Some(seed) = number("AJPGATE_SEED") {
        if seed % SHARDS == shard {
            World::new(seed, 1).play(STEPS_PER_WORLD);
        }
        return;
    }
    let wanted = number("AJPGATE_PICKS").unwrap_or(PICKS) / SHARDS;
    let mut picks = 0;
    for seed in (shard..).step_by(SHARDS as usize) {
        if picks >= wanted {
            break;
        }
        picks += World::new(seed, THOROUGH).play(STEPS_PER_WORLD);
    }
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().expect("a number"))
}

struct World {
    random: Random,
    balancer: Balancer,
    start: Instant,
    now: Instant,
    open: Vec<Open>,
    /// The members as of the last look.
    seen: Vec<MemberView>,
    /// The epoch after the last change that was announced.
    epoch: u64,
    picks: u64,
    thorough: u64,
    place: Place,
}

/// A request under way.
struct Open {
    ticket: Ticket,
    probe: bool,
}

/// Seed and step, printed when a test panics.
struct Place {
    seed: u64,
    step: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Self { seed, step } = self;
            eprintln!("seed {seed}, step {step}: AJPGATE_SEED={seed} plays it again");
        }
    }
}

impl World {
    fn new(seed: u64, thorough: u64) -> Self {
        let mut random = Random(seed);
        let members = (0..random.below(9)).map(|_| random.member()).collect();
        let balancer = Balancer::new(Spec {
            settings: random.settings(),
            seed,
            members,
        });
        let start = Instant::now();
        Self {
            random,
            seen: balancer.view(start).members,
            balancer,
            start,
            now: start,
            open: Vec::new(),
            epoch: 0,
            picks: 0,
            thorough,
            place: Place { seed, step: 0 },
        }
    }

    /// Runs this number of steps and returns the number of picks.
    fn play(mut self, steps: u64) -> u64 {
        for step in 0..steps {
            self.place.step = step;
            let thorough = step % self.thorough == 0;
            match self.random.below(256) {
                0..130 => self.request(thorough),
                130..234 => self.finish_one(),
                234..240 => self.wait(),
                240..247 => self.check_health(),
                247..250 => self.report(),
                _ => self.command(),
            }
            if thorough {
                self.check();
            }
        }
        self.peace()
    }

    /// A request with all its attempts.
    fn request(&mut self, thorough: bool) {
        let route = self
            .random
            .chance(1, 2)
            .then(|| *self.random.one_of(&ROUTES));
        let mut tried = Tried::new();
        loop {
            let want = Want {
                route,
                tried: &tried,
                has_body: false,
            };
            self.picks += 1;
            let before = thorough.then(|| self.balancer.view(self.now));
            let pick = match self.balancer.pick(want, self.now) {
                Ok(pick) => pick,
                Err(reason) => {
                    let hope = self.balancer.hope(reason, want, self.now);
                    check_hope(hope, reason, self.now);
                    if let Some(before) = before {
                        check_refusal(&before, want, reason);
                    }
                    return;
                }
            };
            let member = self.balancer.member(pick.member, self.now);
            check_member(&member.expect("a picked member exists"), want, &pick);
            if let Some(before) = before {
                check_pick(&before, &self.balancer.view(self.now), want, &pick);
            }
            let (member, probe) = (pick.member, pick.probe);
            if !self.random.chance(1, 4) {
                let ticket = pick.ticket;
                return self.open.push(Open { ticket, probe });
            }
            let outcome = *self.random.one_of(&[Outcome::Failed, Outcome::Neutral]);
            let transition = self.balancer.settle(pick.ticket, outcome, self.now);
            self.announced(transition);
            tried.insert(member);
        }
    }

    fn finish_one(&mut self) {
        if self.open.is_empty() {
            return;
        }
        let which = self.random.below(self.open.len() as u64) as usize;
        let Open { ticket, probe } = self.open.swap_remove(which);
        let member = ticket.member();
        let bytes = self.random.below(200_000);
        self.balancer.traffic(member, bytes / 7, bytes);
        let took = Duration::from_micros(bytes);
        self.balancer.answered(member, took, self.now);
        let outcome = match self.random.below(16) {
            0..12 => Outcome::Served,
            12..14 => Outcome::Neutral,
            _ => Outcome::Failed,
        };
        let transition = self.balancer.settle(ticket, outcome, self.now);
        if let Some(transition) = transition {
            // Only the request that probes a member ends its probation.
            assert!(probe || transition.from.health != Health::Probing);
        }
        self.announced(transition);
    }

    fn wait(&mut self) {
        let (now, random) = (self.now, &mut self.random);
        self.now = match random.below(10) {
            0..6 => now + Duration::from_millis(random.below(1_000)),
            6..8 => now + Duration::from_secs(random.below(120)),
            8 => now + Duration::from_secs(random.below(1_000_000)),
            // A request has its own time, which may be a little before that of others.
            _ => {
                let back = Duration::from_millis(random.below(2_000));
                now.checked_sub(back).unwrap_or(now).max(self.start)
            }
        };
    }

    fn check_health(&mut self) {
        if let Some(member) = self.any_member() {
            let passed = self.random.chance(3, 5);
            let transition = match self.random.chance(1, 2) {
                true => self.balancer.checked(member, passed, self.now),
                false => self.balancer.health(member, !passed, self.now),
            };
            self.announced(transition);
        }
    }

    /// Checks that a change of a member has changed the epoch.
    fn announced(&mut self, transition: Option<Transition>) {
        if let Some(transition) = transition {
            assert_ne!(transition.from, transition.to);
            assert_ne!(self.balancer.epoch(), self.epoch, "nobody is woken");
        }
        self.epoch = self.balancer.epoch();
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
        self.seen = self.balancer.view(self.now).members;
        let member = self.any_member();
        let random = &mut self.random;
        let command = match (random.below(14), member) {
            (0..4, _) => {
                let mut settings = self.balancer.settings().clone();
                random.change_one(&mut settings);
                Command::Settings(settings)
            }
            (4, _) => Command::Add(random.member()),
            (5, Some(member)) => Command::Remove(vec![member]),
            (6, Some(member)) => Command::ClearError(member),
            (7, _) => {
                let mut order: Vec<MemberId> = self.seen.iter().map(|member| member.id).collect();
                order.reverse();
                Command::Order(order)
            }
            (8..10, _) => Command::Settings(random.settings()),
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
        self.check();
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
            assert!((1..=member.factor.hundredths()).contains(&member.weight));
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

    /// When nothing fails any more, every member that may work is chosen, and none is busy.
    fn peace(mut self) -> u64 {
        for open in std::mem::take(&mut self.open) {
            self.balancer
                .settle(open.ticket, Outcome::Neutral, self.now);
        }
        let members = self.balancer.view(self.now).members;
        for member in &members {
            assert_eq!(member.busy, 0);
            self.balancer.health(member.id, false, self.now);
        }
        let mut settings = self.balancer.settings().clone();
        settings.sticky = true;
        self.balancer
            .apply(Command::Settings(settings), self.now)
            .expect("no reason to refuse");
        for member in members {
            if member.route.is_empty() || member.status.disabled || member.status.stopped {
                continue;
            }
            let tried = Tried::new();
            let want = Want {
                route: Some(&member.route),
                tried: &tried,
                has_body: false,
            };
            let pick = self.balancer.pick(want, self.now).expect("all is well");
            // A hot standby comes after the redirect of another member of its route.
            assert!(pick.how == How::Sticky || (pick.how == How::Redirect && pick.route_changed));
            assert!(!pick.probe && !pick.forced);
            self.balancer.settle(pick.ticket, Outcome::Served, self.now);
        }
        self.picks
    }
}

/// Checks when waiting is useful: not for a request that has tried all members or may not leave its route; and the time to
/// wait for is in the future.
fn check_hope(hope: Hope, reason: NoMember, now: Instant) {
    let vain = matches!(reason, NoMember::Tried | NoMember::RouteForced);
    assert_eq!(hope == Hope::Never, vain, "{reason}");
    if let Hope::At(time) = hope {
        assert!(time > now, "{reason}");
    }
}
