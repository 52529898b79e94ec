//! Signals while a certificate is ordered from an authority that does not answer.

use std::io::ErrorKind;
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use super::succession::Succession;
use crate::support::http::get;
use crate::support::{Scratch, until};

/// An authority that takes connections and says nothing. An order waits 20 s for it.
struct Silent {
    socket: TcpListener,
    folder: Scratch,
}

impl Silent {
    fn new() -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        let folder = Scratch::new("acme");
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        folder.write("ca.pem", &made.cert.pem());
        Self { socket, folder }
    }

    /// A gateway that orders a certificate from it.
    fn gateway(&self) -> Succession {
        let folder = self.folder.path().display();
        let port = self.socket.local_addr().unwrap().port();
        Succession::start_with(
            &format!(
                "{{ bind: \"127.0.0.1:0\" }}, {{ bind: \"127.0.0.1:0\", tls: {{ acme: {{ domains: [shop.test], \
                 directory: \"https://localhost:{port}/d\", ca: \"{folder}/ca.pem\", cache: \"{folder}/cache\" }} }} }}"
            ),
            "",
        )
    }

    /// Waits for the connection of an order.
    fn is_asked(&self) -> TcpStream {
        until("an order", || match self.socket.accept() {
            Ok((stream, _)) => Some(stream),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                None
            }
        })
    }
}

#[test]
fn a_stop_does_not_wait_for_an_order() {
    let authority = Silent::new();
    let mut gateway = authority.gateway();
    let _asked = authority.is_asked();
    let begun = Instant::now();
    gateway.signal("TERM");
    assert_eq!(gateway.code_of_first(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(15));
}

/// The old program ends in the middle of its order, and the new one begins its own: nothing holds the account.
#[test]
fn the_new_program_orders_in_place_of_the_old_one() {
    let authority = Silent::new();
    let mut gateway = authority.gateway();
    let _asked = authority.is_asked();
    gateway.hand_over();
    assert_eq!(gateway.code_of_first(), Some(0));
    let _again = authority.is_asked();
    assert_eq!(get(gateway.front, "/", "").status, 200);
}
