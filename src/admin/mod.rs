//! The admin listener: metrics, health, readiness, the API and the balancer manager.

mod access;
mod answer;
mod api;
mod listener;
mod page;
mod patience;

pub(crate) use self::access::Access;
pub(crate) use self::listener::serve;
