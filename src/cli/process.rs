//! Exit codes, standard output, standard error and the runtime of the process.
//!
//! Nothing of the program prints by `println!` or `eprintln!`: both panic when the pipe's reader has gone or the disk is
//! full, and clippy refuses them (`print_stdout`, `print_stderr`).

use std::fmt::Display;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

/// Exit code: failed while running.
pub(super) const FAILED: u8 = 1;

/// Exit code: wrong usage or bad configuration; nothing was bound.
pub(super) const BAD_USAGE: u8 = 2;

/// Prints a text. A reader that closes the pipe is no failure.
pub(super) fn print(text: &str) -> anyhow::Result<ExitCode> {
    show(text)?;
    Ok(ExitCode::SUCCESS)
}

/// The same; returns whether somebody still reads.
pub(super) fn show(text: &str) -> io::Result<bool> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error),
    }
}

/// Prints a line to standard error. Where it cannot be written it is lost: the exit code tells the rest.
pub(super) fn complain(line: impl Display) {
    let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
}

/// How long the end of a process waits for its threads for blocking work.
const BLOCKED: Duration = Duration::from_secs(1);

/// Ends a runtime. A thread that the system does not let go, because a file system does not answer, say, is left behind.
pub(super) fn end(runtime: Runtime) {
    runtime.shutdown_timeout(BLOCKED);
}

/// Runs a future on a runtime of its own, and ends that.
///
/// # Errors
/// The system gives no threads or no event queue.
pub(super) fn block_on<T>(command: impl Future<Output = T>) -> io::Result<T> {
    let runtime = runtime()?;
    let done = runtime.block_on(command);
    end(runtime);
    Ok(done)
}

/// A runtime with one thread for each core, and with the current thread alone on a single core.
fn runtime() -> io::Result<Runtime> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut builder = if cores == 1 {
        Builder::new_current_thread()
    } else {
        Builder::new_multi_thread()
    };
    builder.enable_all().build()
}
