//! A connection that speaks another protocol behind a 101.

use std::future::poll_fn;
use std::task::Poll;

use super::client_stream::Socket;
use super::connection::Connection;
use super::exchange::After;
use super::service::{AnswerBody as _, Service};
use super::waits::Late;
use crate::head::AnswerHead;

impl<S: Socket, V: Service> Connection<'_, S, V> {
    /// Writes the 101 and speaks the other protocol to its end. Whoever speaks it keeps the time.
    pub(super) async fn switch(&mut self, head: &AnswerHead, mut body: V::Body) -> After {
        self.write_head(head, &mut body);
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
