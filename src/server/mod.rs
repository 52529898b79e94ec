//! The front: listening sockets, client connections, and what clients may do to them.

mod connection;
mod framing;
mod guard;
mod listen;

pub(crate) use self::listen::{Listener, serve};
