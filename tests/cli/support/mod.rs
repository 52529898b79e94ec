//! Helpers of these tests: the program, a folder for each test, and an HTTP client.

pub(crate) mod http;
pub(crate) mod program;

#[path = "../../support/authority.rs"]
#[allow(
    dead_code,
    reason = "tests of members have certificates of other kinds"
)]
mod authority;
#[path = "../../support/port.rs"]
mod port;
#[path = "../../support/scratch.rs"]
mod scratch;

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

pub(crate) use self::authority::Authority;
pub(crate) use self::port::ReservedPort;
pub(crate) use self::scratch::Scratch;

/// Longer than any step of a test takes on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

const BETWEEN_LOOKS: Duration = Duration::from_millis(5);

/// Repeats `look` until it returns a value; panics after [`DEADLINE`].
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(
            started.elapsed() < DEADLINE,
            "{what}: not within {DEADLINE:?}"
        );
        thread::park_timeout(BETWEEN_LOOKS);
    }
}

/// A port that is in use.
pub(crate) fn taken() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// The address in the first text of the form `…before ADDRESS…`.
pub(crate) fn address_after(text: &str, before: &str) -> Option<SocketAddr> {
    let (_, rest) = text.split_once(before)?;
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ':')?;
    rest[..end].parse().ok()
}

/// The path of a file of the repository.
pub(crate) fn of_the_repository(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
