//! Child processes that end with their test at the latest.

use super::wait;
use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

const STOPS_WITHIN: Duration = Duration::from_secs(15);
const LEAVES_WITHIN: Duration = Duration::from_secs(5);

/// A signal of the shell's `kill`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    Term,
    Kill,
    Stop,
    Cont,
    Hup,
    Usr2,
}

impl Signal {
    fn name(self) -> &'static str {
        match self {
            Self::Term => "TERM",
            Self::Kill => "KILL",
            Self::Stop => "STOP",
            Self::Cont => "CONT",
            Self::Hup => "HUP",
            Self::Usr2 => "USR2",
        }
    }
}

/// A running server, in a process group of its own, its output in a file.
///
/// It ends in one of three ways: the test stops it; this value is dropped; or the test itself is
/// killed, and then the kernel tells the server, because the thread that started it is gone. In the
/// last two cases it gets `end_signal`, which is SIGTERM for a server that has to clear up behind it.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    status: Option<ExitStatus>,
    end_signal: Signal,
    log: PathBuf,
}

impl Process {
    /// Starts `command` with its output in `log`.
    pub(crate) fn spawn(command: &Command, end_signal: Signal, log: &Path) -> Self {
        let output = File::create(log).expect("cannot make a log file");
        let also_output = output.try_clone().expect("cannot share a log file");
        let child = Command::new("setpriv")
            .args(["--pdeathsig", end_signal.name(), "--"])
            .arg(command.get_program())
            .args(command.get_args())
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(also_output)
            .spawn()
            .unwrap_or_else(|e| panic!("cannot run setpriv (Debian package util-linux): {e}"));
        Self {
            child,
            status: None,
            end_signal,
            log: log.to_owned(),
        }
    }

    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its exit status; `None` while it runs.
    pub(crate) fn exited(&mut self) -> Option<ExitStatus> {
        if self.status.is_none() {
            self.status = self
                .child
                .try_wait()
                .expect("cannot ask for a child's status");
        }
        self.status
    }

    /// Its output so far.
    pub(crate) fn log(&self) -> String {
        let bytes = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Sends a signal to the server's process group, unless the server has ended: another process may have its number
    /// then.
    fn signal(&mut self, signal: Signal) {
        if self.exited().is_none() {
            send(signal, &format!("-{}", self.id())).expect("cannot signal a child");
        }
    }

    /// Freezes it with SIGSTOP and waits until each of its threads has stopped. Its children get the signal too, and are
    /// not waited for.
    pub(crate) async fn pause(&mut self) {
        self.signal(Signal::Stop);
        let tasks = PathBuf::from(format!("/proc/{}/task", self.id()));
        let frozen = wait::until(STOPS_WITHIN, async || all_stopped(&tasks).then_some(())).await;
        assert!(frozen.is_some(), "a server ignores SIGSTOP");
    }

    /// Sends SIGHUP, which lets most servers read their files again.
    pub(crate) fn reload(&mut self) {
        self.signal(Signal::Hup);
    }

    /// Sends SIGCONT.
    pub(crate) fn resume(&mut self) {
        self.signal(Signal::Cont);
    }

    /// Sends SIGKILL and waits for its end; then its ports are closed.
    pub(crate) fn kill(&mut self) {
        self.signal(Signal::Kill);
        self.status = self.child.wait().ok();
    }

    /// Sends SIGTERM and waits for its end.
    pub(crate) async fn stop(&mut self) -> ExitStatus {
        if self.exited().is_none() {
            send(Signal::Term, &self.id().to_string()).expect("cannot signal a child");
        }
        let ended = wait::until(STOPS_WITHIN, async || self.exited()).await;
        ended.unwrap_or_else(|| panic!("a server ignores SIGTERM\n{}", self.log()))
    }
}

impl Drop for Process {
    /// Must not panic: a test that has failed drops this too.
    fn drop(&mut self) {
        if self.status.is_some() {
            return;
        }
        if self.end_signal == Signal::Term {
            let _ = send(Signal::Term, &self.child.id().to_string());
            let left = || self.child.try_wait().ok().flatten();
            self.status = wait::until_blocking(LEAVES_WITHIN, left);
        }
        if self.status.is_none() {
            let _ = send(Signal::Kill, &format!("-{}", self.child.id()));
            let _ = self.child.wait();
        }
    }
}

/// Whether all threads are in the state `T`, which follows the name in parentheses.
fn all_stopped(tasks: &Path) -> bool {
    let Ok(threads) = fs::read_dir(tasks) else {
        return false;
    };
    threads.flatten().all(|thread| {
        let stat = fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        stat.rsplit_once(") ")
            .is_some_and(|(_, rest)| rest.starts_with('T'))
    })
}

/// All child processes of a process, and theirs.
pub(crate) fn descendants(id: u32) -> Vec<u32> {
    let file = format!("/proc/{id}/task/{id}/children");
    let children = fs::read_to_string(file).unwrap_or_default();
    let children = children.split_whitespace().filter_map(|id| id.parse().ok());
    children
        .flat_map(|child| std::iter::once(child).chain(descendants(child)))
        .collect()
}

/// Sends a signal by the shell's `kill`: the standard library sends SIGKILL only.
pub(crate) fn send(signal: Signal, whom: &str) -> io::Result<()> {
    let script = r#"kill -s "$1" -- "$2""#;
    let status = Command::new("sh")
        .args(["-c", script, "sh", signal.name(), whom])
        .status()?;
    if status.success() {
        Ok(())
    } else {
        Err(io::Error::other(format!("no process {whom}")))
    }
}

/// Allows this process, and servers that it starts from now on, this number of open files. The usual limit is 1024, which a
/// thousand clients exceed.
pub(crate) fn allow_open_files(count: u32) {
    let raised = Command::new("prlimit")
        .args(["--pid", &std::process::id().to_string()])
        .arg(format!("--nofile={count}:"))
        .status();
    assert!(
        raised.is_ok_and(|status| status.success()),
        "prlimit (Debian package util-linux) cannot allow {count} open files"
    );
}

/// The path of a program or file of a Debian package; panics with the command that installs it where it is missing.
pub(crate) fn require(path: &str, package: &str) -> PathBuf {
    let found = if path.contains('/') {
        exists(PathBuf::from(path))
    } else {
        search(path)
    };
    found.unwrap_or_else(|| {
        panic!("this test needs {path}: apt-get install --no-install-recommends {package}, or tests/run.sh as root")
    })
}

fn search(program: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders).find_map(|folder| exists(folder.join(program)))
}

fn exists(path: PathBuf) -> Option<PathBuf> {
    path.exists().then_some(path)
}
