//! HTTP/1.1 with clients.
//!
//! One task serves a [`connection`] and owns its socket: [`requests`] reads the heads, [`exchange`] has each request
//! answered and writes the answer, [`closing`] ends the connection. What the bytes mean is decided in [`machine`],
//! which has no socket and no clock; what a client owes, and until when, in [`waits`].

mod client_stream;
mod closing;
mod connection;
mod exchange;
mod gateway;
mod machine;
mod requests;
mod service;
#[cfg(test)]
mod tests;
mod upgraded;
mod waits;

pub(super) use self::client_stream::Socket;
pub(super) use self::gateway::{Begun, serve};
