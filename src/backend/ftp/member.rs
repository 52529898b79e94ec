//! An FTP member: its settings, and its warnings in the log.

use std::sync::Arc;
use std::time::Duration;

use ajpgate_config::Ftp;

use super::super::tls::Tls;
use crate::head::is_value;
use crate::telemetry::WarnLimit;

/// The settings of an FTP member.
#[derive(Debug, Clone)]
pub(crate) struct FtpSettings {
    /// The member's url, for the log.
    pub(crate) url: String,
    /// The realm that a client is shown when it is asked for a login: scheme, host and port.
    pub(crate) realm: String,
    /// Login, data connections, writing.
    pub(crate) ftp: Ftp,
    /// Longest wait for a reply, for the next bytes of a file, and for a whole listing.
    pub(crate) timeout: Duration,
    /// Longest wait for a TCP connection.
    pub(crate) connect: Duration,
    /// `None` for connections without TLS.
    pub(crate) tls: Option<Arc<Tls>>,
}

/// See the [module](self).
#[derive(Debug, Clone)]
pub(super) struct FtpMember {
    pub(super) settings: FtpSettings,
    login_refused: Arc<WarnLimit>,
}

impl FtpMember {
    pub(super) fn new(settings: FtpSettings) -> Self {
        Self {
            settings,
            login_refused: Arc::new(WarnLimit::per_minute()),
        }
    }

    /// The same member with another `timeout`.
    pub(super) fn within(&self, timeout: Duration) -> Self {
        let mut member = self.clone();
        member.settings.timeout = timeout;
        member
    }

    /// `WWW-Authenticate`.
    pub(super) fn challenge(&self) -> String {
        let realm = &self.settings.realm;
        let challenge = format!("Basic realm=\"{realm}\", charset=\"UTF-8\"");
        match is_value(challenge.as_bytes()) {
            true => challenge,
            false => "Basic realm=\"ftp\"".to_owned(),
        }
    }

    /// The server does not accept the configured login, or not for this file.
    pub(super) fn warn_of_refused_login(&self) {
        if let Some(left_out) = self.login_refused.due(()) {
            tracing::warn!(
                member = self.settings.url,
                left_out = left_out.field(),
                "the FTP server refuses the configured `username`, or does not let it read the file"
            );
        }
    }
}
