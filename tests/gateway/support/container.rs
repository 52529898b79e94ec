//! A servlet container that does what the script of a test says, right or wrong.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ajp13::codec::ContainerCodec;
use ajp13::headers::Headers;
use ajp13::tables::RequestHeader;
use ajp13::{BodyPacket, ForwardRequest, FromContainer, PacketSize, SendHeaders, ToContainer};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt as _};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::codec::Framed;

use super::{Gate, ReservedPort, soon};

/// A container that listens until it is dropped.
pub(crate) struct Container {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
    /// Keeps other programs from the port after the container has ended.
    _port: Option<ReservedPort>,
}

impl Container {
    /// Each connection runs `script` with its number, starting at 1.
    pub(crate) async fn start<F>(script: impl Fn(usize, Wire) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self::with_packets(PacketSize::DEFAULT, script).await
    }

    pub(crate) async fn with_packets<F>(
        size: PacketSize,
        script: impl Fn(usize, Wire) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let port = ReservedPort::new();
        let listener = TcpListener::bind(port.addr()).await.unwrap();
        Self::listen(listener, Some(port), size, script)
    }

    /// The same on this address.
    pub(crate) fn at<F>(
        address: SocketAddr,
        script: impl Fn(usize, Wire) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(address).unwrap();
        Self::listen(
            socket.listen(64).unwrap(),
            None,
            PacketSize::DEFAULT,
            script,
        )
    }

    fn listen<F>(
        listener: TcpListener,
        port: Option<ReservedPort>,
        size: PacketSize,
        script: impl Fn(usize, Wire) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&connections);
        let task = tokio::spawn(async move {
            let mut running = tokio::task::JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                let number = counter.fetch_add(1, Ordering::SeqCst) + 1;
                running.spawn(script(number, Wire::new(stream, size)));
            }
        });
        Self {
            address,
            connections,
            task,
            _port: port,
        }
    }

    /// Answers every request with 200 and this text, and its route in `X-Node`.
    pub(crate) async fn hello(node: &'static str) -> Self {
        Self::start(move |_, wire| hello(node, wire)).await
    }

    /// Answers a request each time the gate is opened.
    pub(crate) async fn gated(gate: &Gate) -> Self {
        let gate = gate.clone();
        Self::start(move |_, mut wire| {
            let gate = gate.clone();
            async move {
                while wire.next_request().await.is_some() {
                    gate.opened(1).await;
                    wire.respond(200, &[], b"at last").await;
                }
            }
        })
        .await
    }

    /// Sends the beginning of an answer on each connection, a head with these fields and `partial`, and closes the
    /// connection when the gate is opened.
    pub(crate) async fn broken_off(
        gate: &Gate,
        fields: &'static [(&'static str, &'static str)],
    ) -> Self {
        let gate = gate.clone();
        Self::start(move |_, mut wire| {
            let gate = gate.clone();
            async move {
                wire.request().await;
                wire.head(200, fields).await;
                wire.data(b"partial").await;
                wire.flush().await;
                gate.opened(1).await;
            }
        })
        .await
    }

    /// Number of connections so far.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves requests until the gateway closes: reads each body to its end and answers 200.
pub(crate) async fn hello(node: &'static str, mut wire: Wire) {
    while let Some(request) = wire.next_request().await {
        wire.read_body(&request).await;
        wire.respond(200, &[("X-Node", node)], node.as_bytes())
            .await;
    }
}

/// The container's side of one connection.
pub(crate) struct Wire {
    framed: Framed<TcpStream, ContainerCodec>,
}

impl Wire {
    fn new(stream: TcpStream, size: PacketSize) -> Self {
        Self {
            framed: Framed::new(stream, ContainerCodec::new(size)),
        }
    }

    /// The next packet; `None` when the gateway has closed or reset.
    pub(crate) async fn next(&mut self) -> Option<ToContainer> {
        let next = self.framed.next();
        match soon("a packet from the gateway", next).await {
            Some(Ok(message)) => Some(message),
            Some(Err(ajp13::CodecError::Io(_))) | None => None,
            Some(Err(error)) => panic!("the gateway sent what is not AJP13: {error}"),
        }
    }

    /// The next request; CPINGs before it are answered.
    pub(crate) async fn next_request(&mut self) -> Option<ForwardRequest> {
        loop {
            match self.next().await? {
                ToContainer::ForwardRequest(request) => return Some(*request),
                ToContainer::CPing => self.send(FromContainer::CPong).await,
                other => panic!("expected a request, got {other:?}"),
            }
        }
    }

    /// The next request, which must come.
    pub(crate) async fn request(&mut self) -> ForwardRequest {
        self.next_request().await.expect("a request")
    }

    /// The next packet of request body, which was not asked for. `None` when the connection has ended instead.
    pub(crate) async fn body_packet(&mut self) -> Option<BodyPacket> {
        self.framed.codec_mut().expect_body();
        match self.next().await? {
            ToContainer::Body(packet) => Some(packet),
            other => panic!("expected request body, got {other:?}"),
        }
    }

    /// Asks for request body and returns the packet.
    pub(crate) async fn ask(&mut self, most: u16) -> Option<BodyPacket> {
        self.send(FromContainer::GetBodyChunk(most)).await;
        self.body_packet().await
    }

    /// The whole body, read as Tomcat does: the unasked packet first, then asking until the end.
    pub(crate) async fn read_body(&mut self, request: &ForwardRequest) -> Vec<u8> {
        let body = self.try_read_body(request).await;
        body.expect("the end of a body")
    }

    /// The same; `None` when the connection has ended before the body has.
    pub(crate) async fn try_read_body(&mut self, request: &ForwardRequest) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        let length = content_length(request);
        if length == Some(0) {
            return Some(body);
        }
        let mut packet = match length {
            Some(_) => self.body_packet().await?,
            None => self.ask(8186).await?,
        };
        while let BodyPacket::Data(data) = packet {
            body.extend_from_slice(&data);
            packet = self.ask(8186).await?;
        }
        assert_eq!(packet, BodyPacket::End);
        Some(body)
    }

    /// Sends one packet. It is no error when the gateway has closed.
    pub(crate) async fn send(&mut self, message: FromContainer) {
        let _ = self.framed.start_send_unpin(message);
        let _ = SinkExt::<FromContainer>::flush(&mut self.framed).await;
    }

    /// Sends these packets with one write.
    pub(crate) async fn send_together(
        &mut self,
        messages: impl IntoIterator<Item = FromContainer>,
    ) {
        for message in messages {
            let _ = self.framed.start_send_unpin(message);
        }
        let _ = SinkExt::<FromContainer>::flush(&mut self.framed).await;
    }

    /// Sends these bytes.
    pub(crate) async fn raw(&mut self, bytes: &[u8]) {
        let _ = self.framed.get_mut().write_all(bytes).await;
    }

    pub(crate) async fn head(&mut self, status: u16, fields: &[(&str, &str)]) {
        self.send(head(status, fields)).await;
    }

    pub(crate) async fn data(&mut self, data: &[u8]) {
        for chunk in data.chunks(8184) {
            self.send(FromContainer::SendBodyChunk(Bytes::copy_from_slice(chunk)))
                .await;
        }
    }

    pub(crate) async fn flush(&mut self) {
        self.send(FromContainer::SendBodyChunk(Bytes::new())).await;
    }

    pub(crate) async fn end(&mut self, reuse: bool) {
        self.send(FromContainer::EndResponse { reuse }).await;
    }

    /// Sends a complete answer with Content-Length.
    pub(crate) async fn respond(&mut self, status: u16, fields: &[(&str, &str)], body: &[u8]) {
        let length = body.len().to_string();
        let mut fields = fields.to_vec();
        fields.push(("Content-Length", &length));
        self.head(status, &fields).await;
        self.data(body).await;
        self.end(true).await;
    }

    /// Waits until the gateway closes, and returns the bytes that it sent before.
    pub(crate) async fn until_closed(&mut self) -> Vec<u8> {
        let mut rest = self.framed.read_buffer().to_vec();
        let read = self.framed.get_mut().read_to_end(&mut rest);
        // A reset closes too.
        let _ = soon("the gateway closes", read).await;
        rest
    }

    /// Closes with a reset.
    pub(crate) fn reset(self) {
        let _ = self.framed.get_ref().set_zero_linger();
    }
}

/// A SEND_HEADERS packet whose field names are texts, not codes.
pub(crate) fn head(status: u16, fields: &[(&str, &str)]) -> FromContainer {
    let mut headers = Headers::builder();
    for (name, value) in fields {
        let name = ajp13::headers::HeaderName::Text(Bytes::copy_from_slice(name.as_bytes()));
        headers
            .push_raw(&name, Some(&Bytes::copy_from_slice(value.as_bytes())))
            .unwrap();
    }
    let message = Some(Bytes::from(status.to_string()));
    FromContainer::SendHeaders(SendHeaders {
        status,
        message,
        headers: headers.build(),
    })
}

pub(crate) fn content_length(request: &ForwardRequest) -> Option<u64> {
    let length = request.headers.get(RequestHeader::ContentLength)?;
    Some(std::str::from_utf8(&length).unwrap().parse().unwrap())
}

/// All values of a field of a request, whatever its form.
pub(crate) fn fields(request: &ForwardRequest, wanted: &str) -> Vec<String> {
    request
        .headers
        .iter()
        .filter(|(name, _)| name.as_bytes().eq_ignore_ascii_case(wanted.as_bytes()))
        .map(|(_, value)| String::from_utf8_lossy(&value.unwrap_or_default()).into_owned())
        .collect()
}

/// The value of a request attribute that has no code.
pub(crate) fn named(request: &ForwardRequest, wanted: &str) -> Option<String> {
    let mut named = request
        .named()
        .filter(|(name, _)| *name == wanted.as_bytes());
    named
        .next()
        .map(|(_, value)| String::from_utf8_lossy(value).into_owned())
}
