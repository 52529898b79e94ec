//! GET and HEAD of a directory.

use ajpgate_ftp::command::{Command, TransferType};
use ajpgate_ftp::download::Download;
use ajpgate_ftp::listing::Format;
use ajpgate_ftp::page;
use ajpgate_ftp::range::Part;
use http::StatusCode;

use super::answer::{Answer, AnswerBody};
use super::dialogue::Dialogue;
use super::fault::{FtpError, FtpFault};
use super::redirect::redirect;
use super::request::{FtpRequest, Method};
use super::transfer::Transfer;

impl Dialogue<'_> {
    /// The answer to GET or HEAD of a directory. CWD goes before MLSD or LIST, because some servers read an argument of
    /// LIST as options or patterns.
    pub(super) async fn directory(
        &mut self,
        request: &FtpRequest<'_>,
        path: &[u8],
    ) -> Result<Answer, FtpError> {
        if !path.is_empty() {
            let reply = self.change_directory(path).await?;
            if !reply.is_positive() {
                return Err(FtpError::from_reply(&reply));
            }
        }
        if !request.path.has_trailing_slash() {
            return redirect(request);
        }
        let content_type = if request.json { page::JSON } else { page::HTML };
        let mut answer = Answer::empty(StatusCode::OK)
            .with("Vary", "accept")
            .with("Content-Type", content_type);
        if request.method != Method::Head {
            let (transfer, format) = self.list().await?;
            answer.body = AnswerBody::Listing(transfer, format);
        }
        Ok(answer)
    }

    /// MLSD, or LIST where the server does not know that.
    async fn list(&mut self) -> Result<(Transfer, Format), FtpError> {
        self.set_type(TransferType::Image).await?;
        if !self.session.no_mlsd {
            if let Some(transfer) = self.list_with(Command::Mlsd).await? {
                return Ok((transfer, Format::Mlsd));
            }
            self.session.no_mlsd = true;
        }
        let transfer = self.list_with(Command::List).await?;
        // 502 is a status for an unknown LIST.
        let transfer = transfer.ok_or(FtpError::Refused(StatusCode::BAD_GATEWAY))?;
        Ok((transfer, Format::List))
    }

    /// `None` when the server does not know the command.
    async fn list_with(&mut self, command: Command<'_>) -> Result<Option<Transfer>, FtpError> {
        let data = self.open_data().await?;
        let reply = self.ask(command).await?;
        let mut download = Download::new(None, Part::Whole);
        match reply.code {
            0..200 => {}
            226 | 250 => drop(download.on_reply(&reply).map_err(FtpFault::from)?),
            _ if reply.is_unknown_command() => return Ok(None),
            _ => return Err(FtpError::from_reply(&reply)),
        }
        let (tls, limit) = (self.settings.tls.as_deref(), self.settings.timeout);
        let stream = data.connected(tls, limit).await?;
        Ok(Some(Transfer::new(stream, download)))
    }
}
