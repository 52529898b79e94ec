//! The front: listening sockets, client connections, and what clients may do to them.

mod admission;
mod date;
mod door;
mod gone;
mod http1;
mod http2;
mod limits;
mod listen;
mod pace;
mod preface;
mod proxy_protocol;
mod refusal;
mod tls;

pub(crate) use self::door::Door;
pub(crate) use self::listen::{Accepting, Listener, serve};
