//! The process that is to be relieved, as the new one sees it.

use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net as std_net;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::line;

/// How long the old process may take to tell systemd who serves now.
const PARTING: Duration = Duration::from_secs(10);

/// The longest line that is read, in bytes.
const LONGEST: u64 = 1024;

/// The process that has started this one and waits for it.
#[derive(Debug)]
pub(crate) struct Predecessor(std_net::UnixStream);

impl Predecessor {
    /// `channel` is the connection to it; it only has the type of a listener.
    pub(super) fn new(channel: std_net::UnixListener) -> Self {
        Self(OwnedFd::from(channel).into())
    }

    /// Says why this process does not take over.
    pub(crate) fn failed(mut self, why: &str) {
        let why = why.replace('\n', " ");
        // Its end says the same, without the reason.
        let _ = writeln!(self.0, "{}{why}", line::FAILED);
    }

    /// Says that this process can serve, and waits until it may. That is also when the old process has gone. Must be called
    /// inside a tokio runtime.
    ///
    /// # Errors
    /// When the old process says something else.
    pub(crate) async fn agrees(self) -> io::Result<Agreed> {
        self.0.set_nonblocking(true)?;
        let mut channel = BufReader::new(UnixStream::from_std(self.0)?);
        say(&mut channel, line::READY).await;
        let mut said = String::new();
        let mut lines = (&mut channel).take(LONGEST);
        match lines.read_line(&mut said).await {
            Ok(1..) if said.trim_end() != line::SERVE => {
                Err(io::Error::other("the old process cannot be understood"))
            }
            Ok(_) | Err(_) => Ok(Agreed(channel)),
        }
    }
}

/// A predecessor that has let this process serve.
#[derive(Debug)]
pub(crate) struct Agreed(BufReader<UnixStream>);

impl Agreed {
    /// Says that this process serves, and waits until the old one has told systemd so.
    pub(crate) async fn serving(mut self) {
        say(&mut self.0, line::SERVING).await;
        let mut rest = [0; 1];
        // It says nothing more.
        let _ = timeout(PARTING, self.0.read(&mut rest)).await;
    }
}

async fn say(channel: &mut BufReader<UnixStream>, text: &str) {
    // It has gone when this fails, and nothing has to be said to it.
    let _ = channel.write_all(text.as_bytes()).await;
    let _ = channel.write_all(b"\n").await;
}
