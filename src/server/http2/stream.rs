//! One request of a connection and its answer.
//!
//! A poll goes round until nothing moves: the request path (which reads the body of the request and gives the answer), the
//! bytes for the client, and the bytes of the client. When the future ends or is dropped, so does the request: its member is
//! free, and `h2` resets the stream unless all of the answer was handed to it.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;
use http::header::{HeaderName, HeaderValue};
use http::{Method, Request, StatusCode};
use http_body::Body as _;

use super::super::date;
use super::super::gone::Gone;
use super::super::refusal::Record;
use super::answer;
use super::bounds::Bounds;
use super::intake::Intake;
use super::request::{self, Asked, Malformed};
use super::sending::Sending;
use super::tunnel::{self, Tunnel};
use super::waits::{Late, Waits};
use super::watch::Watch;
use crate::client::Client;
use crate::connection_state::ConnectionState;
use crate::framing::Body;
use crate::head::{AnswerHead, Fields, has_no_body};
use crate::proxy::{self, Tracked};
use crate::state::Shared;
use crate::telemetry::metrics::Limit;
use crate::upload::{BodyFault, BodyFeed, ClientBody};

/// How long the rest of a body is read behind the answer, at most.
const LINGER: Duration = Duration::from_secs(30);

/// What the requests of a connection have in common.
#[derive(Debug)]
pub(super) struct Common {
    pub(super) shared: Arc<Shared>,
    pub(super) client: Arc<Client>,
    pub(super) watch: Watch,
    pub(super) bounds: Bounds,
}

/// Answers a request, which is the connection's `number`th.
pub(super) async fn serve(
    connection: Arc<Common>,
    number: u32,
    request: Request<RecvStream>,
    respond: SendResponse<Bytes>,
) {
    let (parts, body) = request.into_parts();
    let (method, uri) = (parts.method.clone(), parts.uri.clone());
    let head_only = parts.method == Method::HEAD;
    let field = |(name, value): (&HeaderName, &HeaderValue)| name.as_str().len() + value.len();
    let fields: usize = parts.headers.iter().map(field).sum();
    let asked = match request::read(parts, body.is_end_stream(), &connection.bounds.head_limits) {
        Ok(asked) => asked,
        Err(why) => {
            let target = uri.path_and_query().map_or("", |it| it.as_str());
            let line = format!("{method} {target} HTTP/2.0");
            let received = line.len() + fields;
            let refused = Refused {
                body: Intake::new(body, None),
                head_only,
                line,
                received,
                number,
                respond,
                why,
            };
            return Box::pin(refused.answer(&connection)).await;
        }
    };
    let state = ConnectionState::of_stream(number, asked.head.fields.bytes());
    let length = match asked.body {
        Body::Length(length) => Some(length),
        _ => None,
    };
    let (body_read, feed) = ClientBody::new(asked.body);
    let id = respond.stream_id().as_u32();
    let stream = Stream {
        respond,
        intake: Intake::new(body, length),
        feed,
        state: Arc::new(state),
        waits: Waits::new(id, connection.watch.clone(), &connection.bounds),
        awaits_100: asked.expects_100,
        switches: asked.switches,
        head_only,
        connection: &connection,
    };
    stream.run(asked, body_read).await;
}

/// A request that must not go on.
struct Refused {
    respond: SendResponse<Bytes>,
    body: Intake,
    /// The method is HEAD.
    head_only: bool,
    /// The request line that HTTP/1.1 would have had.
    line: String,
    /// Bytes of its fields and of that line.
    received: usize,
    number: u32,
    why: Malformed,
}

impl Refused {
    async fn answer(mut self, connection: &Common) {
        let Common { shared, client, .. } = connection;
        let status = self.why.status();
        let record = Record {
            reason: self.why,
            why: self.why.refused(),
            status,
            line: self.line.as_bytes(),
            received: self.received,
            number: self.number,
            closes: false,
        };
        let (head, text) = record.answer(shared, client);
        let length = Some(text.len() as u64);
        let head = answer::last(&head, length, self.head_only, &date::now());
        let id = self.respond.stream_id().as_u32();
        let Ok(stream) = self.respond.send_response(head, self.head_only) else {
            return;
        };
        if !self.head_only {
            let mut sending = Sending::of_text(stream, text);
            let mut waits = Waits::new(id, connection.watch.clone(), &connection.bounds);
            if poll_fn(|cx| poll_text(cx, &mut sending, &mut waits))
                .await
                .is_err()
            {
                return;
            }
        }
        linger(&mut self.body, shared).await;
    }
}

/// Sends a text that is at hand, as far as the client takes it in time.
fn poll_text(
    cx: &mut Context<'_>,
    sending: &mut Sending,
    waits: &mut Waits,
) -> Poll<Result<(), Gone>> {
    if let Poll::Ready(sent) = sending.poll_rest(cx) {
        return Poll::Ready(sent);
    }
    if sending.is_reset(cx) {
        return Poll::Ready(Err(Gone));
    }
    waits.for_window();
    ready!(waits.poll(cx));
    Poll::Ready(Err(sending.give_up()))
}

/// Reads the rest of a body that nobody wants, until nothing more comes, or for [`LINGER`]. `h2` resets the stream afterwards
/// with NO_ERROR (RFC 9113 section 8.1) unless the body has ended.
///
/// curl 7.88 and Java 17 do not look at the answer of a stream that is reset while they are sending.
async fn linger(body: &mut Intake, shared: &Shared) {
    if body.ended {
        return;
    }
    let closing = shared.closing.begins();
    let rest = tokio::time::timeout(LINGER, body.skip());
    tokio::select! {
        _ = rest => {}
        () = closing => {}
    }
}

/// The least status at which curl 7.88 stops sending.
const STOPS: StatusCode = StatusCode::MULTIPLE_CHOICES;

/// What a client that is sending its body is told of its answer, and what only behind the last byte of that body.
///
/// curl stops sending at a status of [`STOPS`] or more. Behind the last byte of a good answer it reads nothing, not even that its
/// window opens, and waits for ever; also behind an answer without a body, if its own body has no length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// All of it at once.
    All,
    /// At once what there is, without its length; its end later.
    EndLater,
    /// All of it later: it ends with its head.
    Whole,
}

/// See the [module](self).
struct Stream<'a> {
    respond: SendResponse<Bytes>,
    intake: Intake,
    feed: BodyFeed,
    state: Arc<ConnectionState>,
    waits: Waits,
    /// The client waits for 100, and nothing of its body has come.
    awaits_100: bool,
    /// The method is HEAD.
    head_only: bool,
    /// What the client sends is another protocol, not a body.
    switches: bool,
    connection: &'a Common,
}

impl Stream<'_> {
    async fn run(mut self, asked: Asked, body: ClientBody) {
        let Common { shared, client, .. } = self.connection;
        let (shared, client) = (Arc::clone(shared), Arc::clone(client));
        let state = Arc::clone(&self.state);
        let mut answer = pin!(proxy::handle(shared, client, state, asked.head, body));
        let Ok((head, mut body)) = poll_fn(|cx| self.poll_answer(cx, answer.as_mut())).await else {
            return;
        };
        self.send_interim();
        if self.switches {
            return Box::pin(self.switch(head, body)).await;
        }
        let told = self.told(&head, &body);
        if told == Told::Whole {
            body.read_to_end();
            Box::pin(linger(&mut self.intake, &self.connection.shared)).await;
        }
        let holds = told == Told::EndLater;
        let Ok(mut sending) = self.send_head(&head, &mut body, holds) else {
            return;
        };
        if let Some(sending) = &mut sending {
            let sent = poll_fn(|cx| self.poll_send(cx, &mut body, sending)).await;
            if sent.is_err() {
                return;
            }
        }
        body.delivered(true);
        // What has begun to come is read on, so that the client reads its answer before a reset.
        if head.status >= STOPS || holds || self.intake.begun {
            Box::pin(linger(&mut self.intake, &self.connection.shared)).await;
        }
        if let Some(sending) = sending {
            sending.finish();
        }
    }

    /// Speaks the other protocol to its end, if the member does.
    async fn switch(mut self, head: AnswerHead, mut body: Tracked) {
        if !body.is_upgrade() {
            return self.not_switched(head, body).await;
        }
        let head = tunnel::switched(head);
        let head = answer::last(&head, None, false, &date::now());
        if let Ok(stream) = self.respond.send_response(head, false) {
            body.head_written(0, |_| None);
            body.run_upgraded(Tunnel::new(self.intake, stream)).await;
        }
    }

    /// Sends the answer of a member that does not speak the other protocol. A good one would say that it does.
    async fn not_switched(mut self, mut head: AnswerHead, mut body: Tracked) {
        if head.status.is_success() {
            head.status = StatusCode::NOT_IMPLEMENTED;
        }
        self.switches = false;
        self.intake.discard();
        if let Ok(Some(mut sending)) = self.send_head(&head, &mut body, false) {
            let sent = poll_fn(|cx| self.poll_send(cx, &mut body, &mut sending)).await;
            if sent.is_err() {
                return;
            }
        }
        body.delivered(true);
    }

    /// Waits for the head of the answer, and looks after the client meanwhile.
    fn poll_answer<F: Future<Output = (AnswerHead, Tracked)>>(
        &mut self,
        cx: &mut Context<'_>,
        mut answer: Pin<&mut F>,
    ) -> Poll<Result<F::Output, Gone>> {
        loop {
            // A request that was given up before it was looked at reaches no member.
            if self.respond.poll_reset(cx).is_ready() {
                return Poll::Ready(Err(Gone));
            }
            if let Poll::Ready(answer) = answer.as_mut().poll(cx) {
                return Poll::Ready(Ok(answer));
            }
            self.send_interim();
            ready!(self.poll_body(cx))?;
        }
    }

    /// What the client is told of its answer before its body has ended.
    fn told(&self, head: &AnswerHead, body: &Tracked) -> Told {
        let ends_with_head = self.head_only || has_no_body(head.status);
        let is_empty = !self.has_body(head, body);
        match head.status >= STOPS {
            _ if !self.client_sends() => Told::All,
            true if is_empty && self.intake.has_no_length() => Told::EndLater,
            true => Told::All,
            false if ends_with_head => Told::Whole,
            false => Told::EndLater,
        }
    }

    /// Whether bytes of an answer's body follow its head.
    fn has_body(&self, head: &AnswerHead, body: &Tracked) -> bool {
        !self.head_only && !has_no_body(head.status) && body.size_hint().exact() != Some(0)
    }

    /// Whether bytes of the client's body are still to come.
    fn client_sends(&self) -> bool {
        !self.intake.is_over() && (self.intake.begun || !self.awaits_100)
    }

    /// Sends the head of the answer; `None`: the stream is over with it. `holds`: the client is not told where it ends.
    fn send_head(
        &mut self,
        head: &AnswerHead,
        body: &mut Tracked,
        holds: bool,
    ) -> Result<Option<Sending>, Gone> {
        let length = body.size_hint().exact();
        // The client need not be asked for a body any more.
        self.awaits_100 = false;
        let bodiless = !self.has_body(head, body);
        let told = length.filter(|_| !holds);
        let head = answer::last(head, told, self.head_only, &date::now());
        let field = |(name, value): (&HeaderName, &HeaderValue)| name.as_str().len() + value.len();
        let value = |name: &str| Some(head.headers().get(name)?.as_bytes());
        body.head_written(head.headers().iter().map(field).sum(), value);
        if bodiless {
            body.read_to_end();
        }
        let over = bodiless && !holds;
        let stream = self.respond.send_response(head, over);
        let stream = stream.map_err(|_| Gone)?;
        let sending = match bodiless {
            true => Sending::of_text(stream, Bytes::new()),
            false => Sending::new(stream, length),
        };
        Ok((!over).then(|| if holds { sending.held() } else { sending }))
    }

    /// Sends the interim answers that the request path has got.
    fn send_interim(&mut self) {
        for head in self.state.take_interim() {
            // Where it cannot be sent, neither can the final answer.
            let _ = self.respond.send_informational(answer::interim(&head));
        }
    }

    /// Sends the body of the answer, and looks after the client meanwhile.
    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        body: &mut Tracked,
        sending: &mut Sending,
    ) -> Poll<Result<(), Gone>> {
        loop {
            if let Poll::Ready(sent) = sending.poll(cx, body) {
                return Poll::Ready(sent);
            }
            if sending.is_reset(cx) {
                return Poll::Ready(Err(Gone));
            }
            if sending.moved || !sending.stalled {
                self.waits.not_for_window();
            }
            if sending.stalled {
                self.waits.for_window();
            }
            match self.poll_body(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(Gone)) => return Poll::Ready(Err(sending.give_up())),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Passes what has come of the request's body on. Ready when the body has got something new, or its end.
    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Gone>> {
        if self.switches {
            return Poll::Pending;
        }
        let received = self.intake.fill(cx)?;
        if received > 0 {
            self.waits.received(received);
        }
        if self.feed.is_abandoned() {
            self.intake.discard();
            self.waits.not_for_body();
        } else if self.feed.is_wanted() {
            if let Some(piece) = self.intake.take() {
                self.state.receive(piece.len());
                self.feed.push(piece);
            } else if self.intake.ended {
                self.feed.end(Ok(()));
            } else if !self.feed.found_nothing() {
                self.ask_for_body();
                self.waits.for_body();
                return self.poll_late(cx);
            }
            self.waits.not_for_body();
            return Poll::Ready(Ok(()));
        } else {
            self.waits.not_for_body();
        }
        self.poll_late(cx)
    }

    /// Asks for the body, if the client waits for that.
    fn ask_for_body(&mut self) {
        if std::mem::take(&mut self.awaits_100) && !self.intake.begun {
            let head = AnswerHead {
                status: StatusCode::CONTINUE,
                fields: Fields::default(),
            };
            let _ = self.respond.send_informational(answer::interim(&head));
        }
    }

    /// Ready when a wait is over.
    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Gone>> {
        let Late::Body(fault) = ready!(self.waits.poll(cx)) else {
            return Poll::Ready(Err(Gone));
        };
        if fault == BodyFault::TooSlow {
            let limits = &self.connection.shared.counters.limits;
            limits.increment(Limit::MinBodyRate);
        }
        self.feed.end(Err(fault));
        Poll::Ready(Ok(()))
    }
}
