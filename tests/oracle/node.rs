//! Scripted AJP13 nodes, which do the same for every front end.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;

use ajp13::codec::ContainerCodec;
use ajp13::headers::{HeaderName, Headers};
use ajp13::tables::RequestHeader;
use ajp13::{ForwardRequest, FromContainer, PacketSize, SendHeaders, ToContainer};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt as _};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::codec::Framed;

use crate::support::port::ReservedPort;

/// Most data in one SEND_BODY_CHUNK.
const CHUNK: usize = 8184;

/// What a node does with every connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// It answers requests.
    Up,
    /// It does not listen: connections are refused.
    Refusing,
    /// It reads a request and closes the connection without an answer.
    Dropping,
}

/// The request field that says how the node answers, and its values; without it the answer is 200.
pub(crate) mod wish {
    /// The field.
    pub(crate) const FIELD: &str = "X-Wish";
    /// `status=503`: answered with that status.
    pub(crate) const STATUS: &str = "status=";
    /// Answered with bytes that are not AJP13.
    pub(crate) const GARBAGE: &str = "garbage";
    /// Never answered.
    pub(crate) const SILENCE: &str = "silence";
    /// `hold=7`: answered once the seventh gate is open.
    pub(crate) const HOLD: &str = "hold=";
}

/// The request field with the number of body bytes of the answer.
pub(crate) const SIZE: &str = "X-Size";

/// The answer field with the name of the node.
pub(crate) const MEMBER: &str = "X-Member";

/// Held requests: the number that has arrived at each gate, and the gates that are open.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gates(Arc<watch::Sender<GateState>>);

#[derive(Debug, Default)]
struct GateState {
    arrived: HashMap<usize, usize>,
    open: HashSet<usize>,
}

impl Gates {
    /// Waits until this number of requests is held at a gate.
    pub(crate) async fn arrived(&self, gate: usize, count: usize) {
        self.when(|state| state.arrived.get(&gate) == Some(&count))
            .await;
    }

    /// Lets the requests at a gate continue.
    pub(crate) fn open(&self, gate: usize) {
        self.0.send_modify(|state| {
            state.open.insert(gate);
        });
    }

    async fn pass(&self, gate: usize) {
        self.0
            .send_modify(|state| *state.arrived.entry(gate).or_default() += 1);
        self.when(|state| state.open.contains(&gate)).await;
    }

    async fn when(&self, condition: impl Fn(&GateState) -> bool) {
        let mut state = self.0.subscribe();
        let met = state.wait_for(|state| condition(state)).await;
        met.expect("the sender is in this value");
    }
}

/// The state that all connections of a node share.
#[derive(Debug, Clone)]
struct Part {
    name: Arc<str>,
    dropping: bool,
    /// Whether a connection may be used again after an answer.
    reuse: bool,
    gates: Gates,
}

/// A member of the balancers, on a port that stays the same while it stops and starts.
#[derive(Debug)]
pub(crate) struct Node {
    port: ReservedPort,
    part: Part,
    mode: Mode,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Node {
    /// Starts a node that answers.
    pub(crate) async fn start(name: &str, reuse: bool, gates: &Gates) -> Self {
        let mut node = Self {
            port: ReservedPort::new(),
            part: Part {
                name: Arc::from(name),
                dropping: false,
                reuse,
                gates: gates.clone(),
            },
            mode: Mode::Refusing,
            running: None,
        };
        node.turn(Mode::Up).await;
        node
    }

    /// Its address, also while it does not listen.
    pub(crate) fn address(&self) -> SocketAddr {
        self.port.addr()
    }

    /// Its mode now.
    pub(crate) fn mode(&self) -> Mode {
        self.mode
    }

    /// Changes its mode. When this returns, all earlier connections are closed.
    pub(crate) async fn turn(&mut self, mode: Mode) {
        if let Some(Running { stop, task }) = self.running.take() {
            stop.send_replace(true);
            task.await.expect("a node runs until it is stopped");
        }
        self.mode = mode;
        self.part.dropping = mode == Mode::Dropping;
        if mode != Mode::Refusing {
            self.running = Some(self.listen());
        }
    }

    fn listen(&self) -> Running {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_reuseaddr(true).expect("an address to be reused");
        socket.bind(self.address()).expect("the reserved port");
        let listener = socket.listen(256).expect("a listener");
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(accept(listener, self.part.clone(), stopped));
        Running { stop, task }
    }
}

async fn accept(listener: TcpListener, part: Part, mut stopped: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, _) = accepted.expect("a connection");
                stream.set_nodelay(true).expect("no delay");
                connections.spawn(serve(stream, part.clone()));
            }
            Some(_) = connections.join_next() => {}
            _ = stopped.wait_for(|stopped| *stopped) => break,
        }
    }
    drop(listener);
    connections.shutdown().await;
}

async fn serve(stream: TcpStream, part: Part) {
    let mut framed = Framed::new(stream, ContainerCodec::new(PacketSize::DEFAULT));
    while let Some(message) = next(&mut framed).await {
        match message {
            ToContainer::CPing => send(&mut framed, FromContainer::CPong).await,
            ToContainer::ForwardRequest(request) => {
                if has_body(&request) {
                    framed.codec_mut().expect_body();
                    next(&mut framed).await;
                }
                if part.dropping || !answer(&mut framed, &part, &request).await || !part.reuse {
                    return;
                }
            }
            _ => return,
        }
    }
}

/// Answers as the request's field says. `false`: the connection is closed.
async fn answer(
    framed: &mut Framed<TcpStream, ContainerCodec>,
    part: &Part,
    request: &ForwardRequest,
) -> bool {
    let wish = field(request, wish::FIELD).unwrap_or_default();
    let mut status = 200;
    if let Some(wanted) = wish.strip_prefix(wish::STATUS) {
        status = wanted.parse().expect("a status");
    } else if let Some(gate) = wish.strip_prefix(wish::HOLD) {
        part.gates.pass(gate.parse().expect("a number")).await;
    } else if wish == wish::GARBAGE {
        // A failed write has the same effect.
        let _ = framed.get_mut().write_all(b"this is not AJP13").await;
        return false;
    } else if wish == wish::SILENCE {
        // Waits until the front end gives up.
        next(framed).await;
        return false;
    }
    let size: usize = field(request, SIZE).map_or(0, |size| size.parse().expect("a size"));
    send(framed, head(status, &part.name, size)).await;
    let is_head = request.method_name() == Some(b"HEAD");
    let sent = if is_head { 0 } else { size };
    for chunk in vec![b'x'; sent].chunks(CHUNK) {
        let data = Bytes::copy_from_slice(chunk);
        send(framed, FromContainer::SendBodyChunk(data)).await;
    }
    let reuse = part.reuse;
    send(framed, FromContainer::EndResponse { reuse }).await;
    true
}

fn head(status: u16, name: &str, size: usize) -> FromContainer {
    let mut headers = Headers::builder();
    for (name, value) in [(MEMBER, name), ("Content-Length", &size.to_string())] {
        let name = HeaderName::Text(Bytes::copy_from_slice(name.as_bytes()));
        headers
            .push_raw(&name, Some(&Bytes::copy_from_slice(value.as_bytes())))
            .expect("room for two fields");
    }
    FromContainer::SendHeaders(SendHeaders {
        status,
        message: Some(Bytes::from(status.to_string())),
        headers: headers.build(),
    })
}

fn has_body(request: &ForwardRequest) -> bool {
    request
        .headers
        .get(RequestHeader::ContentLength)
        .is_some_and(|length| *length != b"0"[..])
}

fn field(request: &ForwardRequest, wanted: &str) -> Option<String> {
    let (_, value) = request
        .headers
        .iter()
        .find(|(name, _)| name.as_bytes().eq_ignore_ascii_case(wanted.as_bytes()))?;
    Some(String::from_utf8_lossy(&value?).into_owned())
}

/// The next packet; `None` when the front end has closed.
async fn next(framed: &mut Framed<TcpStream, ContainerCodec>) -> Option<ToContainer> {
    let next = framed.next().await;
    match next? {
        Ok(message) => Some(message),
        Err(ajp13::CodecError::Io(_)) => None,
        Err(error) => panic!("what came is not AJP13: {error}"),
    }
}

/// Sends a packet. The front end may have closed.
async fn send(framed: &mut Framed<TcpStream, ContainerCodec>, message: FromContainer) {
    let _ = framed.start_send_unpin(message);
    let _ = SinkExt::<FromContainer>::flush(framed).await;
}
