//! An HTTP server that does what the script of a test says, right or wrong.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::{ReservedPort, soon};

/// A server that listens until it is dropped.
pub(crate) struct Origin {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
    /// Keeps other programs from the port after the server has ended.
    _port: ReservedPort,
}

impl Origin {
    /// Each connection runs `script` with its number, starting at 1.
    pub(crate) async fn start<F>(script: impl Fn(usize, Conn) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self::accept(move |number, stream| script(number, Conn::new(stream))).await
    }

    /// The same with the TCP connection itself.
    pub(crate) async fn accept<F>(
        script: impl Fn(usize, TcpStream) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let port = ReservedPort::new();
        let listener = TcpListener::bind(port.addr()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&connections);
        let task = tokio::spawn(async move {
            let mut running = tokio::task::JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                let number = counter.fetch_add(1, Ordering::SeqCst) + 1;
                running.spawn(script(number, stream));
            }
        });
        Self {
            address,
            connections,
            task,
            _port: port,
        }
    }

    /// Answers the first request on each connection with these bytes, and then lets the gateway close.
    pub(crate) async fn saying(answer: impl Into<Vec<u8>>) -> Self {
        let answer = Arc::new(answer.into());
        Self::start(move |_, mut conn| {
            let answer = Arc::clone(&answer);
            async move {
                while conn.next_request().await.is_some() {
                    conn.raw(&*answer).await;
                }
            }
        })
        .await
    }

    /// Answers every request with 200 and this text, and its name in `X-Node`.
    pub(crate) async fn hello(node: &'static str) -> Self {
        Self::start(move |_, conn| hello(node, conn)).await
    }

    /// Number of connections so far.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves requests until the gateway closes.
pub(crate) async fn hello<S: AsyncRead + AsyncWrite + Unpin>(node: &str, mut conn: Conn<S>) {
    while let Some(request) = conn.next_request().await {
        conn.respond(200, &[("X-Node", node), ("X-Saw", &request.line)], node)
            .await;
    }
}

/// A request as it was received.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) line: String,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Received {
    pub(crate) fn all(&self, wanted: &str) -> Vec<&str> {
        let named = self.fields.iter().filter(|(name, _)| name == wanted);
        named.map(|(_, value)| value.as_str()).collect()
    }

    pub(crate) fn field(&self, wanted: &str) -> Option<&str> {
        self.all(wanted).first().copied()
    }
}

/// The server's side of one connection.
pub(crate) struct Conn<S = TcpStream> {
    pub(crate) stream: S,
    buffer: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Conn<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self {
            stream,
            buffer: Vec::new(),
        }
    }

    /// The next request with its body; `None` when the gateway has closed or reset.
    pub(crate) async fn next_request(&mut self) -> Option<Received> {
        let mut request = self.head().await?;
        self.read_body(&mut request).await?;
        Some(request)
    }

    /// The next request, which must come.
    pub(crate) async fn request(&mut self) -> Received {
        self.next_request().await.expect("a request")
    }

    /// The head of the next request.
    pub(crate) async fn head(&mut self) -> Option<Received> {
        let end = loop {
            let end = self.buffer.windows(4).position(|four| four == b"\r\n\r\n");
            match end {
                Some(at) => break at,
                None => self.read_some().await?,
            }
        };
        let head = String::from_utf8(self.buffer.drain(..end + 4).collect()).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        Some(Received {
            line: lines.next().unwrap().to_owned(),
            fields: lines
                .map(|line| {
                    let (name, value) = line.split_once(':').unwrap();
                    (name.to_ascii_lowercase(), value.trim().to_owned())
                })
                .collect(),
            body: Vec::new(),
        })
    }

    /// The body of a request whose head has been read; `None` when it is cut short.
    pub(crate) async fn read_body(&mut self, request: &mut Received) -> Option<()> {
        if request.field("transfer-encoding").is_some() {
            loop {
                let line = self.line().await?;
                let length = usize::from_str_radix(&line, 16).unwrap();
                let mut data = self.bytes(length + 2).await?;
                data.truncate(length);
                request.body.append(&mut data);
                if length == 0 {
                    return Some(());
                }
            }
        }
        let length = request.field("content-length").unwrap_or("0");
        request.body = self.bytes(length.parse().unwrap()).await?;
        Some(())
    }

    async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(at) = self.buffer.windows(2).position(|two| two == b"\r\n") {
                let line: Vec<u8> = self.buffer.drain(..at + 2).collect();
                return Some(String::from_utf8(line[..at].to_vec()).unwrap());
            }
            self.read_some().await?;
        }
    }

    /// The next bytes, this number of them.
    pub(crate) async fn bytes(&mut self, length: usize) -> Option<Vec<u8>> {
        while self.buffer.len() < length {
            self.read_some().await?;
        }
        Some(self.buffer.drain(..length).collect())
    }

    async fn read_some(&mut self) -> Option<()> {
        let mut piece = [0; 16 * 1024];
        match soon("bytes from the gateway", self.stream.read(&mut piece)).await {
            Ok(count @ 1..) => {
                self.buffer.extend_from_slice(&piece[..count]);
                Some(())
            }
            _ => None,
        }
    }

    /// Sends these bytes. It is no error when the gateway has closed.
    pub(crate) async fn raw(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref()).await;
        let _ = self.stream.flush().await;
    }

    /// Sends a complete answer.
    pub(crate) async fn respond(&mut self, status: u16, fields: &[(&str, &str)], body: &str) {
        let mut answer = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n", body.len());
        for (name, value) in fields {
            answer += &format!("{name}: {value}\r\n");
        }
        self.raw(answer + "\r\n" + body).await;
    }

    /// Waits until the gateway has closed.
    pub(crate) async fn closed(&mut self) {
        while self.read_some().await.is_some() {}
    }
}
