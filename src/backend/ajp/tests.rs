//! A kept connection that ends without the runtime knowing it, when a request is sent on it.

use std::future::poll_fn;
use std::io::Read as _;
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use ajp13::PacketSize;
use socket2::SockRef;

use super::driver::AjpDriver;
use super::transport::{AjpSettings, AjpTransport};
use crate::backend::error::{Age, Exposure, FailureKind};
use crate::backend::pool::{Pool, PoolSettings, Repeat, Reuse};
use crate::telemetry::metrics::{MemberMetrics, Metrics};
use crate::upload::Upload;

const LONG: Duration = Duration::from_secs(60);

/// What stands for FORWARD_REQUEST.
const REQUEST: &[u8] = b"a request";

/// A pool, and the member's end of the connection that it keeps.
async fn kept() -> (Pool<AjpTransport>, TcpStream) {
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
    let lease = pool.lease(Reuse::Allowed, Repeat::Possible).await.unwrap();
    lease.give_back();
    (pool, listener.accept().unwrap().0)
}

/// Sends a request over the kept connection; how that fails, and how much the member may have seen.
async fn send(pool: &Pool<AjpTransport>) -> (FailureKind, Exposure, Age) {
    let lease = pool.lease(Reuse::Allowed, Repeat::Possible).await.unwrap();
    let mut driver = AjpDriver::new(lease, Upload::default(), LONG, PacketSize::DEFAULT);
    let head = |out: &mut bytes::BytesMut, _| {
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

/// In the first case time stands still, so that the connection was used a moment ago. The runtime asks the system for news only
/// when it has nothing else to do, so it does not know that the member has closed.
#[tokio::test]
async fn a_kept_connection_that_ends_unseen_is_lost() {
    for reset in [false, true] {
        // Before the request: the write fails, or the read behind it.
        let (pool, member) = kept().await;
        tokio::time::pause();
        if reset {
            reset_on_close(&member);
        }
        drop(member);
        let (failure, exposure, age) = send(&pool).await;
        assert!(matches!(failure, FailureKind::Lost(_)), "{failure:?}");
        assert_eq!(age, Age::Kept);
        assert_ne!(exposure, Exposure::Answering);
        assert!(!reset || exposure == Exposure::Nothing, "{exposure:?}");
        tokio::time::resume();

        // Behind the request.
        let (pool, mut member) = kept().await;
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
