//! One request, top down.

use std::sync::Arc;

use http::header::COOKIE;
use http::request::Parts;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use tracing::debug;

use super::attempt::{self, Errand};
use super::journey::{Journey, Record, Session};
use super::local::Local;
use super::respond;
use super::reverse::Reverse;
use super::target::{BadTarget, Host, Target};
use super::tracked::Tracked;
use crate::backend::ResponseBody;
use crate::headers::Nominated;
use crate::link::Link;
use crate::mount::{Normal, normalize};
use crate::peer::Peer;
use crate::state::{Attempt, LiveMapping, LiveTarget, Shared, Snapshot};
use crate::sticky;
use crate::upload::Upload;

/// Answers a request. It never fails: whatever goes wrong before the head of the answer becomes an answer.
pub(crate) async fn handle(
    shared: Arc<Shared>,
    peer: Arc<Peer>,
    link: Arc<Link>,
    request: Request<Incoming>,
) -> Response<Tracked> {
    let answering = link.answering();
    let (parts, incoming) = request.into_parts();
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
    Response::from_parts(head, Tracked::new(body, attempt, journey, answering))
}

/// Finds out whom the request is for, has it answered, and makes the answer the client's.
async fn serve(
    snapshot: &Snapshot,
    parts: &Parts,
    record: &mut Record,
    incoming: Incoming,
) -> Result<(Response<ResponseBody>, Attempt), Local> {
    let peer = Arc::clone(&record.peer);
    let target = Target::of(parts, &peer).map_err(|why| {
        debug!(client = peer.ip, reason = %why, "request refused");
        let status = match why {
            BadTarget::Connect => StatusCode::METHOD_NOT_ALLOWED,
            _ => StatusCode::BAD_REQUEST,
        };
        Local::new(status).and_close()
    })?;
    if target.path == "*" {
        return Err(Local::options());
    }
    let normal = normalize(target.path).map_err(|why| {
        debug!(client = peer.ip, path = target.path, reason = %why, "path refused");
        Local::new(StatusCode::BAD_REQUEST).and_close()
    })?;
    let (mapping, to) =
        find(snapshot, &target.host, &normal).ok_or(Local::new(StatusCode::NOT_FOUND))?;
    record.enter(&to.balancer);
    let mut upload = Some(
        Upload::new(incoming, snapshot.max_body)
            .map_err(|error| Local::new(error.status()).and_close())?,
    );

    find_session(record, to, parts, &target);
    let errand = Errand {
        parts,
        target,
        normal: &normal,
        mapping,
        to,
        peer: &peer,
        nominated: &Nominated::of(&parts.headers),
    };
    let (mut response, attempt) = attempt::run(&errand, record, &mut upload).await?;

    let member = Arc::clone(&attempt.member);
    let route = record.variables.worker_route.as_deref().unwrap_or_default();
    let headers = response.headers_mut();
    respond::check_issued_routes(headers, &to.balancer, &member, route);
    let back = errand.back(&member);
    let reverse = Reverse {
        front: &mapping.path,
        back: &back,
        scheme: peer.scheme(),
        client_host: target.host.text,
        backend_host: errand.host_sent(&member),
    };
    reverse.apply(headers);
    respond::apply_rules(&mapping.response_headers, &record.variables, headers);
    record.member = Some(member);
    Ok((response, attempt))
}

/// The mapping of a path, decided on what the backend will make of it.
fn find<'s>(
    snapshot: &'s Snapshot,
    host: &Host<'_>,
    path: &Normal<'_>,
) -> Option<(&'s LiveMapping, &'s LiveTarget)> {
    let mapping = snapshot
        .mappings
        .get(snapshot.mounts.find(host.text, path)?)?;
    Some((mapping, mapping.target.as_ref()?))
}

/// Finds the request's session and the route that it asks for.
fn find_session(record: &mut Record, to: &LiveTarget, parts: &Parts, target: &Target<'_>) {
    let Some(spec) = &to.balancer.sticky else {
        return;
    };
    let cookies = parts
        .headers
        .get_all(COOKIE)
        .iter()
        .map(http::HeaderValue::as_bytes);
    let core = to.balancer.core();
    let known = |route: &str| core.knows_route(route);
    let Some(found) = sticky::find(spec, target.path, target.query, cookies, known) else {
        return;
    };
    record.session = match found.route {
        None | Some("") => Session::NoRoute,
        Some(route) if core.knows_route(route) => Session::Route,
        Some(_) => Session::UnknownRoute,
    };
    drop(core);
    if let Some(route) = found.route {
        record.variables.session_sticky = Some(Arc::from(found.name));
        record.variables.session_route = Some(Box::from(route));
    }
}
