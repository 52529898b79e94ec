//! What makes up one client connection: the socket, what its bytes mean, what waits to be written, and the times.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use ajpgate_config::Limits;

use super::super::gone::Gone;
use super::super::limits::head_limits;
use super::super::pace::Pace;
use super::client_stream::{ClientStream, Socket};
use super::machine::{Machine, Queue, Read, Refusal};
use super::service::Service;
use super::waits::Waits;
use crate::connection_state::ConnectionState;
use crate::framing::HeadLimits;
use crate::turn::Turn;

/// How long the rest of a body is read behind an answer that came before it.
pub(super) const UNREAD: Duration = Duration::from_secs(30);

/// How long a client may go on sending whose request was refused, or while the gateway is stopping.
pub(super) const REFUSED: Duration = Duration::from_secs(2);

/// Bounds of one client connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) head_limits: HeadLimits,
    pub(super) times: Times,
}

/// The bounds of a connection that count while it waits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    /// Least bytes of a body per second.
    pub(super) min_body_rate: Option<NonZeroU64>,
    /// From the first byte of a head to its last.
    pub(super) head: Duration,
    /// Between two requests, and while a client takes nothing or sends nothing of a body.
    pub(super) idle: Duration,
}

impl Bounds {
    /// Those that `limits` has when the connection is accepted.
    pub(super) fn of(limits: &Limits) -> Self {
        Self {
            head_limits: head_limits(limits),
            times: Times {
                min_body_rate: limits.min_body_rate,
                head: limits.header_timeout,
                idle: limits.idle_timeout,
            },
        }
    }
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Connection<'a, S: Socket, V: Service> {
    pub(super) client: ClientStream<S>,
    pub(super) machine: Machine,
    pub(super) output: Queue,
    /// Of what is in `output`.
    turn: Turn,
    pub(super) waits: Waits,
    /// Of the body that is being read, where `min_body_rate` is set.
    pub(super) pace: Option<Box<Pace>>,
    pub(super) times: Times,
    pub(super) service: &'a V,
}

impl<'a, S: Socket, V: Service> Connection<'a, S, V> {
    pub(super) fn new(io: S, state: Arc<ConnectionState>, bounds: Bounds, service: &'a V) -> Self {
        let Bounds { head_limits, times } = bounds;
        Self {
            client: ClientStream::new(io, state),
            machine: Machine::new(head_limits),
            output: Queue::default(),
            turn: Turn::default(),
            waits: Waits::new(times.idle.min(times.head)),
            pace: None,
            times,
            service,
        }
    }

    /// Takes what the bytes of the client begin with (see [`Machine::read`]), and counts it for the request that it belongs to.
    pub(super) fn read_message(&mut self) -> Result<Option<Read>, Refusal> {
        let before = self.client.buffer.len();
        let read = self.machine.read(&mut self.client.buffer);
        let taken = before.saturating_sub(self.client.buffer.len());
        self.client.state.receive(taken);
        read
    }

    /// Writes what is waiting, in its turn; pending while some of it is left.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Gone>> {
        if self.output.is_empty() && !self.client.unflushed {
            return Poll::Ready(Ok(()));
        }
        ready!(self.turn.poll(cx, self.output.len()));
        let mut wrote = false;
        let flushed = self
            .client
            .poll_write_queue(cx, &mut self.output, &mut wrote);
        if wrote {
            self.waits.wrote();
        }
        match flushed.is_pending() {
            true => self.waits.write(self.times.idle),
            false => self.turn.written(),
        }
        flushed.map_err(|_| Gone)
    }
}
