//! The order of packets in one request, from the gateway's side, without I/O.

use bytes::Bytes;

use crate::error::Misbehaved;
use crate::limits::PacketSize;
use crate::response::{FromContainer, SendHeaders};

/// What the gateway knows about the request body when it sends the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestBody {
    /// There is none, and `content-length: 0` says so: the container never asks.
    Empty,
    /// `content-length` says this many bytes, at least one: the first packet is due unasked.
    Known(u64),
    /// No `content-length`: every packet is sent on request, the first included.
    Unknown,
}

/// What a packet from the container means to the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing to do.
    Nothing,
    /// Status and header fields.
    Head(SendHeaders),
    /// Response body, at least one byte.
    Data(Bytes),
    /// What has been sent so far should reach the client now.
    Flush,
    /// A packet of request body is due: see [`Exchange::due`].
    BodyDue,
    /// The response is complete.
    Done {
        /// Whether the connection is proven clean: the container allows reuse and has every packet that it
        /// was promised. Otherwise it must be closed.
        reuse: bool,
    },
}

/// One request and its response.
///
/// Two things go on at once, and each has its state:
///
/// ```text
/// response   AwaitHead ──SEND_HEADERS──▶ Body ──END_RESPONSE──▶ Done
///            (flushes are ignored)       (data, flushes)
///
/// upload     Idle ──GET_BODY_CHUNK──▶ Due(n) ──sent(1..=n)──▶ Idle
///                                       └──────ended()──────▶ Ended
///            a known length starts in Due, any other in Idle
/// ```
///
/// The container may ask for body after it has begun to answer, and may finish without asking for the rest.
/// Whatever else happens ([`Misbehaved`]) leaves the two ends out of step, and only closing helps.
///
/// Source: `AjpProcessor` of Tomcat and `ajp_process_callback` of mod_jk (`jk_ajp_common.c`).
#[derive(Debug)]
pub struct Exchange {
    response: ResponseState,
    upload: UploadState,
    /// Bytes of the known length that have not been sent.
    left: Option<u64>,
    /// The packet before this one was a flush.
    flushed: bool,
    given_up: bool,
    packet_size: PacketSize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ResponseState {
    AwaitHead,
    Body,
    Done,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum UploadState {
    Idle,
    Due(usize),
    Ended,
}

impl Exchange {
    /// The state after FORWARD_REQUEST.
    #[must_use]
    pub const fn new(body: RequestBody, packet_size: PacketSize) -> Self {
        let (upload, left) = match body {
            RequestBody::Empty | RequestBody::Known(0) => (UploadState::Idle, Some(0)),
            RequestBody::Known(length) => (
                UploadState::Due(packet_size.max_request_data()),
                Some(length),
            ),
            RequestBody::Unknown => (UploadState::Idle, None),
        };
        Self {
            response: ResponseState::AwaitHead,
            upload,
            left,
            flushed: false,
            given_up: false,
            packet_size,
        }
    }

    /// Takes a packet of the container.
    ///
    /// # Errors
    /// [`Misbehaved`]: the connection must be closed.
    pub fn on(&mut self, message: FromContainer) -> Result<Step, Misbehaved> {
        use ResponseState::{AwaitHead, Body, Done};
        let flush = matches!(&message, FromContainer::SendBodyChunk(data) if data.is_empty());
        let flushed = std::mem::replace(&mut self.flushed, flush);
        match (self.response, message) {
            (Done, _) => Err(Misbehaved::AfterEnd),
            (_, FromContainer::CPong) => Err(Misbehaved::StrayPong),
            (_, FromContainer::GetBodyChunk(wanted)) => self.asked(wanted),
            (AwaitHead, FromContainer::SendHeaders(head)) => {
                self.response = Body;
                Ok(Step::Head(head))
            }
            (Body, FromContainer::SendHeaders(_)) => Err(Misbehaved::SecondHead),
            // Left-over flushes of old JBoss; both Apache modules ignore them too.
            (AwaitHead, FromContainer::SendBodyChunk(data)) if data.is_empty() => Ok(Step::Nothing),
            (AwaitHead, FromContainer::SendBodyChunk(_)) => Err(Misbehaved::DataBeforeHead),
            (Body, FromContainer::SendBodyChunk(data)) if data.is_empty() => Ok(Step::Flush),
            (Body, FromContainer::SendBodyChunk(data)) => Ok(Step::Data(data)),
            (AwaitHead, FromContainer::EndResponse { .. }) => Err(Misbehaved::EndBeforeHead),
            (Body, FromContainer::EndResponse { reuse }) => {
                self.response = Done;
                self.given_up = flushed && !reuse;
                // A packet that is still due would be read as the next request.
                Ok(Step::Done {
                    reuse: reuse && !matches!(self.upload, UploadState::Due(_)),
                })
            }
        }
    }

    /// Most bytes of the body packet that is due: `Some(0)` when it must be the end, `None` when none is.
    #[must_use]
    pub fn due(&self) -> Option<usize> {
        match (self.upload, self.left) {
            (UploadState::Due(most), None) => Some(most),
            (UploadState::Due(most), Some(left)) => {
                Some(most.min(usize::try_from(left).unwrap_or(usize::MAX)))
            }
            _ => None,
        }
    }

    /// A body packet of so many bytes was sent. More than [`due`](Self::due) said, or none, counts as an
    /// upload out of step: the connection will not be reusable.
    pub fn sent(&mut self, bytes: usize) {
        let in_step = self.due().is_some_and(|most| (1..=most).contains(&bytes));
        if in_step {
            self.upload = UploadState::Idle;
            let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
            self.left = self.left.map(|left| left.saturating_sub(bytes));
        }
    }

    /// The packet that ends the body was sent. It must never be sent for a body that was cut short: the
    /// container could not tell.
    pub fn ended(&mut self) {
        if matches!(self.upload, UploadState::Due(_)) && !matches!(self.left, Some(1..)) {
            self.upload = UploadState::Ended;
        }
    }

    /// Bytes of a known length that the container has not been sent.
    #[must_use]
    pub const fn left(&self) -> Option<u64> {
        self.left
    }

    /// Whether SEND_HEADERS has come.
    #[must_use]
    pub fn has_head(&self) -> bool {
        self.response != ResponseState::AwaitHead
    }

    /// Whether END_RESPONSE has come.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.response == ResponseState::Done
    }

    /// Whether the container gave its answer up: what it has sent may be only a part, although END_RESPONSE came.
    ///
    /// Tomcat (10.1.52) does so when an application fails after its head has gone out: it flushes what there is and
    /// ends without reuse (`ErrorReportValve`, `CLOSE_NOW`). An application's own last flush is followed by an end
    /// with reuse, and a request that is refused as a whole is answered without a flush.
    #[must_use]
    pub const fn is_given_up(&self) -> bool {
        self.given_up
    }

    fn asked(&mut self, wanted: u16) -> Result<Step, Misbehaved> {
        match self.upload {
            UploadState::Idle => {
                let most = self.packet_size.max_request_data();
                // Asking for nothing cannot be answered with data of that length, and the end would cut the
                // body short: take it as no wish about the size.
                let wanted = if wanted == 0 {
                    most
                } else {
                    usize::from(wanted).min(most)
                };
                self.upload = UploadState::Due(wanted);
                Ok(Step::BodyDue)
            }
            UploadState::Due(_) => Err(Misbehaved::AskedTwice),
            UploadState::Ended => Err(Misbehaved::AskedAfterEnd),
        }
    }
}
