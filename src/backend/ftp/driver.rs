//! The rest of an exchange, from the head of the answer on.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use ajpgate_ftp::download::Step;
use ajpgate_ftp::listing::{Entry, Format, ListingReader};
use bytes::Bytes;
use jiff::Timestamp;
use tokio::time::timeout;

use super::super::error::FailureKind;
use super::super::exchange::{Event, Exchange};
use super::super::pool::Lease;
use super::super::wire::{Moved, Traffic};
use super::fault::FtpFault;
use super::member::FtpMember;
use super::transfer::Transfer;
use super::transport::{FtpTransport, traffic};

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct FtpDriver {
    state: DriverState,
    /// `None` when the connection has been given back or closed.
    lease: Option<Lease<FtpTransport>>,
    /// Bytes on the control connection before the request.
    before: Traffic,
    moved: Moved,
    /// The server sent more bytes of a file than SIZE had said.
    surplus: bool,
}

/// How far the answer is.
///
/// ```text
///   Transferring ──the server has confirmed the end, or has sent enough──► Last ──► Done
///        └──failure────────────────────────────────────────────────────────────────► Done
/// ```
/// An answer of the gateway's own begins with `Last`.
#[derive(Debug)]
enum DriverState {
    /// The server sends.
    Transferring(Box<Transfer>, Arc<FtpMember>),
    /// The last bytes for the client. They may be none.
    Last(Bytes),
    Done,
}

impl FtpDriver {
    /// An answer of the gateway's own. `moved` is what the request has moved.
    pub(super) const fn text(text: Bytes, mut moved: Moved) -> Self {
        // The client gets the text and not the bytes of the listing that it was made from.
        moved.bodies.from_backend = 0;
        Self {
            state: DriverState::Last(text),
            lease: None,
            before: Traffic {
                to_backend: 0,
                from_backend: 0,
            },
            moved,
            surplus: false,
        }
    }

    /// A file or listing that the server sends.
    pub(super) fn transfer(
        transfer: Transfer,
        lease: Lease<FtpTransport>,
        before: Traffic,
        member: Arc<FtpMember>,
    ) -> Self {
        Self {
            state: DriverState::Transferring(Box::new(transfer), member),
            lease: Some(lease),
            before,
            moved: Moved::default(),
            surplus: false,
        }
    }

    /// Reads a listing to its end, within `timeout`, however steadily it comes: only then is it known to be complete.
    pub(super) async fn entries(&mut self, format: Format) -> Result<Vec<Entry>, FailureKind> {
        let limit = match &self.state {
            DriverState::Transferring(_, member) => member.settings.timeout,
            DriverState::Last(_) | DriverState::Done => Duration::ZERO,
        };
        let read = async {
            let mut listing = ListingReader::new(format, Timestamp::now());
            loop {
                match poll_fn(|cx| self.poll_event(cx)).await? {
                    Event::Data(data) => listing.read(&data).map_err(FtpFault::from)?,
                    Event::Flush => {}
                    Event::End => return Ok(listing.finish()),
                }
            }
        };
        timeout(limit, read)
            .await
            .unwrap_or(Err(FailureKind::Silent))
    }

    /// Adds up what has gone over both connections so far.
    fn count(&mut self) {
        let Some(lease) = &mut self.lease else {
            return;
        };
        let control = traffic(lease).since(self.before);
        let data = match &self.state {
            DriverState::Transferring(transfer, _) => transfer.traffic(),
            DriverState::Last(_) | DriverState::Done => Traffic::default(),
        };
        self.moved.wire = Traffic {
            to_backend: control.to_backend.saturating_add(data.to_backend),
            from_backend: control.from_backend.saturating_add(data.from_backend),
        };
    }

    /// Closes both connections, unless they have been given back. That tells the server to stop.
    fn close(&mut self, state: DriverState) {
        self.count();
        self.state = state;
        self.lease = None;
    }

    /// Gives the control connection back after a confirmed end.
    fn give_back(&mut self) {
        self.count();
        let Some(mut lease) = self.lease.take() else {
            return;
        };
        if let Some(connection) = lease.connection() {
            connection.transport.transfer_ended();
        }
        lease.give_back();
    }

    /// Data of a transfer; `None` when the state has changed.
    fn poll_transfer(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, FailureKind>> {
        let DriverState::Transferring(transfer, member) = &mut self.state else {
            return Poll::Ready(Ok(None));
        };
        let Some(connection) = self.lease.as_mut().and_then(Lease::connection) else {
            return Poll::Ready(Err(FailureKind::Lost(io::ErrorKind::NotConnected.into())));
        };
        let control = connection.transport.control();
        let Poll::Ready(step) = transfer.poll_step(control, cx) else {
            let until = transfer.deadline(member.settings.timeout);
            ready!(connection.timer.poll_until(cx, until));
            return Poll::Ready(Err(FailureKind::Silent));
        };
        match step? {
            Step::Data(data) => return Poll::Ready(Ok(Some(data))),
            Step::Wait => {}
            Step::Complete(last) => {
                self.give_back();
                self.state = DriverState::Last(last);
            }
            Step::Cut { last, surplus } => {
                self.surplus |= surplus;
                self.close(DriverState::Last(last));
            }
        }
        Poll::Ready(Ok(None))
    }
}

impl Exchange for FtpDriver {
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Result<Event, FailureKind>> {
        loop {
            let data = match &mut self.state {
                DriverState::Done => return Poll::Ready(Ok(Event::End)),
                DriverState::Last(last) => {
                    let last = std::mem::take(last);
                    self.state = DriverState::Done;
                    last
                }
                DriverState::Transferring(..) => match ready!(self.poll_transfer(cx)) {
                    Ok(data) => data.unwrap_or_default(),
                    Err(failure) => {
                        self.close(DriverState::Done);
                        return Poll::Ready(Err(failure));
                    }
                },
            };
            if !data.is_empty() {
                let count = &mut self.moved.bodies.from_backend;
                *count = count.saturating_add(data.len() as u64);
                return Poll::Ready(Ok(Event::Data(data)));
            }
        }
    }

    fn peek_end(&mut self, _: &mut Context<'_>) -> bool {
        matches!(self.state, DriverState::Done)
    }

    /// The end is confirmed before the client gets the last bytes, so there is no end to wait for afterwards.
    fn is_nearly_done(&self) -> bool {
        false
    }

    fn moved(&mut self) -> Moved {
        self.count();
        self.moved
    }

    fn has_surplus(&self) -> bool {
        self.surplus
    }
}
