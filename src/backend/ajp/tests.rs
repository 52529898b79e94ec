//! A kept connection on which something has come without the runtime knowing it, when the next request wants it.

use std::future::poll_fn;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::task::Poll;
use std::time::Duration;

use ajp13::PacketSize;
use bytes::Bytes;
use futures_util::poll;
use socket2::SockRef;

use super::driver::AjpDriver;
use super::transport::{AjpSettings, AjpTransport};
use crate::backend::error::{Age, Exposure, FailureKind};
use crate::backend::pool::{Pool, PoolSettings, Reuse};
use crate::framing::Body;
use crate::telemetry::metrics::{MemberMetrics, Metrics};
use crate::upload::{ClientBody, Upload};

const LONG: Duration = Duration::from_secs(60);

/// What stands for FORWARD_REQUEST.
const REQUEST: &[u8] = b"a request";

/// A pool, the member's end of the connection that it keeps, and where the member takes more.
async fn kept() -> (Pool<AjpTransport>, TcpStream, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let settings = PoolSettings {
        host: address.ip().to_string(),
        port: address.port(),
        max: 2,
        min: 0,
        ttl: LONG,
        acquire: LONG,
        connect: LONG,
        cores: 1,
    };
    let protocol = AjpSettings::new("ajp://a".to_owned(), PacketSize::DEFAULT, None);
    let connects = MemberMetrics::new(&Metrics::new(), "b", "ajp://a", "").connects;
    let pool = Pool::new(settings, protocol, connects).unwrap();
    let lease = pool.lease(Reuse::Allowed).await.unwrap();
    lease.give_back();
    let member = listener.accept().unwrap().0;
    (pool, member, listener)
}

/// Sends a request over the kept connection; how that fails, and how much the member may have seen.
async fn send(pool: &Pool<AjpTransport>) -> (FailureKind, Exposure, Age) {
    let lease = pool.lease(Reuse::Allowed).await.unwrap();
    let mut driver = AjpDriver::new(lease, Upload::default(), LONG, PacketSize::DEFAULT);
    let head = |out: &mut Vec<u8>, _| {
        out.extend_from_slice(REQUEST);
        Ok(REQUEST.len())
    };
    driver.write_head(head).unwrap();
    let failure = poll_fn(|cx| driver.poll_head(cx)).await.unwrap_err();
    (failure, driver.exposure(), driver.age())
}

fn reset_on_close(stream: &TcpStream) {
    SockRef::from(stream)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
}

/// Bytes that came before the request would be taken for its answer. The runtime asks the system for news only when it has
/// nothing else to do, so it has not been told of them; the connection was used a moment ago. What it knows does not count.
#[tokio::test]
async fn a_connection_with_unseen_news_serves_no_request() {
    // A whole answer to nobody: SEND_HEADERS with status 200 and no field, and END_RESPONSE.
    let answer = b"AB\0\x08\x04\0\xc8\0\0\0\0\0AB\0\x02\x05\x01";
    for reset in [None, Some(false), Some(true)] {
        let (pool, mut member, _listener) = kept().await;
        match reset {
            None => member.write_all(answer).unwrap(),
            Some(reset) => {
                if reset {
                    reset_on_close(&member);
                }
                drop(member);
            }
        }
        let lease = pool.lease(Reuse::Allowed).await.unwrap();
        assert_eq!(lease.age(), Age::New, "{reset:?}");
    }
}

#[tokio::test]
async fn a_kept_connection_that_ends_behind_the_request_is_lost() {
    for reset in [false, true] {
        let (pool, mut member, _listener) = kept().await;
        let ended = std::thread::spawn(move || {
            let mut read = [0; REQUEST.len()];
            member.read_exact(&mut read).unwrap();
            if reset {
                reset_on_close(&member);
            }
        });
        let (failure, exposure, age) = send(&pool).await;
        ended.join().unwrap();
        assert!(matches!(failure, FailureKind::Lost(_)), "{failure:?}");
        assert_eq!((exposure, age), (Exposure::Sent, Age::Kept));
    }
}

/// The container must read a packet before it asks for the next one. One that only asks would have the whole upload kept here.
#[tokio::test]
async fn a_member_that_asks_without_reading_gets_little_ahead() {
    const PIECE: usize = PacketSize::DEFAULT.max_request_data();
    // What the sockets of both ends take is less.
    const MOST: usize = 64 << 20;
    let (pool, mut member, _listener) = kept().await;
    let lease = pool.lease(Reuse::Allowed).await.unwrap();
    let (body, feed) = ClientBody::new(Body::Length(1 << 30));
    let upload = Upload::new(body, None).unwrap();
    let mut driver = AjpDriver::new(lease, upload, LONG, PacketSize::DEFAULT);
    let head = |out: &mut Vec<u8>, _| {
        out.extend_from_slice(REQUEST);
        Ok(REQUEST.len())
    };
    driver.write_head(head).unwrap();
    let piece = Bytes::from(vec![b'x'; PIECE]);
    let mut given = 0;
    let failure = loop {
        feed.push(piece.clone());
        given += PIECE;
        assert!(given < MOST);
        member.write_all(b"AB\0\x03\x06\x1f\xfa").unwrap();
        tokio::task::yield_now().await;
        if let Poll::Ready(answer) = poll!(poll_fn(|cx| driver.poll_head(cx))) {
            break answer.unwrap_err();
        }
    };
    assert!(matches!(failure, FailureKind::Protocol(_)), "{failure:?}");
}
