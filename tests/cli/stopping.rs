//! `shutdown_delay`: what happens between the signal and the end of the listeners.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::cluster::Cluster;
use crate::support::http::{Request, get};
use crate::support::{DEADLINE, until};

/// A connection that stays open.
struct Kept(TcpStream);

impl Kept {
    fn new(cluster: &Cluster) -> Self {
        let stream = TcpStream::connect(cluster.front).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        Self(stream)
    }

    /// Sends a request, and returns the head of its answer in small letters.
    fn ask(&mut self) -> String {
        self.0
            .write_all(b"HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.0.read_exact(&mut byte).unwrap();
            head.extend(byte);
        }
        String::from_utf8(head).unwrap().to_ascii_lowercase()
    }

    fn ends(mut self) -> bool {
        matches!(self.0.read(&mut [0]), Ok(0))
    }
}

#[test]
fn until_shutdown_delay_is_over_readyz_says_503_and_requests_are_answered_as_before() {
    let mut cluster = Cluster::start("shutdown_delay: 1h\n");
    let mut kept = Kept::new(&cluster);
    assert!(kept.ask().starts_with("http/1.1 200"));
    assert_eq!(get(cluster.admin, "/readyz", "").status, 200);

    cluster.gateway.signal("TERM");
    let ready = until("/readyz says 503", || {
        let ready = get(cluster.admin, "/readyz", "");
        (ready.status != 200).then_some(ready)
    });
    assert_eq!(
        (ready.status, ready.body.as_str()),
        (503, "shutting down\n")
    );
    for mut connection in [Kept::new(&cluster), kept] {
        for _ in 0..2 {
            let head = connection.ask();
            assert!(head.starts_with("http/1.1 200"), "{head}");
            assert!(!head.contains("connection: close"), "{head}");
        }
    }

    let last = Kept::new(&cluster);
    cluster.gateway.signal("TERM");
    let done = cluster.gateway.ended();
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(last.ends());
}

#[test]
fn when_shutdown_delay_is_over_the_listeners_close_and_requests_in_flight_are_answered() {
    let mut cluster = Cluster::start("shutdown_delay: 200ms\n");
    let upload = Request::begin_upload(cluster.front);
    cluster.in_flight("1");
    cluster.gateway.signal("TERM");
    until("the front takes no more", || {
        TcpStream::connect(cluster.front).err()
    });
    assert_eq!(get(cluster.admin, "/readyz", "").status, 503);
    let answer = upload.finish();
    assert_eq!((answer.status, answer.body.as_str()), (200, "4 bytes\n"));
    assert_eq!(answer.field("connection"), Some("close"));
    assert_eq!(cluster.gateway.ended().code, Some(0));
}
