//! A member that speaks FTP, plain or through implicit TLS: files and directories as answers to GET and HEAD.
//!
//! The client is the gateway's own. suppaftp was to be used, as the other protocols use hyper and the codec; what
//! speaks against it in its version 12.2.1 is in ARCHITECTURE.md. Shortly: a dropped transfer of it leaves a reply that
//! its next command takes in, so that whether the transfer was good is never known; PASV is read in one wording; and it
//! needs a package that this project bans.
//!
//! Pure, and tested as such: [`reply`], [`passive`], [`path`], [`credentials`], [`range`], [`entry`], [`moment`]. The
//! dialogue is [`login`], [`read`], [`write`] over [`control`] and [`data`]; a file is streamed by [`download`].

mod answer;
mod check;
mod control;
mod credentials;
mod data;
mod download;
mod entry;
mod fault;
mod gather;
mod login;
mod moment;
mod order;
mod page;
mod passive;
mod path;
mod range;
mod read;
mod reply;
mod stop;
mod transport;
mod write;

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use ajpgate_config::Ftp;
use bytes::Bytes;
use http::header::{ALLOW, CONTENT_LENGTH, HeaderValue, WWW_AUTHENTICATE};
use http::{Method, Response, StatusCode};
use tokio::time::Instant;

use self::answer::{Answer, AnswerBody};
use self::data::DataSettings;
pub(crate) use self::download::FtpDriver;
use self::order::{Act, Denied, Order};
use self::page::Directory;
use self::stop::Stop;
pub(crate) use self::transport::FtpTransport;
use super::error::{Exposure, FailureKind, ForwardError, Unsendable};
use super::exchange::{Event, Exchange as _, Streamed};
use super::head::{Head, Length, finish};
use super::pool::{Lease, Pool};
use super::response::ResponseBody;
use super::tls::Tls;
use super::wire::{Moved, Traffic};
use super::{Forward, Timing};
use crate::telemetry::Seldom;
use crate::upload::Upload;

/// A member that speaks FTP.
#[derive(Debug, Clone)]
pub(crate) struct FtpBackend {
    pool: Pool<FtpTransport>,
    shared: Arc<Shared>,
}

/// What is needed beside a pool.
#[derive(Debug)]
pub(crate) struct FtpSettings {
    pub(crate) ftp: Ftp,
    /// For each reply, and for each piece of data.
    pub(crate) timeout: Duration,
    /// Bound on each TCP connect.
    pub(crate) connect: Duration,
    /// Plain when there is none.
    pub(crate) tls: Option<Arc<Tls>>,
    /// How clients are asked for a login: scheme, host and port.
    pub(crate) realm: String,
}

#[derive(Debug)]
struct Shared {
    ftp: Ftp,
    timeout: Duration,
    data: DataSettings,
    challenge: HeaderValue,
    /// When it was said last that the configured login is not let in.
    refused: Seldom,
    realm: String,
}

impl FtpBackend {
    pub(crate) fn new(pool: Pool<FtpTransport>, settings: FtpSettings) -> Self {
        let realm = settings.realm;
        let challenge = format!("Basic realm=\"{realm}\", charset=\"UTF-8\"");
        Self {
            pool,
            shared: Arc::new(Shared {
                data: DataSettings {
                    passive: settings.ftp.passive,
                    connect: settings.connect,
                    tls: settings.tls,
                },
                ftp: settings.ftp,
                timeout: settings.timeout,
                challenge: HeaderValue::try_from(challenge)
                    .unwrap_or(HeaderValue::from_static("Basic realm=\"ftp\"")),
                refused: Seldom::default(),
                realm,
            }),
        }
    }

    /// See [`Backend::is_out_of_date`](super::Backend::is_out_of_date).
    pub(crate) fn is_out_of_date(&self) -> bool {
        let tls = self.shared.data.tls.as_ref();
        tls.is_some_and(|tls| tls.is_out_of_date())
    }

    pub(crate) const fn pool(&self) -> &Pool<FtpTransport> {
        &self.pool
    }

    /// Sends a request and waits for the head of the answer. See [`Backend::send`](super::Backend::send).
    pub(crate) async fn send(
        &self,
        request: &Forward<'_>,
        upload: &mut Option<Upload>,
        fresh: bool,
        timing: &mut Timing,
    ) -> Result<Response<ResponseBody>, ForwardError> {
        let order = match Order::of(request, &self.shared.ftp) {
            Ok(order) => order,
            Err(Denied::Method) => return self.not_allowed(request.method),
            Err(Denied::Unsayable) => {
                let kind = Unsendable::ControlCharacter.into();
                return Err(ForwardError::new(kind, Exposure::Nothing, false));
            }
        };
        let asked = Instant::now();
        let fits = |transport: &FtpTransport| transport.serves(&order.credentials);
        let lease = self.pool.lease_fitting(fresh, Duration::MAX, fits).await;
        let begun = Instant::now();
        timing.waited = begun.duration_since(asked);
        let mut lease = lease.map_err(|kind| ForwardError::new(kind, Exposure::Nothing, false))?;
        let reused = lease.reused();
        let before = traffic(&mut lease);
        let failed = |kind, now: Traffic| {
            let exposure = match now.since(before).to_backend {
                0 => Exposure::Nothing,
                _ => Exposure::Sent,
            };
            ForwardError::new(kind, exposure, reused)
        };
        let (answer, uploaded) = match self.fulfil(&mut lease, &order, upload).await {
            Ok(answered) => answered,
            Err(stop) => (
                self.refusal(stop)
                    .map_err(|kind| failed(kind, traffic(&mut lease)))?,
                0,
            ),
        };
        let response = self
            .answered(lease, answer, &order, (request.method, before, uploaded))
            .await;
        timing.to_head = begun.elapsed();
        response.map_err(|kind| ForwardError::new(kind, Exposure::Sent, reused))
    }

    /// The dialogue up to the head of the answer; with it the bytes of the request's body that were sent.
    async fn fulfil(
        &self,
        lease: &mut Lease<FtpTransport>,
        order: &Order<'_>,
        upload: &mut Option<Upload>,
    ) -> Result<(Answer, u64), Stop> {
        let Shared { data, timeout, .. } = &*self.shared;
        let connection = lease.connection().ok_or(FailureKind::Removed)?;
        let transport = &mut connection.transport;
        transport
            .log_in(&order.credentials, data.tls.is_some(), *timeout)
            .await?;
        Ok(match order.act {
            Act::Get | Act::Head => (transport.fetch(order, data, *timeout).await?, 0),
            Act::Delete => (transport.delete(order, *timeout).await?, 0),
            Act::Put => transport.store(order, upload, data, *timeout).await?,
        })
    }

    /// What a client is told when the server has said no.
    fn refusal(&self, stop: Stop) -> Result<Answer, FailureKind> {
        match stop {
            Stop::Failed(kind) => Err(kind),
            Stop::Status(status @ StatusCode::UNAUTHORIZED)
                if self.shared.ftp.username.is_none() =>
            {
                let challenge = self.shared.challenge.clone();
                Ok(Answer::status(status).with(WWW_AUTHENTICATE, challenge))
            }
            Stop::Refused | Stop::Status(StatusCode::UNAUTHORIZED) => {
                if self.shared.refused.is_due(Instant::now().into_std()) {
                    tracing::warn!(
                        member = self.shared.realm,
                        "the server does not let the configured `username` in, or not there"
                    );
                }
                Ok(Answer::status(StatusCode::FORBIDDEN))
            }
            Stop::Status(status) => Ok(Answer::status(status)),
        }
    }

    /// Makes a response of an answer. A connection that nothing more is to come over goes back.
    async fn answered(
        &self,
        mut lease: Lease<FtpTransport>,
        mut answer: Answer,
        order: &Order<'_>,
        (method, before, uploaded): (&Method, Traffic, u64),
    ) -> Result<Response<ResponseBody>, FailureKind> {
        let limit = self.shared.timeout;
        let body = std::mem::replace(&mut answer.body, AnswerBody::Text(Bytes::new()));
        let (transfer, format) = match body {
            AnswerBody::Text(text) => {
                let mut moved = Moved {
                    wire: traffic(&mut lease).since(before),
                    ..Moved::default()
                };
                moved.bodies.to_backend = uploaded;
                moved.wire.to_backend = moved.wire.to_backend.saturating_add(uploaded);
                lease.give_back();
                answer.body = AnswerBody::Text(text);
                return respond(answer, method, moved);
            }
            AnswerBody::File(transfer) => (transfer, None),
            AnswerBody::Listing(transfer, format) => (transfer, Some(format)),
        };
        let mut driver = FtpDriver::transfer(transfer, lease, before, limit);
        if let Some(format) = format {
            let entries = gather::entries(&mut driver, format, limit).await?;
            let path = order.path.shown();
            let directory = Directory {
                path: &path,
                is_root: order.path.is_root(),
                entries: &entries,
            };
            let text = if order.json {
                directory.json()
            } else {
                directory.html()
            };
            answer.body = AnswerBody::Text(text.into());
            return respond(answer, method, driver.moved());
        }
        let head = finish(answer.status, answer.headers, method).map_err(FailureKind::BadHead)?;
        if head.length == Length::Known(0) {
            // A client asks for no body of that length, and would not see that it was broken off.
            while !matches!(poll_fn(|cx| driver.poll_event(cx)).await?, Event::End) {}
        }
        Ok(response(head, driver))
    }

    fn not_allowed(&self, method: &Method) -> Result<Response<ResponseBody>, ForwardError> {
        let allowed = HeaderValue::from_static(match self.shared.ftp.allow_write {
            true => "GET, HEAD, PUT, DELETE",
            false => "GET, HEAD",
        });
        let answer = Answer::status(StatusCode::METHOD_NOT_ALLOWED).with(ALLOW, allowed);
        respond(answer, method, Moved::default())
            .map_err(|kind| ForwardError::new(kind, Exposure::Nothing, false))
    }
}

/// An answer whose body is there.
fn respond(
    mut answer: Answer,
    method: &Method,
    moved: Moved,
) -> Result<Response<ResponseBody>, FailureKind> {
    let text = match answer.body {
        AnswerBody::Text(text) => text,
        AnswerBody::File(_) | AnswerBody::Listing(..) => Bytes::new(),
    };
    // Where HEAD was asked for, what GET would get is known for files only.
    if *method != Method::HEAD {
        answer.headers.insert(CONTENT_LENGTH, text.len().into());
    }
    let head = finish(answer.status, answer.headers, method).map_err(FailureKind::BadHead)?;
    let text = match head.length {
        Length::None => Bytes::new(),
        _ => text,
    };
    Ok(response(head, FtpDriver::text(text, moved)))
}

fn response(head: Head, driver: FtpDriver) -> Response<ResponseBody> {
    let body = ResponseBody::Ftp(Streamed::new(Box::new(driver), head.length));
    let mut response = Response::new(body);
    *response.status_mut() = head.status;
    *response.headers_mut() = head.headers;
    response
}

/// What has gone over the control connection since it was made.
fn traffic(lease: &mut Lease<FtpTransport>) -> Traffic {
    lease
        .connection()
        .map(|connection| connection.transport.control().wire.traffic)
        .unwrap_or_default()
}
