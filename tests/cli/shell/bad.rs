//! Admin listeners that are none, or that are ill.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use super::shell;
use crate::support::{ReservedPort, taken};

/// A server that does the same with each connection. Its thread ends with the process of the test.
fn server(act: impl Fn(TcpStream) + Send + 'static) -> SocketAddr {
    let (listener, address): (TcpListener, SocketAddr) = taken();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            act(stream);
        }
    });
    address
}

/// A server that answers these bytes to each request.
fn answering(answer: impl Into<Vec<u8>>) -> SocketAddr {
    let answer = answer.into();
    server(move |mut stream| {
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(&answer);
    })
}

fn http(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
}

/// The message of a command that fails.
fn failure(admin: SocketAddr, arguments: &[&str]) -> String {
    let done = shell(admin, arguments);
    assert_eq!((done.code, done.stdout.as_str()), (Some(1), ""), "{done:?}");
    assert!(!done.stderr.contains('\x1b'), "{done:?}");
    assert!(done.stderr.len() < 20_000, "{}", done.stderr.len());
    done.stderr
}

#[test]
fn who_does_not_answer_as_an_admin_listener_is_named() {
    for (answer, said) in [
        (http("500 Oops", "<html>"), "500"),
        (http("500 Oops", "{\"error\": \"e\\u001b[2Jvil\"}"), "vil"),
        (http("302 Found", ""), "302"),
        (http("200 OK", "<html>"), "no JSON"),
        (http("200 OK", ""), "no JSON"),
        (
            http("200 OK", "[]"),
            "the answer is none of an admin listener",
        ),
        (http("200 OK", "{\"balancers\": 5}"), "the answer is none"),
        (
            http("200 OK", "{\"balancers\": [{\"name\": \"a\"}]}"),
            "the answer is none",
        ),
        (http("404 Not Found", "nothing"), "404"),
        (
            http("403 Forbidden", "{\"error\": \"forbidden\"}"),
            "does not let this client in",
        ),
        (
            http("401 Unauthorized", "{\"error\": \"unauthorized\"}"),
            "AJPGATE_ADMIN_TOKEN",
        ),
        (
            "SSH-2.0-OpenSSH_9.2\r\n".to_owned(),
            "does not answer as an admin listener",
        ),
        (String::new(), "closed the connection"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{".to_owned(),
            "closed the connection",
        ),
    ] {
        let said_was = failure(answering(answer.clone()), &["status"]);
        assert!(said_was.contains(said), "{answer:?}: {said_was}");
    }
}

#[test]
fn a_long_reason_is_cut_and_no_stack_is_used_up() {
    let reason = "x".repeat(1_000_000);
    let long = answering(http(
        "409 Conflict",
        &format!("{{\"error\": \"{reason}\"}}"),
    ));
    failure(long, &["set", "shop", "node1", "lbset=1"]);
    let deep = answering(http("200 OK", &"[".repeat(1_000_000)));
    assert!(failure(deep, &["status"]).contains("no JSON"));
}

#[test]
fn a_huge_answer_is_read_up_to_a_bound() {
    let endless = server(|mut stream| {
        let _ = stream.read(&mut [0; 4096]);
        let head = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
        let mut sent = stream.write_all(head.as_bytes());
        while sent.is_ok() {
            sent = stream.write_all(&[b' '; 65_536]);
        }
    });
    assert!(failure(endless, &["status"]).contains("more than"));
    let endless_head = server(|mut stream| {
        let mut sent = stream.write_all(b"HTTP/1.1 200 OK\r\n");
        while sent.is_ok() {
            sent = stream.write_all(b"X-A: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n");
        }
    });
    failure(endless_head, &["status"]);
}

#[test]
fn a_silent_server_is_given_up() {
    let (_kept, silent) = taken();
    let begun = Instant::now();
    assert!(failure(silent, &["status"]).contains("has not answered within 10 s"));
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[test]
fn nobody_listens() {
    let port = ReservedPort::new();
    let begun = Instant::now();
    for arguments in [
        &["status"][..],
        &["status", "--watch"],
        &["reload"],
        &["drain", "shop", "node1", "--wait"],
        &["set", "shop", "node1", "lbset=1"],
    ] {
        let said = failure(port.addr(), arguments);
        assert!(
            said.contains("cannot connect to http://127.0.0.1:"),
            "{said}"
        );
    }
    assert!(begun.elapsed() < Duration::from_secs(20));
}

/// The gateway refuses changes while a new program takes over, and the new one takes them.
#[test]
fn a_change_is_sent_again_while_a_new_program_takes_over() {
    let member = "{\"url\": \"ajp://h:1\", \"route\": \"node1\", \"state\": \"up\", \"usable\": true, \"status\": {}, \
         \"drained\": false, \"sessions\": 0, \"busy\": 0, \"elected\": 0, \"errors\": 0, \"loadfactor\": 1, \
         \"lbset\": 1, \"retry_in\": null, \"sticky\": {}}";
    let count = std::sync::atomic::AtomicU32::new(0);
    let server = server(move |mut stream| {
        let _ = stream.read(&mut [0; 4096]);
        let answer = match count.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
            0 => return,
            1 | 2 => http(
                "503 Service Unavailable",
                "{\"error\": \"a new program is taking over\"}",
            ),
            _ => http("200 OK", member),
        };
        let _ = stream.write_all(answer.as_bytes());
    });
    let done = shell(server, &["set", "shop", "node1", "lbset=1"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert_eq!(
        done.stdout,
        "ajp://h:1 (node1): up, loadfactor 1, lbset 1\n"
    );
}
