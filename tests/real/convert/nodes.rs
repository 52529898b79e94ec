//! Scripted backends that answer with what they were told of the request: three that speak AJP13, two that speak HTTP.
//!
//! A field `X-Answer-NAME: value` of the request becomes the field NAME of the answer, `X-Answer-Status` its status.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::SocketAddr;

use ajp13::codec::ContainerCodec;
use ajp13::headers::{HeaderName, Headers};
use ajp13::request::{Attribute, RequestAttribute};
use ajp13::tables::RequestHeader;
use ajp13::{ForwardRequest, FromContainer, PacketSize, SendHeaders, ToContainer};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt as _};
use tokio::io::{AsyncBufReadExt, AsyncReadExt as _, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::codec::Framed;

/// The field with the number of a request. Nobody answers a request without it, such as a health check, with its facts.
pub(super) const NUMBER: &str = "X-Number";

/// The field of the answer that names the node.
pub(super) const NODE: &str = "X-Node";

const ANSWER: &str = "x-answer-";

/// Fields that the connection to a backend decides, or that the gateway sets anew.
const IGNORED: [&str; 13] = [
    "connection",
    "keep-alive",
    "content-length",
    "forwarded",
    "max-forwards",
    "transfer-encoding",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-forwarded-server",
    "x-real-ip",
];

/// Attributes that httpd's modules send of themselves: the client's port and the like.
const OWN_ATTRIBUTES: [&str; 3] = ["AJP_REMOTE_PORT", "AJP_LOCAL_ADDR", "AJP_SSL_PROTOCOL"];

/// A backend. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Node {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Node {
    /// A servlet container with this name.
    pub(super) async fn ajp(name: &'static str) -> Self {
        Self::start(name, serve_ajp).await
    }

    /// An HTTP server with this name.
    pub(super) async fn http(name: &'static str) -> Self {
        Self::start(name, serve_http).await
    }

    async fn start<F>(name: &'static str, serve: fn(&'static str, TcpStream) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0))
            .await
            .unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                tokio::spawn(serve(name, stream));
            }
        });
        Self { address, task }
    }
}

/// An answer: status, fields, body.
struct Reply {
    status: u16,
    fields: Vec<(String, String)>,
    body: String,
}

/// The answer to a request with these fields.
fn reply(node: &str, facts: &str, fields: &[(String, String)]) -> Reply {
    let mut reply = Reply {
        status: 200,
        fields: vec![(NODE.to_owned(), node.to_owned())],
        body: format!("node: {node}\n{facts}"),
    };
    let mut seen: Vec<String> = Vec::new();
    for (name, value) in fields {
        let lower = name.to_ascii_lowercase();
        match lower.strip_prefix(ANSWER) {
            Some("status") => reply.status = value.parse().unwrap(),
            Some(name) => reply.fields.push((name.to_owned(), value.clone())),
            None if IGNORED.contains(&&*lower) => {}
            None => seen.push(format!("field {lower}: {value}\n")),
        }
    }
    if !reply.fields.iter().any(|(name, _)| name == "content-type") {
        reply
            .fields
            .push(("content-type".to_owned(), "text/plain".to_owned()));
    }
    seen.sort();
    reply.body.extend(seen);
    reply
}

async fn serve_ajp(node: &'static str, stream: TcpStream) {
    let mut framed = Framed::new(stream, ContainerCodec::new(PacketSize::DEFAULT));
    while let Some(Ok(message)) = framed.next().await {
        match message {
            ToContainer::CPing => send(&mut framed, FromContainer::CPong).await,
            ToContainer::ForwardRequest(request) => answer(&mut framed, node, &request).await,
            _ => return,
        }
    }
}

async fn answer(
    framed: &mut Framed<TcpStream, ContainerCodec>,
    node: &str,
    request: &ForwardRequest,
) {
    let has_body = request.headers.get(RequestHeader::ContentLength);
    if has_body.is_some_and(|length| *length != b"0"[..]) {
        framed.codec_mut().expect_body();
        let _ = framed.next().await;
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let fields: Vec<(String, String)> = request
        .headers
        .texts()
        .map(|(name, value)| (text(name), text(value)))
        .collect();
    let reply = reply(node, &facts(request), &fields);
    let mut headers = Headers::builder();
    for (name, value) in &reply.fields {
        let name = HeaderName::Text(Bytes::copy_from_slice(name.as_bytes()));
        let value = Bytes::copy_from_slice(value.as_bytes());
        headers.push_raw(&name, Some(&value)).unwrap();
    }
    let head = FromContainer::SendHeaders(SendHeaders {
        status: reply.status,
        message: Some(Bytes::from_static(b"said")),
        headers: headers.build(),
    });
    send(framed, head).await;
    if request.method_name() != Some(b"HEAD") && reply.status != 304 {
        send(
            framed,
            FromContainer::SendBodyChunk(Bytes::from(reply.body)),
        )
        .await;
    }
    send(framed, FromContainer::EndResponse { reuse: true }).await;
}

/// What a servlet can ask for beside the fields, one fact a line.
fn facts(request: &ForwardRequest) -> String {
    let text = |bytes: Option<&[u8]>| bytes.map(|it| String::from_utf8_lossy(it).into_owned());
    let shown = |bytes: Option<&[u8]>| text(bytes).unwrap_or_else(|| "-".to_owned());
    let mut facts = String::new();
    for (name, value) in [
        ("method", shown(request.method_name())),
        ("uri", shown(request.uri.as_deref())),
        ("query", shown(request.text(Attribute::QueryString))),
        ("address", shown(request.remote_addr.as_deref())),
        (
            "server",
            shown(request.server_name.as_deref()).to_lowercase(),
        ),
        ("port", request.server_port.to_string()),
        ("ssl", request.is_ssl.to_string()),
        ("user", shown(request.text(Attribute::RemoteUser))),
        // The gateway writes it in capital letters, as servlets do.
        (
            "auth",
            shown(request.text(Attribute::AuthType)).to_uppercase(),
        ),
        ("secret", shown(request.text(Attribute::Secret))),
    ] {
        let _ = writeln!(facts, "{name}: {value}");
    }
    let mut attributes = BTreeSet::new();
    for attribute in &request.attributes {
        if let RequestAttribute::Named(name, value) = attribute {
            let (name, value) = (shown(name.as_deref()), shown(value.as_deref()));
            let own = OWN_ATTRIBUTES.contains(&&*name) || name.starts_with("JK_LB_");
            if !own {
                attributes.insert(format!("attribute {name}: {value}\n"));
            }
        }
    }
    facts.extend(attributes);
    facts
}

async fn send(framed: &mut Framed<TcpStream, ContainerCodec>, message: FromContainer) {
    // The front end may have closed.
    let _ = framed.start_send_unpin(message);
    let _ = SinkExt::<FromContainer>::flush(framed).await;
}

async fn serve_http(node: &'static str, stream: TcpStream) {
    let mut stream = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if !matches!(stream.read_line(&mut line).await, Ok(1..)) {
            return;
        }
        let mut words = line.split_whitespace();
        let (method, target) = (
            words.next().unwrap_or_default().to_owned(),
            words.next().unwrap_or_default().to_owned(),
        );
        let mut fields = Vec::new();
        loop {
            let mut line = String::new();
            if !matches!(stream.read_line(&mut line).await, Ok(1..)) {
                return;
            }
            let Some((name, value)) = line.trim_end().split_once(':') else {
                break;
            };
            fields.push((name.to_owned(), value.trim().to_owned()));
        }
        let length = fields
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        let mut body = vec![0; length.map_or(0, |(_, value)| value.parse().unwrap())];
        if stream.read_exact(&mut body).await.is_err() {
            return;
        }
        let (uri, query) = target.split_once('?').unwrap_or((&target, "-"));
        let facts = format!("method: {method}\nuri: {uri}\nquery: {query}\n");
        let reply = reply(node, &facts, &fields);
        let length = reply.body.len();
        let body = if method == "HEAD" { "" } else { &reply.body };
        let mut text = format!(
            "HTTP/1.1 {} said\r\nContent-Length: {length}\r\n",
            reply.status
        );
        for (name, value) in &reply.fields {
            let _ = write!(text, "{name}: {value}\r\n");
        }
        let _ = write!(text, "\r\n{body}");
        if stream.get_mut().write_all(text.as_bytes()).await.is_err() {
            return;
        }
    }
}
