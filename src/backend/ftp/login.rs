//! From the greeting to a session that files can be asked of.

use std::time::Duration;

use http::StatusCode;

use super::super::error::FailureKind;
use super::control::{Control, positive};
use super::credentials::{Credentials, Source};
use super::fault::FtpFault;
use super::path::Kind;
use super::stop::Stop;
use super::transport::FtpTransport;

/// Most bytes of the name of a directory that is remembered.
const HOME_MAX: usize = 4096;

impl FtpTransport {
    /// Greets and logs in, unless that has been done; `secured` is whether TLS is spoken.
    pub(super) async fn log_in(
        &mut self,
        credentials: &Credentials,
        secured: bool,
        limit: Duration,
    ) -> Result<(), Stop> {
        if self.session.login.is_some() {
            return Ok(());
        }
        let control = self.control();
        greeting(control, limit).await?;
        let_in(control, credentials, limit).await?;
        if secured {
            protect(control, limit).await?;
        }
        let home = home(control, limit).await?;
        self.session.home = home;
        self.session.login = Some(credentials.clone());
        Ok(())
    }

    /// Has transfers be of this type. Sent only when another is in force.
    pub(super) async fn set_kind(&mut self, kind: Kind, limit: Duration) -> Result<(), Stop> {
        if self.session.kind == Some(kind) {
            return Ok(());
        }
        self.session.kind = None;
        let letter: &[u8] = match kind {
            Kind::Ascii => b"A",
            Kind::Image | Kind::Directory => b"I",
        };
        let reply = self.control().ask("TYPE", letter, limit).await?;
        Stop::unless_positive(reply)?;
        self.session.kind = Some(kind);
        Ok(())
    }
}

/// 220; 120 is "not yet".
async fn greeting(control: &mut Control, limit: Duration) -> Result<(), Stop> {
    let reply = control.reply(limit).await?;
    match reply.code {
        220 => Ok(()),
        code @ (120 | 400..=499) => Err(FailureKind::Unready(code).into()),
        code @ 500..=599 => Err(FailureKind::Unready(code).into()),
        code => Err(FtpFault::Unexpected(code).into()),
    }
}

/// USER and PASS (semantics 17.2).
async fn let_in(
    control: &mut Control,
    credentials: &Credentials,
    limit: Duration,
) -> Result<(), Stop> {
    let reply = control.ask("USER", &credentials.user, limit).await?;
    let reply = match reply.code {
        331 => control.ask("PASS", &credentials.password, limit).await?,
        _ => reply,
    };
    match reply.code {
        200..=299 => Ok(()),
        // An account is wanted too, or a second password: HTTP has no words for it.
        331 | 332 => Err(Stop::Status(StatusCode::FORBIDDEN)),
        // Some servers do not like the look of a name, or say so in a code of their own.
        430 | 501 | 530 | 553 => Err(match credentials.source {
            Source::Configured => Stop::Refused,
            Source::Client | Source::Anonymous => Stop::Status(StatusCode::UNAUTHORIZED),
        }),
        400..=499 => Err(Stop::Status(StatusCode::SERVICE_UNAVAILABLE)),
        code => Err(FtpFault::Unexpected(code).into()),
    }
}

/// Data goes through TLS too, or not at all (RFC 4217 sections 8 and 9).
async fn protect(control: &mut Control, limit: Duration) -> Result<(), Stop> {
    for (verb, argument) in [("PBSZ", b"0"), ("PROT", b"P")] {
        let reply = control.ask(verb, argument, limit).await?;
        if positive(reply.clone()).is_err() {
            return Err(FtpFault::Unprotected(reply.code).into());
        }
    }
    Ok(())
}

/// The directory that names are relative to. With it a name can be told in full, and does not depend on where an
/// earlier request has gone.
async fn home(control: &mut Control, limit: Duration) -> Result<Option<Vec<u8>>, Stop> {
    let reply = control.ask("PWD", b"", limit).await?;
    Ok(match reply.code {
        257 => quoted(&reply.last),
        _ => None,
    })
}

/// The text between quotes, in which quotes are doubled (RFC 959, appendix II).
fn quoted(text: &[u8]) -> Option<Vec<u8>> {
    let mut rest = text
        .iter()
        .skip_while(|byte| **byte != b'"')
        .skip(1)
        .peekable();
    let mut name = Vec::new();
    loop {
        match *rest.next()? {
            b'"' if rest.peek() == Some(&&b'"') => drop(rest.next()),
            b'"' => break,
            byte => {
                name.push(byte);
                continue;
            }
        }
        name.push(b'"');
    }
    let fit = name.starts_with(b"/")
        && name.len() <= HOME_MAX
        && !name.contains(&b'\r')
        && !name.contains(&0);
    fit.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_in_quotes() {
        for (text, expected) in [
            (&b"\"/\" is the current directory"[..], Some(&b"/"[..])),
            (b"\"/home/a \"\"b\"\"\" cwd", Some(b"/home/a \"b\"")),
            (b"\"/\"\"\"", Some(b"/\"")),
            (b"\"relative\"", None),
            (b"\"/open", None),
            (b"/plain", None),
            (b"\"/a\rb\"", None),
            (b"", None),
        ] {
            assert_eq!(quoted(text).as_deref(), expected, "{text:?}");
        }
    }
}
