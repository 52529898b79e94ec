//! Balancers and members while they run.

use std::hash::{BuildHasher as _, RandomState};
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ajpgate_config::{HealthCheck, Heartbeat, Status, Sticky};
use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tracing::{info, warn};

use super::drain::Drain;
use crate::backend::{Activation, Backend, Moved};
use crate::balancer::{
    Applied, Balancer, Command, Health, How, MemberId, MemberView, NoMember, Outcome, Pick,
    Refused, Ticket, Transition, Want,
};
use crate::sessions::LiveSessions;
use crate::sticky;
use crate::telemetry::Seldom;
use crate::telemetry::metrics::{BalancerMetrics, MemberMetrics, MemberReading, MemberStatus};

/// A balancer: the decisions behind a mutex, and what carries them out.
#[derive(Debug)]
pub(crate) struct LiveBalancer {
    pub(crate) name: String,
    /// `BALANCER_NAME`; `None` for a backend's URL in place of a balancer.
    pub(crate) variable: Option<Arc<str>>,
    pub(crate) sticky: Option<Sticky>,
    /// Tries after the first; `None`: members − 1.
    pub(crate) maxattempts: Option<u32>,
    /// How long a request waits for a usable member; zero: not at all.
    pub(crate) timeout: Duration,
    pub(crate) failonstatus: Vec<u16>,
    pub(crate) failontimeout: bool,
    /// Bound on a drain; zero: none.
    pub(crate) drain_timeout: Duration,
    pub(crate) health_check: Option<HealthCheck>,
    pub(crate) heartbeat: Option<Heartbeat>,
    pub(crate) members: Vec<Arc<LiveMember>>,
    pub(crate) metrics: BalancerMetrics,
    core: Mutex<Balancer>,
    /// Wakes the requests that wait for a usable member.
    changed: Notify,
}

/// The decisions of a balancer, held. When it is let go and something has changed that somebody may wait for, they
/// are woken: all of them, and each chooses anew.
#[derive(Debug)]
pub(crate) struct Core<'a> {
    balancer: MutexGuard<'a, Balancer>,
    epoch: u64,
    changed: &'a Notify,
}

impl Deref for Core<'_> {
    type Target = Balancer;

    fn deref(&self) -> &Balancer {
        &self.balancer
    }
}

impl DerefMut for Core<'_> {
    fn deref_mut(&mut self) -> &mut Balancer {
        &mut self.balancer
    }
}

impl Drop for Core<'_> {
    fn drop(&mut self) {
        if self.balancer.epoch() != self.epoch {
            self.changed.notify_waiters();
        }
    }
}

/// What is needed to make a balancer, beside its members.
#[derive(Debug)]
pub(crate) struct BalancerParts {
    pub(crate) name: String,
    pub(crate) variable: Option<Arc<str>>,
    pub(crate) sticky: Option<Sticky>,
    pub(crate) maxattempts: Option<u32>,
    pub(crate) timeout: Duration,
    pub(crate) failonstatus: Vec<u16>,
    pub(crate) failontimeout: bool,
    pub(crate) drain_timeout: Duration,
    pub(crate) health_check: Option<HealthCheck>,
    pub(crate) heartbeat: Option<Heartbeat>,
    pub(crate) metrics: BalancerMetrics,
    pub(crate) core: Balancer,
}

/// A member: where it is and how it is talked to.
#[derive(Debug)]
pub(crate) struct LiveMember {
    pub(crate) id: MemberId,
    /// Its URL as configured (`BALANCER_WORKER_NAME`).
    pub(crate) url: Arc<str>,
    /// The path of that URL: empty or `/app`.
    pub(crate) path: String,
    /// The host of that URL, IPv6 without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Its host and port.
    pub(crate) authority: String,
    /// Longest silence between two packets.
    pub(crate) timeout: Duration,
    pub(crate) backend: Backend,
    pub(crate) metrics: MemberMetrics,
    pub(crate) activation: Activation,
    pub(crate) mistakes: Mistakes,
    /// Its live sessions.
    sessions: Mutex<LiveSessions>,
    drain: Mutex<Drain>,
}

/// What is needed to make a member; the rest begins empty.
#[derive(Debug)]
pub(crate) struct MemberParts {
    pub(crate) id: MemberId,
    pub(crate) url: Arc<str>,
    pub(crate) path: String,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) authority: String,
    pub(crate) timeout: Duration,
    pub(crate) backend: Backend,
    pub(crate) metrics: MemberMetrics,
    pub(crate) status: Status,
    pub(crate) session_timeout: Duration,
}

/// When each mistake about routes was named last.
#[derive(Debug, Default)]
pub(crate) struct Mistakes {
    /// The member issues sessions with another route than its own.
    pub(crate) mismatch: Seldom,
    /// It issues sessions without a route.
    pub(crate) without_route: Seldom,
    /// Sessions ask it for a route that nobody has.
    pub(crate) unknown_route: Seldom,
}

impl LiveBalancer {
    pub(crate) fn new(parts: BalancerParts, members: Vec<Arc<LiveMember>>) -> Self {
        Self {
            name: parts.name,
            variable: parts.variable,
            sticky: parts.sticky,
            maxattempts: parts.maxattempts,
            timeout: parts.timeout,
            failonstatus: parts.failonstatus,
            failontimeout: parts.failontimeout,
            drain_timeout: parts.drain_timeout,
            health_check: parts.health_check,
            heartbeat: parts.heartbeat,
            metrics: parts.metrics,
            core: Mutex::new(parts.core),
            changed: Notify::new(),
            members,
        }
    }

    /// Something that happens from now on which may let a request have a member.
    pub(crate) fn change(&self) -> Notified<'_> {
        self.changed.notified()
    }

    /// The decisions. Held for well under a microsecond, never across an await.
    pub(crate) fn core(&self) -> Core<'_> {
        // Nothing panics while it is held; if it did, the counts would still be counts.
        let balancer = self.core.lock().unwrap_or_else(PoisonError::into_inner);
        Core {
            epoch: balancer.epoch(),
            changed: &self.changed,
            balancer,
        }
    }

    /// Chooses a member with the decisions at hand. What is chosen is busy until the attempt goes.
    pub(crate) fn pick(
        self: &Arc<Self>,
        core: &mut Balancer,
        want: Want<'_>,
        now: Instant,
    ) -> Result<Chosen, NoMember> {
        let Pick {
            member,
            route,
            how,
            route_changed,
            ticket,
            ..
        } = core.pick(want, now)?;
        let Some(member) = self.member(member) else {
            core.settle(ticket, Outcome::Neutral, now);
            return Err(NoMember::Empty);
        };
        let attempt = Attempt {
            balancer: Arc::clone(self),
            member: Arc::clone(member),
            ticket: Some(ticket),
            outcome: Outcome::Neutral,
            told: Moved::default(),
        };
        Ok(Chosen {
            attempt,
            route,
            how,
            route_changed,
        })
    }

    fn member(&self, id: MemberId) -> Option<&Arc<LiveMember>> {
        // Ids are positions until members come and go.
        let at_its_place = self
            .members
            .get(id.get() as usize)
            .filter(|member| member.id == id);
        at_its_place.or_else(|| self.members.iter().find(|member| member.id == id))
    }

    /// The id in a session value: what comes before its route.
    pub(crate) fn session_id<'s>(&self, session: &'s str) -> &'s str {
        let separator = self.sticky.as_ref().and_then(|sticky| sticky.separator);
        sticky::id_of(session, separator)
    }

    /// A session that asked for a route was answered by this member.
    pub(crate) fn saw_session(&self, id: &str, route: Option<&str>, member: &LiveMember) {
        member.sessions().insert(id.as_bytes(), Instant::now());
        let Some(route) = route else { return };
        let core = self.core();
        let elsewhere = self.members.iter().filter(|other| other.id != member.id);
        let homes: Vec<_> = elsewhere
            .filter(|other| core.members_of(route).any(|id| id == other.id))
            .collect();
        drop(core);
        for home in homes {
            home.sessions().forget(id.as_bytes());
        }
    }

    /// How many tries a request has.
    pub(crate) fn tries(&self) -> u32 {
        let others = u32::try_from(self.members.len().saturating_sub(1)).unwrap_or(u32::MAX);
        self.maxattempts.unwrap_or(others).saturating_add(1)
    }

    /// Shows the present state of all members in their metrics.
    pub(crate) fn show(&self, now: Instant) {
        let view = self.core().view(now);
        for (member, view) in self.members.iter().zip(&view.members) {
            member.show(view, now);
        }
    }

    /// A health check of a member has passed or not, and why not.
    pub(crate) fn checked(
        &self,
        member: &LiveMember,
        passed: bool,
        reason: Option<&str>,
        now: Instant,
    ) {
        let transition = self.core().checked(member.id, passed, now);
        let Some(transition) = transition else { return };
        if let Some(reason) = reason {
            warn!(balancer = self.name, member = %member.url, reason, "health checks fail");
        }
        self.log(&transition);
    }

    /// Does what an operator wants of a member or of the balancer.
    pub(crate) fn apply(&self, command: Command, now: Instant) -> Result<Applied, Refused> {
        let applied = self.core().apply(command, now)?;
        for (member, view) in self.members.iter().zip(&self.core().view(now).members) {
            let status = view.status;
            let out = status.disabled || status.stopped;
            member.activation.set(status.drain, out);
        }
        if let Some(transition) = &applied.transition {
            self.log(transition);
        }
        Ok(applied)
    }

    fn log(&self, transition: &Transition) {
        let Some(member) = self.member(transition.member) else {
            return;
        };
        let (from, to) = (transition.from, transition.to);
        if to.check_failed || to.health == Health::Error {
            warn!(
                balancer = self.name, member = %member.url, from = ?from.health, to = ?to.health,
                "member is out"
            );
        } else {
            info!(
                balancer = self.name, member = %member.url, from = ?from.health, to = ?to.health,
                "member is back"
            );
        }
    }
}

impl LiveMember {
    pub(crate) fn new(parts: MemberParts) -> Self {
        let now = Instant::now();
        let random = RandomState::new();
        let seed = [random.hash_one(0), random.hash_one(1)];
        let activation = Activation::default();
        let Status {
            drain,
            disabled,
            stopped,
            ..
        } = parts.status;
        activation.set(drain, disabled || stopped);
        Self {
            id: parts.id,
            url: parts.url,
            path: parts.path,
            host: parts.host,
            port: parts.port,
            authority: parts.authority,
            timeout: parts.timeout,
            backend: parts.backend,
            metrics: parts.metrics,
            activation,
            mistakes: Mistakes::default(),
            sessions: Mutex::new(LiveSessions::new(parts.session_timeout, seed, now)),
            drain: Mutex::default(),
        }
    }

    /// Its live sessions. Held for well under a microsecond, never across an await.
    pub(super) fn sessions(&self) -> MutexGuard<'_, LiveSessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn drain(&self) -> MutexGuard<'_, Drain> {
        self.drain.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn show(&self, view: &MemberView, now: Instant) {
        let left = self.left(view, now);
        let pool = self.backend.pool().view();
        let reading = MemberReading {
            busy: view.busy,
            up: view.usable,
            elected: view.elected,
            pool_idle: pool.idle as u64,
            pool_busy: pool.busy as u64,
            sessions: left.sessions,
            drained: view.status.drain && left.is_nothing(),
        };
        self.metrics.show(reading, |status| match status {
            MemberStatus::Disabled => view.status.disabled,
            MemberStatus::Stopped => view.status.stopped,
            MemberStatus::Drain => view.status.drain,
            MemberStatus::HotStandby => view.status.hot_standby,
            MemberStatus::HotSpare => view.status.hot_spare,
            MemberStatus::IgnoreErrors => view.status.ignore_errors,
            MemberStatus::Error => !matches!(view.health, Health::Ok | Health::Forced),
            MemberStatus::HealthCheckFailed => view.check_failed,
        });
    }
}

/// A member that was chosen for a request.
#[derive(Debug)]
pub(crate) struct Chosen {
    pub(crate) attempt: Attempt,
    /// Its route at that moment.
    pub(crate) route: Arc<str>,
    pub(crate) how: How,
    pub(crate) route_changed: bool,
}

/// One try of a request on one member. The member is busy with it until it goes, however it goes.
#[derive(Debug)]
pub(crate) struct Attempt {
    balancer: Arc<LiveBalancer>,
    pub(crate) member: Arc<LiveMember>,
    ticket: Option<Ticket>,
    /// What it says of the member.
    pub(crate) outcome: Outcome,
    /// What has been counted already.
    told: Moved,
}

impl Attempt {
    /// Tells the decisions how long the member took to begin its answer, or how long it was waited for in vain.
    pub(crate) fn answered_after(&self, took: Duration) {
        let mut core = self.balancer.core();
        core.answered(self.member.id, took, Instant::now());
    }

    /// Counts how much has moved so far, and tells the decisions how much of it was bodies. Long transfers tell now
    /// and then, so that traffic counting sees them before they end.
    pub(crate) fn moved(&mut self, moved: Moved) {
        let Moved { wire, bodies } = moved.since(self.told);
        self.told = moved;
        self.member
            .metrics
            .count_bytes(wire.to_backend, wire.from_backend);
        if bodies.to_backend > 0 || bodies.from_backend > 0 {
            self.balancer
                .core()
                .traffic(self.member.id, bodies.to_backend, bodies.from_backend);
        }
    }
}

impl Attempt {
    /// Ends the attempt.
    pub(crate) fn settle(mut self, now: Instant) {
        self.settle_at(now);
    }

    fn settle_at(&mut self, now: Instant) {
        let Some(ticket) = self.ticket.take() else {
            return;
        };
        let settled = self.balancer.core().settle(ticket, self.outcome, now);
        if let Some(transition) = settled {
            self.balancer.log(&transition);
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if self.ticket.is_some() {
            self.settle_at(Instant::now());
        }
    }
}
