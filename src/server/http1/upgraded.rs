//! A connection that speaks another protocol behind a 101.

use std::future::poll_fn;

use http::response;

use super::client::Socket;
use super::connection::Connection;
use super::date;
use super::exchange::After;
use super::machine::Answer;
use super::service::{AnswerBody as _, Service};
use super::waits::Late;
use std::task::Poll;

impl<S: Socket, V: Service> Connection<'_, S, V> {
    /// Writes the 101 and speaks the other protocol to its end. Whoever speaks it keeps the time.
    pub(super) async fn switch(&mut self, head: &response::Parts, mut body: V::Body) -> After {
        let before = self.output.len();
        let answer = Answer {
            status: head.status,
            headers: &head.headers,
            names: None,
            length: Some(0),
            date: &date::now(),
        };
        self.machine.answer(&answer, false, &mut self.output);
        body.head_written(self.output.len().saturating_sub(before));
        let flushed = poll_fn(|cx| {
            if let Poll::Ready(flushed) = self.poll_flush(cx) {
                return Poll::Ready(flushed.is_ok());
            }
            match self.waits.poll(cx) {
                Poll::Ready(Late::Reading(_) | Late::Writing) => Poll::Ready(false),
                Poll::Pending => Poll::Pending,
            }
        });
        if flushed.await {
            self.client.cut = false;
            body.run_upgraded(&mut self.client).await;
        }
        After::Gone
    }
}
