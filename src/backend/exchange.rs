//! An exchange with a member from the head of the answer on, and the body that the client gets of it.

use std::future::poll_fn;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use super::error::FailureKind;
use super::head::Length;
use super::wire::Moved;

/// Most bytes that are read and thrown away so that a connection can be kept: data with an answer to HEAD, or a body that a page
/// takes the place of.
const DISCARD_MAX: usize = 64 * 1024;

/// How long the end of an answer may take after the client has all of it.
const END_TIMEOUT: Duration = Duration::from_secs(5);

/// What an answer brings after its head.
#[derive(Debug)]
pub(crate) enum Event {
    /// Body, at least one byte.
    Data(Bytes),
    /// What has been sent so far should reach the client now.
    Flush,
    /// The end. The connection has been returned, or closed.
    End,
}

/// An exchange with a member, from the head of the answer on.
pub(crate) trait Exchange: Send + 'static {
    /// The next event. It must not be called again after an error or [`Event::End`].
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Result<Event, FailureKind>>;

    /// Whether the end has come already, so that the event that was returned last is the last one before it.
    fn peek_end(&mut self, cx: &mut Context<'_>) -> bool;

    /// Whether the backend owes nothing but the end of its answer, and is owed nothing.
    fn is_nearly_done(&self) -> bool;

    /// Bytes that moved so far.
    fn moved(&mut self) -> Moved;

    /// Whether the member sent more body than announced, and the exchange has cut it off itself.
    fn has_surplus(&self) -> bool {
        false
    }
}

/// Why a client's connection is broken off in the middle of an answer.
#[derive(Debug, Default, thiserror::Error)]
#[error("the answer cannot be completed")]
pub(crate) struct Incomplete;

/// The rest of an exchange, read as the client takes it.
///
/// It owns the connection. When it is dropped before the end, the connection is closed, which is the only way to tell a
/// backend to stop. But when only the end of the answer is missing, that end is waited for.
#[derive(Debug)]
pub(crate) struct Streamed<D: Exchange> {
    driver: Option<Box<D>>,
    /// What the client has not got yet.
    length: Length,
    /// The client has all it will get.
    complete: bool,
    failure: Option<FailureKind>,
    /// The member sent more than `length` had announced.
    surplus: bool,
}

impl<D: Exchange> Streamed<D> {
    pub(crate) const fn new(driver: Box<D>, length: Length) -> Self {
        let complete = matches!(length, Length::None | Length::Known(0));
        Self {
            driver: Some(driver),
            length,
            complete,
            failure: None,
            surplus: false,
        }
    }

    /// The exchange itself, for one that is read in the gateway.
    #[cfg(feature = "ftp")]
    pub(super) fn into_exchange(mut self) -> Option<Box<D>> {
        self.driver.take()
    }

    /// Reads the rest of the answer, up to [`DISCARD_MAX`] and for up to [`END_TIMEOUT`], so that the connection can be kept. The
    /// request must have no body: nobody would read it.
    pub(super) fn discard(mut self) {
        if let Some(driver) = self.driver.take()
            && self.failure.is_none()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(tokio::time::timeout(END_TIMEOUT, read_rest(driver)));
        }
    }

    /// Why it was not completed, when the backend is why. Once.
    pub(super) fn take_failure(&mut self) -> Option<FailureKind> {
        self.failure.take()
    }

    /// Whether the client has all that it will get.
    pub(super) const fn is_complete(&self) -> bool {
        self.complete
    }

    /// Whether the member sent more body than it had announced.
    pub(super) fn has_surplus(&self) -> bool {
        let driver = self.driver.as_ref();
        self.surplus || driver.is_some_and(|driver| driver.has_surplus())
    }

    /// Bytes that moved between gateway and backend so far, the request's included.
    pub(super) fn moved(&mut self) -> Moved {
        self.driver
            .as_mut()
            .map(|driver| driver.moved())
            .unwrap_or_default()
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        match self.length {
            Length::Known(left) => SizeHint::with_exact(left),
            Length::None => SizeHint::with_exact(0),
            Length::Unknown => SizeHint::new(),
        }
    }

    pub(super) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Incomplete>>> {
        self.poll_data(cx).map(|data| Some(data?.map(Frame::data)))
    }

    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Incomplete>>> {
        let Some(driver) = &mut self.driver else {
            return Poll::Ready(None);
        };
        if self.complete || self.failure.is_some() {
            return Poll::Ready(None);
        }
        loop {
            let failure = match ready!(driver.poll_event(cx)) {
                Ok(Event::Data(mut data)) => {
                    if let Length::Known(left) = &mut self.length {
                        let room = usize::try_from(*left).unwrap_or(usize::MAX);
                        if data.len() > room {
                            self.surplus = true;
                            data.truncate(room);
                        }
                        *left = left.saturating_sub(data.len() as u64);
                        self.complete = *left == 0;
                    }
                    // If the end has come already, the client's connection is told that this frame is the last.
                    let ended = driver.peek_end(cx);
                    self.complete |= ended && self.length == Length::Unknown;
                    return Poll::Ready(Some(Ok(data)));
                }
                // The client's connection writes what it has whenever a poll returns nothing, so a flush needs no action.
                Ok(Event::Flush) => continue,
                Ok(Event::End) => match self.length {
                    Length::Known(left @ 1..) => FailureKind::Short(left),
                    _ => {
                        self.complete = true;
                        return Poll::Ready(None);
                    }
                },
                Err(failure) => failure,
            };
            self.failure = Some(failure);
            return Poll::Ready(Some(Err(Incomplete)));
        }
    }
}

impl<D: Exchange> Drop for Streamed<D> {
    fn drop(&mut self) {
        let Some(driver) = self.driver.take() else {
            return;
        };
        if !self.complete || !driver.is_nearly_done() {
            return;
        }
        // Tomcat sends the end in a packet of its own, mostly a moment after the last data.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(tokio::time::timeout(END_TIMEOUT, read_to_end(driver)));
        }
    }
}

/// Reads up to the end of an answer that nobody wants.
async fn read_rest<D: Exchange>(mut driver: Box<D>) {
    let mut discarded = 0_usize;
    while discarded <= DISCARD_MAX {
        match poll_fn(|cx| driver.poll_event(cx)).await {
            Ok(Event::Data(data)) => discarded = discarded.saturating_add(data.len()),
            Ok(Event::Flush) => {}
            Ok(Event::End) | Err(_) => return,
        }
    }
}

/// Reads up to the end of an answer, so that its connection can be kept.
async fn read_to_end<D: Exchange>(mut driver: Box<D>) {
    let mut discarded = 0_usize;
    while driver.is_nearly_done() && discarded <= DISCARD_MAX {
        match poll_fn(|cx| driver.poll_event(cx)).await {
            Ok(Event::Data(data)) => discarded = discarded.saturating_add(data.len()),
            Ok(Event::Flush) => {}
            Ok(Event::End) | Err(_) => return,
        }
    }
}
