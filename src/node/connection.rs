//! One AJP13 connection, from the container's side.

use std::io;
use std::pin::Pin;

use ajp13::codec::ContainerCodec;
use ajp13::headers::Headers;
use ajp13::{
    BodyPacket, CodecError, ForwardRequest, FromContainer, Malformed, PacketSize, SendHeaders,
    ToContainer,
};
use bytes::Bytes;
use futures_core::Stream;
use futures_sink::Sink;
use std::future::poll_fn;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_util::codec::Framed;

use super::request::{BodyLength, Request, check};
use super::{Engine, app};

/// Serves requests until the gateway closes, or something is wrong with what it sends.
pub(super) async fn serve(stream: TcpStream, engine: &Engine) {
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let mut wire = Wire {
        framed: Framed::new(stream, ContainerCodec::new(PacketSize::DEFAULT)),
    };
    while let Ok(true) = wire.serve_next(engine).await {}
    let _ = wire.framed.get_mut().shutdown().await;
}

/// Packets in, packets out.
#[derive(Debug)]
struct Wire {
    framed: Framed<TcpStream, ContainerCodec>,
}

impl Wire {
    /// One packet, and the request that it starts. Whether the connection goes on.
    async fn serve_next(&mut self, engine: &Engine) -> Result<bool, CodecError> {
        match self.receive().await {
            Ok(Some(ToContainer::ForwardRequest(sent))) => self.answer(&sent, engine).await,
            Ok(Some(ToContainer::CPing)) => {
                self.send(FromContainer::CPong).await?;
                Ok(true)
            }
            Ok(_) => Ok(false),
            // The packet is a request that cannot be read: the gateway gets an answer before the end.
            Err(CodecError::Malformed(why)) if is_about_a_request(why) => self.refuse(400).await,
            Err(error) => Err(error),
        }
    }

    async fn answer(&mut self, sent: &ForwardRequest, engine: &Engine) -> Result<bool, CodecError> {
        let request = match check(sent, engine.secret.as_deref()) {
            Ok(request) => request,
            Err(status) => return self.refuse(status).await,
        };
        let mut exchange = Exchange::new(self, &request);
        exchange.read_promised().await?;
        app::serve(&mut exchange, &request, engine).await?;
        let reuse = exchange.end().await?;
        Ok(reuse)
    }

    /// An error page, and the end of the connection.
    async fn refuse(&mut self, status: u16) -> Result<bool, CodecError> {
        let mut headers = Headers::builder();
        headers.push(b"Content-Length", b"0")?;
        let headers = headers.build();
        self.send(FromContainer::SendHeaders(SendHeaders {
            status,
            message: None,
            headers,
        }))
        .await?;
        self.send(FromContainer::EndResponse { reuse: false })
            .await?;
        Ok(false)
    }

    async fn receive(&mut self) -> Result<Option<ToContainer>, CodecError> {
        poll_fn(|cx| Pin::new(&mut self.framed).poll_next(cx))
            .await
            .transpose()
    }

    fn feed(&mut self, message: FromContainer) -> Result<(), CodecError> {
        Pin::new(&mut self.framed).start_send(message)
    }

    async fn flush(&mut self) -> Result<(), CodecError> {
        poll_fn(|cx| Sink::<FromContainer>::poll_flush(Pin::new(&mut self.framed), cx)).await
    }

    async fn send(&mut self, message: FromContainer) -> Result<(), CodecError> {
        self.feed(message)?;
        self.flush().await
    }
}

/// Whether a packet was recognised as a request before it turned out to be none.
fn is_about_a_request(why: Malformed) -> bool {
    !matches!(
        why,
        Malformed::Magic(_)
            | Malformed::Oversize { .. }
            | Malformed::Empty
            | Malformed::PacketType(_)
    )
}

/// One request and its answer.
#[derive(Debug)]
pub(super) struct Exchange<'w> {
    wire: &'w mut Wire,
    length: BodyLength,
    /// Bytes of a known length that have not come.
    left: u64,
    /// Data of the packet that comes unasked.
    first: Option<Bytes>,
    ended: bool,
    /// HEAD and statuses without body: data is swallowed.
    bodyless: bool,
    method_is_head: bool,
}

impl<'w> Exchange<'w> {
    fn new(wire: &'w mut Wire, request: &Request) -> Self {
        let left = match request.length {
            BodyLength::Known(length) => length,
            BodyLength::Unknown | BodyLength::Unstated => 0,
        };
        Self {
            wire,
            length: request.length,
            left,
            first: None,
            ended: request.length == BodyLength::Known(0),
            bodyless: false,
            method_is_head: request.method == "HEAD",
        }
    }

    /// Reads the packet that follows a request with a length, whether somebody wants it or not: where the next
    /// request is expected it would be read as one.
    async fn read_promised(&mut self) -> Result<(), CodecError> {
        if self.left > 0 {
            self.first = self.receive_body().await?;
        }
        Ok(())
    }

    /// The next piece of the request body; `None` at its end.
    pub(super) async fn read(&mut self) -> Result<Option<Bytes>, CodecError> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        if self.ended {
            return Ok(None);
        }
        let most = u16::try_from(PacketSize::DEFAULT.max_request_data()).unwrap_or(u16::MAX);
        self.wire.send(FromContainer::GetBodyChunk(most)).await?;
        self.receive_body().await
    }

    async fn receive_body(&mut self) -> Result<Option<Bytes>, CodecError> {
        self.wire.framed.codec_mut().expect_body();
        match self.wire.receive().await? {
            Some(ToContainer::Body(BodyPacket::Data(data))) => {
                if let BodyLength::Known(_) = self.length {
                    let arrived = data.len() as u64;
                    // More than announced: the two ends disagree.
                    self.left = self
                        .left
                        .checked_sub(arrived)
                        .ok_or(io::ErrorKind::InvalidData)
                        .map_err(io::Error::from)?;
                    self.ended = self.left == 0;
                }
                Ok(Some(data))
            }
            Some(ToContainer::Body(_)) if self.left == 0 => {
                self.ended = true;
                Ok(None)
            }
            // Cut short, or gone: an error, never an end.
            _ => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
        }
    }

    /// Sends status and fields.
    pub(super) fn head(&mut self, status: u16, fields: &[(&str, &str)]) -> Result<(), CodecError> {
        self.bodyless = self.method_is_head || matches!(status, 204 | 205 | 304);
        let mut headers = Headers::builder();
        for (name, value) in fields {
            headers.push(name.as_bytes(), value.as_bytes())?;
        }
        let headers = headers.build();
        self.wire.feed(FromContainer::SendHeaders(SendHeaders {
            status,
            message: None,
            headers,
        }))
    }

    /// Sends body, in as many chunks as it takes.
    pub(super) async fn write(&mut self, mut data: Bytes) -> Result<(), CodecError> {
        if self.bodyless {
            return Ok(());
        }
        while !data.is_empty() {
            let length = data.len().min(PacketSize::DEFAULT.max_response_data());
            self.wire
                .feed(FromContainer::SendBodyChunk(data.split_to(length)))?;
            if self.wire.framed.write_buffer().len() >= 64 * 1024 {
                self.wire.flush().await?;
            }
        }
        Ok(())
    }

    /// Sends what has been written, and asks the gateway to pass it on.
    pub(super) async fn flush(&mut self) -> Result<(), CodecError> {
        self.wire
            .send(FromContainer::SendBodyChunk(Bytes::new()))
            .await
    }

    /// Ends the answer. The connection goes on unless a body of unknown length has not been read: what comes of
    /// it unasked would be read as a request.
    async fn end(self) -> Result<bool, CodecError> {
        let nothing_ahead = self.wire.framed.read_buffer().is_empty();
        let reuse = match self.length {
            BodyLength::Known(_) => true,
            BodyLength::Unknown => self.ended,
            BodyLength::Unstated => self.ended || nothing_ahead,
        };
        self.wire.send(FromContainer::EndResponse { reuse }).await?;
        Ok(reuse)
    }
}
