//! The container's side of AJP13. Like Tomcat, it asks for a request body packet by packet, up to its end.

use std::io;
use std::sync::Arc;

use ajp13::codec::ContainerCodec;
use ajp13::tables::RequestHeader;
use ajp13::{BodyPacket, ForwardRequest, FromContainer, PacketSize, ToContainer};
use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::codec::{Decoder, Encoder};

use crate::answers::Answers;
use crate::serve::{unknown, write};
use crate::upload::Upload;

struct Connection {
    stream: TcpStream,
    codec: ContainerCodec,
    input: BytesMut,
}

/// Answers the requests on a connection.
pub(crate) async fn serve(stream: TcpStream, answers: Arc<Answers>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut connection = Connection {
        stream,
        codec: ContainerCodec::new(answers.packet_size),
        input: BytesMut::with_capacity(PacketSize::MAX.bytes()),
    };
    while let Some(message) = connection.receive().await? {
        match message {
            ToContainer::ForwardRequest(request) => {
                connection.read_body(&request).await?;
                let path = request.uri.as_deref().unwrap_or_default();
                let answer = answers.to(path).ok_or_else(|| unknown(path))?;
                write(&mut connection.stream, answer).await?;
            }
            ToContainer::CPing => connection.send(FromContainer::CPong).await?,
            other => return Err(io::Error::other(format!("unexpected {other:?}"))),
        }
    }
    Ok(())
}

impl Connection {
    async fn receive(&mut self) -> io::Result<Option<ToContainer>> {
        loop {
            let message = self.codec.decode(&mut self.input);
            if let Some(message) = message.map_err(io::Error::other)? {
                return Ok(Some(message));
            }
            if self.stream.read_buf(&mut self.input).await? == 0 {
                return Ok(None);
            }
        }
    }

    async fn send(&mut self, message: FromContainer) -> io::Result<()> {
        let mut packet = BytesMut::new();
        self.codec
            .encode(message, &mut packet)
            .map_err(io::Error::other)?;
        self.stream.write_all(&packet).await
    }

    /// Reads the body up to its end, which is a packet too. The first packet comes unasked when the length is known.
    async fn read_body(&mut self, request: &ForwardRequest) -> io::Result<()> {
        let length = request.headers.get(RequestHeader::ContentLength);
        let mut upload = Upload::default();
        let mut asked = match length.as_deref() {
            Some(b"0") => return Ok(()),
            Some(length) => {
                upload = Upload::announced(length)?;
                true
            }
            None if request.method_name() == Some(b"POST") => false,
            None => return Ok(()),
        };
        loop {
            if !asked {
                let most = self.codec.packet_size().max_request_data();
                let most = u16::try_from(most).unwrap_or(u16::MAX);
                self.send(FromContainer::GetBodyChunk(most)).await?;
            }
            asked = false;
            self.codec.expect_body();
            match self.receive().await? {
                Some(ToContainer::Body(BodyPacket::Data(data))) => upload.take(&data)?,
                Some(_) => return upload.end(),
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
    }
}
