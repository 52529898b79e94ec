//! What the gateway says about itself: metrics, the access log, its own log.

pub(crate) mod access_log;
pub(crate) mod metrics;
mod seldom;
pub(crate) mod trace;

pub(crate) use self::seldom::Seldom;
