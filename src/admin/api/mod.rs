//! The JSON API: balancers and members to look at and to change.
//!
//! A change is checked as a whole before any part of it is made: its origin, that it is JSON, that each key may be changed
//! and has a value that the file may have, and that the settings are still those that the client has seen. Then the change
//! is made. Changes are made one at a time.

mod body;
mod change;
mod description;
mod origin;
mod refusal;
mod resource;
pub(super) mod settings;
mod view;

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::header::{ALLOW, ETAG, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, StatusCode};
use hyper::body::Incoming;
use serde_json::json;
use subtle::ConstantTimeEq as _;
use tracing::info;

pub(super) use self::body::read as read_body;
pub(super) use self::change::{Made, add, make, note, remove};
pub(super) use self::origin::check as check_origin;
pub(super) use self::refusal::Refusal;
use self::resource::Found;
pub(super) use self::resource::{PATH, Resource, present};
pub(super) use self::view::{BalancerState, MemberState, State};
use super::client::Client;
use super::reply::{Answer, json as json_answer, of_kind};
use crate::state::{EditError, NotReloaded, Reloaded, Shared};

/// How long a change is made anew because of others. It waits for up to 4 s more, the last time.
const PATIENCE: Duration = Duration::from_millis(900);

/// The header field in which a page of the gateway sends its token.
const TOKEN: HeaderName = HeaderName::from_static("x-ajpgate-token");

/// The header field with the name of the program that answers: after a restart, and after a hand-over, it is another one.
pub(crate) const PROGRAM: HeaderName = HeaderName::from_static("x-ajpgate-program");

/// The header field with the number of requests that are under way on a member that is not there (any more).
pub(crate) const REQUESTS: HeaderName = HeaderName::from_static("x-ajpgate-requests");

/// Answers a request of an admitted client.
pub(super) async fn answer(
    shared: &Arc<Shared>,
    client: &Client,
    token: &str,
    head: &Parts,
    body: Incoming,
) -> Answer {
    let mut answer = answer_of(shared, client, token, head, body).await;
    let program = shared.program.clone();
    answer.headers_mut().insert(PROGRAM, program);
    answer
}

async fn answer_of(
    shared: &Arc<Shared>,
    client: &Client,
    token: &str,
    head: &Parts,
    body: Incoming,
) -> Answer {
    if head.uri.path() == description::PATH {
        return match head.method {
            Method::GET | Method::HEAD => of_kind(
                StatusCode::OK,
                "application/json",
                description::description(),
            ),
            _ => refuse(&Refusal::method("GET, HEAD")),
        };
    }
    match respond(shared, client, token, head, body).await {
        Ok(Done::Found(status, Found { value, etag })) => {
            let mut answer = json_answer(status, &value);
            if let Ok(etag) = HeaderValue::try_from(etag) {
                answer.headers_mut().insert(ETAG, etag);
            }
            answer
        }
        Ok(Done::Gone) => {
            let mut answer = Answer::default();
            *answer.status_mut() = StatusCode::NO_CONTENT;
            answer
        }
        Ok(Done::Reloaded(Ok(waiting))) => {
            let done = json!({ "reloaded": true, "from_next_start": waiting });
            json_answer(StatusCode::OK, &done)
        }
        Ok(Done::Reloaded(Err(why))) => not_reloaded(&why),
        Err(refusal) => {
            let mut answer = refuse(&refusal);
            if refusal.status == StatusCode::NOT_FOUND
                && let Ok(Resource::Member(name, url)) = Resource::of(head.uri.path())
            {
                let requests = shared.leaving.requests(&name, &url);
                answer.headers_mut().insert(REQUESTS, requests.into());
            }
            answer
        }
    }
}

/// What a request has done.
#[derive(Debug)]
enum Done {
    /// The resource as it is now.
    Found(StatusCode, Found),
    /// The member was removed.
    Gone,
    /// The result of reading the file again.
    Reloaded(Reloaded),
}

async fn respond(
    shared: &Arc<Shared>,
    client: &Client,
    token: &str,
    head: &Parts,
    body: Incoming,
) -> Result<Done, Refusal> {
    let has_token = head.headers.get(TOKEN).is_some_and(|given| {
        let given = given.as_bytes();
        bool::from(given.ct_eq(token.as_bytes()))
    });
    let resource = Resource::of(head.uri.path())?;
    let headers = &head.headers;
    if let Resource::Reload = resource {
        if head.method != Method::POST {
            return Err(Refusal::method(resource.methods()));
        }
        origin::check(head, has_token, client)?;
        info!(user = %client.user, client = %client.address, "reload asked for by hand");
        return Ok(Done::Reloaded(shared.reload().await));
    }
    if let (&Method::DELETE, Resource::Member(name, key)) = (&head.method, &resource) {
        // Also a member that is left out, which is shown nowhere.
        origin::check(head, has_token, client)?;
        let (client, headers) = (client.clone(), headers.clone());
        let (name, key) = (name.clone(), key.clone());
        let made = move |shared: &Shared| remove(shared, &client, &name, &key, &headers);
        aside(shared, made).await?;
        return Ok(Done::Gone);
    }
    // A resource that does not exist is 404, whatever the body is.
    let found = resource.find(&shared.snapshot.load_full(), Instant::now())?;
    match (&head.method, &resource) {
        (&Method::GET | &Method::HEAD, _) => Ok(Done::Found(StatusCode::OK, found)),
        (&Method::PATCH, _) if resource.can_change() => {
            origin::check(head, has_token, client)?;
            let text = body::json_object(headers, body).await?;
            let (client, headers) = (client.clone(), headers.clone());
            let made = move |shared: &Shared| make(shared, &client, &resource, &headers, &text);
            let changed = aside(shared, made).await?;
            Ok(Done::Found(StatusCode::OK, changed.found))
        }
        (&Method::POST, Resource::Members(name)) => {
            origin::check(head, has_token, client)?;
            let text = body::json_object(headers, body).await?;
            let (client, headers, name) = (client.clone(), headers.clone(), name.clone());
            let made = move |shared: &Shared| add(shared, &client, &name, &headers, &text);
            let added = aside(shared, made).await?;
            Ok(Done::Found(StatusCode::CREATED, added.found))
        }
        _ => Err(Refusal::method(resource.methods())),
    }
}

/// Makes a change in a thread for blocking work, because it may wait for a disk and for other changes. A change that has
/// begun is completed, also when its client has gone. Where another gateway of the cluster has changed something meanwhile,
/// the change is made anew, from its checks on.
pub(super) async fn aside<T: Send + 'static>(
    shared: &Arc<Shared>,
    change: impl Fn(&Shared) -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    let shared = Arc::clone(shared);
    let until = Instant::now() + PATIENCE;
    let change = move || loop {
        let made = change(&shared);
        let again = made.as_ref().is_err_and(|refusal| refusal.again);
        if !again || Instant::now() >= until {
            return made;
        }
    };
    let made = tokio::task::spawn_blocking(change).await;
    made.unwrap_or_else(|error| {
        let reason = format!("the change was not completed: {error}");
        Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, reason))
    })
}

/// The answer to a reload that has failed. For a bad file it has the lines that `ajpgate check` prints.
fn not_reloaded(why: &NotReloaded) -> Answer {
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    let refused = |status, reason: &str| json_answer(status, &json!({ "error": reason }));
    match why {
        NotReloaded::NoFile => refused(
            StatusCode::CONFLICT,
            "this gateway was not started from a file",
        ),
        NotReloaded::Failed(reason) => refused(status, reason),
        NotReloaded::Replaced => refuse(&EditError::Replaced.into()),
        NotReloaded::Rejected(problems) => {
            let error = "the file cannot be used; the configuration stays as it is";
            json_answer(status, &json!({ "error": error, "problems": problems }))
        }
    }
}

fn refuse(refusal: &Refusal) -> Answer {
    let mut answer = json_answer(refusal.status, &json!({ "error": refusal.reason }));
    if let Some(methods) = refusal.allow {
        let methods = HeaderValue::from_static(methods);
        answer.headers_mut().insert(ALLOW, methods);
    }
    answer
}
