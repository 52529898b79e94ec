//! Why traces cannot be sent.

use std::io;

use crate::tls::RootsError;

/// See the [module](self).
#[derive(Debug, thiserror::Error)]
pub(crate) enum TracingError {
    #[error("tracing.otlp: {0}")]
    Roots(#[from] RootsError),
    #[error("tracing.otlp: {0}")]
    Collector(String),
    #[error("tracing: no thread can be started: {0}")]
    Thread(#[from] io::Error),
}
