//! The front: listening sockets, client connections, and what clients may do to them.

mod door;
mod http1;
mod listen;

pub(crate) use self::door::Door;
pub(crate) use self::listen::{Accepting, Listener, serve};
