//! The collector: OTLP over HTTP, within times and a size.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::header::{CONNECTION, HOST, HeaderValue, USER_AGENT};
use http::uri::Scheme;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use opentelemetry_http::{Bytes, HttpClient, HttpError};
use opentelemetry_otlp::{Protocol, RetryPolicy, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::error::TracingError;
use super::resource::resource;
use crate::tls::https_connector;

/// The longest time for one request to the collector.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The longest time for a batch, with the requests that are repeated. A batch that takes longer is lost.
const BATCH_TIMEOUT: Duration = Duration::from_secs(10);

/// The largest body of an answer, in bytes.
const LARGEST: usize = 64 * 1024;

const AGENT: &str = concat!("ajpgate/", env!("CARGO_PKG_VERSION"));

/// Where spans are sent. A request that has failed is repeated three times, as OTLP wants it (429, 502, 503, 504, no answer).
#[derive(Debug)]
pub(super) struct Collector {
    /// Its url without a query, which may have a key.
    url: String,
    exporter: SpanExporter,
    /// What the last request has failed with. The exporter does not tell.
    failure: Failure,
}

/// Why a request has failed.
type Failure = Arc<Mutex<Option<String>>>;

impl Collector {
    /// A collector at this url.
    ///
    /// # Errors
    /// The system has no certificates to verify the collector's with, or the url is none.
    pub(super) fn new(url: &str) -> Result<Self, TracingError> {
        let is_https = url.starts_with("https://");
        let failure = Failure::default();
        let client = Client {
            failure: Arc::clone(&failure),
            tls: is_https.then(|| https_connector(None)).transpose()?,
        };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_endpoint(url)
            .with_protocol(Protocol::HttpBinary)
            .with_timeout(BATCH_TIMEOUT)
            .with_retry_policy(RetryPolicy::recommended())
            .build();
        let mut exporter = exporter.map_err(|error| TracingError::Collector(error.to_string()))?;
        exporter.set_resource(&resource());
        let url = url.split('?').next().unwrap_or_default().to_owned();
        Ok(Self {
            url,
            exporter,
            failure,
        })
    }

    /// Its url, for messages.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Sends a batch.
    ///
    /// # Errors
    /// Why the collector has not taken it.
    pub(super) async fn send(&self, batch: Vec<SpanData>) -> Result<(), String> {
        let sent = tokio::time::timeout(BATCH_TIMEOUT, self.exporter.export(batch)).await;
        let failure = self.failure.lock();
        let failure = failure.unwrap_or_else(PoisonError::into_inner).take();
        match sent {
            Ok(sent) => sent.map_err(|error| failure.unwrap_or_else(|| error.to_string())),
            Err(_) => Err(format!("no answer within {} s", BATCH_TIMEOUT.as_secs())),
        }
    }
}

/// Sends each request over a connection of its own: there is about one a second.
struct Client {
    tls: Option<TlsConnector>,
    failure: Failure,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Client")
    }
}

/// A connection, with or without TLS.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl HttpClient for Client {
    fn send_bytes<'c, 'f>(
        &'c self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'f>>
    where
        'c: 'f,
        Self: 'f,
    {
        Box::pin(async move {
            let answer = tokio::time::timeout(TIMEOUT, self.exchange(request)).await;
            let late = || format!("no answer within {} s", TIMEOUT.as_secs());
            let answer = answer.unwrap_or_else(|_| Err(late().into()));
            let failure = match &answer {
                Ok(answer) if answer.status().is_success() => None,
                Ok(answer) => Some(format!("it answers {}", answer.status())),
                Err(error) => Some(with_causes(&**error)),
            };
            *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = failure;
            answer
        })
    }
}

/// An error with what has caused it, in one line.
fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let mut texts: Vec<String> = causes.map(ToString::to_string).collect();
    texts.dedup();
    texts.join(": ")
}

impl Client {
    async fn connect(&self, url: &Uri) -> Result<Box<dyn Stream>, HttpError> {
        let host = url.host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let is_https = url.scheme() == Some(&Scheme::HTTPS);
        let port = url.port_u16().unwrap_or(if is_https { 443 } else { 80 });
        let stream = TcpStream::connect((host, port)).await?;
        let Some(tls) = &self.tls else {
            return Ok(Box::new(stream));
        };
        let name = ServerName::try_from(host.to_owned())?;
        Ok(Box::new(tls.connect(name, stream).await?))
    }

    async fn exchange(&self, mut request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let url = request.uri().clone();
        let path = url.path_and_query().map_or("/", |path| path.as_str());
        *request.uri_mut() = path.parse()?;
        let host = url.authority().map_or("", |authority| authority.as_str());
        let headers = request.headers_mut();
        headers.insert(HOST, HeaderValue::from_str(host)?);
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        let stream = self.connect(&url).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let answer = async {
            let answer = sender.send_request(request.map(Full::new)).await?;
            let (parts, body) = answer.into_parts();
            let body = Limited::new(body, LARGEST).collect().await?.to_bytes();
            Ok(Response::from_parts(parts, body))
        };
        // The connection is driven beside the exchange, and ends with it.
        let driven = async {
            let _ = connection.await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            answer = answer => answer,
            () = driven => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
        }
    }
}
