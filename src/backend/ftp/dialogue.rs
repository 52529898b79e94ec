//! The dialogue of one request with a server: commands one after the other on a control connection.
//!
//! Its parts are in [`login`](super::login), [`data`](super::data), [`file`](super::file),
//! [`directory`](super::directory) and [`write`](super::write).

use ajpgate_ftp::command::{Command, TransferType};
use ajpgate_ftp::path::Typecode;
use ajpgate_ftp::reply::Reply;

use super::answer::Answer;
use super::control::Control;
use super::fault::FtpError;
use super::member::FtpSettings;
use super::request::{FtpRequest, Method};
use super::session::Session;
use crate::upload::Upload;

/// See the [module](self).
pub(super) struct Dialogue<'a> {
    pub(super) control: &'a mut Control,
    pub(super) session: &'a mut Session,
    pub(super) settings: &'a FtpSettings,
}

impl Dialogue<'_> {
    /// Logs in and carries out a request.
    pub(super) async fn answer(
        &mut self,
        request: &FtpRequest<'_>,
        upload: &mut Upload,
    ) -> Result<Answer, FtpError> {
        self.log_in(&request.login).await?;
        let path = request.path.on_server(self.session.home.as_deref());
        let is_directory =
            request.path.has_trailing_slash() || request.path.typecode() == Typecode::Directory;
        match request.method {
            Method::Get | Method::Head if is_directory => self.directory(request, &path).await,
            Method::Get | Method::Head => self.file(request, &path).await,
            Method::Put => self.store(request, &path, upload).await,
            Method::Delete => self.delete(request, &path).await,
        }
    }

    /// Sends a command and waits for its reply, whatever its code is.
    pub(super) async fn ask(&mut self, command: Command<'_>) -> Result<Reply, FtpError> {
        Ok(self.control.ask(command, self.settings.timeout).await?)
    }

    /// Sends a command that must be carried out (2xx).
    pub(super) async fn require(&mut self, command: Command<'_>) -> Result<Reply, FtpError> {
        let reply = self.ask(command).await?;
        match reply.is_positive() {
            true => Ok(reply),
            false => Err(FtpError::from_reply(&reply)),
        }
    }

    /// Sets the type of the transfers that follow, unless it is in force.
    pub(super) async fn set_type(&mut self, transfer_type: TransferType) -> Result<(), FtpError> {
        if self.session.transfer_type == Some(transfer_type) {
            return Ok(());
        }
        self.session.transfer_type = None;
        self.require(Command::Type(transfer_type)).await?;
        self.session.transfer_type = Some(transfer_type);
        Ok(())
    }

    /// Changes the current directory. Where names are relative, that changes what they mean.
    pub(super) async fn change_directory(&mut self, path: &[u8]) -> Result<Reply, FtpError> {
        let reply = self.ask(Command::Cwd(path)).await?;
        self.session.moved |= reply.is_positive() && self.session.home.is_none();
        Ok(reply)
    }
}
