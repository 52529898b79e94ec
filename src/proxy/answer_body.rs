//! The body of an answer as the client gets it: as it was given, or compressed.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::backend::{Incomplete, ResponseBody};
use crate::site::Compressed;

/// See the [module](self).
#[derive(Debug)]
pub(crate) enum AnswerBody {
    Given(ResponseBody),
    Compressed(Box<Compressed<ResponseBody>>),
}

impl AnswerBody {
    /// The body as it was given.
    pub(super) fn given(&mut self) -> &mut ResponseBody {
        match self {
            Self::Given(body) => body,
            Self::Compressed(body) => body.inner_mut(),
        }
    }

    /// Whether another protocol begins behind the head.
    pub(super) const fn is_tunnel(&self) -> bool {
        matches!(self, Self::Given(ResponseBody::Tunnel(_)))
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Incomplete;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Incomplete>>> {
        match self.get_mut() {
            Self::Given(body) => Pin::new(body).poll_frame(cx),
            Self::Compressed(body) => Pin::new(&mut **body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Given(body) => body.is_end_stream(),
            Self::Compressed(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Given(body) => body.size_hint(),
            Self::Compressed(body) => body.size_hint(),
        }
    }
}
