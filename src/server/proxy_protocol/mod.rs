//! The PROXY protocol, versions 1 and 2: what a load balancer that passes connections on says about the client, before the
//! first byte of the client (<https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt>).
//!
//! [`parse`] says what the bytes mean, [`read`] takes them from the socket: those of the header and not one more, so that
//! whatever follows, TLS too, begins with a fresh socket.

mod header;
mod parse;
mod read;
#[cfg(test)]
mod tests;
mod v1;
mod v2;

pub(super) use self::header::{Header, Source};
pub(super) use self::read::{NoHeader, read};
