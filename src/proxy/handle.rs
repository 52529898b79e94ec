//! One request, top down.

use std::sync::Arc;

use ajpgate_config::MaxBody;
use http::StatusCode;
use tracing::debug;

use super::attempts;
use super::enter::{enter, enter_destination};
use super::files;
use super::finish::{Finished, Finishing, Given};
use super::local::{Local, fixed};
use super::mapped::Mapped;
use super::member_answer::MemberAnswer;
use super::plan::Plan;
use super::record::{OpenRequest, Record};
use super::refusal::Refusal;
use super::routed::RoutedRequest;
use super::target::BadTarget;
use super::tracked::Tracked;
use super::upgrade;
use crate::backend::ResponseBody;
use crate::client::{self, Believed, Client};
use crate::connection_state::ConnectionState;
use crate::facts::Facts;
use crate::head::{AnswerHead, RequestHead};
use crate::headers::{Nominated, Passing};
use crate::identity::is_told;
use crate::state::{LiveAction, LiveTarget, Shared, Snapshot};
use crate::upload::{ClientBody, Upload};

/// Answers a request. It never fails: whatever goes wrong before the head of the answer becomes an answer.
pub(crate) async fn handle(
    shared: Arc<Shared>,
    client: Arc<Client>,
    connection: Arc<ConnectionState>,
    head: RequestHead,
    body: ClientBody,
) -> (AnswerHead, Tracked) {
    let snapshot = shared.snapshot.load_full();
    let client = client::of_request(client, &head, &snapshot.trusted);
    let mut request = Box::new(OpenRequest::new(
        shared,
        Arc::clone(&client),
        connection,
        head,
    ));
    let OpenRequest { head, record } = &mut *request;
    if let Some(tracing) = &snapshot.tracing {
        record.begin_trace(tracing, head);
    }
    let mapped = Mapped::of(&snapshot, head, &client);
    if let (Some(trace), Ok(mapped)) = (&mut record.trace, &mapped) {
        trace.is_for(mapped.located.mapping.front.path());
    }
    let believed = Believed {
        claims: &snapshot.claims,
        is_told: is_told(&client, &snapshot.trusted),
    };
    let answer = match &mapped {
        Ok(mapped) => serve(&snapshot, mapped, head, record, believed, body).await,
        Err(refusal) => Err(unmapped(*refusal, head, &client, &record.shared)),
    };
    let given = match answer {
        Ok(given) => given,
        Err(local) => Given::Refusal(local),
    };
    let cookies = std::mem::take(&mut record.set_cookies);
    let finishing = Finishing {
        snapshot: &snapshot,
        mapping: mapped.as_ref().ok().map(|mapped| mapped.located.mapping),
        facts: Facts {
            head: Some(head),
            client: &record.client,
            variables: &record.variables,
            user: record.user.as_ref().map(|user| &*user.name),
            believed: Some(believed),
        },
    };
    let Finished {
        head: answer,
        body,
        attempt,
    } = finishing.finish(given, &cookies);
    record.answered(&answer);
    let tracked = Tracked::new(body, attempt, answer.status, request);
    (answer, tracked)
}

/// Does what the mapping of a request says.
async fn serve(
    snapshot: &Snapshot,
    mapped: &Mapped<'_>,
    head: &RequestHead,
    record: &mut Record,
    believed: Believed<'_>,
    body: ClientBody,
) -> Result<Given, Local> {
    if let Some((answer, body)) = enter(snapshot, mapped, head, record).await? {
        return Ok(Given::Told(answer, body));
    }
    match &mapped.located.mapping.action {
        LiveAction::Forward(to) => {
            forward(snapshot, mapped, to, head, record, believed, body).await
        }
        LiveAction::Files(files) => {
            // A body is not wanted, and may not be longer than others.
            wanted(snapshot, mapped, body)?;
            let answer = files::answer(snapshot, mapped, files, head).await;
            let (answer, contents) = answer.map_err(Local::of_mapping)?;
            Ok(Given::Content(answer, ResponseBody::File(contents)))
        }
        LiveAction::Redirect(redirect) => {
            Err(mapped.redirected(redirect, &record.client).of_mapping())
        }
        LiveAction::Respond(respond) => {
            let (answer, body) = fixed(respond);
            Ok(Given::Content(answer, body))
        }
        // An exclusion that covers the path was a refusal before.
        LiveAction::Exclude => Err(Local::new(StatusCode::NOT_FOUND)),
    }
}

/// The body of a request, not longer than its mapping allows.
fn wanted(snapshot: &Snapshot, mapped: &Mapped<'_>, body: ClientBody) -> Result<Upload, Local> {
    let max_body = mapped.located.mapping.max_body;
    let max_body = max_body.map_or(snapshot.limits.max_body, MaxBody::bytes);
    Upload::new(body, max_body).map_err(|error| Local::new(error.status()))
}

/// Finds out where the request is sent, has it answered by a member, and makes the answer the client's.
async fn forward(
    snapshot: &Snapshot,
    mapped: &Mapped<'_>,
    to: &LiveTarget,
    head: &RequestHead,
    record: &mut Record,
    believed: Believed<'_>,
    body: ClientBody,
) -> Result<Given, Local> {
    let (client, connection) = (Arc::clone(&record.client), Arc::clone(&record.connection));
    let plan = Plan::new(snapshot, mapped, to, head, &client)
        .map_err(|refusal| refused(refusal, head, &client))?;
    if let Some(destination) = &plan.destination {
        enter_destination(snapshot, mapped, destination.located(), head, record).await?;
    }
    record.enter(&to.balancer);
    let user = record.user.clone();
    // Before a body is refused: the request is logged and counted with its session.
    let session = plan.session(head);
    record.names(&session);
    let upload = wanted(snapshot, mapped, body)?;
    let nominated = Nominated::of(&head.fields);
    let request = RoutedRequest {
        snapshot,
        head,
        plan: &plan,
        wanted: &session,
        passing: Passing {
            client: &client,
            believed,
            nominated: &nominated,
            keeps_authorization: plan.mapping.guard.keeps_authorization(),
        },
        upgrade: upgrade::asked(head, &nominated),
        connection: &connection,
        user: user.as_deref(),
    };
    let ((mut answer, body), mut chosen) = attempts::run(&request, record, upload).await?;
    let member_answer = MemberAnswer {
        request: &request,
        chosen: &chosen,
    };
    let session = member_answer.finish(&mut answer.fields);
    chosen.attempt.is_of(session);
    record.member = Some(Arc::clone(&chosen.attempt.member));
    Ok(Given::Member(answer, body, chosen.attempt))
}

/// The answer to a request that has no mapping. It is counted where it was refused before one was looked for.
fn unmapped(refusal: Refusal, head: &RequestHead, client: &Client, shared: &Shared) -> Local {
    if refusal.comes_before_mapping() {
        shared.counters.refused.increment(1);
    }
    refused(refusal, head, client)
}

/// The answer to a request that goes nowhere.
fn refused(refusal: Refusal, head: &RequestHead, client: &Client) -> Local {
    debug!(client = client.ip, target = %head.target, reason = %refusal, "request refused");
    match refusal {
        Refusal::Options => Local::options(),
        Refusal::Target(BadTarget::Connect) => Local::connect().and_close(),
        Refusal::Excluded { .. } | Refusal::Unmapped => Local::new(refusal.status()),
        Refusal::Destination(_) => Local::new(refusal.status()),
        Refusal::Target(_) | Refusal::Path(_) | Refusal::Guarded { .. } => {
            Local::new(refusal.status()).and_close()
        }
    }
}
