//! The balancer manager: a page that shows what runs and changes what may be changed.
//!
//! The page works without its script, which only updates the figures. A change is sent as a form, translated into a change
//! of the API, and made by the API. So the page and the API can change the same settings and refuse the same values.

mod form;
mod input;
mod view;

use std::sync::Arc;

use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, LOCATION, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::request::Parts;
use http::{Method, StatusCode};
use hyper::body::Incoming;
use subtle::ConstantTimeEq as _;
use tracing::info;

pub(super) use self::view::PATH;

use self::form::{Form, Outcome};
use super::api::{Refusal, aside, check_origin, note};
use super::client::Client;
use super::reply::{Answer, not_allowed, text};
use crate::state::{EditError, NotReloaded, Shared};

/// The Content-Security-Policy: only resources of this listener, no inline script, and no frame around the page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Answers a request for the page, its script or its style.
pub(super) async fn answer(
    shared: &Arc<Shared>,
    client: &Client,
    token: &str,
    head: &Parts,
    body: Incoming,
) -> Answer {
    let path = head.uri.path().strip_prefix(PATH).unwrap_or_default();
    let reading = matches!(head.method, Method::GET | Method::HEAD);
    match (path, &head.method) {
        ("" | "/", _) if reading => {
            let query = head.uri.query();
            let flash = query.and_then(|query| view::Flash::of_query(query, &shared.journal));
            page(StatusCode::OK, &view::render(shared, token, flash, None))
        }
        ("" | "/", &Method::POST) => change(shared, client, token, head, body).await,
        ("/manager.css", _) if reading => {
            let style = concat!(include_str!("colours.css"), include_str!("manager.css"));
            asset("text/css; charset=utf-8", style)
        }
        ("/manager.js", _) if reading => {
            asset("text/javascript; charset=utf-8", include_str!("manager.js"))
        }
        ("" | "/", _) => not_allowed("GET, HEAD, POST"),
        ("/manager.css" | "/manager.js", _) => not_allowed("GET, HEAD"),
        _ => text(StatusCode::NOT_FOUND, "not found\n"),
    }
}

/// Makes the change of a form, and shows its result.
async fn change(
    shared: &Arc<Shared>,
    client: &Client,
    token: &str,
    head: &Parts,
    body: Incoming,
) -> Answer {
    let form = match Form::read(&head.headers, body).await {
        Ok(form) => form,
        Err(refusal) => return refused(shared, token, &refusal, None),
    };
    if let Err(refusal) = check_sender(&form, token, head, client) {
        return refused(shared, token, &refusal, None);
    }
    if form.get("action") == "reload" {
        return match reload(shared, client).await {
            Ok(done) => see(&done),
            Err(refusal) => refused(shared, token, &refusal, None),
        };
    }
    let form = Arc::new(form);
    let (asked, client) = (Arc::clone(&form), client.clone());
    match aside(shared, move |shared| asked.make(shared, &client)).await {
        Ok(done) => see(&done),
        Err(refusal) => refused(shared, token, &refusal, Some(&form)),
    }
}

/// Refuses a form that does not come from this page.
fn check_sender(form: &Form, token: &str, head: &Parts, client: &Client) -> Result<(), Refusal> {
    let own = bool::from(form.get("token").as_bytes().ct_eq(token.as_bytes()));
    check_origin(head, own, client)?;
    if own {
        return Ok(());
    }
    let reason =
        "the form is not of this page, or of an earlier start of the gateway: reload the page";
    Err(Refusal::new(StatusCode::FORBIDDEN, reason))
}

/// Reloads the file.
async fn reload(shared: &Shared, client: &Client) -> Result<Outcome, Refusal> {
    info!(user = %client.user, client = %client.address, "reload asked for by hand");
    let unprocessable = |reason: &str| Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, reason));
    match shared.reload().await {
        Ok(waiting) => {
            let what = match waiting.is_empty() {
                true => "the file was read again".to_owned(),
                false => format!(
                    "the file was read again; from the next start on: {}",
                    waiting.join(", ")
                ),
            };
            let change = note(shared, client, &what);
            Ok(Outcome::new("reloaded", Some(change)))
        }
        Err(NotReloaded::NoFile) => unprocessable("this gateway was not started from a file"),
        Err(NotReloaded::Failed(reason)) => unprocessable(&reason),
        Err(NotReloaded::Replaced) => Err(EditError::Replaced.into()),
        Err(NotReloaded::Rejected(problems)) => unprocessable(&problems.join("\n")),
    }
}

/// Redirects to the page, so that a reload in the browser does not repeat the change.
fn see(done: &Outcome) -> Answer {
    let mut answer = text(StatusCode::SEE_OTHER, "");
    if let Ok(location) = HeaderValue::try_from(format!("{PATH}?{}", done.query())) {
        answer.headers_mut().insert(LOCATION, location);
    }
    answer
}

fn refused(shared: &Shared, token: &str, refusal: &Refusal, form: Option<&Form>) -> Answer {
    let flash = view::Flash::refused(refusal);
    let wrong = form.map(|form| view::Wrong { form, refusal });
    page(
        refusal.status,
        &view::render(shared, token, Some(flash), wrong),
    )
}

fn page(status: StatusCode, html: &str) -> Answer {
    let mut answer = asset("text/html; charset=utf-8", html);
    *answer.status_mut() = status;
    answer
}

fn asset(kind: &'static str, text: &str) -> Answer {
    let mut answer = Answer::new(bytes::Bytes::copy_from_slice(text.as_bytes()).into());
    for (name, value) in [
        (CONTENT_TYPE, kind),
        (CONTENT_SECURITY_POLICY, POLICY),
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        // With `no-referrer` browsers would send `Origin: null` with the forms.
        (REFERRER_POLICY, "same-origin"),
    ] {
        answer
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    answer
}
