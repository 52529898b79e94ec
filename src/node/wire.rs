//! The packets of one AJP13 connection, at the container's end.

use std::future::poll_fn;
use std::pin::Pin;

use ajp13::codec::ContainerCodec;
use ajp13::{CodecError, FromContainer, ToContainer};
use futures_core::Stream;
use futures_sink::Sink;
use tokio::net::TcpStream;
use tokio_util::codec::Framed;

/// A connection that reads and writes packets.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) framed: Framed<TcpStream, ContainerCodec>,
}

impl Wire {
    pub(super) async fn receive(&mut self) -> Result<Option<ToContainer>, CodecError> {
        poll_fn(|cx| Pin::new(&mut self.framed).poll_next(cx))
            .await
            .transpose()
    }

    pub(super) fn feed(&mut self, message: FromContainer) -> Result<(), CodecError> {
        Pin::new(&mut self.framed).start_send(message)
    }

    pub(super) async fn flush(&mut self) -> Result<(), CodecError> {
        poll_fn(|cx| Sink::<FromContainer>::poll_flush(Pin::new(&mut self.framed), cx)).await
    }

    pub(super) async fn send(&mut self, message: FromContainer) -> Result<(), CodecError> {
        self.feed(message)?;
        self.flush().await
    }
}
