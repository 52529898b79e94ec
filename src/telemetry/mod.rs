//! What the gateway says about itself: metrics, the access log, its own log.

pub(crate) mod access_log;
pub(crate) mod metrics;
mod standard_error;
pub(crate) mod trace;
mod warn_limit;

pub(crate) use self::warn_limit::{LeftOut, WarnLimit};
