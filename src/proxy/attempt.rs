//! One attempt: a request on its way to one member, and what follows when it fails.

use std::time::Instant;

use http::StatusCode;
use tracing::{debug, warn};

use super::for_member::ForMember;
use super::interim::until_answered;
use super::record::Record;
use super::routed::RoutedRequest;
use super::session::Session;
use super::verdict::{self, Again, Body, End, Next, Rules, Verdict, verdict};
use crate::backend::{Failed, FailureKind, Forward, ForwardError, ResponseBody, Reuse, Sent};
use crate::balancer::{How, Outcome};
use crate::head::AnswerHead;
use crate::state::{Attempt, Chosen, LiveBalancer, LiveMember};
use crate::telemetry::metrics::{ErrorKind, RetryReason};
use crate::traces::On;
use crate::upload::Upload;
use crate::variables::Variables;

/// An attempt that failed, and what follows.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) error: ForwardError,
    pub(super) verdict: Verdict,
    pub(super) upload: Upload,
}

/// Sends the request to the chosen member. Returns its answer up to the body.
///
/// # Errors
/// Why there is no answer, and what follows from that.
pub(super) async fn send(
    request: &RoutedRequest<'_>,
    record: &mut Record,
    chosen: &mut Chosen,
    upload: Upload,
    tries_left: u32,
) -> Result<(AnswerHead, ResponseBody), Box<Ended>> {
    let member = &chosen.attempt.member;
    if let Some(trace) = &mut record.trace {
        let url = &member.config.url;
        let upgrades = member.config.upgrade_url.as_ref();
        trace.attempt_begins(&On {
            balancer: request.balancer().name(),
            url,
            server: upgrades
                .filter(|_| request.upgrade.is_some())
                .unwrap_or(url),
            route: &chosen.route,
            how: chosen.how.text(),
            method: &request.head.method,
            path: &request.plan.path_sent(&request.plan.back(member)),
        });
    }
    let trace = record.trace.as_deref();
    let for_member = ForMember::new(request, member, &record.variables, trace);
    let fields = for_member.fields();
    let sending = Sending {
        request,
        forward: &for_member.forward(&fields, &chosen.attempt),
        attempt: &chosen.attempt,
        variables: &record.variables,
        session: match (request.wanted.session, chosen.how) {
            (Session::Route, How::Sticky) => verdict::Session::Here,
            _ => verdict::Session::NotHere,
        },
        tries_left,
    };
    let before = record.attempts;
    let sent = sending.run(&mut record.attempts, upload).await;
    if let Some(trace) = &mut record.trace {
        trace.sent(record.attempts.saturating_sub(before));
        match &sent {
            Ok(((head, _), _)) => trace.attempt_answered(head.status.as_u16()),
            Err(ended) => {
                let kind = ended.verdict.error.map_or("_OTHER", ErrorKind::text);
                trace.attempt_failed(kind, &ended.error);
            }
        }
    }
    let (answer, outcome) = sent?;
    chosen.attempt.outcome = outcome;
    Ok(answer)
}

/// A request on its way to one member: what stays the same in both attempts when the first met a kept connection that
/// the member had closed.
struct Sending<'a> {
    request: &'a RoutedRequest<'a>,
    forward: &'a Forward<'a>,
    attempt: &'a Attempt,
    variables: &'a Variables,
    session: verdict::Session,
    tries_left: u32,
}

impl Sending<'_> {
    /// Sends the request, and sends it once more on a new connection when the kept one was closed.
    async fn run(
        &self,
        attempts: &mut u32,
        mut upload: Upload,
    ) -> Result<((AnswerHead, ResponseBody), Outcome), Box<Ended>> {
        let member = &self.attempt.member;
        let metrics = || member.metrics.now();
        let mut reuse = Reuse::Allowed;
        loop {
            *attempts = attempts.saturating_add(1);
            let sent = member.backend.send(self.forward, upload, reuse);
            let sent = match member.backend.speaks_ajp13() {
                // AJP13 has no interim answers.
                true => sent.await,
                false => Box::pin(until_answered(self.request, self.variables, sent)).await,
            };
            let failed = match sent {
                Ok(sent) => {
                    metrics().pool_wait.record(sent.waited);
                    return Ok(self.answered(sent));
                }
                Err(failed) => failed,
            };
            metrics().pool_wait.record(failed.waited);
            let ended = self.failed(*failed);
            if ended.verdict.next != Next::SameMember {
                return Err(Box::new(ended));
            }
            metrics().retries.increment(RetryReason::Stale);
            reuse = Reuse::Forbidden;
            upload = ended.upload;
            upload.rewind();
        }
    }

    /// The head of an answer came.
    fn answered(&self, sent: Sent<ResponseBody>) -> ((AnswerHead, ResponseBody), Outcome) {
        let metrics = self.attempt.member.metrics.now();
        metrics.backend_duration.record(sent.to_head);
        let head_at = sent.head_at.into_std();
        let end = End::Answered(sent.head.status);
        let verdict = verdict(end, Rules::of(self.request.balancer()));
        let outcome = verdict.outcome;
        self.attempt.answered_after(sent.to_head, outcome, head_at);
        if let Some(kind) = verdict.error {
            metrics.errors.increment(kind);
            let (balancer, member) = (self.request.balancer(), &self.attempt.member);
            log_status(balancer, member, kind, sent.head.status);
        }
        ((sent.head, sent.body), outcome)
    }

    /// No head of an answer came.
    fn failed(&self, failed: Failed) -> Ended {
        let Failed {
            error,
            upload,
            moved,
            ..
        } = failed;
        self.attempt.has_moved(moved);
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
        let balancer = self.request.balancer();
        let verdict = verdict(End::Failed(&error, again), Rules::of(balancer));
        if let Some(kind) = verdict.error {
            member.metrics.now().errors.increment(kind);
        }
        if let FailureKind::Silent = error.kind {
            let now = Instant::now();
            let timeout = self.forward.timeout.unwrap_or(member.config.timeout);
            self.attempt.silent_for(timeout, now);
        }
        if verdict.next != Next::SameMember {
            log(balancer, member, &error, verdict);
        }
        Ended {
            error,
            verdict,
            upload,
        }
    }
}

/// Logs an answer that counts as a failure of the member (`failonstatus`), at most once a second.
fn log_status(balancer: &LiveBalancer, member: &LiveMember, kind: ErrorKind, status: StatusCode) {
    let (balancer, status) = (balancer.name(), status.as_u16());
    if let Some(left_out) = member.warnings.failed.due(kind) {
        warn!(
            balancer, member = %member.url, status, left_out = left_out.field(),
            "an answer counts as a failure of the member: failonstatus has its status"
        );
    }
}

/// Logs a failed attempt: as a warning when the failure counts for the member and its last warning was a second ago, else
/// at level `debug`, so that every failure can be seen.
fn log(balancer: &LiveBalancer, member: &LiveMember, error: &ForwardError, verdict: Verdict) {
    let balancer = balancer.name();
    let Some(cause) = verdict.error else {
        debug!(balancer, member = %member.url, error = %error, "attempt given up");
        return;
    };
    let exposure = error.exposure;
    match member.warnings.failed.due(cause) {
        Some(left_out) => warn!(
            balancer, member = %member.url, error = %error, exposure = ?exposure,
            left_out = left_out.field(), "attempt failed"
        ),
        None => debug!(
            balancer, member = %member.url, error = %error, exposure = ?exposure, "attempt failed"
        ),
    }
}
