//! What a health check sends to an AJP13 member, on a connection of its own.

use std::future::poll_fn;
use std::io;
use std::time::Duration;

use ajp13::PacketSize;
use ajp13::encode::{RequestEncoder, RequestLine};
use ajp13::exchange::{Exchange, RequestBody, Step};
use ajp13::request::{Attribute, END_OF_BODY};

use super::AjpBackend;
use super::driver::HEAD_ROOM;
use super::transport::AjpTransport;
use crate::backend::check::{AGENT, Ask, Question, Reply};
use crate::backend::error::FailureKind;
use crate::health::LONGEST_BODY;

impl AjpBackend {
    /// Asks the member whether it works; CPONG may take `limit`.
    pub(crate) async fn check(
        &self,
        question: Question<'_>,
        limit: Duration,
    ) -> Result<Reply, FailureKind> {
        let mut lease = self.pool.connect_apart().await?;
        let connection = lease.connection().ok_or(FailureKind::Removed)?;
        let connection = &mut connection.transport;
        match question {
            Question::Tcp => Ok(Reply::Alive),
            Question::Cping => connection.ping(limit).await.map(|()| Reply::Alive),
            Question::Request(ask) => self.ask(connection, ask).await,
        }
    }

    async fn ask(&self, connection: &mut AjpTransport, ask: Ask<'_>) -> Result<Reply, FailureKind> {
        let local = connection.packets.stream().local_addr();
        let client = local.map_or_else(|_| String::new(), |address| address.ip().to_string());
        encode(
            connection.packets.output(HEAD_ROOM),
            self.packet_size(),
            &ask,
            &client,
            self.secret.as_deref(),
        )?;
        flush(connection).await?;

        let mut exchange = Exchange::new(RequestBody::Empty, self.packet_size());
        let (mut status, mut body) = (0, Vec::new());
        loop {
            let next = poll_fn(|cx| connection.packets.poll_receive(cx)).await;
            let message = next?
                .ok_or_else(|| FailureKind::Lost(io::Error::from(io::ErrorKind::UnexpectedEof)))?;
            match exchange.on(message)? {
                Step::Head(head) => status = head.status,
                Step::Data(data) => {
                    let room = LONGEST_BODY.saturating_sub(body.len()).min(data.len());
                    body.extend_from_slice(data.get(..room).unwrap_or_default());
                }
                Step::BodyDue => {
                    let out = connection.packets.output(END_OF_BODY.len());
                    out.extend_from_slice(&END_OF_BODY);
                    exchange.ended();
                    flush(connection).await?;
                }
                Step::Done { .. } => return Ok(Reply::Answer { status, body }),
                Step::Nothing | Step::Flush => {}
            }
        }
    }
}

async fn flush(connection: &mut AjpTransport) -> Result<(), FailureKind> {
    let flushed = poll_fn(|cx| connection.packets.poll_flush(cx)).await;
    flushed.map_err(FailureKind::Lost)
}

fn encode(
    out: &mut Vec<u8>,
    packet_size: PacketSize,
    ask: &Ask<'_>,
    client: &str,
    secret: Option<&str>,
) -> Result<usize, ajp13::Unencodable> {
    let (path, query) = match ask.uri.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (ask.uri, None),
    };
    let (host, port) = match ask.authority.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().unwrap_or(80)),
        None => (ask.authority, 80),
    };
    let mut head = RequestEncoder::begin(
        out,
        packet_size,
        &RequestLine {
            method: ask.method.as_bytes(),
            protocol: b"HTTP/1.1",
            uri: path.as_bytes(),
            remote_addr: client.as_bytes(),
            remote_host: None,
            server_name: host.as_bytes(),
            server_port: port,
            is_ssl: false,
        },
    )?;
    head.header(b"content-length", b"0")?;
    head.header(b"host", ask.authority.as_bytes())?;
    head.header(b"user-agent", AGENT.as_bytes())?;
    head.header(b"accept", b"*/*")?;
    if let Some(secret) = secret {
        head.attribute(Attribute::Secret, secret.as_bytes())?;
    }
    if let Some(query) = query {
        head.attribute(Attribute::QueryString, query.as_bytes())?;
    }
    head.finish()
}
