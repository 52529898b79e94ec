//! A connection to an AJP13 member.

use std::future::poll_fn;
use std::time::Duration;

use ajp13::request::CPING;
use ajp13::{FromContainer, PacketSize};
use tokio::net::TcpStream;
use tracing::{info, warn};

use super::packets::Packets;
use super::small_packets::SmallPackets;
use crate::backend::error::{ConnectError, FailureKind};
use crate::backend::pool::Transport;
use crate::backend::stream::is_silent;
use crate::telemetry::WarnLimit;

/// One connection, and its packets.
#[derive(Debug)]
pub(crate) struct AjpTransport {
    pub(super) packets: Packets,
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
    small_packets: SmallPackets,
}

impl AjpSettings {
    pub(crate) fn new(member: String, packet_size: PacketSize, ping: Option<Duration>) -> Self {
        Self {
            member,
            packet_size,
            ping,
            forbidden: WarnLimit::per_minute(),
            small_packets: SmallPackets::default(),
        }
    }

    /// Counts the bytes of an upload. Suggests larger packets where many bytes are uploaded in the smallest ones: each packet is
    /// asked for, which costs both sides more than the bytes do.
    pub(super) fn count_upload(&self, bytes: u64) {
        if self.packet_size > PacketSize::DEFAULT || bytes == 0 {
            return;
        }
        if let Some(bytes) = self.small_packets.add(bytes) {
            info!(
                member = self.member,
                mebibytes = bytes >> 20,
                "many uploads in packets of 8 KiB within the last hour: a larger `packet_size` (up to 65536), and the same \
                 packetSize at the connector, would take less CPU"
            );
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
        let packets = &mut self.packets;
        packets.output(CPING.len()).extend_from_slice(&CPING);
        let pong = async {
            poll_fn(|cx| packets.poll_flush(cx)).await?;
            poll_fn(|cx| packets.poll_receive(cx)).await
        };
        match tokio::time::timeout(limit, pong).await {
            Ok(Ok(Some(FromContainer::CPong))) if self.packets.is_empty() => Ok(()),
            _ => Err(FailureKind::NoPong),
        }
    }
}

impl Transport for AjpTransport {
    type Settings = AjpSettings;

    async fn open(stream: TcpStream, settings: &AjpSettings) -> Result<Self, ConnectError> {
        Ok(Self {
            packets: Packets::new(stream, settings.packet_size),
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
        self.packets.is_empty() && is_silent(self.packets.stream())
    }

    fn rest(&mut self) -> bool {
        self.packets.rest()
    }
}
