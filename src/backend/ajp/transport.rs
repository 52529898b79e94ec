//! A connection to an AJP13 member.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use ajp13::codec::GatewayCodec;
use ajp13::{FromContainer, PacketSize, ToContainer};
use bytes::BytesMut;
use futures_util::{Sink, Stream};
use tokio::net::TcpStream;
use tokio_util::codec::Framed;
use tracing::warn;

use crate::backend::error::{ConnectError, FailureKind};
use crate::backend::pool::Transport;
use crate::backend::stream::is_silent;
use crate::backend::wire::Wire;
use crate::telemetry::WarnLimit;

/// Largest read buffer that an idle connection keeps, in bytes.
const IDLE_BUFFER_MAX: usize = 16 * 1024;

/// One connection, and its packets.
#[derive(Debug)]
pub(crate) struct AjpTransport {
    pub(crate) framed: Framed<Wire<TcpStream>, GatewayCodec>,
}

/// What AJP13 needs to know of a member.
#[derive(Debug)]
pub(crate) struct AjpSettings {
    /// The member's url, for the log.
    member: String,
    pub(super) packet_size: PacketSize,
    /// Longest wait for CPONG; `None` when no CPING is sent.
    ping: Option<Duration>,
    forbidden: WarnLimit,
}

impl AjpSettings {
    pub(crate) const fn new(
        member: String,
        packet_size: PacketSize,
        ping: Option<Duration>,
    ) -> Self {
        Self {
            member,
            packet_size,
            ping,
            forbidden: WarnLimit::per_minute(),
        }
    }

    /// Names the probable reason of a 403 after which the container wants no further request.
    pub(super) fn warn_of_forbidden(&self) {
        if let Some(left_out) = self.forbidden.due(()) {
            warn!(
                member = self.member,
                left_out = left_out.field(),
                "403 from the connector itself: does `secret` agree with the connector's, and does its \
                 allowedRequestAttributesPattern allow the configured request_attributes?"
            );
        }
    }
}

impl AjpTransport {
    /// CPING, and CPONG within `limit`.
    pub(super) async fn ping(&mut self, limit: Duration) -> Result<(), FailureKind> {
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

impl Transport for AjpTransport {
    type Settings = AjpSettings;

    async fn open(stream: TcpStream, settings: &AjpSettings) -> Result<Self, ConnectError> {
        let codec = GatewayCodec::new(settings.packet_size);
        Ok(Self {
            framed: Framed::new(Wire::new(stream), codec),
        })
    }

    /// CPING, where `ping` is configured.
    async fn probe(&mut self, settings: &AjpSettings) -> Result<(), FailureKind> {
        match settings.ping {
            // The future is boxed, because it is large and rarely needed.
            Some(limit) => Box::pin(self.ping(limit)).await,
            None => Ok(()),
        }
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
}
