//! The program as a child process of the test.

use std::io::Read;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use super::{address_after, until};

/// The program with these arguments, in this folder, without variables of the environment that it reads.
pub(crate) fn ajpgate(folder: &Path, arguments: &[&str]) -> Command {
    of_file(Path::new(env!("CARGO_BIN_EXE_ajpgate")), folder, arguments)
}

/// The same with the program in this file.
pub(crate) fn of_file(file: &Path, folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(file);
    command.args(arguments).current_dir(folder);
    for variable in [
        "AJPGATE_CONFIG",
        "AJPGATE_ADMIN_TOKEN",
        "AJP_SECRET",
        "RUST_LOG",
        "NO_COLOR",
        "COLUMNS",
    ] {
        command.env_remove(variable);
    }
    command
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Done {
    Program::start(command).ended()
}

/// A running child process. Dropping it kills it.
pub(crate) struct Program {
    child: Child,
    out: Capture,
    err: Capture,
}

/// The exit status and the output of a program that has ended.
#[derive(Debug)]
pub(crate) struct Done {
    /// The exit code; `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Program {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
        let out = Capture::start(child.stdout.take().unwrap());
        let err = Capture::start(child.stderr.take().unwrap());
        Self { child, out, err }
    }

    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its standard output so far.
    pub(crate) fn stdout(&self) -> String {
        self.out.text()
    }

    /// Its standard error so far.
    pub(crate) fn stderr(&self) -> String {
        self.err.text()
    }

    /// Waits until `look` finds something in its output.
    pub(crate) fn prints<T>(&mut self, what: &str, look: impl Fn(&Self) -> Option<T>) -> T {
        until(what, || {
            let found = look(self);
            if found.is_none() && self.status().is_some() {
                panic!("{what}: it ended\n{}{}", self.stdout(), self.stderr());
            }
            found
        })
    }

    /// Waits until its log has this text: the log line of an event may come later than the event.
    pub(crate) fn logs(&mut self, text: &str) {
        let what = format!("{text:?} in the log");
        self.prints(&what, |program| {
            program.stderr().contains(text).then_some(())
        });
    }

    /// Waits for the log line that names the first listener.
    pub(crate) fn front(&mut self) -> SocketAddr {
        self.prints("the front's address", |program| {
            address_after(&program.stderr(), "listening on http://")
        })
    }

    /// Waits for the log line that names the admin listener.
    pub(crate) fn admin(&mut self) -> SocketAddr {
        self.prints("the admin's address", |program| {
            address_after(&program.stderr(), "admin on http://")
        })
    }

    /// Sends a signal, by the name that the shell's `kill` knows. The standard library sends SIGKILL only.
    pub(crate) fn signal(&mut self, name: &str) {
        assert_eq!(self.status(), None, "{}", self.stderr());
        let kill = format!("kill -s {name} {}", self.id());
        let status = Command::new("sh").args(["-c", &kill]).status().unwrap();
        assert!(status.success(), "{kill}");
    }

    /// Waits until it ends by itself, whoever else writes to its output; returns its exit code.
    pub(crate) fn code(&mut self) -> Option<i32> {
        until("the program ends", || self.status()).code()
    }

    /// Waits until it ends by itself.
    pub(crate) fn ended(mut self) -> Done {
        let status = until("the program ends", || self.status());
        Done {
            code: status.code(),
            stdout: self.out.finish(),
            stderr: self.err.finish(),
        }
    }

    /// Ends it with SIGTERM, as service managers do.
    pub(crate) fn stop(mut self) -> Done {
        self.signal("TERM");
        let done = self.ended();
        assert_eq!(done.code, Some(0), "{done:?}");
        done
    }

    fn status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }
}

impl Drop for Program {
    /// Must not panic: a test that has failed drops this too.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The output of a pipe, read by a thread of its own so that the pipe is never full.
struct Capture {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Capture {
    fn start(mut pipe: impl Read + Send + 'static) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&bytes);
        let reader = thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(count @ 1..) = pipe.read(&mut piece) {
                into.lock().unwrap().extend_from_slice(&piece[..count]);
            }
        });
        Self {
            bytes,
            reader: Some(reader),
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().unwrap()).into_owned()
    }

    fn finish(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        self.text()
    }
}
