//! One request, top down.

use std::sync::Arc;

use http::Response;
use http::request::Parts;
use tracing::debug;

use super::attempts;
use super::local::Local;
use super::member_answer::MemberAnswer;
use super::plan::Plan;
use super::record::{OpenRequest, Record};
use super::refusal::Refusal;
use super::routed::RoutedRequest;
use super::tracked::Tracked;
use super::upgrade;
use crate::backend::ResponseBody;
use crate::connection_state::ConnectionState;
use crate::headers::Nominated;
use crate::peer::Peer;
use crate::state::{Attempt, Shared, Snapshot};
use crate::upload::{ClientBody, Upload};

/// Answers a request. It never fails: whatever goes wrong before the head of the answer becomes an answer.
pub(crate) async fn handle(
    shared: Arc<Shared>,
    peer: Arc<Peer>,
    connection: Arc<ConnectionState>,
    parts: Parts,
    body: ClientBody,
) -> Response<Tracked> {
    let snapshot = shared.snapshot.load_full();
    let mut request = Box::new(OpenRequest::new(shared, peer, connection, parts));
    let OpenRequest { parts, record } = &mut *request;
    let answer = serve(&snapshot, parts, record, body).await;
    let (response, attempt) = match answer {
        Ok((response, attempt)) => (response, Some(attempt)),
        Err(local) => (local.into_response(), None),
    };
    record.answered(response.status(), response.headers());
    let (head, body) = response.into_parts();
    let tracked = Tracked::new(body, attempt, head.status, request);
    Response::from_parts(head, tracked)
}

/// Finds out where the request goes, has it answered by a member, and makes the answer the client's.
async fn serve(
    snapshot: &Snapshot,
    parts: &Parts,
    record: &mut Record,
    body: ClientBody,
) -> Result<(Response<ResponseBody>, Attempt), Local> {
    let (peer, connection) = (Arc::clone(&record.peer), Arc::clone(&record.connection));
    let plan = Plan::new(snapshot, parts, &peer).map_err(|refusal| {
        debug!(client = peer.ip, target = %parts.uri, reason = %refusal, "request refused");
        refused(refusal)
    })?;
    record.enter(&plan.to.balancer);
    let upload =
        Upload::new(body, snapshot.limits.max_body).map_err(|error| Local::new(error.status()))?;
    let wanted = plan.session(parts);
    record.names(&wanted);
    let nominated = Nominated::of(&parts.headers);
    let request = RoutedRequest {
        parts,
        plan: &plan,
        wanted: &wanted,
        peer: &peer,
        upgrade: upgrade::asked(parts, &nominated),
        nominated: &nominated,
        connection: &connection,
    };
    let (mut response, chosen) = attempts::run(&request, record, upload).await?;
    let answer = MemberAnswer {
        snapshot,
        request: &request,
        chosen: &chosen,
        variables: &record.variables,
    };
    answer.finish(response.headers_mut());
    record.member = Some(Arc::clone(&chosen.attempt.member));
    Ok((response, chosen.attempt))
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
