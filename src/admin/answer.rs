//! What each path answers.

use std::net::IpAddr;
use std::time::Instant;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use http_body_util::Full;

use super::access::Access;
use crate::state::Shared;

type Answer = Response<Full<Bytes>>;

/// Prometheus text format 0.0.4.
const METRICS_TYPE: HeaderValue =
    HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// Answers one request.
pub(super) fn answer(shared: &Shared, access: &Access, from: IpAddr, request: &Parts) -> Answer {
    if !access.allows(from) {
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
    if !matches!(path, "/" | "/healthz" | "/readyz" | "/metrics") {
        return text(StatusCode::NOT_FOUND, "not found\n");
    }
    if request.method != Method::GET && request.method != Method::HEAD {
        let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n");
        answer
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return answer;
    }
    match path {
        "/healthz" => text(StatusCode::OK, "ok\n"),
        "/readyz" => ready(shared),
        "/metrics" => metrics(shared),
        _ => text(StatusCode::OK, "/metrics\n/healthz\n/readyz\n"),
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
    for balancer in &shared.snapshot.load_full().balancers {
        balancer.show(now);
    }
    let mut answer = text(StatusCode::OK, shared.metrics.render());
    answer.headers_mut().insert(CONTENT_TYPE, METRICS_TYPE);
    answer
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
