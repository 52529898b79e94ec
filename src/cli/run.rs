//! `ajpgate run`.

use std::path::Path;
use std::process::ExitCode;

use ajpgate_config::{Config, Loaded, Problems};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::runtime::Builder;
use tracing::{info, warn};

use super::check;
use super::signals::Signals;
use crate::cores::{self, Cores};
use crate::gateway::Gateway;
use crate::reload::Source;
use crate::telemetry::trace;
use crate::unbuilt;

/// Number of open files beside those of requests: listeners, logs, idle connections.
const SPARE_FILES: u64 = 100;

/// Runs the gateway until a signal stops it.
pub(super) fn run(path: &Path) -> anyhow::Result<ExitCode> {
    let file = path.to_owned();
    let source = Source::new(file.clone(), move || load_again(&file));
    let loaded = match check::load_or_complain(path) {
        Ok(loaded) => loaded,
        Err(code) => return Ok(code),
    };
    let log = &loaded.config.log;
    trace::start(log.level, log.json);
    log_warnings(&loaded);
    allow_open_files(loaded.config.limits.max_connections);
    // Pages, metrics, checks and timers have a thread of their own, so that no client waits for them.
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut signals = Signals::new()?;
        let cores = Cores::start(cores::count(loaded.config.threads))?;
        let gateway = Gateway::start_on(&loaded.config, Some(source), cores)?;
        info!(version = env!("CARGO_PKG_VERSION"), config = %path.display(), "ajpgate is running");
        signals.stop(async || gateway.reload().await).await;
        info!("shutting down");
        // Requests are cut off after `shutdown_timeout`, or by a second signal; both were logged.
        let again = signals.stop(async || ());
        gateway.shutdown_before(again).await;
        Ok(ExitCode::SUCCESS)
    })
}

/// Reads the file; prints a line for each reason why it cannot be run.
fn load_again(path: &Path) -> Result<Config, Vec<String>> {
    let lines = |problems: Problems| problems.headlines().collect();
    let loaded = check::load(path).map_err(lines)?;
    match unbuilt::problems(&loaded) {
        Some(problems) => Err(lines(problems)),
        None => {
            log_warnings(&loaded);
            Ok(loaded.config)
        }
    }
}

/// Logs the warnings that `check` prints.
fn log_warnings(loaded: &Loaded) {
    for warning in &loaded.warnings {
        warn!("{}", warning.headline());
    }
}

/// Raises the soft limit of open files to the hard limit, and warns when that is too low: a request may need two, one
/// for its client and one for its member.
fn allow_open_files(max_connections: Option<usize>) {
    let limits = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limits.maximum,
        ..limits
    };
    let limit = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => raised.current,
        Err(_) => limits.current,
    };
    let wanted = max_connections.map(|most| 2 * most as u64 + SPARE_FILES);
    if let (Some(wanted), Some(limit)) = (wanted, limit)
        && limit < wanted
    {
        warn!(
            limit,
            wanted,
            "the system allows fewer open files than limits.max_connections may need: raise the limit (ulimit -n, \
             LimitNOFILE=) or lower max_connections"
        );
    }
}
