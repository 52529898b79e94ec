//! A kept connection: the control connection, and what the server has been told on it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::TcpStream;

use super::super::error::{ConnectError, FailureKind};
use super::super::pool::Transport;
use super::super::stream::Stream;
use super::super::tls::Tls;
use super::control::Control;
use super::credentials::Credentials;
use super::path::Kind;

/// See the [module](self). Greeting and login come with the first request: both are under `timeout`, and whose login
/// it is only a request says.
#[derive(Debug)]
pub(crate) struct FtpTransport {
    /// Looking whether it is quiet reads from it, hence the lock; nobody waits for it.
    control: Mutex<Control>,
    pub(super) session: Session,
}

/// What a server has been told, and what it has said about itself.
#[derive(Debug, Default)]
pub(super) struct Session {
    /// Whose connection this is, once the server has let it in.
    pub(super) login: Option<Credentials>,
    /// The directory that the login began in, when the server says which.
    pub(super) home: Option<Vec<u8>>,
    /// The TYPE that is in force.
    pub(super) kind: Option<Kind>,
    /// It knows no EPSV, EPRT.
    pub(super) no_extended: bool,
    /// It knows no MLSD.
    pub(super) no_mlsd: bool,
    /// Names are relative to another directory than that of the login. Such a connection is not kept.
    pub(super) moved: bool,
    /// A data connection was agreed on, and what it was for has not been heard to a good end. Nor is this one.
    pub(super) transferring: bool,
}

impl FtpTransport {
    pub(super) fn control(&mut self) -> &mut Control {
        self.control
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it may serve a request with these credentials.
    pub(super) fn serves(&self, credentials: &Credentials) -> bool {
        self.session
            .login
            .as_ref()
            .is_none_or(|login| login == credentials)
    }
}

impl Transport for FtpTransport {
    /// Plain when there is none.
    type Recipe = Option<Arc<Tls>>;

    async fn open(stream: TcpStream, tls: &Option<Arc<Tls>>) -> Result<Self, ConnectError> {
        let stream = match tls {
            Some(tls) => Stream::Tls(Box::new(tls.connect(stream).await?)),
            None => Stream::Plain(stream),
        };
        Ok(Self {
            control: Mutex::new(Control::new(stream)),
            session: Session::default(),
        })
    }

    fn is_quiet(&self) -> bool {
        let mut control = self.control.lock().unwrap_or_else(PoisonError::into_inner);
        match self.session.login {
            Some(_) => control.is_quiet(),
            // One of those that `min` keeps. It greets when it likes.
            None => control.is_waiting(),
        }
    }

    fn rest(&mut self) -> bool {
        self.session.login.is_some()
            && !self.session.moved
            && !self.session.transferring
            && self.is_quiet()
    }

    /// A kept connection that has gone is met with a new one; nothing is asked before.
    async fn ping(&mut self, _: Duration) -> Result<(), FailureKind> {
        Ok(())
    }
}
