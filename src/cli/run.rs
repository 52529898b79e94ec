//! `ajpgate run`.

use std::path::Path;
use std::process::ExitCode;

use tracing::{info, warn};

use super::signals::Signals;
use crate::gateway::Gateway;
use crate::telemetry::trace;
use crate::unbuilt;

/// Runs the gateway until it is told to stop.
pub(super) fn run(path: &Path) -> anyhow::Result<ExitCode> {
    let loaded = match super::check::load(path) {
        Ok(loaded) => loaded,
        Err(problems) => {
            eprintln!("{problems}");
            return Ok(ExitCode::from(super::BAD_USAGE));
        }
    };
    if let Some(problems) = unbuilt::problems(&loaded) {
        eprintln!("{problems}");
        return Ok(ExitCode::from(super::BAD_USAGE));
    }
    let log = &loaded.config.log;
    trace::start(log.level, log.json);
    for warning in &loaded.warnings {
        warn!("{}", warning.headline());
    }
    super::runtime()?.block_on(async {
        let mut signals = Signals::new()?;
        let gateway = Gateway::start(&loaded.config)?;
        info!(version = env!("CARGO_PKG_VERSION"), config = %path.display(), "ajpgate is running");
        signals.stop().await;
        info!("shutting down");
        // What is cut after `shutdown_timeout` was logged; it is the operator's own bound.
        gateway.shutdown().await;
        Ok(ExitCode::SUCCESS)
    })
}
