//! Data connections: asked for, made, and of the server's address only.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;

use super::super::error::FailureKind;
use super::super::stream::Stream;
use super::super::tls::Tls;
use super::super::wire::Wire;
use super::fault::FtpFault;
use super::passive;
use super::reply::Reply;
use super::stop::Stop;
use super::transport::FtpTransport;

/// Connections that wait to be taken while the gateway listens; one of them should be the server's.
const BACKLOG: u32 = 8;

/// A data connection before the command that uses it.
#[derive(Debug)]
pub(super) enum Opened {
    /// The gateway has connected.
    Passive(TcpStream),
    /// The server will, from this address.
    Active(TcpListener, IpAddr),
}

/// How data connections to a member are made.
#[derive(Debug)]
pub(super) struct DataSettings {
    pub(super) passive: bool,
    /// Bound on each TCP connect.
    pub(super) connect: Duration,
    pub(super) tls: Option<std::sync::Arc<Tls>>,
}

impl FtpTransport {
    /// Agrees with the server on a data connection.
    pub(super) async fn open_data(
        &mut self,
        settings: &DataSettings,
        limit: Duration,
    ) -> Result<Opened, Stop> {
        let (local, server) = self.control().addresses()?;
        self.session.transferring = true;
        if !settings.passive {
            return self.listen(local.ip(), server.ip(), limit).await;
        }
        let port = self.passive_port(limit).await?;
        let mut to = server;
        to.set_port(port);
        let connect = TcpStream::connect(to);
        let stream = timeout(settings.connect.min(limit), connect)
            .await
            .map_err(|_| FailureKind::Silent)?
            .map_err(FailureKind::Lost)?;
        Ok(Opened::Passive(stream))
    }

    /// EPSV, and PASV where that is not known.
    async fn passive_port(&mut self, limit: Duration) -> Result<u16, Stop> {
        if !self.session.no_extended {
            let reply = self.control().ask("EPSV", b"", limit).await?;
            match reply.code {
                229 => return found(&reply, passive::extended_port),
                // Whatever speaks against it, PASV may do; not to be asked again only when it is not known.
                _ => self.session.no_extended = reply.is_unknown_command(),
            }
        }
        let reply = self.control().ask("PASV", b"", limit).await?;
        match reply.code {
            227 => found(&reply, passive::port),
            _ => Err(Stop::of(&reply)),
        }
    }

    /// Listens on the address that the control connection has, and tells the server: EPRT, and PORT where that is
    /// not known.
    async fn listen(
        &mut self,
        local: IpAddr,
        server: IpAddr,
        limit: Duration,
    ) -> Result<Opened, Stop> {
        let listener = listener(local).map_err(FailureKind::Lost)?;
        let port = listener.local_addr().map_err(FailureKind::Lost)?.port();
        let opened = Opened::Active(listener, server.to_canonical());
        let local = local.to_canonical();
        if !self.session.no_extended {
            let family = if local.is_ipv4() { 1 } else { 2 };
            let argument = format!("|{family}|{local}|{port}|");
            let reply = self
                .control()
                .ask("EPRT", argument.as_bytes(), limit)
                .await?;
            match reply.code {
                200..=299 => return Ok(opened),
                _ => self.session.no_extended = reply.is_unknown_command(),
            }
        }
        let IpAddr::V4(local) = local else {
            return Err(FtpFault::NoPort.into());
        };
        let [a, b, c, d] = local.octets();
        let [high, low] = port.to_be_bytes();
        let argument = format!("{a},{b},{c},{d},{high},{low}");
        let reply = self
            .control()
            .ask("PORT", argument.as_bytes(), limit)
            .await?;
        Stop::unless_positive(reply)?;
        Ok(opened)
    }
}

impl Opened {
    /// The connection, once the server has said that the transfer begins; through TLS where that is spoken.
    pub(super) async fn connected(
        self,
        tls: Option<&Tls>,
        limit: Duration,
    ) -> Result<Wire<Stream>, FailureKind> {
        let made = async {
            let stream = match self {
                Self::Passive(stream) => stream,
                Self::Active(listener, server) => accept(&listener, server).await?,
            };
            Ok(match tls {
                Some(tls) => Stream::Tls(Box::new(tls.connect(stream).await?)),
                None => Stream::Plain(stream),
            })
        };
        let made: Result<Stream, FailureKind> = timeout(limit, made)
            .await
            .unwrap_or(Err(FailureKind::Silent));
        made.map(Wire::new)
    }
}

fn listener(local: IpAddr) -> std::io::Result<TcpListener> {
    let socket = match local {
        IpAddr::V4(_) => TcpSocket::new_v4()?,
        IpAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.bind(SocketAddr::new(local, 0))?;
    socket.listen(BACKLOG)
}

/// Whoever else comes is sent away.
async fn accept(listener: &TcpListener, server: IpAddr) -> Result<TcpStream, FailureKind> {
    for _ in 0..BACKLOG {
        let (stream, from) = listener.accept().await.map_err(FailureKind::Lost)?;
        if from.ip().to_canonical() == server {
            return Ok(stream);
        }
    }
    Err(FtpFault::NobodyCame.into())
}

fn found(reply: &Reply, port: impl Fn(&[u8]) -> Option<u16>) -> Result<u16, Stop> {
    reply
        .texts()
        .find_map(port)
        .ok_or_else(|| FtpFault::NoPort.into())
}
