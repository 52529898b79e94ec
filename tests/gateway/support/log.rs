//! What the gateway of a test logs.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use tracing::level_filters::LevelFilter;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::MakeWriter;

/// The lines that are logged on this thread, warnings and errors unless the test asks for more. A test and its gateway run on one thread.
pub(crate) struct Log {
    lines: Lines,
    _guard: DefaultGuard,
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(crate) fn capture() -> Self {
        Self::capture_from(LevelFilter::WARN)
    }

    /// Captures the lines of this level and above.
    pub(crate) fn capture_from(level: LevelFilter) -> Self {
        let lines = Lines::default();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(level)
            .with_ansi(false)
            .without_time()
            .with_writer(lines.clone())
            .finish();
        Self {
            lines,
            _guard: tracing::subscriber::set_default(subscriber),
        }
    }

    /// The lines with this text so far.
    pub(crate) fn with(&self, text: &str) -> Vec<String> {
        let bytes = self.lines.0.lock().unwrap();
        let lines = std::str::from_utf8(&bytes).unwrap().lines();
        let lines = lines.filter(|line| line.contains(text));
        lines.map(str::to_owned).collect()
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The number in the field `left_out` of a line; 0 when it has none.
pub(crate) fn left_out(line: &str) -> usize {
    let field = line.split("left_out=").nth(1).unwrap_or("0");
    field.split(' ').next().unwrap().parse().unwrap()
}
