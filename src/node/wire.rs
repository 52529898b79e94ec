//! The packets of one AJP13 connection, at the container's end.

use ajp13::codec::ContainerCodec;
use ajp13::{CodecError, FromContainer, ToContainer};
use futures_util::{SinkExt, StreamExt as _};
use tokio::net::TcpStream;
use tokio_util::codec::Framed;

/// A connection that reads and writes packets.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) framed: Framed<TcpStream, ContainerCodec>,
}

impl Wire {
    pub(super) async fn receive(&mut self) -> Result<Option<ToContainer>, CodecError> {
        self.framed.next().await.transpose()
    }

    pub(super) fn feed(&mut self, message: FromContainer) -> Result<(), CodecError> {
        self.framed.start_send_unpin(message)
    }

    pub(super) async fn flush(&mut self) -> Result<(), CodecError> {
        SinkExt::<FromContainer>::flush(&mut self.framed).await
    }

    pub(super) async fn send(&mut self, message: FromContainer) -> Result<(), CodecError> {
        self.feed(message)?;
        self.flush().await
    }
}
