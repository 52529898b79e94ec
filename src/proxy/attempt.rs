//! Attempts: which member gets a request, and who is next when one fails.

use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use http::request::Parts;
use http::{HeaderValue, Method, Response};
use tracing::{debug, warn};

use super::destination::DESTINATION;
use super::journey::{Record, Session};
use super::local::Local;
use super::plan::{Plan, choose};
use super::respond::request_overlay;
use crate::backend::{FailureKind, Forward, ForwardError, ResponseBody, Retry, Timing};
use crate::balancer::{Hope, How, NoMember, Outcome, Tried, Want};
use crate::headers::{Nominated, RequestFields};
use crate::peer::Peer;
use crate::state::{Attempt, Chosen, LiveBalancer, LiveMember};
use crate::telemetry::metrics::{ErrorKind, RetryReason};
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

/// Has the request answered: by the member of its session, by the one the method chooses, or by the next when
/// one fails and trying again is safe.
pub(crate) async fn run(
    errand: &Errand<'_>,
    record: &mut Record,
    upload: &mut Option<Upload>,
) -> Result<(Response<ResponseBody>, Attempt), Local> {
    let balancer = &errand.plan.to.balancer;
    let mut tried = Tried::new();
    let mut tries = balancer.tries();
    let mut last: Option<(Arc<LiveMember>, ForwardError)> = None;
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
            Err(nobody) => {
                let error = last.as_ref().map(|(_, error)| error);
                return Err(unserved(errand, nobody, error));
            }
        };
        if let Some((member, error)) = &last {
            member.metrics.retries.increment(error.retry_reason());
        }
        record.how = Some(chosen.how);
        let mut attempt = chosen.attempt;
        record
            .first_member
            .get_or_insert_with(|| Arc::clone(&attempt.member));
        tries = tries.saturating_sub(1);
        let error = match send(errand, record, &mut attempt, upload).await {
            Ok(response) => return Ok((response, attempt)),
            Err(error) => error,
        };
        attempt.outcome = match error.blames_member(balancer.config.failontimeout) {
            true => Outcome::Failed,
            false => Outcome::Neutral,
        };
        tried.insert(attempt.member.id);
        if tries == 0 || !may_move_on(errand, record, &error, upload) {
            drop(attempt);
            return Err(failed(errand, &error));
        }
        last = Some((Arc::clone(&attempt.member), error));
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
    upload: &mut Option<Upload>,
) -> Result<Response<ResponseBody>, ForwardError> {
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
    let mut fresh = false;
    loop {
        record.attempts = record.attempts.saturating_add(1);
        let mut timing = Timing::default();
        let sent = member
            .backend
            .send(&forward, upload, fresh, &mut timing)
            .await;
        member.metrics.pool_wait.record(timing.waited.as_secs_f64());
        let error = match sent {
            Ok(response) => {
                member
                    .metrics
                    .backend_duration
                    .record(timing.to_head.as_secs_f64());
                attempt.answered_after(timing.to_head);
                if errand
                    .plan
                    .to
                    .balancer
                    .config
                    .failonstatus
                    .contains(&response.status().as_u16())
                {
                    member.metrics.errors.increment(ErrorKind::Status);
                    attempt.outcome = Outcome::Failed;
                }
                return Ok(response);
            }
            Err(error) => error,
        };
        if let Some(kind) = error.counts_as() {
            member.metrics.errors.increment(kind);
        }
        if let FailureKind::Silent = error.kind {
            attempt.answered_after(member.config.timeout);
        }
        if fresh || error.retry(forward.idempotent) != Retry::SameMember || !rewind(upload) {
            log(errand, &member, &error);
            return Err(error);
        }
        member.metrics.retries.increment(RetryReason::Stale);
        fresh = true;
    }
}

/// Whether the request may go to another member.
fn may_move_on(
    errand: &Errand<'_>,
    record: &Record,
    error: &ForwardError,
    upload: &mut Option<Upload>,
) -> bool {
    // Its session is there; elsewhere it would be lost because a member was busy for a while.
    let bound = record.session == Session::Route && record.how == Some(How::Sticky);
    if matches!(error.kind, FailureKind::Busy) && bound {
        return false;
    }
    error.retry(is_idempotent(&errand.parts.method)) != Retry::No && rewind(upload)
}

fn rewind(upload: &mut Option<Upload>) -> bool {
    upload.as_mut().is_some_and(Upload::rewind)
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

/// The answer when nobody can have the request.
fn unserved(errand: &Errand<'_>, nobody: NoMember, last: Option<&ForwardError>) -> Local {
    let balancer = &errand.plan.to.balancer;
    warn!(balancer = balancer.name(), reason = %nobody, "request not served");
    match last {
        Some(error) if error.status() != http::StatusCode::SERVICE_UNAVAILABLE => {
            Local::new(error.status())
        }
        _ => Local::unavailable(balancer.core().retry_after(Instant::now())),
    }
}

/// The answer when the last attempt has failed.
fn failed(errand: &Errand<'_>, error: &ForwardError) -> Local {
    if let FailureKind::Client(_) = error.kind {
        return Local::new(error.status()).and_close();
    }
    match error.status() {
        http::StatusCode::SERVICE_UNAVAILABLE => {
            let wait = errand.plan.to.balancer.core().retry_after(Instant::now());
            Local::unavailable(wait)
        }
        status => Local::new(status),
    }
}

fn log(errand: &Errand<'_>, member: &LiveMember, error: &ForwardError) {
    let balancer = errand.plan.to.balancer.name();
    match error.counts_as() {
        Some(_) => warn!(
            balancer, member = %member.url, error = %error, exposure = ?error.exposure,
            "attempt failed"
        ),
        None => debug!(balancer, member = %member.url, error = %error, "attempt given up"),
    }
}
