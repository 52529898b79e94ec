//! A client connection whose requests the request path answers.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::StatusCode;

use super::super::refusal::Record;
use super::super::welcome::{Standing, Welcome};
use super::client_stream::{ClientStream, Socket};
use super::connection::{Bounds, Connection};
use super::machine::{self, Refusal};
use super::service::{AnswerBody, Service};
use crate::client::Client;
use crate::clock;
use crate::connection_state::ConnectionState;
use crate::head::{AnswerHead, RequestHead};
use crate::proxy::{self, Tracked};
use crate::telemetry::metrics::Limit;
use crate::upload::ClientBody;

/// A connection when it begins. It is boxed, because a future keeps room for its arguments as long as it lives.
#[derive(Debug)]
pub(crate) struct Begun<S> {
    pub(crate) stream: S,
    /// What has come from the client already.
    pub(crate) read: BytesMut,
}

/// Serves the requests on a connection until either side ends it, with the limits that are in force when it begins.
pub(crate) fn serve<S: Socket>(
    begun: Box<Begun<S>>,
    client: Arc<Client>,
    welcome: &Welcome,
) -> impl Future<Output = ()> + Send {
    let service = Gateway {
        client,
        welcome,
        state: Arc::default(),
    };
    async move {
        let Begun { stream, read } = *begun;
        let bounds = Bounds::of(&service.welcome.shared().snapshot.load().limits);
        let mut connection = Connection::new(stream, Arc::clone(&service.state), bounds, &service);
        connection.client.begin_with(read);
        let mut running = pin!(connection.run());
        // A stop wakes this task too.
        let mut change = pin!(service.welcome.change());
        poll_fn(|cx| {
            service.welcome.wake(cx, change.as_mut());
            clock::for_one_event(|| running.as_mut().poll(cx))
        })
        .await;
    }
}

/// The request path, for the requests of one connection.
#[derive(Debug)]
struct Gateway<'a> {
    client: Arc<Client>,
    welcome: &'a Welcome,
    state: Arc<ConnectionState>,
}

impl Gateway<'_> {
    fn standing(&self) -> Standing {
        let is_fresh = self.state.requests() == 0;
        self.welcome.standing(&self.client, is_fresh)
    }
}

impl Service for Gateway<'_> {
    type Body = Tracked;

    fn answer(
        &self,
        head: RequestHead,
        body: ClientBody,
    ) -> impl Future<Output = (AnswerHead, Tracked)> + Send {
        proxy::handle(
            Arc::clone(self.welcome.shared()),
            Arc::clone(&self.client),
            Arc::clone(&self.state),
            head,
            body,
        )
    }

    fn refused(&self, status: StatusCode, refusal: &Refusal) -> (AnswerHead, Bytes) {
        let Refusal {
            why,
            line,
            received,
        } = refusal;
        let record = Record {
            reason: why,
            why: *why,
            status,
            line,
            received: *received,
            number: self.state.requests(),
            closes: true,
        };
        record.answer(self.welcome.shared(), &self.client)
    }

    fn went_beyond(&self, limit: Limit) {
        self.welcome.shared().counters.limits.increment(limit);
    }

    fn is_closing(&self) -> bool {
        self.welcome.shared().closing.has_begun() || self.standing() != Standing::Kept
    }

    fn is_idle_over(&self) -> bool {
        self.welcome.shared().closing.is_idle_over()
    }

    fn is_withdrawn(&self) -> bool {
        self.standing() == Standing::Over
    }
}

impl AnswerBody for Tracked {
    fn head_written(&mut self, head: &[u8]) {
        Tracked::head_written(self, head.len(), |name| machine::field(head, name));
    }

    fn read_to_end(&mut self) {
        Tracked::read_to_end(self);
    }

    fn delivered(self, keep_alive: bool) {
        Tracked::delivered(self, keep_alive);
    }

    fn is_upgrade(&self) -> bool {
        Tracked::is_upgrade(self)
    }

    async fn run_upgraded<S: Socket>(self, client: &mut ClientStream<S>) {
        Tracked::run_upgraded(self, client).await;
    }
}
