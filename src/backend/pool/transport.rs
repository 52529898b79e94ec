//! A connection to a member, as far as the pool knows it.

use std::fmt;
use std::future::{Future, ready};

use tokio::net::TcpStream;
use tokio::time::Instant;

use super::places::Place;
use crate::backend::error::{ConnectError, FailureKind};
use crate::timer::LazyTimer;

/// What a protocol makes of a TCP connection.
pub(crate) trait Transport: fmt::Debug + Send + Sized + 'static {
    /// What the protocol needs to know of the member to make a connection.
    type Settings: fmt::Debug + Send + Sync + 'static;

    /// Makes the connection ready for the first request. The pool bounds this by the member's `connectiontimeout`.
    fn open(
        stream: TcpStream,
        settings: &Self::Settings,
    ) -> impl Future<Output = Result<Self, ConnectError>> + Send;

    /// Asks the other end whether it still answers, where the protocol has such a question and the configuration wants it:
    /// behind each connect, and before a request on a kept connection.
    fn probe(
        &mut self,
        _: &Self::Settings,
    ) -> impl Future<Output = Result<(), FailureKind>> + Send {
        ready(Ok(()))
    }

    /// Whether nothing has come since the last answer: bytes on an idle connection belong to no request, and its end
    /// is its end. Does not block.
    fn is_quiet(&self) -> bool;

    /// Makes the connection ready to be idle, after the end of an answer that allows reuse. `false` when there is more
    /// than that answer, or less than the whole request has been sent: then it must be closed.
    fn rest(&mut self) -> bool;

    /// Whether a new connection would be made in another way now, because files of the configuration have changed.
    fn is_out_of_date(_: &Self::Settings) -> bool {
        false
    }
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Connection<T> {
    pub(crate) transport: T,
    /// For the silence of the member.
    pub(crate) timer: LazyTimer,
    pub(super) idle_since: Instant,
    /// `None` for a connection that does not count in the pool.
    pub(super) place: Option<Place>,
}
