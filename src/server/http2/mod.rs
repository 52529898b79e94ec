//! HTTP/2 with clients (RFC 9113), with the crate `h2`.
//!
//! One task serves a [`connection`] and everything on it. Each request is a [`stream`] of it: a future that the same task
//! polls. [`request`] checks and reads its head, the request path answers it as it answers HTTP/1.1 (`proxy::handle`),
//! [`intake`] holds what has come of its body, and [`sending`] writes its answer.
//!
//! A request for WebSocket becomes that of HTTP/1.1 in [`tunnel`] (RFC 8441).
//!
//! `h2` reads and writes the frames through a [`socket`], which sends those of all requests together. What `h2` does not
//! bound is bounded here: [`watch`] is told of each byte, [`frames`] finds the frames in them, and [`budget`] says when there
//! are too many. [`bounds`] has the numbers.

mod answer;
mod bounds;
mod budget;
mod connection;
mod frames;
mod intake;
mod request;
mod sending;
mod size_updates;
mod socket;
mod stream;
mod tunnel;
mod waits;
mod watch;
mod written;

pub(super) use self::connection::serve;
