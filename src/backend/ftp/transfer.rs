//! A file or listing on its way from the server: the data connection together with the rules of [`Download`].

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use ajpgate_ftp::download::{Download, Step};
use bytes::BytesMut;
use tokio::time::Instant;
use tokio_util::io::poll_read_buf;

use super::super::error::FailureKind;
use super::super::stream::Stream;
use super::super::wire::{Traffic, Wire};
use super::control::Control;
use super::fault::FtpFault;

/// Bytes that are read at once, at most. As many wait in the gateway for a slow client.
const READ_MAX: usize = 32 * 1024;

/// Room below which a buffer is replaced.
const READ_MIN: usize = 4 * 1024;

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Transfer {
    download: Download,
    /// `None` behind its end.
    data: Option<Wire<Stream>>,
    /// Bytes on the data connection when it ended.
    traffic: Traffic,
    buffer: BytesMut,
    /// Since when nothing has come; `None` when something just did.
    silent_since: Option<Instant>,
}

impl Transfer {
    pub(super) fn new(data: Wire<Stream>, download: Download) -> Self {
        Self {
            download,
            data: Some(data),
            traffic: Traffic::default(),
            buffer: BytesMut::new(),
            silent_since: None,
        }
    }

    /// Bytes on the data connection so far.
    pub(super) fn traffic(&self) -> Traffic {
        self.data.as_ref().map_or(self.traffic, |data| data.traffic)
    }

    /// When the server will have been silent for too long.
    pub(super) fn deadline(&mut self, timeout: Duration) -> Instant {
        *self.silent_since.get_or_insert_with(Instant::now) + timeout
    }

    /// The next step that is not [`Step::Wait`].
    pub(super) fn poll_step(
        &mut self,
        control: &mut Control,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Step, FailureKind>> {
        // The reply can come before the last bytes. It can also say that the server has given up.
        if !self.download.is_confirmed()
            && let Poll::Ready(reply) = control.poll_reply(cx)
        {
            self.silent_since = None;
            match self.download.on_reply(&reply?).map_err(FtpFault::from)? {
                Step::Wait => {}
                step => return Poll::Ready(Ok(step)),
            }
        }
        let step = self.poll_data(cx);
        if step.is_ready() {
            self.silent_since = None;
        }
        step
    }

    /// The next step that data leads to. Behind the end of the data there is none.
    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Result<Step, FailureKind>> {
        loop {
            let Some(data) = &mut self.data else {
                return Poll::Pending;
            };
            if self.buffer.capacity() < READ_MIN {
                self.buffer.reserve(READ_MAX);
            }
            let read = ready!(poll_read_buf(Pin::new(data), cx, &mut self.buffer));
            let step = match read {
                Ok(1..) => self.download.on_data(self.buffer.split().freeze()),
                Ok(0) => self.end(),
                // TLS without its closing alert. The announced number of bytes proves that nothing is missing.
                Err(error)
                    if error.kind() == io::ErrorKind::UnexpectedEof
                        && self.download.left() == Some(0) =>
                {
                    self.end()
                }
                Err(error) => return Poll::Ready(Err(FailureKind::Lost(error))),
            };
            match step.map_err(FtpFault::from)? {
                Step::Wait => {}
                step => return Poll::Ready(Ok(step)),
            }
        }
    }

    fn end(&mut self) -> Result<Step, ajpgate_ftp::download::BadDownload> {
        self.traffic = self.traffic();
        self.data = None;
        self.download.on_end()
    }
}
