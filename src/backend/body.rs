//! The body of an answer: one concrete type from the backend to hyper.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::driver::Driver;
use super::error::FailureKind;
use super::ftp::FtpDriver;
use super::head::Length;
use super::http::{HttpDriver, Tunnel};
use super::wire::Moved;

/// Most bytes that are read and thrown away so that a connection can be kept: data with an answer to HEAD.
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
    /// What comes next. After an error or [`Event::End`] there is nothing more.
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Result<Event, FailureKind>>;

    /// Whether the end has come already, so that what was returned last is the last.
    fn peek_end(&mut self, cx: &mut Context<'_>) -> bool;

    /// Whether the backend owes nothing but the end of its answer, and is owed nothing.
    fn is_nearly_done(&self) -> bool;

    /// Bytes that moved so far.
    fn moved(&mut self) -> Moved;
}

/// A body on its way to a client.
#[derive(Debug)]
pub(crate) enum ResponseBody {
    /// From an AJP13 member.
    Ajp(Streamed<Driver>),
    /// From an HTTP member.
    Http(Streamed<HttpDriver>),
    /// From an FTP member.
    Ftp(Streamed<FtpDriver>),
    /// None: behind this head another protocol is spoken.
    Tunnel(Option<Box<Tunnel>>),
    /// The gateway's own, until it has been sent.
    Text(Option<Bytes>),
}

impl ResponseBody {
    /// No body.
    pub(crate) const fn empty() -> Self {
        Self::Text(None)
    }

    /// The other protocol, once.
    pub(crate) fn take_tunnel(&mut self) -> Option<Box<Tunnel>> {
        match self {
            Self::Tunnel(tunnel) => tunnel.take(),
            _ => None,
        }
    }

    /// Why it was not completed, when the backend is why. Once.
    pub(crate) fn take_failure(&mut self) -> Option<FailureKind> {
        match self {
            Self::Ajp(body) => body.failure.take(),
            Self::Http(body) => body.failure.take(),
            Self::Ftp(body) => body.failure.take(),
            Self::Tunnel(_) | Self::Text(_) => None,
        }
    }

    /// Bytes that moved between gateway and backend so far, the request's included.
    pub(crate) fn moved(&mut self) -> Moved {
        match self {
            Self::Ajp(body) => body.moved(),
            Self::Http(body) => body.moved(),
            Self::Ftp(body) => body.moved(),
            Self::Tunnel(_) | Self::Text(_) => Moved::default(),
        }
    }
}

/// Why a client's connection is broken off in the middle of an answer.
#[derive(Debug, thiserror::Error)]
#[error("the answer cannot be completed")]
pub(crate) struct Incomplete;

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Incomplete;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Incomplete>>> {
        match self.get_mut() {
            Self::Ajp(body) => body.poll_frame(cx),
            Self::Http(body) => body.poll_frame(cx),
            Self::Ftp(body) => body.poll_frame(cx),
            Self::Tunnel(_) => Poll::Ready(None),
            Self::Text(text) => Poll::Ready(text.take().map(|text| Ok(Frame::data(text)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Ajp(body) => body.complete,
            Self::Http(body) => body.complete,
            Self::Ftp(body) => body.complete,
            Self::Tunnel(_) => true,
            Self::Text(text) => text.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Ajp(body) => body.size_hint(),
            Self::Http(body) => body.size_hint(),
            Self::Ftp(body) => body.size_hint(),
            Self::Tunnel(_) => SizeHint::with_exact(0),
            Self::Text(text) => {
                SizeHint::with_exact(text.as_ref().map_or(0, |text| text.len() as u64))
            }
        }
    }
}

/// The rest of an exchange, read as the client takes it.
///
/// It owns the connection. Dropped before the end it closes it, for that is the only way to tell a backend
/// to stop; unless all that is missing is the end of the answer, which is then waited for.
#[derive(Debug)]
pub(crate) struct Streamed<D: Exchange> {
    driver: Option<Box<D>>,
    /// What the client has not got yet.
    length: Length,
    /// The client has all it will get.
    complete: bool,
    failure: Option<FailureKind>,
}

impl<D: Exchange> Streamed<D> {
    pub(crate) const fn new(driver: Box<D>, length: Length) -> Self {
        let complete = matches!(length, Length::None | Length::Known(0));
        Self {
            driver: Some(driver),
            length,
            complete,
            failure: None,
        }
    }

    /// The exchange itself, for one that is read in the gateway.
    pub(super) fn into_exchange(mut self) -> Option<Box<D>> {
        self.driver.take()
    }

    fn moved(&mut self) -> Moved {
        self.driver
            .as_mut()
            .map(|driver| driver.moved())
            .unwrap_or_default()
    }

    fn size_hint(&self) -> SizeHint {
        match self.length {
            Length::Known(left) => SizeHint::with_exact(left),
            Length::None => SizeHint::with_exact(0),
            Length::Unknown => SizeHint::new(),
        }
    }

    fn poll_frame(
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
                            tracing::warn!("backend sent more body than its content-length");
                            data.truncate(room);
                        }
                        *left = left.saturating_sub(data.len() as u64);
                        self.complete = *left == 0;
                    }
                    // When the end is here already the last frame says that it is the last.
                    let ended = driver.peek_end(cx);
                    self.complete |= ended && self.length == Length::Unknown;
                    return Poll::Ready(Some(Ok(data)));
                }
                // hyper writes out what it has whenever there is nothing more to poll.
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
