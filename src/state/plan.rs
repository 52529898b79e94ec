//! From what runs to what a configuration wants: at the start, where nothing runs yet, and at each change.
//!
//! What a configuration does not change goes on as it is: connections, sessions, counters, the health of members. A
//! member is the same as long as its balancer and the place that its URL names are the same; a change of how its backend is talked to gives it
//! new connections, and nothing else.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use ajpgate_config::{self as config, Config, MemberSource, Target};

use super::bad_files::BadFiles;
use super::directories::Directories;
use super::editing::EditError;
use super::guard::{Guard, GuardError, guards};
use super::live::LiveBalancer;
use super::mapping::LiveMapping;
use super::member::LiveMember;
use super::prepared::{Prepared, PreparedMember, Unusable};
use super::snapshot::Snapshot;
use crate::backend::{Backend, BackendError, backend};
use crate::telemetry::metrics::{BalancerMetrics, MemberMetrics, Metrics};

/// The steps to a configuration. Everything that can fail has been done, and every metric is registered.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    config: &'a Config,
    before: &'a [Arc<LiveBalancer>],
    directories: Directories,
    steps: Vec<Step<'a>>,
    guards: Vec<Guard>,
}

/// What is to be done for one balancer of the configuration.
#[derive(Debug)]
enum Step<'a> {
    Keep(&'a Arc<LiveBalancer>),
    Start(Prepared),
    Change(&'a LiveBalancer, Prepared),
}

/// A balancer that the configuration wants.
struct Wanted {
    config: Arc<config::Balancer>,
    alone: bool,
    /// How many cores keep connections to its members.
    cores: usize,
}

impl<'a> Plan<'a> {
    /// The steps from the balancers and mappings that run to this configuration, where `cores` serve clients. `directories`
    /// has those that it names. Nothing is changed yet.
    ///
    /// # Errors
    /// When a backend cannot be made, or a file cannot be used and `bad_files` are refused.
    pub(super) fn new(
        config: &'a Config,
        before: &'a [Arc<LiveBalancer>],
        mappings: &[LiveMapping],
        directories: Directories,
        bad_files: BadFiles,
        cores: usize,
        metrics: &Metrics,
    ) -> Result<Self, GuardError> {
        let guarded: Vec<&Guard> = mappings.iter().map(|mapping| &mapping.guard).collect();
        let wanted = wanted(config, cores);
        let olds = predecessors(&wanted, before);
        let steps = wanted.into_iter().zip(olds);
        let steps = steps.map(|(wanted, old)| Step::new(wanted, old, bad_files, metrics));
        Ok(Self {
            config,
            before,
            directories,
            steps: steps.collect::<Result<_, BackendError>>()?,
            guards: guards(config, &guarded, bad_files, cores)?,
        })
    }

    /// Takes the steps. Returns what requests are to see from now on, and the backends that are no longer needed.
    pub(super) fn carry_out(self, now: Instant) -> (Snapshot, Vec<Backend>) {
        let balancers = self.steps.into_iter().map(|step| match step {
            Step::Keep(balancer) => Arc::clone(balancer),
            Step::Start(wanted) => Arc::new(LiveBalancer::start(wanted, now)),
            Step::Change(old, wanted) => Arc::new(old.change_to(wanted, now)),
        });
        let balancers = balancers.collect();
        let snapshot = Snapshot::of(self.config, balancers, self.guards, self.directories);
        let kept = |backend: &Backend| {
            let mut members = snapshot.members();
            members.any(|member| member.backend.is(backend))
        };
        let before = self.before.iter().flat_map(|balancer| &balancer.members);
        let backends = before.map(|member| member.backend.clone());
        let retired = backends.filter(|backend| !kept(backend)).collect();
        (snapshot, retired)
    }
}

impl Snapshot {
    /// Builds balancers, pools and metric handles for a start, where `cores` serve clients. Nothing is connected yet.
    ///
    /// # Errors
    /// When a backend cannot be made, a file of users cannot be used, or a directory cannot be opened.
    pub(crate) fn new(config: &Config, cores: usize, metrics: &Metrics) -> Result<Self, EditError> {
        let directories = Directories::open(config)?;
        let bad_files = BadFiles::Refused;
        let plan = Plan::new(config, &[], &[], directories, bad_files, cores, metrics)?;
        let (snapshot, _) = plan.carry_out(Instant::now());
        Ok(snapshot)
    }
}

/// The balancers of the file, then one for each backend that mappings name themselves. Mappings that name the same URL
/// with the same keys share one, as mod_proxy shares a worker.
fn wanted(config: &Config, cores: usize) -> Vec<Wanted> {
    let of_file = config.balancers.iter().map(|balancer| Wanted {
        config: Arc::new(balancer.clone()),
        alone: false,
        cores,
    });
    let mut all: Vec<Wanted> = of_file.collect();
    for mapping in &config.mappings {
        if let Some(Target::Member(member)) = mapping.target() {
            let config = config::Balancer::of_one((**member).clone());
            if !all.iter().any(|it| it.alone && *it.config == config) {
                all.push(Wanted {
                    config: Arc::new(config),
                    alone: true,
                    cores,
                });
            }
        }
    }
    all
}

/// For each balancer that is wanted the one that runs and becomes it, if there is one. No two get the same.
fn predecessors<'b>(
    wanted: &[Wanted],
    before: &'b [Arc<LiveBalancer>],
) -> Vec<Option<&'b Arc<LiveBalancer>>> {
    let mut left: Vec<&Arc<LiveBalancer>> = before.iter().collect();
    let mut take = |wanted: &Wanted, unchanged: bool| {
        let place = left.iter().position(|old| {
            old.stands_alone() == wanted.alone
                && old.name() == wanted.config.name
                && (!unchanged || old.config == wanted.config)
        });
        place.map(|place| left.swap_remove(place))
    };
    // Two mappings may name one URL with different keys: an unchanged one keeps its own.
    let unchanged: Vec<_> = wanted.iter().map(|it| take(it, true)).collect();
    let pairs = wanted.iter().zip(unchanged);
    pairs
        .map(|(it, old)| old.or_else(|| take(it, false)))
        .collect()
}

impl<'a> Step<'a> {
    fn new(
        wanted: Wanted,
        old: Option<&'a Arc<LiveBalancer>>,
        bad_files: BadFiles,
        metrics: &Metrics,
    ) -> Result<Self, BackendError> {
        let Some(old) = old else {
            let prepared = Prepared::new(wanted, None, bad_files, metrics)?;
            return Ok(Self::Start(prepared));
        };
        let mut members = old.members.iter();
        let up_to_date = !members.any(|member| member.backend.is_out_of_date());
        if old.config == wanted.config && up_to_date {
            return Ok(Self::Keep(old));
        }
        let prepared = Prepared::new(wanted, Some(old), bad_files, metrics)?;
        Ok(Self::Change(old, prepared))
    }
}

impl Prepared {
    fn new(
        wanted: Wanted,
        old: Option<&LiveBalancer>,
        bad_files: BadFiles,
        metrics: &Metrics,
    ) -> Result<Self, BackendError> {
        let Wanted {
            config,
            alone,
            cores,
        } = wanted;
        let (mut members, mut unusable) = (Vec::new(), Vec::new());
        for member in &config.members {
            let (name, url) = (&config.name, &member.url.text);
            let metrics = MemberMetrics::new(metrics, name, url, &member.route);
            let old = old.and_then(|old| old.member_at(&member.url.place()));
            let member = Arc::new(member.clone());
            let backend = match old.and_then(|old| backend_that_fits(old, &member)) {
                Some(backend) => Ok(backend),
                None => backend(&member, cores, &metrics.connects),
            };
            let backend = match backend {
                Ok(backend) => backend,
                // It must not keep the others from what is wanted of them.
                Err(error) if bad_files == BadFiles::LeftAsRead || has_own_files(&member) => {
                    let old = old.filter(|old| is_talked_to_alike(&old.config, &member));
                    unusable.push(Unusable {
                        config: Arc::clone(&member),
                        reason: error.to_string(),
                        runs: old.is_some(),
                    });
                    let Some(old) = old else { continue };
                    old.backend.clone()
                }
                Err(error) => return Err(error),
            };
            members.push(PreparedMember {
                config: member,
                metrics,
                backend,
            });
        }
        let routes = config.members.iter().map(|member| member.route.as_str());
        let metrics = BalancerMetrics::new(metrics, &config.name, routes);
        Ok(Self {
            metrics,
            config: without(config, &unusable),
            members,
            unusable,
            alone,
        })
    }
}

/// Whether a member has other files than those that the configuration file names: it was added by hand, or a list names it.
const fn has_own_files(member: &config::Member) -> bool {
    matches!(
        member.origin.source,
        MemberSource::Hand | MemberSource::File
    )
}

/// The balancer without the members that are left out.
fn without(mut balancer: Arc<config::Balancer>, unusable: &[Unusable]) -> Arc<config::Balancer> {
    let left_out = unusable.iter().filter(|it| !it.runs);
    let left_out: HashSet<String> = left_out.map(|it| it.config.url.place()).collect();
    if !left_out.is_empty() {
        let members = &mut Arc::make_mut(&mut balancer).members;
        members.retain(|member| !left_out.contains(&member.url.place()));
    }
    balancer
}

/// The backend of a running member, if it serves this configuration too.
fn backend_that_fits(old: &LiveMember, wanted: &config::Member) -> Option<Backend> {
    let fits = is_talked_to_alike(&old.config, wanted) && !old.backend.is_out_of_date();
    fits.then(|| old.backend.clone())
}

/// Whether the same connections serve both configurations of a member: they differ in nothing but what the balancer's
/// decisions are about.
fn is_talked_to_alike(one: &config::Member, other: &config::Member) -> bool {
    let mut alike = other.clone();
    alike.route.clone_from(&one.route);
    alike.redirect.clone_from(&one.redirect);
    alike.domain.clone_from(&one.domain);
    alike.loadfactor = one.loadfactor;
    alike.lbset = one.lbset;
    alike.status = one.status;
    alike.retry = one.retry;
    alike.origin = one.origin;
    alike == *one
}
