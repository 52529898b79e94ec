//! The sockets that this process listens on, to be given to the program after it.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tracing::warn;

use super::Role;

/// A duplicate of each listening socket. A socket listens until its duplicate is closed too.
#[derive(Debug, Default)]
pub(crate) struct Held {
    sockets: Mutex<Sockets>,
    still: AtomicBool,
}

impl Held {
    /// To be held while listeners are opened and closed, and never across an await.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Sockets> {
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says whether listeners and settings must stay as they are, because another program begins with them.
    pub(crate) fn stand_still(&self, still: bool) {
        self.still.store(still, Ordering::Relaxed);
    }

    /// Whether they must stay as they are.
    pub(crate) fn stands_still(&self) -> bool {
        self.still.load(Ordering::Relaxed)
    }
}

/// See [`Held`].
#[derive(Debug, Default)]
pub(crate) struct Sockets(Vec<Socket>);

#[derive(Debug)]
struct Socket {
    role: Role,
    address: SocketAddr,
    duplicate: OwnedFd,
}

impl Sockets {
    /// Adds a duplicate of a socket. Where none can be made, the program after this one cannot take over, and this one goes
    /// on.
    pub(crate) fn add(&mut self, role: Role, address: SocketAddr, socket: impl AsFd) {
        match socket.as_fd().try_clone_to_owned() {
            Ok(duplicate) => self.0.push(Socket {
                role,
                address,
                duplicate,
            }),
            Err(error) => {
                warn!(%address, %error, "the socket cannot be handed to another program");
            }
        }
    }

    /// Closes the duplicates of the sockets of an address.
    pub(crate) fn close(&mut self, role: Role, address: SocketAddr) {
        self.0.retain(|it| (it.role, it.address) != (role, address));
    }

    /// Closes all of them.
    pub(crate) fn close_all(&mut self) {
        self.0.clear();
    }

    /// A further duplicate of each, in the order in which they were added.
    ///
    /// # Errors
    /// When the process may have no more descriptors.
    pub(crate) fn duplicates(&self) -> io::Result<Vec<(Role, OwnedFd)>> {
        let sockets = self.0.iter();
        sockets
            .map(|it| Ok((it.role, it.duplicate.try_clone()?)))
            .collect()
    }
}
