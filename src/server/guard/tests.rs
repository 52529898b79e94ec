//! The guard over a duplex stream, with time paused.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::time::{advance, timeout};

use super::*;

impl Transport for DuplexStream {
    fn reset_on_close(&self) {}
}

const HEAD: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

fn guard(max_head: usize) -> (DuplexStream, Guard<DuplexStream>, Arc<ConnectionState>) {
    let (client, io) = duplex(64 * 1024);
    let connection = Arc::new(ConnectionState::default());
    let bounds = Bounds {
        max_head,
        head: Duration::from_secs(10),
        idle: Duration::from_secs(75),
        farewell: |why| Bytes::from(format!("{} {why}", status(why))),
    };
    let guard = Guard::new(io, Arc::clone(&connection), bounds);
    (client, guard, connection)
}

/// One read, as hyper makes it: what comes, or `None` while nothing does.
async fn read(guard: &mut Guard<DuplexStream>) -> Option<io::Result<Vec<u8>>> {
    let mut buffer = vec![0; 8192];
    let read = timeout(Duration::ZERO, guard.read(&mut buffer))
        .await
        .ok()?;
    Some(read.map(|count| buffer[..count].to_vec()))
}

#[track_caller]
fn bytes(read: Option<io::Result<Vec<u8>>>) -> Vec<u8> {
    read.expect("something").expect("no error")
}

#[tokio::test(start_paused = true)]
async fn a_head_is_handed_on_whole() {
    let (mut client, mut guard, connection) = guard(1000);
    for piece in HEAD.chunks(5) {
        assert!(read(&mut guard).await.is_none());
        client.write_all(piece).await.unwrap();
    }
    assert_eq!(bytes(read(&mut guard).await), HEAD);
    assert!(connection.is_answering());
}

#[tokio::test(start_paused = true)]
async fn a_pipelined_request_waits_for_the_answer_before_it() {
    let (mut client, mut guard, connection) = guard(1000);
    client.write_all(&[HEAD, HEAD].concat()).await.unwrap();
    assert_eq!(bytes(read(&mut guard).await), HEAD);
    let answering = connection.answering();
    assert!(read(&mut guard).await.is_none());
    drop(answering);
    assert_eq!(bytes(read(&mut guard).await), HEAD);
}

#[tokio::test(start_paused = true)]
async fn a_body_goes_with_its_head_and_no_further() {
    let (mut client, mut guard, _) = guard(1000);
    let request = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
    client.write_all(&[request, HEAD].concat()).await.unwrap();
    assert_eq!(bytes(read(&mut guard).await), request);
    assert!(read(&mut guard).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_is_never_seen_and_gets_a_farewell() {
    for (sent, answer) in [
        (
            &b"POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"[..],
            "400",
        ),
        (&[b'x'; 1001], "431"),
    ] {
        let (mut client, mut guard, connection) = guard(1000);
        client.write_all(sent).await.unwrap();
        assert_eq!(bytes(read(&mut guard).await), b"");
        assert_eq!(connection.refusal().unwrap().as_str(), answer);
        guard.shutdown().await.unwrap();
        let mut farewell = String::new();
        client.read_to_string(&mut farewell).await.unwrap();
        assert!(farewell.starts_with(answer), "{farewell}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_head_gets_408_however_steadily_it_drips() {
    let (mut client, mut guard, connection) = guard(1000);
    for _ in 0..9 {
        client.write_all(b"x").await.unwrap();
        assert!(read(&mut guard).await.is_none());
        advance(Duration::from_secs(1)).await;
    }
    assert!(read(&mut guard).await.is_none());
    advance(Duration::from_secs(2)).await;
    assert_eq!(bytes(read(&mut guard).await), b"");
    assert_eq!(
        connection.refusal().unwrap(),
        http::StatusCode::REQUEST_TIMEOUT
    );
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_without_a_word() {
    let (mut client, mut guard, connection) = guard(1000);
    client.write_all(HEAD).await.unwrap();
    assert_eq!(bytes(read(&mut guard).await), HEAD);
    // No time runs while the request is answered.
    let answering = connection.answering();
    advance(Duration::from_secs(1000)).await;
    assert!(read(&mut guard).await.is_none());
    drop(answering);
    assert!(read(&mut guard).await.is_none());
    advance(Duration::from_secs(74)).await;
    assert!(read(&mut guard).await.is_none());
    advance(Duration::from_secs(2)).await;
    assert_eq!(bytes(read(&mut guard).await), b"");
    assert_eq!(connection.refusal(), None);
}

#[tokio::test(start_paused = true)]
async fn a_new_connection_has_the_shorter_time() {
    let (_client, mut guard, _) = guard(1000);
    assert!(read(&mut guard).await.is_none());
    advance(Duration::from_secs(11)).await;
    assert_eq!(bytes(read(&mut guard).await), b"");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stalls_fails() {
    let (mut client, mut guard, _) = guard(1000);
    client
        .write_all(b"POST / HTTP/1.1\r\nContent-Length: 30\r\n\r\nabc")
        .await
        .unwrap();
    assert!(bytes(read(&mut guard).await).ends_with(b"abc"));
    assert!(read(&mut guard).await.is_none());
    advance(Duration::from_secs(74)).await;
    client.write_all(b"d").await.unwrap();
    assert_eq!(bytes(read(&mut guard).await), b"d");
    assert!(read(&mut guard).await.is_none());
    advance(Duration::from_secs(76)).await;
    let error = read(&mut guard).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_is_given_up() {
    let (_client, mut guard, _) = guard(1000);
    let data = vec![0; 256 * 1024];
    let error = guard.write_all(&data).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
}

#[tokio::test(start_paused = true)]
async fn a_malformed_chunk_fails_the_body_and_hides_what_follows() {
    let (mut client, mut guard, _) = guard(1000);
    let head = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    client
        .write_all(&[head, &b"3\r\nabc\r\nzz\r\n"[..]].concat())
        .await
        .unwrap();
    assert_eq!(
        bytes(read(&mut guard).await),
        [head, &b"3\r\nabc\r\n"[..]].concat()
    );
    assert_eq!(
        read(&mut guard).await.unwrap().unwrap_err().kind(),
        io::ErrorKind::InvalidData
    );
}

#[tokio::test(start_paused = true)]
async fn bytes_ahead_are_bounded_while_a_request_is_answered() {
    let (mut client, mut guard, connection) = guard(64 * 1024);
    client.write_all(HEAD).await.unwrap();
    assert_eq!(bytes(read(&mut guard).await), HEAD);
    let _answering = connection.answering();
    client.write_all(&[b'x'; 60 * 1024]).await.unwrap();
    assert!(read(&mut guard).await.is_none());
    assert!(guard.held.len() <= 2 * MAX_AHEAD, "{}", guard.held.len());
}

/// It may still want the answer; when it takes nothing of it, it is gone.
#[tokio::test(start_paused = true)]
async fn the_end_of_a_client_is_seen_while_its_request_is_answered() {
    let (mut client, mut guard, connection) = guard(1000);
    client.write_all(HEAD).await.unwrap();
    assert_eq!(bytes(read(&mut guard).await), HEAD);
    let _answering = connection.answering();
    client.shutdown().await.unwrap();
    for _ in 0..10 {
        assert!(read(&mut guard).await.is_none());
        advance(PARTING / 2).await;
        guard.write_all(b"more").await.unwrap();
    }
    assert!(read(&mut guard).await.is_none());
    advance(PARTING / 2).await;
    assert!(read(&mut guard).await.is_none());
    advance(PARTING / 2).await;
    assert_eq!(bytes(read(&mut guard).await), b"");
}

/// Its end is that of the connection once it has been answered, or has no request under way.
#[tokio::test(start_paused = true)]
async fn the_end_of_a_client_that_waits_for_nothing_is_seen_at_once() {
    for requests in 0..2 {
        let (mut client, mut guard, connection) = guard(1000);
        for _ in 0..requests {
            client.write_all(HEAD).await.unwrap();
            assert_eq!(bytes(read(&mut guard).await), HEAD);
        }
        let answering = connection.answering();
        client.shutdown().await.unwrap();
        drop(answering);
        assert_eq!(bytes(read(&mut guard).await), b"");
    }
}

/// A body that breaks off is no end of a request.
#[tokio::test(start_paused = true)]
async fn the_end_of_a_client_in_a_body_is_seen_at_once() {
    let (mut client, mut guard, connection) = guard(1000);
    let head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";
    client.write_all(head).await.unwrap();
    assert_eq!(bytes(read(&mut guard).await), head);
    let _answering = connection.answering();
    client.shutdown().await.unwrap();
    assert_eq!(bytes(read(&mut guard).await), b"");
}
