//! The paths of the admin listener: which module answers each of them, and the short answers that need no module.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use http::header::{CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use http::{Method, Request, StatusCode};
use hyper::body::Incoming;
use serde_json::json;

use super::access::Access;
use super::client::Client;
use super::reply::{Answer, json, not_allowed, text};
use super::{api, page};
use crate::state::{LiveBalancer, Shared};

/// Prometheus text format 0.0.4.
const METRICS_TYPE: HeaderValue =
    HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// Answers one request.
pub(super) async fn answer(
    shared: &Arc<Shared>,
    access: &Access,
    from: SocketAddr,
    request: Request<Incoming>,
) -> Answer {
    let (request, body) = request.into_parts();
    let path = request.uri.path();
    if !access.allows(from.ip()) {
        return refused(path, StatusCode::FORBIDDEN, "forbidden");
    }
    let open = matches!(path, "/healthz" | "/readyz");
    if !open && !access.admits(&request.headers) {
        let mut answer = refused(path, StatusCode::UNAUTHORIZED, "unauthorized");
        let challenge = HeaderValue::from_static(access.challenge());
        answer.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        return answer;
    }
    let client = Client {
        user: access.user().into(),
        address: from,
        authenticated: access.asks_who(),
    };
    if path.starts_with(api::PATH) {
        return api::answer(shared, &client, access.token(), &request, body).await;
    }
    if path.starts_with(page::PATH) {
        return page::answer(shared, &client, access.token(), &request, body).await;
    }
    if !matches!(path, "/" | "/healthz" | "/readyz" | "/metrics") {
        return text(StatusCode::NOT_FOUND, "not found\n");
    }
    if request.method != Method::GET && request.method != Method::HEAD {
        return not_allowed("GET, HEAD");
    }
    match path {
        "/healthz" => text(StatusCode::OK, "ok\n"),
        "/readyz" => ready(shared),
        "/metrics" => metrics(shared),
        _ => text(
            StatusCode::OK,
            "/balancer-manager\n/metrics\n/healthz\n/readyz\n/api/v1/balancers\n",
        ),
    }
}

/// The answer to a client that may not ask: an error of the API below its path, else a line of text.
fn refused(path: &str, status: StatusCode, reason: &str) -> Answer {
    match path.starts_with(api::PATH) {
        true => json(status, &json!({ "error": reason })),
        false => text(status, format!("{reason}\n")),
    }
}

/// The answer of `/readyz`: 200 while every balancer has a usable member and the gateway is not shutting down, else 503.
fn ready(shared: &Shared) -> Answer {
    if shared.closing.is_announced() {
        return text(StatusCode::SERVICE_UNAVAILABLE, "shutting down\n");
    }
    let now = Instant::now();
    let snapshot = shared.snapshot.load_full();
    let out: Vec<&str> = snapshot
        .balancers
        .iter()
        .filter(|balancer| !serves(balancer, now))
        .map(|balancer| balancer.name())
        .collect();
    if out.is_empty() {
        return text(StatusCode::OK, "ready\n");
    }
    let reason = format!("no usable member in {}\n", out.join(", "));
    text(StatusCode::SERVICE_UNAVAILABLE, reason)
}

/// Whether a balancer has a usable member. Where it looks for sessions a draining one counts: it serves those that it has.
fn serves(balancer: &LiveBalancer, now: Instant) -> bool {
    let sticky = balancer.is_sticky();
    let core = balancer.core();
    core.usable(now) || (sticky && core.serves_sessions(now))
}

fn metrics(shared: &Shared) -> Answer {
    let now = Instant::now();
    let snapshot = shared.snapshot.load_full();
    let shown = snapshot.show(now);
    let mut answer = text(StatusCode::OK, shared.metrics.render(&shown));
    answer.headers_mut().insert(CONTENT_TYPE, METRICS_TYPE);
    answer
}
