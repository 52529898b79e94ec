//! The end of a client connection: a client gets to read the last answer before the connection is gone.
//!
//! A close while bytes of the client are unread is a reset, and a reset makes the client's system throw the answer away.
//! So the side that is written is closed first, and what the client still sends is read and thrown away.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use super::super::date;
use super::super::limits::status;
use super::client_stream::Socket;
use super::connection::{Connection, REFUSED};
use super::machine::{Answer, Refusal};
use super::service::Service;
use super::waits::Reading;

impl<S: Socket, V: Service> Connection<'_, S, V> {
    /// Answers a request that is refused, and closes.
    pub(super) async fn refuse(&mut self, refusal: Refusal) {
        let status = status(refusal.why);
        let (head, text) = self.service.refused(status, &refusal);
        let answer = Answer {
            status,
            fields: &head.fields,
            length: Some(text.len() as u64),
            date: &date::now(),
        };
        self.machine.answer_refused(&answer, text, &mut self.output);
        self.close(Some(REFUSED)).await;
    }

    /// Writes what is waiting and closes. `linger`: what the client still sends is read for so long.
    pub(super) async fn close(&mut self, linger: Option<Duration>) {
        self.waits.read_nothing();
        let (mut closed, mut hurried) = (false, false);
        poll_fn(|cx| {
            if !closed {
                // A client that takes nothing more is not waited for.
                self.waits.read(Reading::Linger, REFUSED);
                match self.poll_flush(cx) {
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(_)) => return Poll::Ready(()),
                    Poll::Pending => return self.waits.poll(cx).map(|_| ()),
                }
                if linger.is_none() && !S::SAYS_END {
                    // The close that follows says the same with one call less.
                    return Poll::Ready(());
                }
                match self.client.poll_close_writing(cx) {
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(_)) => return Poll::Ready(()),
                    Poll::Pending => return self.waits.poll(cx).map(|_| ()),
                }
                closed = true;
                self.waits.read_nothing();
            }
            let Some(time) = linger else {
                return Poll::Ready(());
            };
            loop {
                self.client.buffer.clear();
                match self.client.poll_read_body(cx) {
                    Poll::Ready(Ok(true)) => {}
                    Poll::Ready(Ok(false) | Err(_)) => return Poll::Ready(()),
                    Poll::Pending => break,
                }
            }
            if self.service.is_closing() && !hurried {
                // A stop does not wait for clients that go on sending.
                self.waits.read_nothing();
                hurried = true;
            }
            let time = if hurried { time.min(REFUSED) } else { time };
            self.waits.read(Reading::Linger, time);
            self.waits.poll(cx).map(|_| ())
        })
        .await;
    }
}
