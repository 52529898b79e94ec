//! One request and its answer, bounded in time and size.

use std::time::Duration;

use bytes::Bytes;
use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, HeaderValue, USER_AGENT, WWW_AUTHENTICATE,
};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use super::place::Place;
use super::refusal::ApiError;
use crate::admin::{PROGRAM, REQUESTS};
use crate::backend::connect;

/// The longest time for the connection to one address.
const CONNECT: Duration = Duration::from_secs(5);

/// The largest answer, in bytes. A balancer with 1,024 members takes one MiB.
const LARGEST: usize = 32 * 1024 * 1024;

/// Who asks.
const AGENT: &str = concat!("ajpgate/", env!("CARGO_PKG_VERSION"));

/// An answer.
pub(super) struct ApiAnswer {
    pub(super) status: StatusCode,
    /// Whether it wants a name and a password (RFC 7617).
    pub(super) asks_for_password: bool,
    /// The name of the program that answers, which is another one after a restart; earlier versions do not tell it.
    pub(super) program: Option<HeaderValue>,
    /// Of a member that is not there: how many of its requests are under way; earlier versions do not tell it.
    pub(super) requests: Option<u64>,
    body: Bytes,
}

/// Sends a request and reads its answer, on a connection of its own.
pub(super) async fn exchange(
    place: &Place,
    method: &Method,
    path: &str,
    body: String,
    limit: Duration,
) -> Result<ApiAnswer, ApiError> {
    let whole = async {
        let unreachable =
            |why: String| ApiError::Unreachable(format!("cannot connect to {place}: {why}"));
        let stream = connect(&place.host, place.port, CONNECT).await;
        let stream = stream.map_err(|error| unreachable(error.to_string()))?;
        let request = request(place, method, path, body)?;
        match &place.trust {
            None => send(place, stream, request).await,
            Some(trust) => {
                let stream = trust.connect(&place.host, stream).await;
                send(place, stream.map_err(unreachable)?, request).await
            }
        }
    };
    timeout(limit, whole).await.unwrap_or_else(|_| {
        let seconds = limit.as_secs();
        let why = format!("{place} has not answered within {seconds} s");
        Err(ApiError::Unreachable(why))
    })
}

fn request(
    place: &Place,
    method: &Method,
    path: &str,
    body: String,
) -> Result<Request<Full<Bytes>>, ApiError> {
    let mut request = Request::builder()
        .method(method)
        .uri(format!("{}{path}", place.prefix))
        .header(HOST, place.authority())
        .header(USER_AGENT, AGENT)
        .header(CONNECTION, HeaderValue::from_static("close"));
    if !body.is_empty() {
        request = request.header(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    if let Some(authorization) = place.authorization()? {
        request = request.header(AUTHORIZATION, authorization);
    }
    let request = request.body(Full::new(Bytes::from(body)));
    request.map_err(|error| ApiError::Usage(error.to_string()))
}

async fn send(
    place: &Place,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send,
    request: Request<Full<Bytes>>,
) -> Result<ApiAnswer, ApiError> {
    let failed = |error: hyper::Error| match error.is_parse() || error.is_parse_too_large() {
        true => ApiError::Foreign(format!(
            "{place} does not answer as an admin listener: {error}"
        )),
        false => ApiError::Lost(format!("{place} has closed the connection: {error}")),
    };
    let handshake = http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(failed)?;
    let answer = async {
        let (head, body) = sender
            .send_request(request)
            .await
            .map_err(failed)?
            .into_parts();
        let body = Limited::new(body, LARGEST).collect().await;
        let body = body.map_err(|error| match error.downcast::<hyper::Error>() {
            Ok(error) => failed(*error),
            Err(_) => ApiError::Foreign(format!("{place} answers with more than {LARGEST} bytes")),
        })?;
        let challenge = head
            .headers
            .get(WWW_AUTHENTICATE)
            .map(HeaderValue::as_bytes);
        let scheme = challenge.and_then(|challenge| challenge.get(..5));
        Ok(ApiAnswer {
            status: head.status,
            program: head.headers.get(PROGRAM).cloned(),
            requests: head
                .headers
                .get(REQUESTS)
                .and_then(|said| said.to_str().ok()?.parse().ok()),
            asks_for_password: scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"basic")),
            body: body.to_bytes(),
        })
    };
    // The connection is driven beside the exchange, and ends with it.
    let driven = async {
        let _ = connection.await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        answer = answer => answer,
        () = driven => Err(ApiError::Lost(format!("{place} has closed the connection"))),
    }
}

impl ApiAnswer {
    /// The JSON value of an answer.
    ///
    /// # Errors
    /// A refusal, or an answer that is no JSON.
    pub(super) fn value(&self, place: &Place) -> Result<Value, ApiError> {
        let value: Option<Value> = serde_json::from_slice(&self.body).ok();
        let foreign = |what: String| {
            ApiError::Foreign(format!(
                "{place} answers {what}: is it an admin listener of ajpgate?"
            ))
        };
        if self.status.is_success() {
            return value.ok_or_else(|| foreign("with something that is no JSON".to_owned()));
        }
        let value = value.unwrap_or_default();
        let Some(reason) = value.get("error").and_then(Value::as_str) else {
            return Err(foreign(format!("with {}", self.status)));
        };
        let problems = value.get("problems").and_then(Value::as_array);
        let problems = problems.into_iter().flatten().filter_map(Value::as_str);
        let reason = match self.status {
            StatusCode::UNAUTHORIZED if place.says_who() => {
                format!("{place} does not accept the credentials")
            }
            StatusCode::UNAUTHORIZED => format!(
                "{place} wants to know who asks: name the configuration file with -c, or set AJPGATE_ADMIN_TOKEN"
            ),
            StatusCode::FORBIDDEN => format!("{place} does not let this client in: {reason}"),
            _ => reason.to_owned(),
        };
        Err(ApiError::Refused {
            status: self.status,
            reason,
            problems: problems.map(str::to_owned).collect(),
        })
    }
}
