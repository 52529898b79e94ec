//! A gateway, and the programs that take over from it.

use std::fs;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use crate::cluster::Node;
use crate::house::file;
use crate::support::program::{Program, of_file};
use crate::support::{Scratch, until};

/// What the log says in front of the new process id.
const SERVES: &str = "the new program serves: this one answers its last requests process=";

/// A gateway in front of two nodes, started from a file of its own. All programs of it write to the output of the first.
pub(crate) struct Succession {
    first: Program,
    /// The process that serves now.
    pub(crate) now: u32,
    pub(crate) front: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) nodes: [Node; 2],
    pub(crate) scratch: Scratch,
}

impl Succession {
    /// Starts a gateway with these lines at the end of its configuration.
    pub(crate) fn start(more: &str) -> Self {
        Self::start_by(more, |command| command)
    }

    /// The same, with its listener as written.
    pub(crate) fn start_with(listener: &str, more: &str) -> Self {
        Self::start_by(more, |command| {
            let file = command.get_current_dir().unwrap().join("ajpgate.yaml");
            let text = fs::read_to_string(&file).unwrap();
            let (_, rest) = text.split_once('\n').unwrap();
            fs::write(file, format!("listeners: [{listener}]\n{rest}")).unwrap();
            command
        })
    }

    /// The same, with a command that may be changed first.
    pub(crate) fn start_by(more: &str, change: impl FnOnce(Command) -> Command) -> Self {
        let scratch = Scratch::new("handover");
        let nodes = ["node1", "node2"].map(|route| Node::start(&scratch, route, None));
        scratch.write("ajpgate.yaml", &file(&nodes, 2, more));
        let binary = scratch.path().join("ajpgate");
        copy(&binary);
        let command = of_file(&binary, scratch.path(), &["run"]);
        let mut first = Program::start(&mut change(command));
        first.logs("ajpgate is running");
        Self {
            now: first.id(),
            front: first.front(),
            admin: first.admin(),
            first,
            nodes,
            scratch,
        }
    }

    /// Replaces the configuration by one with these lines at its end.
    pub(crate) fn configure(&self, more: &str) {
        let file = file(&self.nodes, 2, more);
        self.scratch.write("ajpgate.yaml", &file);
    }

    /// Replaces the file of the program by a script.
    pub(crate) fn replace_binary(&self, script: &str) {
        let new = self.scratch.write("new", &format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(&new, fs::Permissions::from_mode(0o755)).unwrap();
        fs::rename(new, self.scratch.path().join("ajpgate")).unwrap();
    }

    /// Replaces the file of the program by another file with the same program. For the system, the program that runs was
    /// started from a deleted file then.
    pub(crate) fn renew_binary(&self) {
        let file = self.scratch.path().join("ajpgate");
        fs::remove_file(&file)
            .or_else(|error| match error.kind() {
                ErrorKind::NotFound => Ok(()),
                _ => Err(error),
            })
            .unwrap();
        copy(&file);
    }

    /// Replaces the file of the program by one that becomes the program when there is a file `go`.
    pub(crate) fn replace_by_slow_binary(&self) {
        copy(&self.scratch.path().join("real"));
        self.replace_binary(
            "echo $$ >> started\nwhile [ ! -e go ]; do sleep 0.02; done\nexec ./real \"$@\"",
        );
    }

    /// Lets such a program go on.
    pub(crate) fn go(&self) {
        self.scratch.write("go", "");
    }

    /// Sends a signal to the process that serves.
    pub(crate) fn signal(&self, name: &str) {
        signal(self.now, name);
    }

    /// Waits for the next program to serve.
    pub(crate) fn taken_over(&mut self, before: usize) {
        self.now = until("the new program serves", || {
            let log = self.first.stderr();
            let serves = log.split(SERVES).nth(before + 1)?;
            let (process, _) = serves.split_once('\n')?;
            process.parse().ok()
        });
    }

    /// How many programs have taken over.
    pub(crate) fn count(&self) -> usize {
        self.first.stderr().matches(SERVES).count()
    }

    /// Has a new program take over. Returns the process before.
    pub(crate) fn hand_over(&mut self) -> u32 {
        let (before, count) = (self.now, self.count());
        self.signal("USR2");
        self.taken_over(count);
        before
    }

    pub(crate) fn log(&self) -> String {
        self.first.stderr()
    }

    pub(crate) fn logs(&self, text: &str) {
        until(&format!("{text:?} in the log"), || {
            self.log().contains(text).then_some(())
        });
    }

    /// The process ids that a script has written to the file `started`.
    pub(crate) fn started(&self) -> Vec<u32> {
        let file = self.scratch.path().join("started");
        let lines = fs::read_to_string(file).unwrap_or_default();
        lines.lines().map(|line| line.parse().unwrap()).collect()
    }

    /// Waits until a script has written its process id there.
    pub(crate) fn has_started(&self) -> u32 {
        until("the new program starts", || self.started().pop())
    }

    /// Waits for the exit code of the first program.
    pub(crate) fn code_of_first(&mut self) -> Option<i32> {
        self.first.code()
    }
}

impl Drop for Succession {
    /// Must not panic: a test that has failed drops this too.
    fn drop(&mut self) {
        if self.now != self.first.id() && !is_gone(self.now) {
            let kill = format!("kill -s KILL {}", self.now);
            let _ = Command::new("sh").args(["-c", &kill]).status();
        }
    }
}

pub(crate) fn signal(process: u32, name: &str) {
    let kill = format!("kill -s {name} {process}");
    let status = Command::new("sh").args(["-c", &kill]).status().unwrap();
    assert!(status.success(), "{kill}");
}

/// Whether a process has ended. Its parent may not have noticed yet.
pub(crate) fn is_gone(process: u32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{process}/stat")) else {
        return true;
    };
    // pid (name) state …
    let state = stat
        .rsplit(')')
        .next()
        .and_then(|it| it.trim().chars().next());
    state == Some('Z')
}

pub(crate) fn gone(process: u32) {
    until(&format!("process {process} ends"), || {
        is_gone(process).then_some(())
    });
}

fn copy(to: &Path) {
    let program = Path::new(env!("CARGO_BIN_EXE_ajpgate"));
    // A copy of the program is large.
    if fs::hard_link(program, to).is_err() {
        fs::copy(program, to).unwrap();
    }
}
