//! Requests across hand-overs: none fails.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use super::clients::{Front, KeepAlive, NAME, clients, trusted};
use super::succession::{Succession, gone};
use crate::support::http::{Request, get};
use crate::support::{Authority, DEADLINE, address_after, until};

const HANDOVERS: usize = 10;

/// The requests between two hand-overs, of all clients together.
const BETWEEN: usize = 1000;

#[test]
fn no_request_fails_across_ten_hand_overs() {
    let authority = Authority::new();
    let (certificate, key) = authority.issue(NAME);
    let listeners = format!(
        "{{ bind: \"127.0.0.1:0\", http2: true }}, {{ bind: \"127.0.0.1:0\", http2: true, tls: {{ certificate: \"{certificate}\", \
         private_key: \"{key}\" }} }}"
    );
    let mut gateway = Succession::start_with(&listeners, "runtime: { threads: 2 }\n");
    let secure = address_after(&gateway.log(), "listening on https://").unwrap();
    let fronts = [
        Front::plain(gateway.front),
        Front {
            address: secure,
            tls: Some(trusted(&authority)),
        },
    ];
    let (done, enough) = (AtomicUsize::new(0), AtomicBool::new(false));
    let failures = Mutex::new(Vec::new());
    let processes = thread::scope(|threads| {
        for mut client in clients(&fronts) {
            let (done, enough, failures) = (&done, &enough, &failures);
            threads.spawn(move || {
                while !enough.load(Ordering::Relaxed) {
                    match client.ask() {
                        Ok(count) => {
                            done.fetch_add(count, Ordering::Relaxed);
                        }
                        Err(error) => failures.lock().unwrap().push(error),
                    }
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
        let metrics = get(gateway.admin, "/metrics", "").body;
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

/// A server that switches the protocol and then sends back what comes.
fn echoing() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut head, mut piece) = (Vec::new(), [0; 64]);
        while !head.ends_with(b"\r\n\r\n") {
            let length = stream.read(&mut piece).unwrap();
            head.extend(&piece[..length]);
        }
        let switch =
            "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n";
        stream.write_all(switch.as_bytes()).unwrap();
        while let Ok(length @ 1..) = stream.read(&mut piece) {
            stream.write_all(&piece[..length]).unwrap();
        }
    });
    address
}

/// The old program carries its WebSockets until `shutdown_timeout`.
#[test]
fn an_upgraded_connection_goes_on_in_the_old_program() {
    let more = format!(
        "shutdown_timeout: 3s\nproxy_pass: [{{ path: /, to: \"http://{}/\" }}]\n",
        echoing()
    );
    let mut gateway = Succession::start_by("", |command| {
        let file = command.get_current_dir().unwrap().join("ajpgate.yaml");
        let text = std::fs::read_to_string(&file).unwrap();
        let (rest, _) = text.split_once("proxy_pass").unwrap();
        std::fs::write(file, format!("{rest}{more}")).unwrap();
        command
    });
    let mut client = TcpStream::connect(gateway.front).unwrap();
    client.set_read_timeout(Some(DEADLINE)).unwrap();
    client
        .write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")
        .unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    let old = gateway.hand_over();
    for word in [b"hello", b"again"] {
        client.write_all(word).unwrap();
        let mut back = [0; 5];
        client.read_exact(&mut back).unwrap();
        assert_eq!(&back, word);
    }
    assert!(!super::succession::is_gone(old));
    assert_eq!(client.read(&mut [0]).unwrap(), 0, "an end without a reset");
    assert_eq!(gateway.code_of_first(), Some(0));
    assert!(!gateway.log().contains("connections are cut"));
}

/// The old program has taken it from the socket, so the new one cannot answer it.
#[test]
fn a_connection_that_waits_for_its_place_is_answered() {
    let more = "runtime: { threads: 1 }\nlimits: { max_connections: 1 }\n";
    let mut gateway = Succession::start(more);
    let upload = Request::begin_upload(gateway.front);
    until("the upload is in flight", || {
        let metrics = get(gateway.admin, "/metrics", "").body;
        let one = "ajpgate_requests_in_flight{balancer=\"shop\"} 1\n";
        metrics.contains(one).then_some(())
    });
    let mut waits = TcpStream::connect(gateway.front).unwrap();
    waits.set_read_timeout(Some(DEADLINE)).unwrap();
    waits
        .write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .unwrap();
    let ports = [gateway.front.port(), waits.local_addr().unwrap().port()];
    until("the connection is taken", || {
        is_accepted(ports).then_some(())
    });
    let old = gateway.hand_over();
    let mut answer = [0; 15];
    waits.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
    assert_eq!(upload.finish().status, 200);
    drop(waits);
    gone(old);
}

/// Whether a program has taken the connection between these ports, its own first: it has an inode then.
fn is_accepted([local, remote]: [u16; 2]) -> bool {
    let connections = std::fs::read_to_string("/proc/net/tcp").unwrap();
    // number, address and port twice in hexadecimal digits, state, …; the inode is the tenth
    connections.lines().any(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        fields[1].ends_with(&format!(":{local:04X}"))
            && fields[2].ends_with(&format!(":{remote:04X}"))
            && fields[9] != "0"
    })
}

/// A client that sends its next request just now gets its answer, and a client that sends none does not keep the old
/// program for long.
#[test]
fn an_idle_connection_is_kept_for_one_more_request_and_a_short_time() {
    let mut gateway = Succession::start("shutdown_timeout: 1h\n");
    let mut clients = [(); 2].map(|()| KeepAlive::new(&Front::plain(gateway.front)));
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
