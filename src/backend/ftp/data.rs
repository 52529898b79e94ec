//! Data connections. They go to the server's address, or come from it.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ajpgate_ftp::command::Command;
use ajpgate_ftp::passive;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;

use super::super::connect::lost;
use super::super::error::FailureKind;
use super::super::stream::Stream;
use super::super::tls::Tls;
use super::super::wire::Wire;
use super::dialogue::Dialogue;
use super::fault::{FtpError, FtpFault};

/// Connections that are accepted while waiting for the server's, at most.
const STRANGERS_MAX: u32 = 8;

/// A data connection before the command that uses it.
#[derive(Debug)]
pub(super) enum DataConnection {
    /// Passive mode: the gateway has connected.
    Made(TcpStream),
    /// Active mode: the server will connect, from this address.
    Awaited(TcpListener, IpAddr),
}

impl Dialogue<'_> {
    /// Agrees on a data connection with the server.
    pub(super) async fn open_data(&mut self) -> Result<DataConnection, FtpError> {
        let (local, server) = self.control.addresses()?;
        self.session.transferring = true;
        if !self.settings.ftp.passive {
            return self.listen(local.ip(), server.ip()).await;
        }
        let port = self.passive_port().await?;
        let connect = TcpStream::connect(SocketAddr::new(server.ip(), port));
        let limit = self.settings.connect.min(self.settings.timeout);
        let connected = timeout(limit, connect).await;
        let stream = connected.map_err(|_| FailureKind::Silent)?.map_err(lost)?;
        Ok(DataConnection::Made(stream))
    }

    /// EPSV, and PASV where the server refuses that.
    async fn passive_port(&mut self) -> Result<u16, FtpError> {
        if !self.session.no_extended {
            let reply = self.ask(Command::Epsv).await?;
            if reply.code == 229 {
                return passive::epsv_port(&reply).ok_or(FtpFault::NoPort.into());
            }
            self.session.no_extended = reply.is_unknown_command();
        }
        let reply = self.ask(Command::Pasv).await?;
        match reply.code {
            227 => passive::pasv_port(&reply).ok_or(FtpFault::NoPort.into()),
            _ => Err(FtpError::from_reply(&reply)),
        }
    }

    /// Listens on the address of the control connection, and tells the server with EPRT, or with PORT where the server
    /// refuses that.
    async fn listen(&mut self, local: IpAddr, server: IpAddr) -> Result<DataConnection, FtpError> {
        let listener = listener(local).map_err(FailureKind::Lost)?;
        let address = listener.local_addr().map_err(FailureKind::Lost)?;
        let awaited = DataConnection::Awaited(listener, server.to_canonical());
        if !self.session.no_extended {
            let reply = self.ask(Command::Eprt(address)).await?;
            if reply.is_positive() {
                return Ok(awaited);
            }
            self.session.no_extended = reply.is_unknown_command();
        }
        match SocketAddr::new(local.to_canonical(), address.port()) {
            SocketAddr::V4(address) => self.require(Command::Port(address)).await?,
            SocketAddr::V6(_) => return Err(FtpFault::NoPort.into()),
        };
        Ok(awaited)
    }
}

impl DataConnection {
    /// The connection, after the server has said that the transfer begins; through TLS where the control connection is.
    pub(super) async fn connected(
        self,
        tls: Option<&Tls>,
        limit: Duration,
    ) -> Result<Wire<Stream>, FailureKind> {
        let connected = async {
            let stream = match self {
                Self::Made(stream) => stream,
                Self::Awaited(listener, server) => accept(&listener, server).await?,
            };
            Ok(Stream::open(stream, tls).await?)
        };
        let stream: Result<Stream, FailureKind> = timeout(limit, connected)
            .await
            .unwrap_or(Err(FailureKind::Silent));
        stream.map(Wire::new)
    }
}

fn listener(local: IpAddr) -> std::io::Result<TcpListener> {
    let socket = match local {
        IpAddr::V4(_) => TcpSocket::new_v4()?,
        IpAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.bind(SocketAddr::new(local, 0))?;
    socket.listen(STRANGERS_MAX)
}

/// Waits for the server. Connections from other addresses are closed.
async fn accept(listener: &TcpListener, server: IpAddr) -> Result<TcpStream, FailureKind> {
    for _ in 0..STRANGERS_MAX {
        let (stream, from) = listener.accept().await.map_err(FailureKind::Lost)?;
        if from.ip().to_canonical() == server {
            return Ok(stream);
        }
    }
    Err(FtpFault::NoDataConnection.into())
}
