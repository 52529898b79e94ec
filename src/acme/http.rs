//! Requests to an authority: over TLS, within a time and a size.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, HOST, HeaderValue, RETRY_AFTER, USER_AGENT};
use http::uri::Scheme;
use http::{Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::tls::{RootsError, https_connector};

/// The longest time for one request.
const TIMEOUT: Duration = Duration::from_secs(20);

/// The largest body of an answer, in bytes. A chain of certificates has some thousand.
const LARGEST: usize = 256 * 1024;

/// The longest time that an authority may ask to wait, in seconds.
const LONGEST_WAIT: u64 = 86_400;

/// Who asks (RFC 8555 section 6.1).
const AGENT: &str = concat!("ajpgate/", env!("CARGO_PKG_VERSION"));

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum RequestError {
    #[error("{0} is not an https url")]
    Url(Uri),
    #[error("no answer within {} s", TIMEOUT.as_secs())]
    Late,
    #[error("cannot connect: {0}")]
    Connect(io::Error),
    #[error("{0}")]
    Http(#[from] hyper::Error),
    #[error("an answer that cannot be read, or of more than {LARGEST} bytes")]
    Body,
    #[error("{0}")]
    Status(StatusCode),
    #[error("a directory with a url that is none")]
    Directory,
}

/// What was noticed about the answers.
#[derive(Debug, Clone, Default)]
pub(super) struct Noticed(Arc<Mutex<Option<Duration>>>);

impl Noticed {
    /// The pause that the authority asked for with its last refusal.
    pub(super) fn asked(&self) -> Option<Duration> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A client of one authority. Each request has a connection of its own: there are about ten in two months.
pub(super) struct Client {
    connector: TlsConnector,
    directory: String,
    noticed: Noticed,
}

impl Client {
    /// # Errors
    /// A file of certificates that cannot be used.
    pub(super) fn new(
        directory: &str,
        ca: Option<&Path>,
        noticed: Noticed,
    ) -> Result<Self, RootsError> {
        Ok(Self {
            connector: https_connector(ca)?,
            directory: directory.to_owned(),
            noticed,
        })
    }
}

impl HttpClient for Client {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let is_directory = *request.uri() == *self.directory;
        let (connector, noticed) = (self.connector.clone(), self.noticed.clone());
        Box::pin(async move {
            let answer = tokio::time::timeout(TIMEOUT, exchange(connector, request)).await;
            let answer =
                answer.unwrap_or(Err(RequestError::Late)).and_then(|it| {
                    match is_directory && !is_directory_usable(it.body()) {
                        true => Err(RequestError::Directory),
                        false => Ok(it),
                    }
                });
            let answer = answer.map_err(|error| Error::Other(Box::new(error)))?;
            note(&answer, &noticed);
            let (parts, body) = answer.into_parts();
            let body = Full::new(body);
            Ok(BytesResponse::from(Response::from_parts(parts, body)))
        })
    }
}

async fn exchange(
    connector: TlsConnector,
    mut request: Request<BodyWrapper<Bytes>>,
) -> Result<Response<Bytes>, RequestError> {
    let url = request.uri().clone();
    let bad = || RequestError::Url(url.clone());
    let is_https = url.scheme() == Some(&Scheme::HTTPS);
    let authority = url.authority().filter(|_| is_https).ok_or_else(bad)?;
    let host = authority
        .host()
        .trim_start_matches('[')
        .trim_end_matches(']');
    let name = ServerName::try_from(host.to_owned()).map_err(|_| bad())?;
    let path = url.path_and_query().map_or("/", |path| path.as_str());
    *request.uri_mut() = path.parse().map_err(|_| bad())?;
    let host_field = HeaderValue::from_str(authority.as_str()).map_err(|_| bad())?;
    let headers = request.headers_mut();
    headers.insert(HOST, host_field);
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    headers.insert(CONNECTION, HeaderValue::from_static("close"));

    let port = authority.port_u16().unwrap_or(443);
    let stream = TcpStream::connect((host, port)).await;
    let stream = stream.map_err(RequestError::Connect)?;
    let stream = connector.connect(name, stream).await;
    let stream = stream.map_err(RequestError::Connect)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let answer = async {
        let (parts, body) = sender.send_request(request).await?.into_parts();
        let body = Limited::new(body, LARGEST).collect().await;
        let body = body.map_err(|_| RequestError::Body)?.to_bytes();
        Ok::<_, RequestError>(Response::from_parts(parts, body))
    };
    // The connection is driven beside the exchange, and ends with it.
    let driven = async {
        let _ = connection.await;
        std::future::pending::<()>().await;
    };
    let answer: Response<Bytes> = tokio::select! {
        answer = answer => answer?,
        () = driven => return Err(RequestError::Body),
    };
    let problem = serde_json::from_slice::<serde_json::Value>(answer.body());
    match answer.status() {
        status if status.is_success() => Ok(bounded(answer)),
        // Others than problem documents (RFC 8555 section 6.7) come from something before the authority.
        status if !problem.is_ok_and(|it| it.is_object()) => Err(RequestError::Status(status)),
        _ => Ok(bounded(answer)),
    }
}

/// An answer that asks to wait (RFC 9110 section 10.2.3) for a day at most: the library adds the time to a date.
fn bounded(mut answer: Response<Bytes>) -> Response<Bytes> {
    let wait = asked(&answer);
    answer.headers_mut().remove(RETRY_AFTER);
    if let Some(seconds) = wait {
        let wait = HeaderValue::from(LONGEST_WAIT.min(seconds));
        answer.headers_mut().insert(RETRY_AFTER, wait);
    }
    answer
}

/// The seconds that an answer asks to wait. A date counts as nothing.
fn asked(answer: &Response<Bytes>) -> Option<u64> {
    let wait = answer.headers().get(RETRY_AFTER)?.to_str().ok()?;
    wait.trim().parse().ok()
}

fn note(answer: &Response<Bytes>, noticed: &Noticed) {
    if answer.status().is_success() {
        return;
    }
    let wait = asked(answer).map(Duration::from_secs);
    *noticed.0.lock().unwrap_or_else(PoisonError::into_inner) = wait;
}

/// Whether the urls of a directory are urls (RFC 8555 section 7.1.1): the library takes that for granted.
fn is_directory_usable(body: &Bytes) -> bool {
    let Ok(serde_json::Value::Object(directory)) = serde_json::from_slice(body) else {
        return false;
    };
    ["newNonce", "newAccount", "newOrder"].iter().all(|key| {
        let url = directory.get(*key).and_then(|url| url.as_str());
        let url = url.and_then(|url| url.parse::<Uri>().ok());
        url.is_some_and(|url| url.scheme() == Some(&Scheme::HTTPS) && url.authority().is_some())
    })
}
