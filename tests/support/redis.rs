//! Debian's redis-server: the engine of several gateways.

use super::eventually;
use super::port::ReservedPort;
use super::process::{Process, Signal, require};
use super::scratch::Scratch;
use std::io;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const PROGRAM: &str = "/usr/bin/redis-server";
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// An engine that may be stopped and started again. It forgets everything then.
#[derive(Debug)]
pub(crate) struct Redis {
    pub(crate) process: Process,
    port: ReservedPort,
    folder: Scratch,
    password: Option<&'static str>,
}

impl Redis {
    pub(crate) async fn start(password: Option<&'static str>) -> Self {
        let (port, folder) = (ReservedPort::new(), Scratch::new("redis"));
        let engine = Self {
            process: spawn(&port, &folder, password),
            port,
            folder,
            password,
        };
        engine.is_ready().await;
        engine
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.port.addr()
    }

    /// Starts it again, with nothing in it.
    pub(crate) async fn start_again(&mut self) {
        self.process = spawn(&self.port, &self.folder, self.password);
        self.is_ready().await;
    }

    async fn is_ready(&self) {
        eventually("redis-server answers", async || {
            let answer = self.ask("PING").await;
            answer.is_ok_and(|text| text.contains("PONG"))
        })
        .await;
    }

    /// Sends a command in one line, after the password, and returns what comes first.
    pub(crate) async fn ask(&self, command: &str) -> io::Result<String> {
        let asked = async {
            let mut stream = TcpStream::connect(self.addr()).await?;
            let mut answer = [0; 4096];
            if let Some(password) = self.password {
                stream
                    .write_all(format!("AUTH {password}\r\n").as_bytes())
                    .await?;
                let _ = stream.read(&mut answer).await?;
            }
            stream
                .write_all(format!("{command}\r\n").as_bytes())
                .await?;
            let length = stream.read(&mut answer).await?;
            Ok(String::from_utf8_lossy(&answer[..length]).into_owned())
        };
        tokio::time::timeout(ANSWERS_WITHIN, asked).await?
    }
}

fn spawn(port: &ReservedPort, folder: &Scratch, password: Option<&str>) -> Process {
    let mut command = Command::new(require(PROGRAM, "redis-server"));
    command.args(["--port", &port.addr().port().to_string()]);
    command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
    command.args(["--dir", &folder.path().display().to_string()]);
    if let Some(password) = password {
        command.args(["--requirepass", password]);
    }
    Process::spawn(&command, Signal::Kill, &folder.path().join("redis.log"))
}
