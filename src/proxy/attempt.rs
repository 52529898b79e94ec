//! Attempts: which member gets a request, and who is next when one fails.

use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode};
use tracing::{debug, warn};

use super::destination::DESTINATION;
use super::journey::{Record, Session};
use super::local::Local;
use super::plan::{Plan, choose};
use super::respond::request_overlay;
use super::verdict::{self, Again, Body, End, Next, Rules, Verdict, verdict};
use crate::backend::{Failed, FailureKind, Forward, ForwardError, ResponseBody, Reuse, Sent};
use crate::balancer::{Hope, How, NoMember, Outcome, Tried, Want};
use crate::headers::{Nominated, RequestFields};
use crate::peer::Peer;
use crate::state::{Attempt, Chosen, LiveBalancer, LiveMember};
use crate::telemetry::metrics::RetryReason;
use crate::upload::Upload;
use crate::variables::Variables;

/// A request that is to be answered by a member of a balancer: what stays the same in all attempts.
#[derive(Debug)]
pub(crate) struct Errand<'a> {
    pub(crate) parts: &'a Parts,
    pub(crate) plan: &'a Plan<'a>,
    pub(crate) peer: &'a Peer,
    pub(crate) nominated: &'a Nominated,
    /// The protocol that the client asks to switch to.
    pub(crate) upgrade: Option<&'a HeaderValue>,
}

/// An attempt that failed, and what follows.
#[derive(Debug)]
struct Ended {
    error: ForwardError,
    verdict: Verdict,
    upload: Upload,
}

/// The attempt before, when another one follows: its member, and why it failed.
#[derive(Debug)]
struct Before {
    member: Arc<LiveMember>,
    reason: RetryReason,
    /// The status for the client when no member is left.
    status: StatusCode,
}

/// Has the request answered: by the member of its session, by the one the method chooses, or by the next when
/// one fails and trying again is safe.
pub(crate) async fn run(
    errand: &Errand<'_>,
    record: &mut Record,
    mut upload: Upload,
) -> Result<(Response<ResponseBody>, Attempt), Local> {
    let balancer = &errand.plan.to.balancer;
    let mut tried = Tried::new();
    let mut tries_left = balancer.tries();
    let mut before: Option<Before> = None;
    let mut patience = None;
    loop {
        let now = if tried.is_empty() {
            record.started
        } else {
            Instant::now()
        };
        let mut chosen = choose(balancer, &mut record.variables, &tried, now);
        if chosen.is_err() && !balancer.config.timeout.is_zero() {
            let until = *patience.get_or_insert_with(|| now + balancer.config.timeout);
            // Rare and large: boxed, so that every request need not carry room for it.
            let waiting = wait_and_choose(balancer, &mut record.variables, &tried, until);
            chosen = Box::pin(waiting).await;
        }
        let chosen = match chosen {
            Ok(chosen) => chosen,
            Err(nobody) => return Err(unserved(errand, nobody, before)),
        };
        if let Some(before) = &before {
            before.member.metrics.retries.increment(before.reason);
        }
        record.how = Some(chosen.how);
        let mut attempt = chosen.attempt;
        record
            .first_member
            .get_or_insert_with(|| Arc::clone(&attempt.member));
        tries_left = tries_left.saturating_sub(1);
        let ended = match send(errand, record, &mut attempt, upload, tries_left).await {
            Ok(response) => return Ok((response, attempt)),
            Err(ended) => ended,
        };
        attempt.outcome = ended.verdict.outcome;
        tried.insert(attempt.member.id);
        let member = Arc::clone(&attempt.member);
        // From here on the member is not busy with the request any more.
        drop(attempt);
        let status = match ended.verdict.next {
            Next::AnotherMember(reason, status) => {
                before = Some(Before {
                    member,
                    reason,
                    status,
                });
                upload = ended.upload;
                upload.rewind();
                continue;
            }
            Next::Stop(status) => status,
            // Neither follows a failure that has come up to here.
            Next::SameMember | Next::Answer => StatusCode::BAD_GATEWAY,
        };
        return Err(given_up(errand, &ended.error, status));
    }
}

/// Waits for a member that can be chosen, until the balancer's `timeout` is over: for a wait after a failure to end,
/// for a health check, an operator or the end of a probe.
async fn wait_and_choose(
    balancer: &Arc<LiveBalancer>,
    variables: &mut Variables,
    tried: &Tried,
    until: Instant,
) -> Result<Chosen, NoMember> {
    loop {
        let mut change = pin!(balancer.change());
        // From here on no change is missed.
        change.as_mut().enable();
        let now = Instant::now();
        let nobody = match choose(balancer, variables, tried, now) {
            Ok(chosen) => return Ok(chosen),
            Err(nobody) => nobody,
        };
        let route = variables.session_route.as_deref();
        let wake_up = match balancer.core().hope(nobody, Want { route, tried }, now) {
            Hope::At(time) => time.min(until),
            Hope::Change => until,
            Hope::Never => return Err(nobody),
        };
        if now >= until {
            return Err(nobody);
        }
        tokio::select! {
            () = change => {}
            () = tokio::time::sleep_until(wake_up.into()) => {}
        }
    }
}

/// One attempt; a second one on a new connection when the first met a kept connection that was dead.
async fn send(
    errand: &Errand<'_>,
    record: &mut Record,
    attempt: &mut Attempt,
    upload: Upload,
    tries_left: u32,
) -> Result<Response<ResponseBody>, Box<Ended>> {
    let member = Arc::clone(&attempt.member);
    let Errand {
        parts, plan, peer, ..
    } = errand;
    let mapping = plan.mapping;
    let mut overlay = request_overlay(&mapping.request_headers, &record.variables, &parts.headers);
    if plan.destination.is_some() {
        overlay.replace(DESTINATION, plan.destination_sent(&member));
    }
    let attributes: Vec<(String, String)> = mapping
        .request_attributes
        .iter()
        .map(|(name, value)| (name.clone(), record.variables.render(value)))
        .collect();
    let back = plan.back(&member);
    let host = plan.target.host;
    let forward = Forward {
        method: &parts.method,
        idempotent: is_idempotent(&parts.method),
        version: parts.version,
        asked: plan.target.path,
        path: &plan.path_sent(&back),
        root: &back,
        query: plan.target.query,
        fields: &RequestFields {
            headers: &parts.headers,
            nominated: errand.nominated,
            overlay: &overlay,
            peer,
            host: host.text,
            host_sent: plan.host_sent(&member),
            port: host.port_told(peer),
        },
        peer,
        server_name: if host.name.is_empty() {
            &peer.local_ip
        } else {
            host.name
        },
        route: record
            .variables
            .session_route
            .as_deref()
            .filter(|route| !route.is_empty()),
        activation: plan
            .to
            .balancer
            .variable
            .is_some()
            .then(|| attempt.activation()),
        attributes: &attributes,
        upgrade: errand.upgrade,
    };
    let bound = record.session == Session::Route && record.how == Some(How::Sticky);
    let sending = Sending {
        errand,
        forward: &forward,
        attempt,
        session: match bound {
            true => verdict::Session::Here,
            false => verdict::Session::NotHere,
        },
        tries_left,
    };
    let (response, outcome) = sending.run(&mut record.attempts, upload).await?;
    attempt.outcome = outcome;
    Ok(response)
}

/// A request on its way to one member: what stays the same in both attempts when the first met a kept connection that
/// the member had closed.
struct Sending<'a> {
    errand: &'a Errand<'a>,
    forward: &'a Forward<'a>,
    attempt: &'a Attempt,
    session: verdict::Session,
    tries_left: u32,
}

impl Sending<'_> {
    async fn run(
        &self,
        attempts: &mut u32,
        mut upload: Upload,
    ) -> Result<(Response<ResponseBody>, Outcome), Box<Ended>> {
        let member = &self.attempt.member;
        let metrics = &member.metrics;
        let mut reuse = Reuse::Allowed;
        loop {
            *attempts = attempts.saturating_add(1);
            let sent = member.backend.send(self.forward, upload, reuse).await;
            let failed = match sent {
                Ok(sent) => {
                    metrics.pool_wait.record(sent.waited.as_secs_f64());
                    return Ok(self.answered(sent));
                }
                Err(failed) => failed,
            };
            metrics.pool_wait.record(failed.waited.as_secs_f64());
            let ended = self.failed(*failed);
            if ended.verdict.next != Next::SameMember {
                return Err(Box::new(ended));
            }
            metrics.retries.increment(RetryReason::Stale);
            reuse = Reuse::Forbidden;
            upload = ended.upload;
            upload.rewind();
        }
    }

    /// The head of an answer came.
    fn answered(&self, sent: Sent<ResponseBody>) -> (Response<ResponseBody>, Outcome) {
        let metrics = &self.attempt.member.metrics;
        metrics.backend_duration.record(sent.to_head.as_secs_f64());
        self.attempt.answered_after(sent.to_head);
        let end = End::Answered(sent.response.status());
        let verdict = verdict(end, Rules::of(&self.errand.plan.to.balancer));
        if let Some(kind) = verdict.error {
            metrics.errors.increment(kind);
        }
        (sent.response, verdict.outcome)
    }

    /// No head of an answer came.
    fn failed(&self, failed: Failed) -> Ended {
        let Failed { error, upload, .. } = failed;
        let member = &self.attempt.member;
        let again = Again {
            method: match self.forward.idempotent {
                true => verdict::Method::Idempotent,
                false => verdict::Method::Other,
            },
            body: match upload.is_held() {
                true => Body::Held,
                false => Body::Gone,
            },
            session: self.session,
            tries_left: self.tries_left,
        };
        let rules = Rules::of(&self.errand.plan.to.balancer);
        let verdict = verdict(End::Failed(&error, again), rules);
        if let Some(kind) = verdict.error {
            member.metrics.errors.increment(kind);
        }
        if let FailureKind::Silent = error.kind {
            self.attempt.answered_after(member.config.timeout);
        }
        if verdict.next != Next::SameMember {
            log(self.errand, member, &error, verdict);
        }
        Ended {
            error,
            verdict,
            upload,
        }
    }
}

/// Methods that may be repeated (RFC 9110 section 9.2.2), those of WebDAV included (RFC 4918).
fn is_idempotent(method: &Method) -> bool {
    matches!(
        method.as_str(),
        "GET"
            | "HEAD"
            | "PUT"
            | "DELETE"
            | "OPTIONS"
            | "TRACE"
            | "PROPFIND"
            | "PROPPATCH"
            | "REPORT"
            | "SEARCH"
    )
}

/// The answer when no member can have the request.
fn unserved(errand: &Errand<'_>, nobody: NoMember, before: Option<Before>) -> Local {
    let balancer = &errand.plan.to.balancer;
    warn!(balancer = balancer.name(), reason = %nobody, "request not served");
    answer(
        errand,
        before.map_or(StatusCode::SERVICE_UNAVAILABLE, |before| before.status),
    )
}

/// The answer when the last attempt has failed.
fn given_up(errand: &Errand<'_>, error: &ForwardError, status: StatusCode) -> Local {
    match error.kind {
        FailureKind::Client(_) => Local::new(status).and_close(),
        _ => answer(errand, status),
    }
}

fn answer(errand: &Errand<'_>, status: StatusCode) -> Local {
    match status {
        StatusCode::SERVICE_UNAVAILABLE => {
            let wait = errand.plan.to.balancer.core().retry_after(Instant::now());
            Local::unavailable(wait)
        }
        status => Local::new(status),
    }
}

fn log(errand: &Errand<'_>, member: &LiveMember, error: &ForwardError, verdict: Verdict) {
    let balancer = errand.plan.to.balancer.name();
    match verdict.error {
        Some(_) => warn!(
            balancer, member = %member.url, error = %error, exposure = ?error.exposure,
            "attempt failed"
        ),
        None => debug!(balancer, member = %member.url, error = %error, "attempt given up"),
    }
}
