//! One AJP13 connection, from the container's side.

use ajp13::codec::ContainerCodec;
use ajp13::headers::Headers;
use ajp13::{
    CodecError, ForwardRequest, FromContainer, Malformed, PacketSize, SendHeaders, ToContainer,
};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_util::codec::Framed;

use super::app;
use super::engine::Engine;
use super::exchange::Exchange;
use super::request::check;
use super::wire::Wire;

/// Serves requests until the gateway closes the connection or sends something wrong.
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

impl Wire {
    /// Reads one packet and serves the request that it starts. Returns whether the connection stays open.
    async fn serve_next(&mut self, engine: &Engine) -> Result<bool, CodecError> {
        match self.receive().await {
            Ok(Some(ToContainer::ForwardRequest(sent))) => self.answer(&sent, engine).await,
            Ok(Some(ToContainer::CPing)) => {
                self.send(FromContainer::CPong).await?;
                Ok(true)
            }
            Ok(_) => Ok(false),
            // A request that cannot be decoded is answered before the connection is closed.
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

    /// Sends an error page and ends the connection.
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
}

/// Whether a packet was recognised as a request before the error.
fn is_about_a_request(why: Malformed) -> bool {
    !matches!(
        why,
        Malformed::Magic(_)
            | Malformed::Oversize { .. }
            | Malformed::Empty
            | Malformed::PacketType(_)
    )
}
