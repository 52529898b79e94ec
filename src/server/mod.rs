//! The front: listening sockets, client connections, and what clients may do to them.

mod admission;
mod door;
mod http1;
mod limits;
mod listen;
mod proxy_protocol;

pub(crate) use self::door::Door;
pub(crate) use self::listen::{Accepting, Listener, serve};
