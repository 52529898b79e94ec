//! From a configuration to what requests read.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ajp13::PacketSize;
use ajpgate_config::{
    self as config, Config, HeaderRule, LbMethod, Limits, Scheme, Target, Template,
};
use anyhow::Context as _;

use super::live::{BalancerParts, LiveBalancer, LiveMember, MemberParts};
use crate::backend::{
    AjpBackend, Backend, FtpBackend, FtpSettings, HttpBackend, Pool, PoolSettings, Tls,
};
use crate::balancer::{Balancer, Checks, MemberId, MemberSpec, Spec};
use crate::mount::{Rule, Table};
use crate::telemetry::metrics::{BalancerMetrics, MemberMetrics, Metrics, Shown};

/// Everything a request needs to know, made once per configuration.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    pub(crate) mounts: Table,
    /// In the order of the table's rules.
    pub(crate) mappings: Vec<LiveMapping>,
    /// Those of the file, then one for each mapping that names a backend itself.
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
    /// Builds balancers, pools and metric handles. Nothing is connected yet.
    ///
    /// # Errors
    /// For what this program cannot do (yet); the caller has refused that with a line number before.
    pub(crate) fn new(config: &Config, metrics: &Metrics) -> anyhow::Result<Self> {
        let balancers = config
            .balancers
            .iter()
            .map(|balancer| live_balancer(balancer, metrics).map(Arc::new))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let alone = config
            .mappings
            .iter()
            .filter_map(|mapping| match &mapping.to {
                Some(Target::Member(member)) => Some(single_member(member, metrics).map(Arc::new)),
                _ => None,
            })
            .collect::<anyhow::Result<Vec<_>>>()?;
        Ok(Self::of(config, balancers, alone))
    }

    /// `balancers` are those of the configuration, `alone` those of mappings that name a backend themselves; both in
    /// its order.
    pub(super) fn of(
        config: &Config,
        balancers: Vec<Arc<LiveBalancer>>,
        alone: Vec<Arc<LiveBalancer>>,
    ) -> Self {
        let mut next_alone = alone.iter();
        let mappings = config.mappings.iter().map(|mapping| {
            // Whoever has checked the configuration has seen that each target is there.
            let target = match &mapping.to {
                None => None,
                Some(Target::Balancer { index, path }) => {
                    Some((balancers.get(*index), path.clone()))
                }
                Some(Target::Member(_)) => Some((next_alone.next(), String::new())),
            };
            LiveMapping {
                path: mapping.path.clone(),
                target: target.and_then(|(balancer, path)| {
                    let balancer = Arc::clone(balancer?);
                    Some(LiveTarget { balancer, path })
                }),
                preserve_host: mapping.preserve_host,
                request_headers: mapping.request_headers.clone(),
                response_headers: mapping.response_headers.clone(),
                request_attributes: mapping.request_attributes.clone(),
            }
        });
        let mappings = mappings.collect();
        let rules = config.mappings.iter().map(|mapping| Rule {
            path: mapping.path.clone(),
            hosts: mapping.hosts.clone(),
            exclude: mapping.to.is_none(),
        });
        Self {
            mounts: Table::new(rules.collect()),
            mappings,
            balancers: balancers.into_iter().chain(alone).collect(),
            limits: config.limits.clone(),
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
            shown.balancer(&balancer.name);
            for (member, view) in balancer.members.iter().zip(&view.members) {
                shown.member(&balancer.name, &member.url, &view.route);
            }
        }
        shown
    }

    /// All members of all balancers.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Arc<LiveMember>> {
        self.balancers.iter().flat_map(|balancer| &balancer.members)
    }
}

pub(super) fn live_balancer(
    config: &config::Balancer,
    metrics: &Metrics,
) -> anyhow::Result<LiveBalancer> {
    let core = Balancer::new(Spec {
        method: config.lbmethod,
        sticky: config.sticky.is_some() || config.sticky_cookie.is_some(),
        nofailover: config.nofailover,
        forcerecovery: config.forcerecovery,
        slow_start: config.slow_start,
        checks: checks(config),
        seed: seed(),
        members: config.members.iter().map(member_spec).collect(),
    });
    let view = core.view(Instant::now());
    let members = config.members.iter().zip(&view.members);
    let members = members.map(|(member, view)| {
        let labels = member_metrics(config, member, metrics);
        let backend = backend(member, &labels)?;
        let parts = member_parts(config, member, view.id, backend, labels);
        Ok(Arc::new(LiveMember::new(parts)))
    });
    let members = members.collect::<anyhow::Result<_>>()?;
    let parts = balancer_parts(config, metrics);
    Ok(LiveBalancer::new(parts, core, members))
}

pub(super) fn checks(config: &config::Balancer) -> Option<Checks> {
    config.health_check.as_ref().map(|check| Checks {
        passes: check.passes,
        fails: check.fails,
        mandatory: check.mandatory,
    })
}

pub(super) fn balancer_parts(config: &config::Balancer, metrics: &Metrics) -> BalancerParts {
    let routes = config.members.iter().map(|member| member.route.as_str());
    BalancerParts {
        variable: Some(Arc::from(format!("balancer://{}", config.name))),
        sticky: config.sticky.clone(),
        sticky_cookie: config.sticky_cookie.clone(),
        maxattempts: config.maxattempts,
        timeout: config.timeout,
        failonstatus: config.failonstatus.clone(),
        failontimeout: config.failontimeout,
        drain_timeout: config.drain_timeout,
        health_check: config.health_check.clone(),
        heartbeat: config.heartbeat.clone(),
        metrics: BalancerMetrics::new(metrics, &config.name, routes),
        name: config.name.clone(),
    }
}

pub(super) fn member_metrics(
    balancer: &config::Balancer,
    member: &config::Member,
    metrics: &Metrics,
) -> MemberMetrics {
    let routes = balancer.members.iter().map(|member| member.route.as_str());
    MemberMetrics::new(
        metrics,
        &balancer.name,
        &member.url.text,
        &member.route,
        routes,
    )
}

pub(super) fn member_parts(
    balancer: &config::Balancer,
    member: &config::Member,
    id: MemberId,
    backend: Backend,
    metrics: MemberMetrics,
) -> MemberParts {
    MemberParts {
        id,
        config: Arc::new(member.clone()),
        url: Arc::from(member.url.text.as_str()),
        path: member.url.path.clone(),
        host: member.url.host.clone(),
        port: member.url.port,
        authority: authority(&member.url),
        timeout: member.timeout,
        backend,
        metrics,
        status: member.status,
        session_timeout: balancer.session_timeout,
    }
}

/// A backend's URL in place of a balancer.
pub(super) fn single_member(
    config: &config::Member,
    metrics: &Metrics,
) -> anyhow::Result<LiveBalancer> {
    let core = Balancer::new(Spec {
        method: LbMethod::ByRequests,
        sticky: false,
        nofailover: false,
        forcerecovery: true,
        slow_start: Duration::ZERO,
        checks: None,
        seed: 0,
        members: vec![member_spec(config)],
    });
    let url = &config.url.text;
    let view = core.view(Instant::now());
    let id = view.members.first().context("balancer without members")?.id;
    let member_metrics = MemberMetrics::new(metrics, url, url, &config.route, std::iter::empty());
    let member = LiveMember::new(MemberParts {
        id,
        config: Arc::new(config.clone()),
        url: Arc::from(url.as_str()),
        path: config.url.path.clone(),
        host: config.url.host.clone(),
        port: config.url.port,
        authority: authority(&config.url),
        timeout: config.timeout,
        backend: backend(config, &member_metrics)?,
        metrics: member_metrics,
        status: config.status,
        // Nobody looks for sessions here.
        session_timeout: Duration::ZERO,
    });
    let parts = BalancerParts {
        name: url.clone(),
        variable: None,
        sticky: None,
        sticky_cookie: None,
        maxattempts: None,
        timeout: Duration::ZERO,
        failonstatus: Vec::new(),
        failontimeout: false,
        drain_timeout: Duration::ZERO,
        health_check: None,
        heartbeat: None,
        metrics: BalancerMetrics::new(metrics, url, std::iter::empty()),
    };
    Ok(LiveBalancer::new(parts, core, vec![Arc::new(member)]))
}

/// What the lots of this process are drawn from.
fn seed() -> u64 {
    RandomState::new().hash_one(())
}

fn authority(url: &config::MemberUrl) -> String {
    match url.host.contains(':') {
        true => format!("[{}]:{}", url.host, url.port),
        false => format!("{}:{}", url.host, url.port),
    }
}

pub(super) fn member_spec(config: &config::Member) -> MemberSpec {
    MemberSpec {
        route: config.route.clone(),
        redirect: config.redirect.clone(),
        domain: config.domain.clone(),
        factor: config.loadfactor,
        set: config.lbset,
        status: config.status,
        retry: config.retry,
    }
}

pub(super) fn backend(config: &config::Member, metrics: &MemberMetrics) -> anyhow::Result<Backend> {
    let upgrades = config.upgrade_url.as_ref();
    let upgrades = upgrades
        .map(|url| http_backend(config, url, metrics))
        .transpose();
    match config.url.scheme {
        Scheme::Ajp => {
            let packet_size = PacketSize::new(config.packet_size).context("packet_size")?;
            let settings = pool_settings(config, &config.url);
            let pool = Pool::new(settings, packet_size, metrics.connects.clone())?;
            let secret = config.secret.as_ref().map(config::Secret::expose);
            let backend = AjpBackend::new(pool, secret, config.timeout, packet_size);
            Ok(Backend::Ajp(backend.with_upgrades(upgrades?)))
        }
        Scheme::Http | Scheme::Https => {
            let backend = http_backend(config, &config.url, metrics)?;
            Ok(Backend::Http(backend.with_upgrades(upgrades?)))
        }
        Scheme::Ftp | Scheme::Ftps => Ok(Backend::Ftp(ftp_backend(config, metrics)?)),
    }
}

/// The HTTP side of a member, at this URL.
fn http_backend(
    config: &config::Member,
    url: &config::MemberUrl,
    metrics: &MemberMetrics,
) -> anyhow::Result<HttpBackend> {
    let tls = match url.scheme {
        Scheme::Https => Some(tls(config, url, b"http/1.1")?),
        _ => None,
    };
    let settings = PoolSettings {
        // CPING is not known there.
        ping: None,
        // Connections to another connector are made when somebody asks to upgrade.
        min: if *url == config.url { config.min } else { 0 },
        ..pool_settings(config, url)
    };
    let pool = Pool::new(settings, tls, metrics.connects.clone())?;
    Ok(HttpBackend::new(pool, config.timeout, &authority(url)))
}

fn ftp_backend(config: &config::Member, metrics: &MemberMetrics) -> anyhow::Result<FtpBackend> {
    let url = &config.url;
    let tls = match url.scheme {
        Scheme::Ftps => Some(tls(config, url, b"ftp")?),
        _ => None,
    };
    let settings = PoolSettings {
        // CPING is not known there.
        ping: None,
        ..pool_settings(config, url)
    };
    let pool = Pool::new(settings, tls.clone(), metrics.connects.clone())?;
    let settings = FtpSettings {
        ftp: config.ftp.clone(),
        timeout: config.timeout,
        connect: config.connectiontimeout,
        tls,
        realm: format!("{}://{}", url.scheme.name(), authority(url)),
    };
    Ok(FtpBackend::new(pool, settings))
}

/// TLS towards a member, with this protocol inside.
fn tls(config: &config::Member, url: &config::MemberUrl, alpn: &[u8]) -> anyhow::Result<Arc<Tls>> {
    let tls = Tls::new(url, config.tls.as_ref(), alpn);
    Ok(Arc::new(tls.with_context(|| format!("{url}: tls"))?))
}

fn pool_settings(config: &config::Member, url: &config::MemberUrl) -> PoolSettings {
    PoolSettings {
        host: url.host.clone(),
        port: url.port,
        max: config.max,
        min: config.min,
        ttl: config.ttl,
        acquire: config.acquire,
        connect: config.connectiontimeout,
        ping: config.ping,
    }
}
