//! The requests of a connection, one after the other, from its first byte to its close.

use std::future::poll_fn;
use std::task::Poll;

use super::client_stream::Socket;
use super::connection::{Connection, REFUSED};
use super::exchange::After;
use super::machine::{Read, Refusal};
use super::service::Service;
use super::waits::{Late, Reading};
use crate::framing::{Body, Refused};
use crate::head::RequestHead;
use crate::in_box::in_box;

/// What a client that is between two requests does next.
#[derive(Debug)]
enum Next {
    Request(RequestHead, Body),
    Refused(Refusal),
    /// It has gone, or said nothing for too long, or no further requests are taken.
    Close,
}

impl<S: Socket, V: Service> Connection<'_, S, V> {
    /// Serves the requests until either side ends the connection.
    pub(super) async fn run(&mut self) {
        let end = loop {
            // What is large is boxed, and no head is held across an await: a connection that waits for its next request
            // needs no room for one.
            let exchange = match self.next_request().await {
                Next::Request(head, body) => in_box(|| self.exchange(head, body)),
                Next::Refused(refusal) => break Err(refusal),
                Next::Close => break Ok(None),
            };
            match exchange.await {
                After::Next => {
                    if !self.skip_body().await {
                        break Ok((!self.client.ended).then_some(REFUSED));
                    }
                    // The rest of a body that nobody wanted belongs to no other request.
                    self.client.state.take_received();
                    self.client.rest();
                    self.output.rest();
                }
                After::Close(linger) => break Ok(linger),
                After::Gone => return,
            }
        };
        match end {
            Ok(linger) => self.close(linger).await,
            Err(refusal) => Box::pin(self.refuse(refusal)).await,
        }
    }

    /// Reads the next head.
    async fn next_request(&mut self) -> Next {
        poll_fn(|cx| {
            loop {
                if self.service.is_withdrawn() {
                    return Poll::Ready(Next::Close);
                }
                match self.read_message() {
                    Ok(Some(Read::Head(head, body))) => {
                        return Poll::Ready(Next::Request(head, body));
                    }
                    Ok(_) => {}
                    Err(refusal) => return Poll::Ready(Next::Refused(refusal)),
                }
                if self.client.ended {
                    return Poll::Ready(Next::Close);
                }
                match self.client.poll_read_head(cx) {
                    Poll::Ready(Ok(_)) => continue,
                    Poll::Ready(Err(_)) => return Poll::Ready(Next::Close),
                    Poll::Pending => {}
                }
                // A request that has arrived is answered.
                if self.service.is_idle_over() {
                    return Poll::Ready(Next::Close);
                }
                match self.client.buffer.is_empty() {
                    true => self.waits.read(Reading::Request, self.times.idle),
                    false => self.waits.read(Reading::RestOfHead, self.times.head),
                }
                return self.waits.poll(cx).map(|late| match late {
                    Late::Reading(Reading::RestOfHead) => {
                        let held = &self.client.buffer;
                        Next::Refused(self.machine.refuse(Refused::HeadTooSlow, held))
                    }
                    Late::Reading(_) | Late::Writing => Next::Close,
                });
            }
        })
        .await
    }
}
