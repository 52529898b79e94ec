//! A member that speaks FTP, plain or through implicit TLS: files and directories as answers to GET and HEAD, and where
//! `allow_write` is set PUT and DELETE.
//!
//! The crate `ajpgate-ftp` reads and writes the bytes; this module has the connections. ARCHITECTURE.md says why no other FTP
//! client is used. A [`FtpRequest`] is what the client asks for, a [`Dialogue`](dialogue::Dialogue) asks it on a [`Control`](control::Control)
//! connection and ends in an [`Answer`], whose file or listing comes in a [`Transfer`](transfer::Transfer) that the
//! [`FtpDriver`] hands to the client.

mod answer;
mod check;
mod control;
mod data;
mod dialogue;
mod directory;
mod driver;
mod fault;
mod file;
mod login;
mod member;
mod redirect;
mod request;
mod response;
mod session;
mod transfer;
mod transport;
mod write;

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use tokio::time::Instant;

use self::answer::Answer;
pub(crate) use self::driver::FtpDriver;
use self::fault::FtpError;
use self::member::FtpMember;
pub(crate) use self::member::FtpSettings;
use self::request::{Denied, FtpRequest};
use self::response::{respond, response};
use self::transport::{FtpTransport, traffic};
use super::error::{Exposure, FailureKind, ForwardError, Unsendable};
use super::exchange::Streamed;
use super::forward::{Failed, Forward, Sent, Steps};
use super::pool::{Lease, Pool, Reuse};
use super::wire::Moved;
use crate::head::AnswerHead;
use crate::upload::Upload;

/// A member that speaks FTP.
#[derive(Debug, Clone)]
pub(crate) struct FtpBackend {
    pool: Pool<FtpTransport>,
    member: Arc<FtpMember>,
}

impl FtpBackend {
    /// The status with which a request of this method and path is refused before the server is asked.
    pub(crate) fn refuses(
        &self,
        method: &http::Method,
        asked: &str,
        path: &str,
        root: &str,
    ) -> Option<StatusCode> {
        let ftp = &self.member.settings.ftp;
        match request::denied(method, (asked, path, root), ftp)? {
            Denied::Method => Some(StatusCode::METHOD_NOT_ALLOWED),
            Denied::Malformed => Some(StatusCode::BAD_REQUEST),
        }
    }

    pub(crate) fn new(pool: Pool<FtpTransport>, settings: FtpSettings) -> Self {
        let member = Arc::new(FtpMember::new(settings));
        Self { pool, member }
    }

    pub(crate) const fn pool(&self) -> &Pool<FtpTransport> {
        &self.pool
    }

    /// Sends a request and waits for the head of the answer. See [`Backend::send`](super::Backend::send).
    pub(crate) async fn send(
        &self,
        forward: &Forward<'_>,
        mut upload: Upload,
        reuse: Reuse,
    ) -> Result<Sent<Streamed<FtpDriver>>, Box<Failed>> {
        let within = forward.timeout.map(|timeout| Self {
            pool: self.pool.clone(),
            member: Arc::new(self.member.within(timeout)),
        });
        let this = within.as_ref().unwrap_or(self);
        let request = match FtpRequest::new(forward, &this.member.settings.ftp) {
            Ok(request) => request,
            Err(denied) => {
                let steps = Steps::without_connection();
                return match this.denied(denied, forward) {
                    Ok((head, body)) => Ok(steps.sent(head, body, None)),
                    Err(kind) => Err(steps.failed(ForwardError::unsent(kind), upload)),
                };
            }
        };
        let asked = Instant::now();
        let fits = |transport: &FtpTransport| transport.serves(&request.login);
        let lease = this.pool.lease_fitting(reuse, Duration::MAX, fits).await;
        let steps = Steps::leased(asked, &lease);
        let mut lease = match lease {
            Ok(lease) => lease,
            Err(kind) => return Err(steps.failed(ForwardError::unsent(kind), upload)),
        };
        let age = lease.age();
        let before = traffic(&mut lease);
        let answer = match this.ask(&mut lease, &request, &mut upload).await {
            Ok(answer) => answer,
            Err(kind) => {
                let exposure = match traffic(&mut lease).since(before).to_backend {
                    0 => Exposure::Nothing,
                    _ => Exposure::Sent,
                };
                return Err(steps.failed(ForwardError::new(kind, exposure, age), upload));
            }
        };
        match response(&this.member, lease, answer, &request, before).await {
            Ok((head, body)) => Ok(steps.sent(head, body, None)),
            Err(kind) => {
                let error = ForwardError::new(kind, Exposure::Sent, age);
                Err(steps.failed(error, upload))
            }
        }
    }

    /// The answer to a request that no server is asked.
    fn denied(
        &self,
        denied: Denied,
        forward: &Forward<'_>,
    ) -> Result<(AnswerHead, Streamed<FtpDriver>), FailureKind> {
        match denied {
            Denied::Method => {
                let mut answer = self.not_allowed();
                let text = answer.take_text();
                respond(answer, text, forward.method, Moved::default())
            }
            Denied::Malformed => Err(Unsendable::ControlCharacter.into()),
        }
    }

    /// The dialogue up to the head of the answer. A refusal of the server is an answer too.
    async fn ask(
        &self,
        lease: &mut Lease<FtpTransport>,
        request: &FtpRequest<'_>,
        upload: &mut Upload,
    ) -> Result<Answer, FailureKind> {
        let connection = lease.connection().ok_or(FailureKind::Removed)?;
        let mut dialogue = connection.transport.dialogue(&self.member.settings);
        match dialogue.answer(request, upload).await {
            Ok(answer) => Ok(answer),
            Err(FtpError::Failed(kind)) => Err(kind),
            Err(FtpError::Refused(status)) => Ok(self.refusal(status)),
        }
    }

    /// A refusal as the client gets it: it is asked for a login unless one is configured.
    fn refusal(&self, status: StatusCode) -> Answer {
        match status {
            StatusCode::UNAUTHORIZED if self.member.settings.ftp.username.is_none() => {
                Answer::status(status).with("WWW-Authenticate", self.member.challenge())
            }
            StatusCode::UNAUTHORIZED => {
                self.member.warn_of_refused_login();
                Answer::status(StatusCode::FORBIDDEN)
            }
            _ => Answer::status(status),
        }
    }

    /// 405 for a method that FTP does not have, or that `allow_write` does not allow.
    fn not_allowed(&self) -> Answer {
        let allowed = match self.member.settings.ftp.allow_write {
            true => "GET, HEAD, PUT, DELETE",
            false => "GET, HEAD",
        };
        Answer::status(StatusCode::METHOD_NOT_ALLOWED).with("Allow", allowed)
    }
}
