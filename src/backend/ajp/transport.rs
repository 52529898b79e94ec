//! A connection to an AJP13 member.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use ajp13::codec::GatewayCodec;
use ajp13::{FromContainer, PacketSize, ToContainer};
use bytes::BytesMut;
use futures_core::Stream;
use futures_sink::Sink;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_util::codec::Framed;
use tracing::warn;

use crate::backend::error::{ConnectError, FailureKind};
use crate::backend::pool::{Lease, Transport};
use crate::backend::stream::is_silent;
use crate::backend::wire::Wire;

/// Largest read buffer that an idle connection keeps, in bytes.
const IDLE_BUFFER_MAX: usize = 16 * 1024;

/// One connection, and its packets.
#[derive(Debug)]
pub(crate) struct AjpTransport {
    pub(crate) framed: Framed<Wire<TcpStream>, GatewayCodec>,
}

impl Transport for AjpTransport {
    type Recipe = PacketSize;

    async fn open(stream: TcpStream, packet_size: &PacketSize) -> Result<Self, ConnectError> {
        let codec = GatewayCodec::new(*packet_size);
        Ok(Self {
            framed: Framed::new(Wire::new(stream), codec),
        })
    }

    fn is_quiet(&self) -> bool {
        self.framed.read_buffer().is_empty() && is_silent(&self.framed.get_ref().stream)
    }

    fn rest(&mut self) -> bool {
        let framed = &mut self.framed;
        if !framed.read_buffer().is_empty() || !framed.write_buffer().is_empty() {
            return false;
        }
        if framed.read_buffer().capacity() > IDLE_BUFFER_MAX {
            *framed.read_buffer_mut() = BytesMut::new();
        }
        true
    }

    /// CPING, and CPONG within `limit`.
    async fn ping(&mut self, limit: Duration) -> Result<(), FailureKind> {
        let pong = async {
            let framed = &mut self.framed;
            let cping = ToContainer::CPing;
            Pin::new(&mut *framed).start_send(cping)?;
            poll_fn(|cx| Sink::<ToContainer>::poll_flush(Pin::new(&mut *framed), cx)).await?;
            poll_fn(|cx| Pin::new(&mut *framed).poll_next(cx))
                .await
                .transpose()
        };
        match tokio::time::timeout(limit, pong).await {
            Ok(Ok(Some(FromContainer::CPong))) if self.framed.read_buffer().is_empty() => Ok(()),
            _ => Err(FailureKind::NoPong),
        }
    }
}

impl Lease<AjpTransport> {
    /// Names the probable reason of a 403 after which the container wants no further request.
    pub(crate) fn explain_forbidden(&self) {
        let Some(pool) = self.pool() else {
            return;
        };
        let connector = pool.manager();
        if connector.forbidden.is_due(Instant::now().into_std()) {
            warn!(
                member = format_args!("{}:{}", connector.settings.host, connector.settings.port),
                "403 from the connector itself: does `secret` agree with the connector's, and does its \
                 allowedRequestAttributesPattern allow the configured request_attributes?"
            );
        }
    }
}
