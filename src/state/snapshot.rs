//! What a request reads: everything that follows from one configuration.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ajpgate_config::{Config, ErrorOverride, HeaderRule, Include, Limits};

use super::directories::Directories;
use super::guard::{self, AuthServer, Guard, LiveIdentity};
use super::live::LiveBalancer;
use super::mapping::{self, LiveAction, LiveMapping};
use super::member::LiveMember;
use crate::balancer::MemberId;
use crate::client::Claims;
use crate::client::Trusted;
use crate::cluster::ToldMembers;
use crate::mount::{PublicPaths, Table};
use crate::site::{ErrorPages, FixedAnswer};
use crate::telemetry::metrics::{Handles, MemberMetrics, MemberReading, Shown};
use crate::traces::Tracing;

/// Everything that a request needs to know. Each configuration and each change makes a new one.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    pub(crate) mounts: Table,
    /// For mapping paths of answers back.
    pub(crate) public_paths: PublicPaths,
    /// In the order of the table's rules.
    pub(crate) mappings: Vec<LiveMapping>,
    /// The balancers of the file, then those of the mappings that name a backend's URL in place of a balancer.
    pub(crate) balancers: Vec<Arc<LiveBalancer>>,
    /// For every answer, before those of its mapping.
    pub(crate) response_headers: Vec<HeaderRule>,
    /// Bodies of errors.
    pub(crate) error_pages: ErrorPages,
    /// Which errors of members they stand in for.
    pub(crate) error_override: ErrorOverride,
    /// Whose forwarding fields and PROXY headers are believed.
    pub(crate) trusted: Trusted,
    /// The fields that say who a user is.
    pub(crate) claims: Claims,
    pub(crate) limits: Limits,
    /// Where traces go.
    pub(crate) tracing: Option<Arc<Tracing>>,
    /// The members that were discovered, for gateways that join the cluster.
    pub(crate) told_members: Arc<ToldMembers>,
    /// How long requests may take once the gateway has been told to stop.
    pub(crate) shutdown_timeout: Duration,
    /// How long connections are still taken then.
    pub(crate) shutdown_delay: Duration,
    /// The directories whose files are served.
    pub(super) directories: Directories,
    /// The files that the configuration includes.
    pub(crate) include: Include,
    /// The files that the configuration names and depends on, those that it includes left out.
    pub(crate) files: Vec<PathBuf>,
}

impl Snapshot {
    /// `balancers` are those of the configuration in its order, then those of its mappings; `guards` has one for each mapping,
    /// and `directories` those that they name. Nothing is traced, and no member is told.
    pub(super) fn of(
        config: &Config,
        balancers: Vec<Arc<LiveBalancer>>,
        guards: Vec<Guard>,
        directories: Directories,
    ) -> Self {
        let mappings = mapping::mappings(config, &balancers, guards, &directories);
        Self {
            mounts: mapping::table(config),
            public_paths: mapping::public_paths(&balancers, &mappings),
            mappings,
            response_headers: config.response_headers.clone(),
            error_pages: ErrorPages::new(&config.error_pages),
            error_override: config.error_override.clone(),
            directories,
            trusted: Trusted::new(&config.trusted_proxies),
            claims: guard::claims(config),
            limits: config.limits.clone(),
            tracing: None,
            told_members: Arc::default(),
            shutdown_timeout: config.shutdown_timeout,
            shutdown_delay: config.shutdown_delay,
            include: config.include.clone(),
            files: config.files().into_iter().map(Path::to_owned).collect(),
            balancers,
        }
    }

    /// The balancers of the file, without those of mappings that name a backend's URL.
    pub(crate) fn balancers_of_file(&self) -> impl Iterator<Item = &Arc<LiveBalancer>> {
        self.balancers.iter().filter(|it| !it.stands_alone())
    }

    /// The balancer of the file with this name.
    pub(crate) fn balancer(&self, name: &str) -> Option<&Arc<LiveBalancer>> {
        self.balancers_of_file().find(|it| it.name() == name)
    }

    /// A member as it is now, with its balancer; `None` when it is gone.
    pub(crate) fn current(
        &self,
        balancer: &LiveBalancer,
        member: MemberId,
    ) -> Option<(&Arc<LiveBalancer>, &Arc<LiveMember>)> {
        let balancer = self.current_balancer(balancer)?;
        let member = balancer.members.iter().find(|other| other.id == member)?;
        Some((balancer, member))
    }

    /// A balancer as it is now; `None` when it is gone.
    pub(crate) fn current_balancer(&self, balancer: &LiveBalancer) -> Option<&Arc<LiveBalancer>> {
        self.balancers.iter().find(|other| other.is(balancer))
    }

    /// The balancers of which another snapshot has none of the same name: their series end.
    pub(super) fn balancers_without<'s>(
        &'s self,
        other: &'s Self,
    ) -> impl Iterator<Item = &'s Arc<LiveBalancer>> {
        let names: HashSet<&str> = other.balancers.iter().map(|it| it.name()).collect();
        let balancers = self.balancers.iter();
        balancers.filter(move |it| !names.contains(it.name()))
    }

    /// Whether it has all balancers and members that another one has, by name and url.
    pub(super) fn has_members_of(&self, other: &Self) -> bool {
        let mine: HashSet<_> = self.places().collect();
        other.places().all(|place| mine.contains(&place))
    }

    /// Each balancer, alone and with the url of each of its members.
    fn places(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.balancers.iter().flat_map(|balancer| {
            let members = balancer.members.iter().map(|it| Some(&*it.url));
            let all = std::iter::once(None).chain(members);
            all.map(|url| (balancer.name(), url))
        })
    }

    /// The balancers, members and routes that its metrics name.
    pub(super) fn named(&self) -> Shown {
        let mut named = Shown::default();
        for balancer in &self.balancers {
            named.balancer(balancer.name());
            for member in &balancer.members {
                named.member(balancer.name(), &member.url, &member.config.route);
            }
        }
        named
    }

    /// Sets the gauges of all members. Returns the members and routes whose series are shown.
    pub(crate) fn show(&self, now: Instant) -> Shown {
        let mut shown = Shown::default();
        // Two mappings may name one URL with different keys: their members have the same labels.
        let mut of_mappings: HashMap<_, (&Handles<MemberMetrics>, MemberReading)> = HashMap::new();
        for balancer in &self.balancers {
            let view = balancer.core().view(now);
            shown.balancer(balancer.name());
            for (member, view) in balancer.shown_in(&view) {
                shown.member(balancer.name(), &member.url, &view.route);
                let reading = member.reading(view, now);
                if balancer.stands_alone() {
                    of_mappings
                        .entry((&member.url, &member.config.route))
                        .and_modify(|(_, before)| *before = before.and(&reading))
                        .or_insert((&member.metrics, reading));
                } else {
                    member.metrics.now().show(&reading);
                }
            }
        }
        for (metrics, reading) in of_mappings.values() {
            metrics.now().show(reading);
        }
        shown
    }

    /// Whether one of [`files`](Self::files) holds something else than when this snapshot was made.
    pub(crate) fn is_out_of_date(&self) -> bool {
        let of_mappings = self.mappings.iter().map(|it| &it.error_pages);
        let mut pages = of_mappings.chain([&self.error_pages]);
        let mut members = self.members();
        pages.any(|pages| !pages.are_current())
            || members.any(|it| it.backend.is_out_of_date() || !it.config.has_current_secret())
            || self.identities().any(|it| it.is_out_of_date())
            || self.answers().any(|it| !it.is_current())
    }

    /// The fixed answers of mappings.
    fn answers(&self) -> impl Iterator<Item = &FixedAnswer> {
        self.mappings.iter().filter_map(|it| match &it.action {
            LiveAction::Respond(respond) => Some(respond),
            _ => None,
        })
    }

    fn identities(&self) -> impl Iterator<Item = &Arc<LiveIdentity>> {
        let mappings = self.mappings.iter();
        mappings.filter_map(|mapping| mapping.guard.identity.as_ref())
    }

    /// The servers that are asked who the user is.
    pub(crate) fn auth_servers(&self) -> impl Iterator<Item = &AuthServer> {
        self.identities().filter_map(|it| it.server.as_ref())
    }

    /// All members of all balancers.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Arc<LiveMember>> {
        self.balancers.iter().flat_map(|balancer| &balancer.members)
    }
}
