//! One request and its answer, from the container's side.

use std::io;

use ajp13::headers::Headers;
use ajp13::{BodyPacket, CodecError, FromContainer, PacketSize, SendHeaders, ToContainer};
use bytes::Bytes;

use super::request::{BodyLength, Request};
use super::wire::Wire;

/// One request and its answer.
#[derive(Debug)]
pub(super) struct Exchange<'w> {
    wire: &'w mut Wire,
    length: BodyLength,
    /// Bytes of a body of known length that have not arrived yet.
    left: u64,
    /// The data of the first body packet, which comes unasked.
    first: Option<Bytes>,
    ended: bool,
    /// Whether body data is discarded, as for HEAD and for statuses without a body.
    bodyless: bool,
    method_is_head: bool,
}

impl<'w> Exchange<'w> {
    pub(super) fn new(wire: &'w mut Wire, request: &Request) -> Self {
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

    /// Reads the body packet that follows a request with a length. It is read even if the handler ignores the body,
    /// because it would otherwise be read as the next request.
    pub(super) async fn read_promised(&mut self) -> Result<(), CodecError> {
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
                    // More data than announced: the two ends disagree about the body.
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
            // A body that is cut short is an error, never the end of the body.
            _ => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
        }
    }

    /// Sends the status and the header fields.
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

    /// Sends body data, in as many chunks as needed.
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

    /// Sends what was written so far, and asks the gateway to flush it to the client.
    pub(super) async fn flush(&mut self) -> Result<(), CodecError> {
        self.wire
            .send(FromContainer::SendBodyChunk(Bytes::new()))
            .await
    }

    /// Ends the response. Returns whether the connection can be reused: not if a body of unknown length has not been
    /// read, because a packet of it would be read as a request.
    pub(super) async fn end(self) -> Result<bool, CodecError> {
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
