//! The request path: one request from its head to its answer's last byte.
//!
//! [`handle`] is the whole of it, top down; the other files are its steps.

mod attempt;
mod destination;
mod handle;
mod journey;
mod local;
mod locate;
mod own_cookie;
mod plan;
mod respond;
mod reverse;
mod target;
mod tracked;
mod upgrade;
mod verdict;

pub(crate) use self::handle::handle;
pub(crate) use self::journey::{Session, refused};
pub(crate) use self::local::text;
pub(crate) use self::plan::{Plan, Refusal, Wanted, choose, name_session};
