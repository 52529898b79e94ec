//! The front: listening sockets, client connections, and what clients may do to them.

mod admission;
mod date;
mod door;
mod entrance;
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
mod welcome;

pub(crate) use self::entrance::{Door, Entrance};
pub(crate) use self::listen::{Accepting, Listener, serve};
