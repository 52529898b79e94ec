//! The process that is to take over, as the old one sees it.

use std::io;
use std::iter;
use std::os::fd::OwnedFd;
use std::os::unix::net as std_net;
use std::process;
use std::time::Duration;

use command_fds::{CommandFdExt as _, FdMapping};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::{
    FIRST, LISTEN_FDNAMES, LISTEN_FDS, LISTEN_PID, MOST, PREDECESSOR, Program, Role, STATE, line,
};

/// How long the new process may take until it serves.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a process that was told to end may take.
const END: Duration = Duration::from_secs(5);

/// The longest line that is read, in bytes.
const LONGEST: u64 = 64 * 1024;

/// The environment variable with the process id that systemd expects watchdog messages from. Without it, the process that
/// systemd takes for the main one is meant (`sd_watchdog_enabled(3)`).
const WATCHDOG_PID: &str = "WATCHDOG_PID";

/// The environment variable with another first descriptor than 3, which `listenfd` knows.
const FIRST_FD: &str = "LISTEN_FDS_FIRST_FD";

/// What the process after this one gets.
#[derive(Debug)]
pub(crate) struct Estate {
    /// Duplicates of the sockets that this one listens on.
    pub(crate) sockets: Vec<(Role, OwnedFd)>,
    /// What was changed by hand, and what was discovered.
    pub(crate) state: Option<Vec<u8>>,
}

/// A process that was started with the sockets of this one.
#[derive(Debug)]
pub(crate) struct Successor {
    process: Child,
    channel: BufReader<UnixStream>,
    /// It was told to serve: it may have clients.
    may_serve: bool,
}

impl Successor {
    /// Starts a process with these sockets and this knowledge, and with the environment of this one. Must be called inside a tokio
    /// runtime.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn start(program: &Program, estate: Estate) -> io::Result<Self> {
        let Estate { sockets, state } = estate;
        if sockets.len() + 1 >= MOST {
            return Err(io::Error::other("there are too many sockets"));
        }
        let (ours, theirs) = connection()?;
        let told = state.map(|state| Ok::<_, io::Error>((state, connection()?)));
        let told = told.transpose()?;
        let roles = sockets.iter().map(|(role, _)| role.name());
        let names = iter::once("predecessor").chain(roles);
        let names: Vec<&str> = names.chain(told.as_ref().map(|_| STATE)).collect();
        let mut command = program.command();
        command
            .env(PREDECESSOR, process::id().to_string())
            .env(LISTEN_FDS, names.len().to_string())
            .env(LISTEN_FDNAMES, names.join(":"))
            .env_remove(LISTEN_PID)
            .env_remove(FIRST_FD)
            .env_remove(WATCHDOG_PID);
        let sockets = sockets.into_iter().map(|(_, socket)| socket);
        let (state, for_state) = told.map_or((None, None), |(state, (ours, theirs))| {
            (Some((state, ours)), Some(theirs))
        });
        let descriptors = iter::once(theirs).chain(sockets).chain(for_state);
        let mappings = descriptors.zip(FIRST..).map(|(ours, theirs)| FdMapping {
            parent_fd: ours,
            child_fd: theirs,
        });
        command
            .fd_mappings(mappings.collect())
            .map_err(io::Error::other)?;
        let process = Command::from(command).spawn()?;
        if let Some((state, mut to)) = state {
            // It takes this in before it says that it is ready. Where it does not, its end says so.
            tokio::spawn(async move {
                let _ = timeout(PATIENCE, to.write_all(&state)).await;
            });
        }
        Ok(Self {
            process,
            channel: BufReader::new(ours),
            may_serve: false,
        })
    }

    /// Waits until it serves in the place of this process.
    ///
    /// # Errors
    /// Why it does not. It may still run.
    pub(crate) async fn takes_over(&mut self) -> Result<(), String> {
        let dialog = async {
            self.says(line::READY).await?;
            self.may_serve = true;
            // When this fails, the next line does not come either.
            let _ = self.channel.write_all(line::SERVE.as_bytes()).await;
            let _ = self.channel.write_all(b"\n").await;
            self.says(line::SERVING).await
        };
        let late = || format!("it does not serve within {} seconds", PATIENCE.as_secs());
        let done = timeout(PATIENCE, dialog).await;
        done.unwrap_or_else(|_| Err(late()))
    }

    /// Waits for a line.
    async fn says(&mut self, expected: &str) -> Result<(), String> {
        let mut said = String::new();
        let mut channel = (&mut self.channel).take(LONGEST);
        let read = channel.read_line(&mut said).await;
        if let Some(why) = said.strip_prefix(line::FAILED) {
            return Err(why.trim_end().to_owned());
        }
        match read {
            Ok(1..) if said.trim_end() == expected => Ok(()),
            Ok(1..) => Err(format!("it says {said:?} in place of {expected:?}")),
            Ok(0) | Err(_) => match self.process.wait().await {
                Ok(status) => Err(format!("it has ended with {status}")),
                Err(error) => Err(error.to_string()),
            },
        }
    }

    /// Its process id.
    pub(crate) fn id(&self) -> Option<u32> {
        self.process.id()
    }

    /// Sends it SIGHUP.
    pub(crate) fn reload(&self) {
        self.signal(Signal::HUP);
    }

    /// Ends it, and waits for its end: at once if it has no clients.
    pub(crate) async fn end(mut self) {
        if self.may_serve {
            self.signal(Signal::TERM);
            if timeout(END, self.process.wait()).await.is_ok() {
                return;
            }
        }
        // A process that cannot be killed has ended.
        let _ = self.process.kill().await;
    }

    fn signal(&self, signal: Signal) {
        let id = self.process.id().and_then(|id| i32::try_from(id).ok());
        if let Some(id) = id.and_then(Pid::from_raw) {
            // It has ended then.
            let _ = kill_process(id, signal);
        }
    }
}

/// A connection: our end, and the other one. Must be called inside a tokio runtime.
fn connection() -> io::Result<(UnixStream, OwnedFd)> {
    let (ours, theirs) = std_net::UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    Ok((UnixStream::from_std(ours)?, theirs.into()))
}
