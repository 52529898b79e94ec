//! The body of an answer: one concrete type from the backend to the client's connection.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::ajp::AjpDriver;
use super::error::FailureKind;
use super::exchange::{Incomplete, Streamed};
#[cfg(feature = "ftp")]
use super::ftp::FtpDriver;
use super::http1::{HttpBody, HttpDriver, Tunnel};
use super::wire::Moved;
use crate::site::files::Contents;

/// A body on its way to a client.
#[derive(Debug)]
pub(crate) enum ResponseBody {
    /// From an AJP13 member.
    Ajp(Streamed<AjpDriver>),
    /// From an HTTP member.
    Http(Streamed<HttpDriver>),
    /// From an FTP member.
    #[cfg(feature = "ftp")]
    Ftp(Streamed<FtpDriver>),
    /// None: behind this head another protocol is spoken.
    Tunnel(Option<Box<Tunnel>>),
    /// The gateway's own, until it has been sent.
    Text(Option<Bytes>),
    /// A file's.
    File(Contents),
}

impl From<HttpBody> for ResponseBody {
    fn from(body: HttpBody) -> Self {
        match body {
            HttpBody::Streamed(body) => Self::Http(body),
            HttpBody::Tunnel(tunnel) => Self::Tunnel(Some(tunnel)),
        }
    }
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
            Self::Ajp(body) => body.take_failure(),
            Self::Http(body) => body.take_failure(),
            #[cfg(feature = "ftp")]
            Self::Ftp(body) => body.take_failure(),
            Self::Tunnel(_) | Self::Text(_) | Self::File(_) => None,
        }
    }

    /// Gives it up. Its end is read on for a moment, so that the member's connection can be kept.
    pub(crate) fn discard(self) {
        match self {
            Self::Ajp(body) => body.discard(),
            Self::Http(body) => body.discard(),
            #[cfg(feature = "ftp")]
            Self::Ftp(body) => body.discard(),
            Self::Tunnel(_) | Self::Text(_) | Self::File(_) => {}
        }
    }

    /// Whether the member sent more body than it had announced.
    pub(crate) fn has_surplus(&self) -> bool {
        match self {
            Self::Ajp(body) => body.has_surplus(),
            Self::Http(body) => body.has_surplus(),
            #[cfg(feature = "ftp")]
            Self::Ftp(body) => body.has_surplus(),
            Self::Tunnel(_) | Self::Text(_) | Self::File(_) => false,
        }
    }

    /// The same without the gateway's own content, whose length nobody is told then.
    pub(crate) fn without_content(self) -> Self {
        match self {
            Self::Text(_) | Self::File(_) => Self::empty(),
            other => other,
        }
    }

    /// Bytes that moved between gateway and backend so far, the request's included.
    pub(crate) fn moved(&mut self) -> Moved {
        match self {
            Self::Ajp(body) => body.moved(),
            Self::Http(body) => body.moved(),
            #[cfg(feature = "ftp")]
            Self::Ftp(body) => body.moved(),
            Self::Tunnel(_) | Self::Text(_) | Self::File(_) => Moved::default(),
        }
    }
}

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
            #[cfg(feature = "ftp")]
            Self::Ftp(body) => body.poll_frame(cx),
            Self::Tunnel(_) => Poll::Ready(None),
            Self::Text(text) => Poll::Ready(text.take().map(|text| Ok(Frame::data(text)))),
            Self::File(contents) => contents.poll_piece(cx).map(|piece| {
                let piece = piece?.map(Frame::data);
                Some(piece.map_err(|_| Incomplete))
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Ajp(body) => body.is_complete(),
            Self::Http(body) => body.is_complete(),
            #[cfg(feature = "ftp")]
            Self::Ftp(body) => body.is_complete(),
            Self::Tunnel(_) => true,
            Self::Text(text) => text.is_none(),
            Self::File(contents) => contents.left() == 0,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Ajp(body) => body.size_hint(),
            Self::Http(body) => body.size_hint(),
            #[cfg(feature = "ftp")]
            Self::Ftp(body) => body.size_hint(),
            Self::Tunnel(_) => SizeHint::with_exact(0),
            Self::Text(text) => {
                SizeHint::with_exact(text.as_ref().map_or(0, |text| text.len() as u64))
            }
            Self::File(contents) => SizeHint::with_exact(contents.left()),
        }
    }
}
