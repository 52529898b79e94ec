//! A connection that is kept between requests: the control connection, and what has been agreed on it.

use std::sync::{Arc, Mutex, PoisonError};

use ajpgate_ftp::login::Login;
use tokio::net::TcpStream;

use super::super::error::ConnectError;
use super::super::pool::{Lease, Transport};
use super::super::stream::Stream;
use super::super::tls::Tls;
use super::super::wire::Traffic;
use super::control::Control;
use super::dialogue::Dialogue;
use super::member::FtpSettings;
use super::session::Session;

/// See the [module](self). Greeting and login belong to the first request, which is the first to know the login and is
/// under `timeout`.
#[derive(Debug)]
pub(crate) struct FtpTransport {
    /// The lock is there because the test for silence reads from the connection; it is never waited for.
    control: Mutex<Control>,
    session: Session,
}

impl FtpTransport {
    pub(super) fn control(&mut self) -> &mut Control {
        self.control
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The dialogue of one request.
    pub(super) fn dialogue<'a>(&'a mut self, settings: &'a FtpSettings) -> Dialogue<'a> {
        let control = self.control.get_mut();
        Dialogue {
            control: control.unwrap_or_else(PoisonError::into_inner),
            session: &mut self.session,
            settings,
        }
    }

    /// Whether the connection may serve a request with this login.
    pub(super) fn serves(&self, login: &Login) -> bool {
        self.session.login.as_ref().is_none_or(|own| own == login)
    }

    /// The server has confirmed the end of a transfer.
    pub(super) const fn transfer_ended(&mut self) {
        self.session.transferring = false;
    }
}

/// Bytes on the control connection of a lease since it was made.
pub(super) fn traffic(lease: &mut Lease<FtpTransport>) -> Traffic {
    lease
        .connection()
        .map(|connection| connection.transport.control().traffic())
        .unwrap_or_default()
}

impl Transport for FtpTransport {
    /// `None` for a connection without TLS.
    type Settings = Option<Arc<Tls>>;

    async fn open(stream: TcpStream, tls: &Option<Arc<Tls>>) -> Result<Self, ConnectError> {
        let stream = Stream::open(stream, tls.as_deref()).await?;
        Ok(Self {
            control: Mutex::new(Control::new(stream)),
            session: Session::default(),
        })
    }

    fn is_quiet(&self) -> bool {
        let mut control = self.control.lock().unwrap_or_else(PoisonError::into_inner);
        match self.session.login {
            Some(_) => control.is_quiet(),
            // A connection that `min` keeps. The greeting can come at any time.
            None => control.is_open(),
        }
    }

    fn rest(&mut self) -> bool {
        self.session.login.is_some()
            && !self.session.moved
            && !self.session.transferring
            && self.is_quiet()
    }

    fn is_out_of_date(tls: &Option<Arc<Tls>>) -> bool {
        tls.as_ref().is_some_and(|tls| tls.is_out_of_date())
    }
}
