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
use super::pool::{Pool, PoolSettings, Transport};
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

/// Makes the backend of a member, for a program in which `cores` cores keep connections. Its connects are counted in
/// `connects`.
///
/// # Errors
/// When a file of `tls` cannot be used, or a value of the configuration has no meaning.
pub(crate) fn backend(
    member: &Member,
    cores: usize,
    connects: &ConnectCounters,
) -> Result<Backend, BackendError> {
    let maker = Maker {
        member,
        cores,
        connects,
    };
    let arm = match member.url.scheme {
        Scheme::Ajp => Arm::Ajp(maker.ajp()?),
        Scheme::Http | Scheme::Https => Arm::Http(maker.http(&member.url)?),
        #[cfg(feature = "ftp")]
        Scheme::Ftp | Scheme::Ftps => Arm::Ftp(maker.ftp()?),
        #[cfg(not(feature = "ftp"))]
        Scheme::Ftp | Scheme::Ftps => {
            let url = member.url.to_string();
            return Err(BackendError::WithoutFtp { url });
        }
    };
    let upgrades = member.upgrade_url.as_ref();
    let upgrades = upgrades.map(|url| maker.http(url));
    Ok(Backend::new(arm, upgrades.transpose()?))
}

/// Makes the backend of a member.
struct Maker<'a> {
    member: &'a Member,
    cores: usize,
    connects: &'a ConnectCounters,
}

impl Maker<'_> {
    fn ajp(&self) -> Result<AjpBackend, BackendError> {
        let Member {
            url,
            packet_size: size,
            ..
        } = self.member;
        let packet_size = PacketSize::new(*size).ok_or_else(|| BackendError::PacketSize {
            url: url.to_string(),
            size: *size,
        })?;
        let settings = AjpSettings::new(url.to_string(), packet_size, self.member.ping);
        let secret = self.member.secret.as_ref().map(Secret::expose);
        let pool = self.pool(url, settings)?;
        Ok(AjpBackend::new(pool, secret, self.member.timeout))
    }

    /// The HTTP side of a member, at this URL: the member's own, or its `upgrade_url`.
    fn http(&self, url: &MemberUrl) -> Result<HttpBackend, BackendError> {
        let tls = match url.scheme {
            Scheme::Https => Some(tls(self.member, url, b"http/1.1")?),
            _ => None,
        };
        let pool = self.pool(url, tls)?;
        let timeout = self.member.timeout;
        Ok(HttpBackend::new(pool, timeout, &authority(url)))
    }

    #[cfg(feature = "ftp")]
    fn ftp(&self) -> Result<FtpBackend, BackendError> {
        let Member { url, .. } = self.member;
        let tls = match url.scheme {
            Scheme::Ftps => Some(tls(self.member, url, b"ftp")?),
            _ => None,
        };
        let pool = self.pool(url, tls.clone())?;
        let settings = FtpSettings {
            url: url.to_string(),
            ftp: self.member.ftp.clone(),
            timeout: self.member.timeout,
            connect: self.member.connectiontimeout,
            tls,
            realm: format!("{}://{}", url.scheme.name(), authority(url)),
        };
        Ok(FtpBackend::new(pool, settings))
    }

    fn pool<T: Transport>(
        &self,
        url: &MemberUrl,
        protocol: T::Settings,
    ) -> Result<Pool<T>, BackendError> {
        let member = self.member;
        let settings = PoolSettings {
            host: url.host.clone(),
            port: url.port,
            max: member.max,
            // Connections to `upgrade_url` are made when a client asks to upgrade.
            min: if *url == member.url { member.min } else { 0 },
            ttl: member.ttl,
            acquire: member.acquire,
            connect: member.connectiontimeout,
            cores: self.cores,
        };
        let pool = Pool::new(settings, protocol, self.connects.clone());
        pool.map_err(|reason| BackendError::Pool {
            url: url.to_string(),
            reason,
        })
    }
}

/// TLS towards a member. `alpn` names the protocol inside (RFC 7301).
fn tls(member: &Member, url: &MemberUrl, alpn: &[u8]) -> Result<Arc<Tls>, BackendError> {
    let tls = Tls::new(&url.host, member.tls.as_ref(), alpn);
    tls.map(Arc::new).map_err(|reason| BackendError::Tls {
        url: url.to_string(),
        reason,
    })
}

/// Host and port of a URL, an IPv6 address in brackets (RFC 3986 section 3.2).
pub(crate) fn authority(url: &MemberUrl) -> String {
    match url.host.contains(':') {
        true => format!("[{}]:{}", url.host, url.port),
        false => format!("{}:{}", url.host, url.port),
    }
}
