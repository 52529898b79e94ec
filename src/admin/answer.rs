//! What each path answers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use serde_json::Value;

use super::access::Access;
use super::{api, page};
use crate::state::Shared;

pub(super) type Answer = Response<Full<Bytes>>;

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
    if !access.allows(from.ip()) {
        return text(StatusCode::FORBIDDEN, "forbidden\n");
    }
    let path = request.uri.path();
    let open = matches!(path, "/healthz" | "/readyz");
    if !open && !access.admits(&request.headers) {
        let mut answer = text(StatusCode::UNAUTHORIZED, "unauthorized\n");
        let challenge = HeaderValue::from_static(access.challenge());
        answer.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        return answer;
    }
    let client = api::Client {
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

/// 200 while every balancer has somebody to send a request to, and no shutdown is under way.
fn ready(shared: &Shared) -> Answer {
    if shared.closing.has_begun() {
        return text(StatusCode::SERVICE_UNAVAILABLE, "shutting down\n");
    }
    let now = Instant::now();
    let snapshot = shared.snapshot.load_full();
    let out: Vec<&str> = snapshot
        .balancers
        .iter()
        .filter(|balancer| !balancer.core().usable(now))
        .map(|balancer| balancer.name.as_str())
        .collect();
    if out.is_empty() {
        return text(StatusCode::OK, "ready\n");
    }
    let reason = format!("no usable member in {}\n", out.join(", "));
    text(StatusCode::SERVICE_UNAVAILABLE, reason)
}

fn metrics(shared: &Shared) -> Answer {
    let now = Instant::now();
    let snapshot = shared.snapshot.load_full();
    for balancer in &snapshot.balancers {
        balancer.show(now);
    }
    let shown = snapshot.shown(now);
    let mut answer = text(StatusCode::OK, shared.metrics.render(&shown));
    answer.headers_mut().insert(CONTENT_TYPE, METRICS_TYPE);
    answer
}

/// What a path does not do, and what it does.
pub(super) fn not_allowed(methods: &'static str) -> Answer {
    let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n");
    let methods = HeaderValue::from_static(methods);
    answer.headers_mut().insert(ALLOW, methods);
    answer
}

pub(super) fn text(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    of_kind(status, "text/plain; charset=utf-8", body)
}

/// JSON, with a line end for people who look at it in a terminal.
pub(super) fn json(status: StatusCode, value: &Value) -> Answer {
    of_kind(status, "application/json", format!("{value}\n"))
}

/// What nobody may keep, for it is old in a moment, or take for something else.
pub(super) fn of_kind(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, kind),
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    answer
}
