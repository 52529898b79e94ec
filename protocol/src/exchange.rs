//! The order of packets in one request and its response, at the gateway's end, without I/O.

use bytes::Bytes;

use crate::error::Misbehaved;
use crate::limits::PacketSize;
use crate::response::{FromContainer, SendHeaders};

/// The request body as far as the gateway knows it when it sends the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestBody {
    /// No body, announced as `content-length: 0`: the container does not ask for any.
    Empty,
    /// A body of this many bytes, at least one, announced as `content-length`: the first packet is sent unasked.
    Known(u64),
    /// A body without `content-length`: every packet, including the first, is sent on request.
    Unknown,
}

/// What the gateway has to do about a packet from the container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing.
    Nothing,
    /// Status and header fields.
    Head(SendHeaders),
    /// Response body, at least one byte.
    Data(Bytes),
    /// What has arrived so far should be sent to the client now.
    Flush,
    /// A request body packet must be sent: see [`Exchange::due`].
    BodyDue,
    /// The response is complete.
    Done {
        /// Whether the connection may serve another request: the container allows reuse and has received every
        /// promised packet. Otherwise the connection must be closed.
        reuse: bool,
    },
}

/// One request and its response.
///
/// Response and upload run at the same time, each with its own state:
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
/// The container may ask for request body after it has begun to answer, and may end the response without asking for
/// the rest. Any other order is [`Misbehaved`], and the connection must be closed.
///
/// Source: `AjpProcessor` of Tomcat and `ajp_process_callback` of mod_jk (`jk_ajp_common.c`).
#[derive(Debug)]
pub struct Exchange {
    response: ResponseState,
    upload: UploadState,
    /// Bytes of the known length that have not been sent yet.
    left: Option<u64>,
    /// Whether the previous packet was a flush.
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

    /// Processes a packet from the container.
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
            // Old JBoss versions send such flushes; both Apache modules ignore them too.
            (AwaitHead, FromContainer::SendBodyChunk(data)) if data.is_empty() => Ok(Step::Nothing),
            (AwaitHead, FromContainer::SendBodyChunk(_)) => Err(Misbehaved::DataBeforeHead),
            (Body, FromContainer::SendBodyChunk(data)) if data.is_empty() => Ok(Step::Flush),
            (Body, FromContainer::SendBodyChunk(data)) => Ok(Step::Data(data)),
            (AwaitHead, FromContainer::EndResponse { .. }) => Err(Misbehaved::EndBeforeHead),
            (Body, FromContainer::EndResponse { reuse }) => {
                self.response = Done;
                self.given_up = flushed && !reuse;
                // The container would read a body packet that is still due as the next request.
                Ok(Step::Done {
                    reuse: reuse && !matches!(self.upload, UploadState::Due(_)),
                })
            }
        }
    }

    /// Most data bytes of the body packet that must be sent next: `Some(0)` when it must be the end packet, `None` when
    /// no packet is due.
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

    /// Records that a body packet with this many data bytes was sent. A number that [`due`](Self::due) does not allow
    /// changes nothing, so that the packet stays due and the connection is not reused.
    pub fn sent(&mut self, bytes: usize) {
        let in_step = self.due().is_some_and(|most| (1..=most).contains(&bytes));
        if in_step {
            self.upload = UploadState::Idle;
            let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
            self.left = self.left.map(|left| left.saturating_sub(bytes));
        }
    }

    /// Records that the end packet was sent. It must never be sent for a body that was cut short, because the container
    /// could not tell.
    pub fn ended(&mut self) {
        if matches!(self.upload, UploadState::Due(_)) && !matches!(self.left, Some(1..)) {
            self.upload = UploadState::Ended;
        }
    }

    /// Bytes of a known length that have not been sent yet.
    #[must_use]
    pub const fn left(&self) -> Option<u64> {
        self.left
    }

    /// Whether SEND_HEADERS has arrived.
    #[must_use]
    pub fn has_head(&self) -> bool {
        self.response != ResponseState::AwaitHead
    }

    /// Whether END_RESPONSE has arrived.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.response == ResponseState::Done
    }

    /// Whether the response may be incomplete although END_RESPONSE arrived.
    ///
    /// When an application fails after SEND_HEADERS, Tomcat 10.1.52 flushes and sends END_RESPONSE without reuse
    /// (`ErrorReportValve`, `CLOSE_NOW`). A complete response that ends with a flush allows reuse, and a request that is
    /// refused as a whole is answered without a flush.
    #[must_use]
    pub const fn is_given_up(&self) -> bool {
        self.given_up
    }

    fn asked(&mut self, wanted: u16) -> Result<Step, Misbehaved> {
        match self.upload {
            UploadState::Idle => {
                let most = self.packet_size.max_request_data();
                // A request for 0 bytes states no useful size. An end packet in reply would cut the body short, so a
                // packet of any size is sent.
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
