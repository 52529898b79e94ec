//! What a request reads: everything that follows from one configuration.

use std::sync::Arc;
use std::time::Instant;

use ajpgate_config::{Config, HeaderRule, Limits, Mapping, Target, Template};

use super::live::LiveBalancer;
use super::member::LiveMember;
use crate::balancer::MemberId;
use crate::mount::{Rule, Table};
use crate::telemetry::metrics::Shown;

/// Everything that a request needs to know. Each configuration and each change makes a new one.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    pub(crate) mounts: Table,
    /// In the order of the table's rules.
    pub(crate) mappings: Vec<LiveMapping>,
    /// The balancers of the file, then those of the mappings that name a backend's URL in place of a balancer.
    pub(crate) balancers: Vec<Arc<LiveBalancer>>,
    pub(crate) limits: Limits,
}

/// A `proxy_pass` entry.
#[derive(Debug, Clone)]
pub(crate) struct LiveMapping {
    pub(crate) path: String,
    /// `None` for an exclusion.
    pub(crate) target: Option<LiveTarget>,
    pub(crate) preserve_host: bool,
    pub(crate) request_headers: Vec<HeaderRule>,
    pub(crate) response_headers: Vec<HeaderRule>,
    pub(crate) request_attributes: Vec<(String, Template)>,
}

/// Where a mapping leads.
#[derive(Debug, Clone)]
pub(crate) struct LiveTarget {
    pub(crate) balancer: Arc<LiveBalancer>,
    /// The path behind the balancer's name.
    pub(crate) path: String,
}

impl Snapshot {
    /// `balancers` are those of the configuration in its order, then those of its mappings.
    pub(super) fn of(config: &Config, balancers: Vec<Arc<LiveBalancer>>) -> Self {
        let mappings = config.mappings.iter();
        let mappings = mappings.map(|mapping| LiveMapping::new(mapping, &balancers));
        let rules = config.mappings.iter().map(|mapping| Rule {
            path: mapping.path.clone(),
            hosts: mapping.hosts.clone(),
            exclude: mapping.to.is_none(),
        });
        Self {
            mounts: Table::new(rules.collect()),
            mappings: mappings.collect(),
            limits: config.limits.clone(),
            balancers,
        }
    }

    /// A member as it is now, with its balancer; `None` when it is gone.
    pub(crate) fn current(
        &self,
        balancer: &LiveBalancer,
        member: MemberId,
    ) -> Option<(&Arc<LiveBalancer>, &Arc<LiveMember>)> {
        let balancer = self.balancers.iter().find(|other| other.is(balancer))?;
        let member = balancer.members.iter().find(|other| other.id == member)?;
        Some((balancer, member))
    }

    /// The members and routes whose series are shown.
    pub(crate) fn shown(&self, now: Instant) -> Shown {
        let mut shown = Shown::default();
        for balancer in &self.balancers {
            let view = balancer.core().view(now);
            shown.balancer(balancer.name());
            for (member, view) in balancer.shown_in(&view) {
                shown.member(balancer.name(), &member.url, &view.route);
            }
        }
        shown
    }

    /// All members of all balancers.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Arc<LiveMember>> {
        self.balancers.iter().flat_map(|balancer| &balancer.members)
    }
}

impl LiveMapping {
    fn new(mapping: &Mapping, balancers: &[Arc<LiveBalancer>]) -> Self {
        // The check of the configuration made sure that each target exists.
        let target = mapping.to.as_ref().and_then(|to| {
            let (balancer, path) = match to {
                Target::Balancer { index, path } => (balancers.get(*index), path.clone()),
                Target::Member(member) => {
                    let alone = |it: &&Arc<LiveBalancer>| it.stands_for(member);
                    (balancers.iter().find(alone), String::new())
                }
            };
            let balancer = Arc::clone(balancer?);
            Some(LiveTarget { balancer, path })
        });
        Self {
            path: mapping.path.clone(),
            target,
            preserve_host: mapping.preserve_host,
            request_headers: mapping.request_headers.clone(),
            response_headers: mapping.response_headers.clone(),
            request_attributes: mapping.request_attributes.clone(),
        }
    }
}
