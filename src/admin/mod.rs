//! The admin listener: metrics, health, readiness, the API and the balancer manager.

mod access;
mod api;
mod client;
mod listener;
mod page;
mod patience;
mod reply;
mod route;

pub(crate) use self::api::{PROGRAM, REQUESTS};
pub(crate) use self::listener::{Settings, serve};
