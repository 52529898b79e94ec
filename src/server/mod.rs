//! The front: listening sockets, client connections, and what clients may do to them.

mod http1;
mod listen;

pub(crate) use self::listen::{Accepting, Listener, serve};
