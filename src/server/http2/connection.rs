//! One connection of a client: its requests are futures of the connection's task.

use std::future::{Future as _, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::stream::{FuturesUnordered, Stream as _};
use h2::Reason;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;
use tracing::debug;

use super::super::welcome::{Standing, Welcome};
use super::bounds::Bounds;
use super::socket::{LINGER, Socket};
use super::stream::{self, Common};
use super::watch::Watch;
use crate::client::Client;
use crate::clock;
use crate::in_box::in_box;
use crate::telemetry::metrics::Limit;
use crate::timer::LazyTimer;

/// How long a client may take to close whose connection is over.
const CLOSE: Duration = LINGER.saturating_mul(2);

type Stream = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Serves the requests on a connection until either side ends it, with the limits that are in force when it begins. `read`:
/// what has come from the client already; the connection preface is looked for in it and behind it.
pub(crate) async fn serve<S>(io: S, read: BytesMut, client: Arc<Client>, welcome: &Welcome)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let shared = welcome.shared();
    let bounds = Bounds::of(&shared.snapshot.load().limits);
    let watch = Watch::new();
    let socket = Socket::new(io, read, watch.clone());
    let server = match tokio::time::timeout(bounds.head, handshake(&bounds, &socket)).await {
        Ok(Ok(server)) => server,
        Ok(Err(error)) => return debug!(client = client.ip, %error, "no preface of HTTP/2"),
        Err(_) => return debug!(client = client.ip, "no preface of HTTP/2 in time"),
    };
    let now = Instant::now();
    let mut connection = Connection {
        server,
        socket,
        streams: FuturesUnordered::new(),
        requests: 0,
        refusals: 0,
        ending: None,
        told: false,
        idle_since: now,
        timer: LazyTimer::new(now + bounds.idle),
        welcome,
        common: Arc::new(Common {
            shared: Arc::clone(shared),
            client,
            watch,
            bounds,
        }),
    };
    let mut closing = pin!(shared.closing.begins());
    let mut listening = false;
    let mut change = pin!(welcome.change());
    poll_fn(|cx| {
        // Polled once, so that it wakes this task; from then on the flag is enough.
        listening = listening || closing.as_mut().poll(cx).is_pending();
        welcome.wake(cx, change.as_mut());
        clock::for_one_event(|| connection.poll(cx))
    })
    .await;
}

type Server<S> = h2::server::Connection<Socket<S>, Bytes>;

/// Reads the connection preface of the client, and sends the gateway's.
async fn handshake<S>(bounds: &Bounds, socket: &Socket<S>) -> Result<Server<S>, h2::Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let mut handshake = pin!(bounds.server().handshake(socket.clone()));
    poll_fn(|cx| {
        let server = handshake.as_mut().poll(cx);
        // The gateway's does not wait for the client's. Where it cannot be sent, nothing can be read.
        let _ = socket.poll_send(cx);
        server
    })
    .await
}

/// See the [module](self).
struct Connection<'a, S> {
    server: Server<S>,
    /// The one that `server` has too.
    socket: Socket<S>,
    /// The requests that are being answered.
    streams: FuturesUnordered<Stream>,
    /// Requests so far.
    requests: u32,
    /// Streams that were refused because the client is no longer let in, and that `watch` has not told of.
    refusals: u64,
    /// When the connection was told to end, whatever there is on it.
    ending: Option<Instant>,
    /// The client was told that no further requests are taken.
    told: bool,
    /// When the last request was over.
    idle_since: Instant,
    timer: LazyTimer,
    welcome: &'a Welcome,
    common: Arc<Common>,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Connection<'_, S> {
    /// Ready when the connection is over.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let over = self.poll_requests(cx);
        if over.is_pending() {
            ready!(self.socket.poll_turn(cx));
        }
        // The frames of all of them go out together.
        match self.socket.poll_send(cx) {
            Poll::Ready(Err(error)) => {
                debug!(client = self.common.client.ip, %error, "connection ended");
                Poll::Ready(())
            }
            Poll::Ready(Ok(())) | Poll::Pending => over,
        }
    }

    /// Takes and answers requests. Ready when the connection is over.
    fn poll_requests(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            // What has come for the requests is taken out of `h2` before more is read.
            while let Poll::Ready(Some(())) = Pin::new(&mut self.streams).poll_next(cx) {
                self.idle_since = clock::now();
            }
            let standing = self.standing();
            let is_last = standing != Standing::Kept || self.common.shared.closing.has_begun();
            if is_last && !self.told {
                self.told = true;
                self.idle_since = clock::now();
                self.server.graceful_shutdown();
            }
            let accepted = self.server.poll_accept(cx);
            self.count_refused();
            match accepted {
                Poll::Ready(Some(Ok((_, mut respond)))) if standing == Standing::Over => {
                    self.refusals += 1;
                    respond.send_reset(Reason::REFUSED_STREAM);
                    continue;
                }
                Poll::Ready(Some(Ok((request, respond)))) => {
                    self.requests = self.requests.saturating_add(1);
                    let common = Arc::clone(&self.common);
                    let number = self.requests;
                    let stream = in_box(|| stream::serve(common, number, request, respond));
                    self.streams.push(stream);
                    continue;
                }
                Poll::Ready(Some(Err(error))) => {
                    debug!(client = self.common.client.ip, %error, "connection ended");
                    return Poll::Ready(());
                }
                Poll::Ready(None) => return Poll::Ready(()),
                Poll::Pending => {}
            }
            if self.ending.is_none()
                && let Some(flood) = self.common.watch.flood()
            {
                debug!(client = self.common.client.ip, reason = %flood, "connection ended");
                self.end(Reason::ENHANCE_YOUR_CALM);
                continue;
            }
            if ready!(self.poll_late(cx)) {
                return Poll::Ready(());
            }
        }
    }

    fn standing(&self) -> Standing {
        let is_fresh = self.requests == 0;
        self.welcome.standing(&self.common.client, is_fresh)
    }

    /// Counts the streams that `h2` has refused.
    fn count_refused(&mut self) {
        let refused = self.common.watch.take_refused();
        let own = refused.min(self.refusals);
        self.refusals -= own;
        let limits = &self.common.shared.counters.limits;
        (own..refused).for_each(|_| limits.increment(Limit::MaxStreams));
    }

    /// Ends the connection, and all requests on it, once the client has been told why.
    fn end(&mut self, reason: Reason) {
        self.ending = Some(Instant::now());
        self.streams.clear();
        self.server.abrupt_shutdown(reason);
    }

    /// Ready when a wait is over. `true`: so is the connection.
    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        let Some((wait, deadline)) = self.wait() else {
            return Poll::Pending;
        };
        ready!(self.timer.poll_until(cx, deadline));
        let client = &self.common.client.ip;
        match wait {
            Wait::Close => return Poll::Ready(true),
            Wait::Rest => {
                debug!(client, "connection ended: a header block or frame too slow");
                self.end(Reason::ENHANCE_YOUR_CALM);
            }
            Wait::Request => self.end(Reason::NO_ERROR),
        }
        Poll::Ready(false)
    }

    /// What is waited for, and until when.
    fn wait(&mut self) -> Option<(Wait, Instant)> {
        let bounds = self.common.bounds;
        if let Some(since) = self.ending {
            return Some((Wait::Close, since + CLOSE));
        }
        if let Some(since) = self.common.watch.owed_since() {
            return Some((Wait::Rest, since + bounds.head));
        }
        if !self.streams.is_empty() {
            return None;
        }
        if self.server.has_streams() {
            // A client may still be taking the last answers.
            self.idle_since = self.idle_since.max(self.common.watch.wrote_at());
        }
        let time = match self.told {
            true => LINGER.min(bounds.idle),
            false => bounds.idle,
        };
        Some((Wait::Request, self.idle_since + time))
    }
}

/// What a connection waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wait {
    /// The rest of a header block, or of another frame but DATA.
    Rest,
    /// The next request, or that the client takes the last answers.
    Request,
    /// That the client closes its side.
    Close,
}
