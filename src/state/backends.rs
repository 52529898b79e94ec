//! The backend of a member: from its configuration to a pool of connections. Nothing is connected yet.

use std::sync::Arc;

use ajp13::PacketSize;
use ajpgate_config::{Member, MemberUrl, Scheme, Secret};
use deadpool::managed::BuildError;

use crate::backend::{
    AjpBackend, Backend, FtpBackend, FtpSettings, HttpBackend, Pool, PoolSettings, Tls, TlsError,
};
use crate::telemetry::metrics::MemberMetrics;

/// Why there is no backend for a member. Its text names the member.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BackendError {
    #[error("{url}: packet_size: {size} is out of range")]
    PacketSize { url: String, size: usize },
    #[error("{url}: tls: {reason}")]
    Tls { url: String, reason: TlsError },
    #[error("{url}: {reason}")]
    Pool { url: String, reason: BuildError },
}

/// Makes the backend of a member; its connections are counted under `metrics`.
pub(super) fn backend(member: &Member, metrics: &MemberMetrics) -> Result<Backend, BackendError> {
    let upgrades = member.upgrade_url.as_ref();
    let upgrades = upgrades
        .map(|url| http_backend(member, url, metrics))
        .transpose();
    match member.url.scheme {
        Scheme::Ajp => {
            let backend = ajp_backend(member, metrics)?;
            Ok(Backend::Ajp(backend.with_upgrades(upgrades?)))
        }
        Scheme::Http | Scheme::Https => {
            let backend = http_backend(member, &member.url, metrics)?;
            Ok(Backend::Http(backend.with_upgrades(upgrades?)))
        }
        Scheme::Ftp | Scheme::Ftps => Ok(Backend::Ftp(ftp_backend(member, metrics)?)),
    }
}

fn ajp_backend(member: &Member, metrics: &MemberMetrics) -> Result<AjpBackend, BackendError> {
    let url = &member.url;
    let size = member.packet_size;
    let packet_size = PacketSize::new(size).ok_or_else(|| BackendError::PacketSize {
        url: url.to_string(),
        size,
    })?;
    let settings = pool_settings(member, url);
    let pool = Pool::new(settings, packet_size, metrics.connects.clone());
    let secret = member.secret.as_ref().map(Secret::expose);
    let pool = pool.map_err(|reason| no_pool(url, reason))?;
    Ok(AjpBackend::new(pool, secret, member.timeout, packet_size))
}

/// The HTTP side of a member, at this URL: the member's own, or its `upgrade_url`.
fn http_backend(
    member: &Member,
    url: &MemberUrl,
    metrics: &MemberMetrics,
) -> Result<HttpBackend, BackendError> {
    let tls = match url.scheme {
        Scheme::Https => Some(tls(member, url, b"http/1.1")?),
        _ => None,
    };
    let settings = PoolSettings {
        // CPING belongs to AJP13.
        ping: None,
        // Connections to `upgrade_url` are made when a client asks to upgrade.
        min: if *url == member.url { member.min } else { 0 },
        ..pool_settings(member, url)
    };
    let pool = Pool::new(settings, tls, metrics.connects.clone());
    let pool = pool.map_err(|reason| no_pool(url, reason))?;
    Ok(HttpBackend::new(pool, member.timeout, &authority(url)))
}

fn ftp_backend(member: &Member, metrics: &MemberMetrics) -> Result<FtpBackend, BackendError> {
    let url = &member.url;
    let tls = match url.scheme {
        Scheme::Ftps => Some(tls(member, url, b"ftp")?),
        _ => None,
    };
    let settings = PoolSettings {
        // CPING belongs to AJP13.
        ping: None,
        ..pool_settings(member, url)
    };
    let pool = Pool::new(settings, tls.clone(), metrics.connects.clone());
    let pool = pool.map_err(|reason| no_pool(url, reason))?;
    let settings = FtpSettings {
        url: url.to_string(),
        ftp: member.ftp.clone(),
        timeout: member.timeout,
        connect: member.connectiontimeout,
        tls,
        realm: format!("{}://{}", url.scheme.name(), authority(url)),
    };
    Ok(FtpBackend::new(pool, settings))
}

fn no_pool(url: &MemberUrl, reason: BuildError) -> BackendError {
    BackendError::Pool {
        url: url.to_string(),
        reason,
    }
}

/// TLS towards a member. `alpn` names the protocol inside (RFC 7301).
fn tls(member: &Member, url: &MemberUrl, alpn: &[u8]) -> Result<Arc<Tls>, BackendError> {
    let tls = Tls::new(url, member.tls.as_ref(), alpn);
    tls.map(Arc::new).map_err(|reason| BackendError::Tls {
        url: url.to_string(),
        reason,
    })
}

fn pool_settings(member: &Member, url: &MemberUrl) -> PoolSettings {
    PoolSettings {
        host: url.host.clone(),
        port: url.port,
        max: member.max,
        min: member.min,
        ttl: member.ttl,
        acquire: member.acquire,
        connect: member.connectiontimeout,
        ping: member.ping,
    }
}

/// Host and port of a URL, an IPv6 address in brackets (RFC 3986 section 3.2).
pub(super) fn authority(url: &MemberUrl) -> String {
    match url.host.contains(':') {
        true => format!("[{}]:{}", url.host, url.port),
        false => format!("{}:{}", url.host, url.port),
    }
}

/// Whether the same connections serve both configurations of a member: they differ in nothing but what the balancer's
/// decisions are about.
pub(super) fn is_talked_to_alike(one: &Member, other: &Member) -> bool {
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
