//! From the greeting to a session in which files can be asked for.

use std::time::Duration;

use ajpgate_ftp::command::Command;
use ajpgate_ftp::login::Login;
use http::StatusCode;

use super::super::error::FailureKind;
use super::dialogue::Dialogue;
use super::fault::{FtpError, FtpFault};

impl Dialogue<'_> {
    /// Reads the greeting and logs in, unless that has been done on this connection.
    pub(super) async fn log_in(&mut self, login: &Login) -> Result<(), FtpError> {
        if self.session.login.is_some() {
            return Ok(());
        }
        self.greeting().await?;
        self.user_and_password(login).await?;
        if self.settings.tls.is_some() {
            self.protect_data().await?;
        }
        // With the directory of the login a name can be sent as an absolute path, which means the same whatever directory an
        // earlier request has changed to.
        let reply = self.ask(Command::Pwd).await?;
        self.session.home = match reply.code {
            257 => reply.directory(),
            _ => None,
        };
        self.session.login = Some(login.clone());
        Ok(())
    }

    /// 220. A server that is not ready says 120 and in how many minutes it will be, or 421 or another code of failure.
    async fn greeting(&mut self) -> Result<(), FtpError> {
        let reply = self.control.reply(self.settings.timeout).await?;
        match reply.code {
            220 => Ok(()),
            120 => {
                let minutes = reply.number().unwrap_or_default();
                Err(FailureKind::Later(Duration::from_secs(60 * u64::from(minutes))).into())
            }
            code @ 400..=599 => Err(FailureKind::Unready(code).into()),
            code => Err(FtpFault::Unexpected(code).into()),
        }
    }

    /// USER and PASS (RFC 959 section 5.4).
    async fn user_and_password(&mut self, login: &Login) -> Result<(), FtpError> {
        let mut reply = self.ask(Command::User(&login.user)).await?;
        if reply.code == 331 {
            reply = self.ask(Command::Pass(&login.password)).await?;
        }
        Err(match reply.code {
            200..=299 => return Ok(()),
            // ACCT or a second password is needed, which HTTP cannot ask for.
            331 | 332 => FtpError::Refused(StatusCode::FORBIDDEN),
            // 530 is the usual code; some servers refuse a name with another one.
            430 | 501 | 530 | 553 => FtpError::Refused(StatusCode::UNAUTHORIZED),
            400..=499 => FtpError::Refused(StatusCode::SERVICE_UNAVAILABLE),
            code => FtpFault::Unexpected(code).into(),
        })
    }

    /// PBSZ and PROT: data connections use TLS, or nothing is transferred (RFC 4217 sections 8 and 9).
    async fn protect_data(&mut self) -> Result<(), FtpError> {
        for command in [Command::Pbsz, Command::Prot] {
            let reply = self.ask(command).await?;
            if !reply.is_positive() {
                return Err(FtpFault::Unprotected(reply.code).into());
            }
        }
        Ok(())
    }
}
