//! `ajpgate run`.

use std::io;
use std::path::Path;
use std::process::ExitCode;

use ajpgate_config::{Config, Loaded, Problems};
use anyhow::Context as _;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::runtime::Builder;
use tracing::{info, warn};

use super::check;
use super::obey::{End, obey};
use super::process::end;
use super::signals::Signals;
use crate::cores::{self, Cores};
use crate::gateway::{Gateway, Place};
use crate::handover::{self, Agreed, Given, Predecessor, Program};
use crate::reload::Source;
use crate::supervisor::Supervisor;
use crate::telemetry::trace;
use crate::unbuilt;

/// Number of open files beside those of requests: listeners, logs, idle connections.
const SPARE_FILES: u64 = 100;

/// Runs the gateway until a signal stops it, or until another program has taken over.
pub(super) fn run(path: &Path) -> anyhow::Result<ExitCode> {
    let (given, mut predecessor) = handover::inherit();
    let program = Program::of_this_process();
    let done = take_over(path, program, given, &mut predecessor);
    if let Some(predecessor) = predecessor {
        predecessor.failed(&match &done {
            Ok(_) => "it refuses its configuration".to_owned(),
            Err(error) => format!("{error:#}"),
        });
    }
    done
}

/// The same. Where the predecessor is still there in the end, it goes on.
fn take_over(
    path: &Path,
    program: io::Result<Program>,
    given: Given,
    predecessor: &mut Option<Predecessor>,
) -> anyhow::Result<ExitCode> {
    let file = path.to_owned();
    let source = Source::new(file.clone(), move || load_again(&file));
    let loaded = match check::load_or_complain(path) {
        Ok(loaded) => loaded,
        Err(code) => return Ok(code),
    };
    let program = program.context("the file of this program cannot be found")?;
    let log = &loaded.config.log;
    trace::start(log.level, log.json);
    log_warnings(&loaded);
    allow_open_files(loaded.config.limits.max_connections);
    // Pages, metrics, checks and timers have a thread of their own, so that no client waits for them.
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let ended = runtime.block_on(async {
        let mut signals = Signals::new()?;
        let place = Place {
            cores: Cores::start(cores::count(loaded.config.threads))?,
            given,
            supervisor: Supervisor::of_environment(),
        };
        let prepared = Gateway::prepare(&loaded.config, Some(source), place)?;
        tokio::select! {
            () = prepared.discover() => {}
            () = signals.stop() => return Ok(ExitCode::SUCCESS),
        }
        let agreed = match predecessor.take() {
            None => None,
            Some(predecessor) => tokio::select! {
                agreed = predecessor.agrees() => Some(agreed?),
                () = signals.stop() => return Ok(ExitCode::SUCCESS),
            },
        };
        let gateway = prepared.serve();
        info!(version = env!("CARGO_PKG_VERSION"), config = %path.display(), "ajpgate is running");
        gateway.report(agreed.map(Agreed::serving));
        let end = obey(&mut signals, &gateway, &program).await;
        let again = signals.stop();
        // Requests are cut off after `shutdown_timeout`, or by a second signal; both were logged.
        match end {
            End::Stop => {
                info!("shutting down");
                gateway.shutdown_before(again).await;
            }
            End::Replaced => {
                gateway.end_beside_successor(again).await;
            }
        }
        Ok(ExitCode::SUCCESS)
    });
    end(runtime);
    ended
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
