//! One request, top down.

use std::sync::Arc;

use http::request::Parts;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::ext::ReasonPhrase;
use hyper::upgrade::OnUpgrade;
use tracing::debug;

use super::attempt::{self, Errand};
use super::journey::{Journey, Record, Session};
use super::local::Local;
use super::own_cookie;
use super::plan::{Plan, Refusal, name_session};
use super::respond;
use super::reverse::Reverse;
use super::tracked::Tracked;
use super::upgrade;
use crate::backend::ResponseBody;
use crate::balancer::How;
use crate::headers::Nominated;
use crate::link::Link;
use crate::mount::Answered;
use crate::peer::Peer;
use crate::state::{Attempt, Shared, Snapshot};
use crate::upload::Upload;

/// Answers a request. It never fails: whatever goes wrong before the head of the answer becomes an answer.
pub(crate) async fn handle(
    shared: Arc<Shared>,
    peer: Arc<Peer>,
    link: Arc<Link>,
    request: Request<Incoming>,
) -> Response<Tracked> {
    let answering = link.answering();
    let (mut parts, incoming) = request.into_parts();
    let client = parts.extensions.remove::<OnUpgrade>();
    let snapshot = shared.snapshot.load_full();
    let mut journey = Box::new(Journey::new(shared, peer, link, parts));
    let Journey { parts, record } = &mut *journey;
    let answer = serve(&snapshot, parts, record, incoming).await;
    let (response, attempt) = match answer {
        Ok((response, attempt)) => (response, Some(attempt)),
        Err(local) => (local.into_response(), None),
    };
    record.answered(response.status(), response.headers());
    let (head, body) = response.into_parts();
    let timeout = attempt
        .as_ref()
        .map(|attempt| attempt.member.config.timeout);
    let (shared, link) = (Arc::clone(&record.shared), Arc::clone(&record.link));
    let mut tracked = Tracked::new(body, attempt, head.status, journey, answering);
    if let (Some(tunnel), Some(client)) = (tracked.take_tunnel(), client) {
        upgrade::begin(
            client,
            tunnel,
            tracked,
            timeout.unwrap_or_default(),
            &shared,
            &link,
        );
        tracked = Tracked::nothing();
    }
    Response::from_parts(head, tracked)
}

/// Finds out whom the request is for, has it answered, and makes the answer the client's.
async fn serve(
    snapshot: &Snapshot,
    parts: &Parts,
    record: &mut Record,
    incoming: Incoming,
) -> Result<(Response<ResponseBody>, Attempt), Local> {
    let peer = Arc::clone(&record.peer);
    let plan = Plan::new(snapshot, parts, &peer).map_err(|refusal| {
        debug!(client = peer.ip, target = %parts.uri, reason = %refusal, "request refused");
        refused(refusal)
    })?;
    let Plan {
        target,
        mapping,
        to,
        ..
    } = plan;
    record.enter(&to.balancer);
    let upload = Upload::new(incoming, snapshot.limits.max_body)
        .map_err(|error| Local::new(error.status()).and_close())?;

    let wanted = plan.session(parts);
    let session = wanted.session;
    record.session = session;
    if let Some(found) = wanted.found {
        name_session(&mut record.variables, &found);
    }
    let nominated = Nominated::of(&parts.headers);
    let errand = Errand {
        parts,
        plan: &plan,
        peer: &peer,
        upgrade: upgrade::asked(parts, &nominated),
        nominated: &nominated,
    };
    let (mut response, attempt) = attempt::run(&errand, record, upload).await?;

    let member = Arc::clone(&attempt.member);
    let route = record.variables.worker_route.as_deref().unwrap_or_default();
    let headers = response.headers_mut();
    respond::check_wanted_route(session, &record.variables, &to.balancer, &member, route);
    let issued = respond::check_issued_session(headers, &to.balancer, &member, route);
    // A session that the member answers with a new one is over, or never was its.
    let present = wanted.id.filter(|_| session != Session::NoRoute);
    let moved = match record.how {
        Some(How::Sticky) => None,
        _ => record.variables.session_route.as_deref(),
    };
    let counted = issued.or(present);
    if let Some(id) = counted {
        to.balancer.saw_session(id, moved, &member);
    }
    let counted = counted.is_some();
    let local = match target.host.text {
        "" => peer.local.to_string(),
        _ => String::new(),
    };
    let reverse = Reverse {
        mounts: Answered {
            table: &snapshot.mounts,
            paths: &snapshot.public_paths,
            host: target.host.text,
            address: &member.authority,
            front: &mapping.front,
            back: &plan.back(&member),
        },
        asked: target.path,
        normal: &plan.normal,
        scheme: peer.scheme(),
        host_sent: plan.host_sent(&member),
        local: &local,
    };
    reverse.apply(headers);
    if let Some(cookie) = &to.balancer.config.sticky_cookie
        && let Some(id) = own_cookie::set(cookie, &wanted, route, peer.tls, headers)
        && !counted
    {
        to.balancer.saw_session(&id, moved, &member);
    }
    respond::apply_rules(&mapping.response_headers, &record.variables, headers);
    if response.status().canonical_reason().is_none() {
        // hyper would say `<none>`; nothing need be said (RFC 9112 section 4).
        let nothing = ReasonPhrase::from_static(b"");
        response.extensions_mut().insert(nothing);
    }
    record.member = Some(member);
    Ok((response, attempt))
}

/// The answer to a request that goes nowhere.
fn refused(refusal: Refusal) -> Local {
    match refusal {
        Refusal::Options => Local::options(),
        Refusal::Excluded { .. } | Refusal::Unmapped => Local::new(refusal.status()),
        Refusal::Destination(_) => Local::new(refusal.status()),
        Refusal::Target(_) | Refusal::Path(_) => Local::new(refusal.status()).and_close(),
    }
}
