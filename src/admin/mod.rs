//! The admin listener: metrics, health, readiness.

mod access;
mod answer;
mod listener;

pub(crate) use self::access::Access;
pub(crate) use self::listener::serve;
