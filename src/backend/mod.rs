//! Backends: how a request gets to a member and an answer back.
//!
//! ```text
//!   arms, build, response      what the rest of the gateway sees: one type, whatever the member speaks
//!   ajp/   http1/   ftp/       one protocol each; none knows another
//!   forward, exchange, pool/   one attempt, the rest of an answer, kept connections
//!   check, connect, error, head, stream, tls, wire
//! ```
//! A row uses the rows below it. `src/backend/BACKENDS.md` says what follows from failures.

mod ajp;
mod arms;
mod build;
mod check;
mod connect;
mod error;
mod exchange;
mod forward;
#[cfg(feature = "ftp")]
mod ftp;
mod head;
mod http1;
mod pool;
mod response;
mod stream;
mod tls;
mod wire;

pub(crate) use self::arms::Backend;
pub(crate) use self::build::{BackendError, authority, backend};
pub(crate) use self::check::{Ask, Question, Reply};
pub(crate) use self::connect::connect;
#[cfg(test)]
pub(crate) use self::error::BadHead;
pub(crate) use self::error::{
    Age, ConnectError, Connector, Exposure, FailureKind, ForwardError, Unsendable,
};
pub(crate) use self::exchange::Incomplete;
pub(crate) use self::forward::{Activation, Counts, Failed, Forward, Sent};
pub(crate) use self::pool::Reuse;
pub(crate) use self::response::ResponseBody;
pub(crate) use self::tls::{Tls, TlsError};
pub(crate) use self::wire::Moved;
