//! Requests across hand-overs: none fails.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use super::succession::{Succession, gone};
use crate::support::http::Request;
use crate::support::{DEADLINE, until};

const HANDOVERS: usize = 10;

/// The requests between two hand-overs, of all clients together.
const BETWEEN: usize = 1000;

/// A client that sends one request after the other.
trait Client {
    /// Sends a request and reads its answer to the end. The error is what went wrong.
    fn ask(&mut self) -> Result<(), String>;
}

/// A client over HTTP/1.1 that keeps its connection while the gateway lets it.
struct KeepAlive {
    address: SocketAddr,
    kept: Option<BufReader<TcpStream>>,
}

/// A client over HTTP/1.1 that makes a connection for each request.
struct Single(KeepAlive);

impl KeepAlive {
    fn new(address: SocketAddr) -> Self {
        Self {
            address,
            kept: None,
        }
    }

    fn exchange(&mut self, fields: &str) -> std::io::Result<()> {
        let mut connection = match self.kept.take() {
            Some(kept) => kept,
            None => {
                let stream = TcpStream::connect_timeout(&self.address, DEADLINE)?;
                stream.set_read_timeout(Some(DEADLINE))?;
                BufReader::new(stream)
            }
        };
        let request = format!("GET / HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n");
        connection.get_mut().write_all(request.as_bytes())?;
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if connection.read_line(&mut head)? == 0 {
                return Err(std::io::Error::other(format!("an end after {head:?}")));
            }
        }
        let head = head.to_ascii_lowercase();
        if !head.starts_with("http/1.1 200 ") {
            return Err(std::io::Error::other(head));
        }
        let length = head.split("content-length: ").nth(1);
        let length = length.and_then(|it| it.lines().next()?.parse().ok());
        let mut body = vec![0; length.expect("Content-Length")];
        connection.read_exact(&mut body)?;
        if !head.contains("connection: close") {
            self.kept = Some(connection);
        }
        Ok(())
    }
}

impl Client for KeepAlive {
    fn ask(&mut self) -> Result<(), String> {
        let again = self.kept.is_some();
        self.exchange("")
            .map_err(|error| format!("{error} (on a kept connection: {again})"))
    }
}

impl Client for Single {
    fn ask(&mut self) -> Result<(), String> {
        let asked = self.0.exchange("Connection: close\r\n");
        asked.map_err(|error| format!("{error} (a connection for each request)"))
    }
}

/// All clients of a kind, so many at the same time.
fn clients(front: SocketAddr) -> Vec<Box<dyn Client + Send>> {
    let mut all: Vec<Box<dyn Client + Send>> = Vec::new();
    for _ in 0..6 {
        all.push(Box::new(KeepAlive::new(front)));
        all.push(Box::new(Single(KeepAlive::new(front))));
    }
    all
}

#[test]
fn no_request_fails_across_ten_hand_overs() {
    let mut gateway = Succession::start("runtime: { threads: 2 }\n");
    let (done, enough) = (AtomicUsize::new(0), AtomicBool::new(false));
    let failures = Mutex::new(Vec::new());
    let front = gateway.front;
    let processes = thread::scope(|threads| {
        for mut client in clients(front) {
            let (done, enough, failures) = (&done, &enough, &failures);
            threads.spawn(move || {
                while !enough.load(Ordering::Relaxed) {
                    match client.ask() {
                        Ok(()) => {}
                        Err(error) => failures.lock().unwrap().push(error),
                    }
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        // Ends the clients also when this thread panics.
        let ends = Ends(&enough);
        let mut processes = Vec::new();
        for number in 1..=HANDOVERS {
            let wanted = number * BETWEEN;
            until(&format!("{wanted} requests"), || {
                (done.load(Ordering::Relaxed) >= wanted).then_some(())
            });
            gateway.renew_binary();
            processes.push(gateway.hand_over());
        }
        let wanted = (HANDOVERS + 1) * BETWEEN;
        until(&format!("{wanted} requests"), || {
            (done.load(Ordering::Relaxed) >= wanted).then_some(())
        });
        drop(ends);
        processes
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{failures:#?}\n{}", gateway.log());
    assert!(done.into_inner() > HANDOVERS * BETWEEN);
    for process in processes {
        gone(process);
    }
    assert_eq!(gateway.code_of_first(), Some(0));
    assert!(!gateway.log().contains("ERROR"), "{}", gateway.log());
}

struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The old program ends when it has answered them, not before.
#[test]
fn slow_requests_are_answered_by_the_old_program() {
    let mut gateway = Succession::start("");
    let uploads: Vec<_> = (0..4)
        .map(|_| Request::begin_upload(gateway.front))
        .collect();
    until("4 requests in flight", || {
        let metrics = crate::support::http::get(gateway.admin, "/metrics", "").body;
        metrics
            .contains("ajpgate_requests_in_flight{balancer=\"shop\"} 4\n")
            .then_some(())
    });
    let old = gateway.hand_over();
    assert!(!super::succession::is_gone(old));
    for upload in uploads {
        let answer = upload.finish();
        assert_eq!((answer.status, answer.body.as_str()), (200, "4 bytes\n"));
        assert_eq!(answer.field("connection"), Some("close"));
    }
    assert_eq!(gateway.code_of_first(), Some(0));
}

/// The old program has taken it from the socket, so the new one cannot answer it.
#[test]
fn a_connection_that_waits_for_its_place_is_answered() {
    let more = "runtime: { threads: 1 }\nlimits: { max_connections: 1 }\n";
    let mut gateway = Succession::start(more);
    let open = |process: u32| {
        let open = std::fs::read_dir(format!("/proc/{process}/fd")).unwrap();
        open.count()
    };
    let upload = Request::begin_upload(gateway.front);
    let in_flight = |gateway: &Succession| {
        let metrics = crate::support::http::get(gateway.admin, "/metrics", "").body;
        metrics.contains("ajpgate_requests_in_flight{balancer=\"shop\"} 1\n")
    };
    until("the upload is in flight", || {
        in_flight(&gateway).then_some(())
    });
    // The connection of the probe above is closed.
    let before = until("the descriptors settle", || {
        let count = open(gateway.now);
        (count == open(gateway.now)).then_some(count)
    });
    let mut waits = KeepAlive::new(gateway.front);
    let asked = thread::spawn(move || waits.exchange(""));
    until("the connection is taken", || {
        (open(gateway.now) > before).then_some(())
    });
    let old = gateway.hand_over();
    asked.join().unwrap().unwrap();
    assert_eq!(upload.finish().status, 200);
    gone(old);
}

/// A client that sends its next request just now gets its answer, and a client that sends none does not keep the old
/// program for long.
#[test]
fn an_idle_connection_is_kept_for_one_more_request_and_a_short_time() {
    let mut gateway = Succession::start("shutdown_timeout: 1h\n");
    let mut clients = [(); 2].map(|()| KeepAlive::new(gateway.front));
    for client in &mut clients {
        client.exchange("").unwrap();
    }
    let old = gateway.hand_over();
    let [mut asks, silent] = clients;
    assert!(asks.kept.is_some());
    asks.exchange("").unwrap();
    assert!(
        asks.kept.is_none(),
        "the answer says that it is the last one"
    );
    let mut silent = silent.kept.unwrap();
    assert_eq!(silent.read(&mut [0]).unwrap(), 0, "an end without a word");
    gone(old);
}
