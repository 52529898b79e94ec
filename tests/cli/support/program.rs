//! The program as a child of the test.

use std::io::Read;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use super::{address_after, until};

/// The program with these arguments, in this folder, without what the environment may bring along.
pub(crate) fn ajpgate(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ajpgate"));
    command.args(arguments).current_dir(folder);
    for variable in [
        "AJPGATE_CONFIG",
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

/// A running child. Dropped, it is killed.
pub(crate) struct Program {
    child: Child,
    out: Capture,
    err: Capture,
}

/// What a program that has ended leaves behind.
#[derive(Debug)]
pub(crate) struct Done {
    /// `None` when a signal ended it.
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

    /// All that it wrote to standard output so far.
    pub(crate) fn stdout(&self) -> String {
        self.out.text()
    }

    /// All that it wrote to standard error so far.
    pub(crate) fn stderr(&self) -> String {
        self.err.text()
    }

    /// Waits for something in what it prints.
    pub(crate) fn prints<T>(&mut self, what: &str, look: impl Fn(&Self) -> Option<T>) -> T {
        until(what, || {
            let found = look(self);
            if found.is_none() && self.status().is_some() {
                panic!("{what}: it ended\n{}{}", self.stdout(), self.stderr());
            }
            found
        })
    }

    /// Waits until its log has this text: a line may still be on its way when what it tells of can be seen already.
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

    /// Sends a signal, as the shell's `kill` spells it. The standard library knows only SIGKILL.
    pub(crate) fn signal(&mut self, name: &str) {
        assert_eq!(self.status(), None, "{}", self.stderr());
        let kill = format!("kill -s {name} {}", self.id());
        let status = Command::new("sh").args(["-c", &kill]).status().unwrap();
        assert!(status.success(), "{kill}");
    }

    /// Waits until it has ended by itself.
    pub(crate) fn ended(mut self) -> Done {
        let status = until("the program ends", || self.status());
        Done {
            code: status.code(),
            stdout: self.out.finish(),
            stderr: self.err.finish(),
        }
    }

    /// Ends it with SIGTERM, as a service manager does.
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
    /// Nothing here may panic: a failed test is dropping this.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What comes out of a pipe, read by a thread of its own so that the pipe is never full.
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
