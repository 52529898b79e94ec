//! Clients that send one request after the other, over the protocols that the gateway speaks.

use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use bytes::Bytes;
use h2::client::SendRequest;
use http::Request;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::{Builder, Runtime};
use tokio_rustls::TlsConnector;

use crate::support::{Authority, DEADLINE};

/// See the [module](self).
pub(super) trait Client: Send {
    /// Sends requests and reads their answers to the end. Returns how many they were.
    ///
    /// # Errors
    /// What went wrong.
    fn ask(&mut self) -> Result<usize, String>;
}

/// A connection, whatever is under it.
pub(super) trait Stream: Read + Write + Send {}

impl<S: Read + Write + Send> Stream for S {}

/// Where clients connect to.
#[derive(Clone)]
pub(super) struct Front {
    pub(super) address: SocketAddr,
    /// The authority that they trust, where TLS is spoken.
    pub(super) tls: Option<Arc<RootCertStore>>,
}

/// The name in the certificate of the gateway.
pub(super) const NAME: &str = "gateway.test";

impl Front {
    /// Without TLS.
    pub(super) fn plain(address: SocketAddr) -> Self {
        Self { address, tls: None }
    }

    /// What a client that speaks this protocol says in the handshake. Each client keeps tickets of its own.
    fn settings(&self, protocol: &[u8]) -> Option<Arc<ClientConfig>> {
        let roots = Arc::clone(self.tls.as_ref()?);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let settings = ClientConfig::builder_with_provider(provider);
        let settings = settings.with_safe_default_protocol_versions().unwrap();
        let mut settings = settings.with_root_certificates(roots).with_no_client_auth();
        settings.alpn_protocols = vec![protocol.to_owned()];
        Some(Arc::new(settings))
    }
}

/// What clients trust.
pub(super) fn trusted(authority: &Authority) -> Arc<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_file(authority.file("ca.pem"));
    roots.add(certificate.unwrap()).unwrap();
    Arc::new(roots)
}

fn name() -> ServerName<'static> {
    ServerName::try_from(NAME).unwrap()
}

/// A client over HTTP/1.1 that keeps its connection while the gateway lets it.
pub(super) struct KeepAlive {
    address: SocketAddr,
    tls: Option<Arc<ClientConfig>>,
    pub(super) kept: Option<BufReader<Box<dyn Stream>>>,
}

/// A client over HTTP/1.1 that makes a connection for each request.
pub(super) struct Single(KeepAlive);

impl KeepAlive {
    pub(super) fn new(front: &Front) -> Self {
        Self {
            address: front.address,
            tls: front.settings(b"http/1.1"),
            kept: None,
        }
    }

    fn connect(&self) -> io::Result<Box<dyn Stream>> {
        let stream = TcpStream::connect_timeout(&self.address, DEADLINE)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        Ok(match &self.tls {
            None => Box::new(stream),
            Some(tls) => {
                let session = ClientConnection::new(Arc::clone(tls), name());
                Box::new(StreamOwned::new(session.unwrap(), stream))
            }
        })
    }

    /// Sends a request with these header lines and reads its answer.
    pub(super) fn exchange(&mut self, fields: &str) -> io::Result<()> {
        let mut connection = match self.kept.take() {
            Some(kept) => kept,
            None => BufReader::new(self.connect()?),
        };
        let request = format!("GET / HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n");
        connection.get_mut().write_all(request.as_bytes())?;
        connection.get_mut().flush()?;
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if connection.read_line(&mut head)? == 0 {
                return Err(io::Error::other(format!("an end after {head:?}")));
            }
        }
        let head = head.to_ascii_lowercase();
        if !head.starts_with("http/1.1 200 ") {
            return Err(io::Error::other(head));
        }
        let length = head.split("content-length: ").nth(1);
        let length = length.and_then(|it| it.lines().next()?.parse().ok());
        let mut body = vec![0; length.expect("Content-Length")];
        connection.read_exact(&mut body)?;
        if !head.contains("connection: close") {
            self.kept = Some(connection);
        }
        Ok(())
    }
}

impl Client for KeepAlive {
    fn ask(&mut self) -> Result<usize, String> {
        let again = self.kept.is_some();
        let asked = self.exchange("");
        asked
            .map(|()| 1)
            .map_err(|error| format!("{error} (on a kept connection: {again})"))
    }
}

impl Client for Single {
    fn ask(&mut self) -> Result<usize, String> {
        let asked = self.0.exchange("Connection: close\r\n");
        asked
            .map(|()| 1)
            .map_err(|error| format!("{error} (a connection for each request)"))
    }
}

/// A client over HTTP/2 with several requests at the same time on one connection.
struct Http2 {
    address: SocketAddr,
    tls: Option<Arc<ClientConfig>>,
    kept: Option<SendRequest<Bytes>>,
    runtime: Runtime,
}

/// The requests of a client over HTTP/2 at the same time.
const STREAMS: usize = 3;

impl Http2 {
    fn new(front: &Front) -> Self {
        let mut runtime = Builder::new_multi_thread();
        Self {
            address: front.address,
            tls: front.settings(b"h2"),
            kept: None,
            runtime: runtime.worker_threads(1).enable_all().build().unwrap(),
        }
    }
}

/// A connection that takes a further request: the kept one, unless the gateway has said that it takes none.
async fn open(
    address: SocketAddr,
    tls: Option<Arc<ClientConfig>>,
    kept: Option<SendRequest<Bytes>>,
) -> Result<SendRequest<Bytes>, String> {
    if let Some(kept) = kept
        && let Ok(ready) = kept.ready().await
    {
        return Ok(ready);
    }
    let connected = async {
        let stream = tokio::net::TcpStream::connect(address).await?;
        match tls {
            None => handshake(stream).await,
            Some(tls) => {
                let stream = TlsConnector::from(tls).connect(name(), stream).await?;
                handshake(stream).await
            }
        }
    };
    connected
        .await
        .map_err(|error| format!("{error} (connecting over HTTP/2)"))
}

async fn handshake(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> io::Result<SendRequest<Bytes>> {
    let handshake = h2::client::handshake(stream).await;
    let (client, connection) = handshake.map_err(io::Error::other)?;
    tokio::spawn(connection);
    client.ready().await.map_err(io::Error::other)
}

/// Sends a request and reads its answer. `false`: the gateway has not looked at it, and said so (RFC 9113 section 6.8).
async fn exchange(client: &mut SendRequest<Bytes>) -> Result<bool, h2::Error> {
    let request = Request::get(format!("https://{NAME}/")).body(()).unwrap();
    let Ok((answer, _)) = client.send_request(request, true) else {
        return Ok(false);
    };
    let mut answer = match answer.await {
        Err(error) if error.is_go_away() || error.reason() == Some(h2::Reason::REFUSED_STREAM) => {
            return Ok(false);
        }
        answer => answer?,
    };
    assert_eq!(answer.status(), 200);
    while let Some(piece) = answer.body_mut().data().await {
        let length = piece?.len();
        answer.body_mut().flow_control().release_capacity(length)?;
    }
    Ok(true)
}

impl Client for Http2 {
    fn ask(&mut self) -> Result<usize, String> {
        let (address, tls, kept) = (self.address, self.tls.clone(), self.kept.take());
        let asked = async {
            let client = open(address, tls, kept).await?;
            let exchanges = (0..STREAMS).map(|_| {
                let mut client = client.clone();
                async move {
                    // Some clients of a connection may have used it up.
                    client = client.ready().await?;
                    exchange(&mut client).await
                }
            });
            let mut done = 0;
            for exchanged in futures_util::future::join_all(exchanges).await {
                match exchanged {
                    Ok(answered) => done += usize::from(answered),
                    Err(error) if error.is_go_away() => {}
                    Err(error) => return Err(format!("{error:?} (over HTTP/2)")),
                }
            }
            Ok((done, client))
        };
        let asked = self
            .runtime
            .block_on(async { tokio::time::timeout(DEADLINE, asked).await });
        let (done, client) = asked.map_err(|_| "no answer over HTTP/2".to_owned())??;
        self.kept = (done == STREAMS).then_some(client);
        Ok(done)
    }
}

/// Clients of all kinds, several of each.
pub(super) fn clients(fronts: &[Front]) -> Vec<Box<dyn Client>> {
    let mut all: Vec<Box<dyn Client>> = Vec::new();
    for front in fronts {
        for _ in 0..3 {
            all.push(Box::new(KeepAlive::new(front)));
            all.push(Box::new(Single(KeepAlive::new(front))));
            all.push(Box::new(Http2::new(front)));
        }
    }
    all
}
