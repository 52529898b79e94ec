//! The backend of a member: from its configuration to a pool of connections. Nothing is connected yet.

use std::sync::Arc;

use ajp13::PacketSize;
use ajpgate_config::{Member, MemberUrl, Scheme, Secret};
use deadpool::managed::BuildError;

use super::ajp::{AjpBackend, AjpSettings};
use super::arms::{Arm, Backend};
#[cfg(feature = "ftp")]
use super::ftp::{FtpBackend, FtpSettings};
use super::http1::HttpBackend;
use super::pool::{Pool, PoolSettings};
use super::tls::{Tls, TlsError};
use crate::telemetry::metrics::ConnectCounters;

/// Why there is no backend for a member. Its text names the member.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BackendError {
    #[error("{url}: packet_size: {size} is out of range")]
    PacketSize { url: String, size: usize },
    #[error("{url}: tls: {reason}")]
    Tls { url: String, reason: TlsError },
    #[error("{url}: {reason}")]
    Pool { url: String, reason: BuildError },
    #[cfg(not(feature = "ftp"))]
    #[error("url: {url}: this program is built without FTP")]
    WithoutFtp { url: String },
}

/// Makes the backend of a member. Its connects are counted in `connects`.
///
/// # Errors
/// When a file of `tls` cannot be used, or a value of the configuration has no meaning.
pub(crate) fn backend(
    member: &Member,
    connects: &ConnectCounters,
) -> Result<Backend, BackendError> {
    let arm = match member.url.scheme {
        Scheme::Ajp => Arm::Ajp(ajp_backend(member, connects)?),
        Scheme::Http | Scheme::Https => Arm::Http(http_backend(member, &member.url, connects)?),
        #[cfg(feature = "ftp")]
        Scheme::Ftp | Scheme::Ftps => Arm::Ftp(ftp_backend(member, connects)?),
        #[cfg(not(feature = "ftp"))]
        Scheme::Ftp | Scheme::Ftps => {
            let url = member.url.to_string();
            return Err(BackendError::WithoutFtp { url });
        }
    };
    let upgrades = member.upgrade_url.as_ref();
    let upgrades = upgrades.map(|url| http_backend(member, url, connects));
    Ok(Backend::new(arm, upgrades.transpose()?))
}

fn ajp_backend(member: &Member, connects: &ConnectCounters) -> Result<AjpBackend, BackendError> {
    let url = &member.url;
    let size = member.packet_size;
    let packet_size = PacketSize::new(size).ok_or_else(|| BackendError::PacketSize {
        url: url.to_string(),
        size,
    })?;
    let settings = AjpSettings::new(url.to_string(), packet_size, member.ping);
    let pool = Pool::new(pool_settings(member, url), settings, connects.clone());
    let secret = member.secret.as_ref().map(Secret::expose);
    let pool = pool.map_err(|reason| no_pool(url, reason))?;
    Ok(AjpBackend::new(pool, secret, member.timeout))
}

/// The HTTP side of a member, at this URL: the member's own, or its `upgrade_url`.
fn http_backend(
    member: &Member,
    url: &MemberUrl,
    connects: &ConnectCounters,
) -> Result<HttpBackend, BackendError> {
    let tls = match url.scheme {
        Scheme::Https => Some(tls(member, url, b"http/1.1")?),
        _ => None,
    };
    let settings = PoolSettings {
        // Connections to `upgrade_url` are made when a client asks to upgrade.
        min: if *url == member.url { member.min } else { 0 },
        ..pool_settings(member, url)
    };
    let pool = Pool::new(settings, tls, connects.clone());
    let pool = pool.map_err(|reason| no_pool(url, reason))?;
    Ok(HttpBackend::new(pool, member.timeout, &authority(url)))
}

#[cfg(feature = "ftp")]
fn ftp_backend(member: &Member, connects: &ConnectCounters) -> Result<FtpBackend, BackendError> {
    let url = &member.url;
    let tls = match url.scheme {
        Scheme::Ftps => Some(tls(member, url, b"ftp")?),
        _ => None,
    };
    let pool = Pool::new(pool_settings(member, url), tls.clone(), connects.clone());
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
    }
}

/// Host and port of a URL, an IPv6 address in brackets (RFC 3986 section 3.2).
pub(crate) fn authority(url: &MemberUrl) -> String {
    match url.host.contains(':') {
        true => format!("[{}]:{}", url.host, url.port),
        false => format!("{}:{}", url.host, url.port),
    }
}
