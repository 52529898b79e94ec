//! How far one exchange is: shared by the [guard](super::guard) under hyper, the [request body](super::upload_body) above it,
//! and the [driver](super::driver) beside it.
//!
//! All three run in the task that polls the exchange, one after the other, so the lock is never waited for.
//!
//! ```text
//! request body   Awaits100 ──100, final head or CONTINUE_TIME──▶ Flowing ◀───────▶ ClientOwes
//!                                                                   └──the client fails──▶ Failed
//!
//! writing        Flushed ◀──────▶ Buffered ──a write or flush fails──▶ Failed
//!
//! answer         Head ──final head──▶ Body ──last byte──▶ Over, or Excess with bytes behind it
//!                  └────final head without a length──▶ UntilClose
//! ```

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::super::wire::Traffic;
use super::answer::Told;
use super::interim;
use crate::connection_state::ConnectionState;
use crate::field_names::FieldNames;
use crate::framing::Refused;
use crate::upload::{Upload, UploadError};

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Progress(Mutex<State>);

/// The phases of an exchange, and what was counted in them.
#[derive(Debug)]
pub(super) struct State {
    /// The body of the request, until it is taken back.
    pub(super) upload: Upload,
    /// Bytes of the body that hyper has taken.
    pub(super) uploaded: u64,
    pub(super) body: BodyPhase,
    pub(super) writing: Writing,
    pub(super) answer: AnswerPhase,
    /// Whether the member has closed its side of the connection.
    pub(super) closed: bool,
    /// Why writing or reading has failed. The answer is still read when a write has failed: a member that refuses a
    /// request may close without reading the rest, and its answer counts more.
    pub(super) lost: Option<io::Error>,
    /// Why the answer is refused.
    pub(super) refused: Option<Refused>,
    /// Bytes of the connection so far.
    pub(super) traffic: Traffic,
    /// Bytes of the connection before this exchange.
    pub(super) before: Traffic,
    /// Who gets interim answers.
    client: Option<Arc<ConnectionState>>,
    /// How the member spelt the names of fields of the final head.
    pub(super) names: FieldNames,
}

/// The body of the request on its way from the client to hyper.
#[derive(Debug)]
pub(super) enum BodyPhase {
    /// It waits for the member's 100 (RFC 9110 section 10.1.1).
    Awaits100,
    /// hyper takes it as it comes.
    Flowing,
    /// hyper has asked for more than the client has sent.
    ClientOwes,
    /// It cannot be sent to its end. The reason is `None` once it was taken.
    Failed(Option<UploadError>),
}

/// What hyper writes, on its way to the member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writing {
    /// Everything that was written has gone out.
    Flushed,
    /// Something that was written may not have gone out yet.
    Buffered,
    /// Nothing is written any more.
    Failed {
        /// Whether the member may have got more than [`State::traffic`] counts.
        may_have_sent: bool,
    },
}

/// The answer, as far as it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AnswerPhase {
    /// The final head is not complete.
    Head {
        /// When the first byte of an incomplete head came; `None` between heads.
        since: Option<Instant>,
    },
    /// The final head was handed to hyper, and more is to come.
    Body,
    /// The same, and the answer ends where the connection does.
    UntilClose,
    /// The last byte has come.
    Over,
    /// The last byte has come, and bytes behind it that belong to no answer.
    Excess,
}

impl Progress {
    /// The start of an exchange whose request has the body `upload`. `client` gets interim answers.
    pub(super) fn new(
        upload: Upload,
        awaits_100: bool,
        client: Option<&Arc<ConnectionState>>,
    ) -> Arc<Self> {
        Arc::new(Self(Mutex::new(State {
            upload,
            uploaded: 0,
            body: match awaits_100 {
                true => BodyPhase::Awaits100,
                false => BodyPhase::Flowing,
            },
            writing: Writing::Flushed,
            answer: AnswerPhase::Head { since: None },
            closed: false,
            lost: None,
            refused: None,
            traffic: Traffic::default(),
            before: Traffic::default(),
            client: client.map(Arc::clone),
            names: FieldNames::default(),
        })))
    }

    /// Begins the exchange on a connection that has moved so many bytes before.
    pub(super) fn begin(&self, traffic: Traffic) {
        let mut state = self.state();
        (state.traffic, state.before) = (traffic, traffic);
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the body back for another attempt. An empty one stays behind.
    pub(super) fn take_upload(&self) -> Upload {
        std::mem::take(&mut self.state().upload)
    }

    /// Frees the bytes that are kept for another attempt: none will be made.
    pub(super) fn forget_upload(&self) {
        self.state().upload.forget();
    }
}

impl State {
    /// Tells the client of interim answers, and keeps what belongs to the final one.
    pub(super) fn tell(&mut self, told: Told) {
        if let Some(client) = &self.client {
            let heads = told.interim.iter();
            for head in heads.filter_map(|head| interim::for_client(head)) {
                client.push_interim(head);
            }
        }
        if let Some(names) = told.names {
            self.names = names;
        }
    }

    pub(super) const fn awaits_100(&self) -> bool {
        matches!(self.body, BodyPhase::Awaits100)
    }

    /// Lets the body go on without the member's 100.
    pub(super) fn stop_awaiting_100(&mut self) {
        if self.awaits_100() {
            self.body = BodyPhase::Flowing;
        }
    }

    pub(super) const fn write_failed(&self) -> bool {
        matches!(self.writing, Writing::Failed { .. })
    }

    /// Whether the member owes nothing, because it waits for a piece of body that the client has not sent.
    pub(super) fn waits_for_client(&self) -> bool {
        matches!(self.body, BodyPhase::ClientOwes) && self.writing == Writing::Flushed
    }

    /// Notes that a write or flush has failed.
    pub(super) fn fail_writing(&mut self, error: io::Error, may_have_sent: bool) {
        self.lost = Some(error);
        self.writing = Writing::Failed { may_have_sent };
    }

    /// Whether the final head has been handed to hyper.
    pub(super) const fn has_head(&self) -> bool {
        !matches!(self.answer, AnswerPhase::Head { .. })
    }

    /// Whether all of the answer has come and its framing says so.
    pub(super) const fn is_over(&self) -> bool {
        matches!(self.answer, AnswerPhase::Over | AnswerPhase::Excess)
    }

    /// Whether all of the answer has come: its framing says so, or it ends with the connection, which the member has closed.
    pub(super) const fn is_complete(&self) -> bool {
        self.is_over() || (matches!(self.answer, AnswerPhase::UntilClose) && self.closed)
    }

    /// Whether the answer has ended, everything has gone out, and nothing more has come.
    pub(super) fn is_clean(&self) -> bool {
        self.answer == AnswerPhase::Over
            && self.writing == Writing::Flushed
            && !self.closed
            && self.refused.is_none()
            && self.lost.is_none()
    }
}
