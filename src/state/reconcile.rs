//! From what runs to what another configuration wants.
//!
//! What a configuration does not change goes on as it is: connections, sessions, counts, what is known of a member's
//! health. A member is the same while its balancer and its url are; a change of how it is talked to gives it new
//! connections, and nothing else.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use ajpgate_config::{self as config, Config, Target};
use tracing::warn;

use super::snapshot::{
    backend, balancer_parts, checks, live_balancer, member_metrics, member_parts, member_spec,
    single_member,
};
use super::{LiveBalancer, LiveMember, Snapshot};
use crate::backend::Backend;
use crate::balancer::{Change, Command, MemberId, StatusChange};
use crate::telemetry::metrics::Metrics;

/// A way from what runs to another configuration. Everything that can fail has been done.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    config: &'a Config,
    steps: Vec<Step<'a>>,
    /// Those of mappings that name a backend themselves.
    alone: Vec<Arc<LiveBalancer>>,
    before: &'a Snapshot,
}

#[derive(Debug)]
enum Step<'a> {
    Make(Arc<LiveBalancer>),
    Change(&'a Arc<LiveBalancer>, &'a config::Balancer, Backends),
}

/// New backends of a balancer's members, by url: of members that are new or are talked to in another way.
type Backends = HashMap<String, Backend>;

impl Snapshot {
    /// The way to this configuration. Nothing is changed yet.
    ///
    /// # Errors
    /// When a backend cannot be made.
    pub(super) fn plan<'a>(
        &'a self,
        config: &'a Config,
        metrics: &Metrics,
    ) -> anyhow::Result<Plan<'a>> {
        let before = |name: &str, alone: bool| {
            let mut balancers = self.balancers.iter();
            balancers.find(|it| it.name == name && it.variable.is_none() == alone)
        };
        let steps = config.balancers.iter().map(|wanted| {
            Ok(match before(&wanted.name, false) {
                Some(old) => Step::Change(old, wanted, new_backends(old, wanted, metrics)?),
                None => Step::Make(Arc::new(live_balancer(wanted, metrics)?)),
            })
        });
        let steps = steps.collect::<anyhow::Result<_>>()?;
        let targets = config.mappings.iter().map(|mapping| &mapping.to);
        let alone = targets.filter_map(|target| match target {
            Some(Target::Member(member)) => Some(member),
            _ => None,
        });
        let alone = alone.map(|member| {
            let old = before(&member.url.text, true);
            let same = old.filter(|it| {
                let mut members = it.members.iter();
                members.all(|one| *one.config == **member && !one.backend.is_out_of_date())
            });
            match same {
                Some(same) => Ok(Arc::clone(same)),
                None => single_member(member, metrics).map(Arc::new),
            }
        });
        Ok(Plan {
            alone: alone.collect::<anyhow::Result<_>>()?,
            config,
            steps,
            before: self,
        })
    }
}

impl Plan<'_> {
    /// Goes it. Returns what requests are to see from now on, and the connections that nobody needs any more.
    pub(super) fn carry_out(self, metrics: &Metrics, now: Instant) -> (Snapshot, Vec<Backend>) {
        let balancers = self.steps.into_iter().map(|step| match step {
            Step::Make(balancer) => balancer,
            Step::Change(old, wanted, backends) => {
                Arc::new(changed(old, wanted, backends, metrics, now))
            }
        });
        let snapshot = Snapshot::of(self.config, balancers.collect(), self.alone);
        let kept = |backend: &Backend| {
            let mut members = snapshot.members();
            members.any(|member| member.backend.is(backend))
        };
        let backends = self.before.members().map(|member| member.backend.clone());
        let retired = backends.filter(|backend| !kept(backend)).collect();
        (snapshot, retired)
    }
}

fn new_backends(
    old: &LiveBalancer,
    wanted: &config::Balancer,
    metrics: &Metrics,
) -> anyhow::Result<Backends> {
    let mut backends = Backends::new();
    for member in &wanted.members {
        let same = of_url(old, &member.url.text).is_some_and(|old| {
            is_talked_to_alike(&old.config, member) && !old.backend.is_out_of_date()
        });
        if !same {
            let labels = member_metrics(wanted, member, metrics);
            backends.insert(member.url.text.clone(), backend(member, &labels)?);
        }
    }
    Ok(backends)
}

fn of_url<'b>(balancer: &'b LiveBalancer, url: &str) -> Option<&'b Arc<LiveMember>> {
    balancer.members.iter().find(|member| *member.url == *url)
}

/// Whether nothing differs but what the decisions are about.
fn is_talked_to_alike(one: &config::Member, other: &config::Member) -> bool {
    let mut alike = other.clone();
    alike.route.clone_from(&one.route);
    alike.redirect.clone_from(&one.redirect);
    alike.domain.clone_from(&one.domain);
    alike.loadfactor = one.loadfactor;
    alike.lbset = one.lbset;
    alike.status = one.status;
    alike.retry = one.retry;
    alike == *one
}

/// The next version of a balancer. From here on nothing fails.
fn changed(
    old: &LiveBalancer,
    wanted: &config::Balancer,
    mut backends: Backends,
    metrics: &Metrics,
    now: Instant,
) -> LiveBalancer {
    let mut core = old.core();
    let mut tell = |command| match core.apply(command, now) {
        Ok(applied) => applied.added,
        Err(refused) => {
            warn!(balancer = old.name, reason = %refused, "a change of the configuration is not possible");
            None
        }
    };
    for member in &old.members {
        if !wanted.members.iter().any(|it| it.url.text == *member.url) {
            tell(Command::Remove(member.id));
        }
    }
    let mut members: Vec<Arc<LiveMember>> = Vec::with_capacity(wanted.members.len());
    for member in &wanted.members {
        let labels = member_metrics(wanted, member, metrics);
        let new_backend = backends.remove(&member.url.text);
        match of_url(old, &member.url.text) {
            Some(before) => {
                if let Some(change) = difference(&before.config, member) {
                    tell(Command::Change(before.id, change));
                }
                let backend = new_backend.unwrap_or_else(|| before.backend.clone());
                backend.count_connects(&labels.connects);
                let next = before.next(member, wanted.session_timeout, backend, labels);
                members.push(Arc::new(next));
            }
            None => {
                let added = tell(Command::Add(member_spec(member)));
                if let (Some(id), Some(backend)) = (added, new_backend) {
                    let parts = member_parts(wanted, member, id, backend, labels);
                    members.push(Arc::new(LiveMember::new(parts)));
                }
            }
        }
    }
    let order: Vec<MemberId> = members.iter().map(|member| member.id).collect();
    let health_checks = (old.health_check != wanted.health_check).then(|| checks(wanted));
    let commands = [
        Some(Command::Order(order)),
        Some(Command::Method(wanted.lbmethod)),
        Some(Command::Sticky(wanted.sticky.is_some())),
        Some(Command::Nofailover(wanted.nofailover)),
        Some(Command::Forcerecovery(wanted.forcerecovery)),
        Some(Command::SlowStart(wanted.slow_start)),
        health_checks.map(Command::Checks),
    ];
    for command in commands.into_iter().flatten() {
        tell(command);
    }
    core.set_newest(&members);
    drop(core);
    old.next(balancer_parts(wanted, metrics), members)
}

/// What the decisions have to be told; `None` when nothing they are about has changed. What has not changed in the
/// configuration is left as it is, whatever has become of it.
fn difference(old: &config::Member, new: &config::Member) -> Option<Change> {
    let status = |flag: fn(&config::Status) -> bool| {
        let (before, after) = (flag(&old.status), flag(&new.status));
        (before != after).then_some(after)
    };
    let change = Change {
        route: (old.route != new.route).then(|| new.route.clone()),
        redirect: (old.redirect != new.redirect).then(|| new.redirect.clone()),
        domain: (old.domain != new.domain).then(|| new.domain.clone()),
        factor: (old.loadfactor != new.loadfactor).then_some(new.loadfactor),
        set: (old.lbset != new.lbset).then_some(new.lbset),
        retry: (old.retry != new.retry).then_some(new.retry),
        status: StatusChange {
            disabled: status(|it| it.disabled),
            stopped: status(|it| it.stopped),
            drain: status(|it| it.drain),
            hot_standby: status(|it| it.hot_standby),
            hot_spare: status(|it| it.hot_spare),
            ignore_errors: status(|it| it.ignore_errors),
        },
    };
    (change != Change::default()).then_some(change)
}
