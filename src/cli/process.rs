//! Exit codes, standard output and the runtime of the process.

use std::process::ExitCode;

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
pub(super) fn show(text: &str) -> std::io::Result<bool> {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error),
    }
}

/// A runtime with one thread for each core, and with the current thread alone on a single core.
pub(super) fn runtime() -> std::io::Result<Runtime> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut builder = if cores == 1 {
        Builder::new_current_thread()
    } else {
        Builder::new_multi_thread()
    };
    builder.enable_all().build()
}
