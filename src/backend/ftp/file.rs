//! GET and HEAD of a file.

use ajpgate_ftp::command::Command;
use ajpgate_ftp::download::Download;
use ajpgate_ftp::moment;
use ajpgate_ftp::path::Typecode;
use ajpgate_ftp::range::Part;
use http::StatusCode;
use jiff::Timestamp;

use super::answer::{Answer, AnswerBody};
use super::dialogue::Dialogue;
use super::fault::{FtpError, FtpFault};
use super::redirect::redirect;
use super::request::{FtpRequest, Method};
use super::transfer::Transfer;
use crate::head;
use crate::site::media_type;

/// What SIZE and MDTM say of a file.
#[derive(Debug, Default)]
struct Facts {
    size: Option<u64>,
    modified: Option<Timestamp>,
    /// SIZE found no such file. It may be a directory.
    no_size: bool,
    /// MDTM found no such file. It may be a directory.
    no_date: bool,
}

impl Dialogue<'_> {
    /// The answer to GET or HEAD: a file, or a redirect where the path turns out to be a directory.
    pub(super) async fn file(
        &mut self,
        request: &FtpRequest<'_>,
        path: &[u8],
    ) -> Result<Answer, FtpError> {
        self.set_type(request.path.typecode().transfer_type())
            .await?;
        let facts = self.facts(request, path).await?;
        let may_be_directory = facts.size.is_none() && (facts.no_size || facts.no_date);
        if may_be_directory && self.change_directory(path).await?.is_positive() {
            return redirect(request);
        }
        let head = request.method == Method::Head;
        // RETR would not find a file that neither SIZE nor MDTM found. For HEAD nothing is transferred, so MDTM decides.
        if facts.no_date && (facts.no_size || head && facts.size.is_none()) {
            return Err(FtpError::Refused(StatusCode::NOT_FOUND));
        }
        if facts.is_unchanged(request) {
            return Ok(facts.describe(Answer::empty(StatusCode::NOT_MODIFIED), request));
        }
        if head && (facts.size.is_some() || facts.modified.is_some()) {
            let answer = facts.describe(Answer::empty(StatusCode::OK), request);
            return Ok(match facts.size {
                Some(size) => answer.with("Content-Length", size.to_string()),
                None => answer,
            });
        }
        let part = facts.part(request);
        if let (Part::Outside, Some(size)) = (part, facts.size) {
            let answer = Answer::status(StatusCode::RANGE_NOT_SATISFIABLE);
            return Ok(answer.with("Content-Range", format!("bytes */{size}")));
        }
        self.retrieve(request, path, &facts, part).await
    }

    /// Asks for SIZE and MDTM (RFC 3659). The file is requested even if the server does not know these commands or gives no
    /// useful reply.
    async fn facts(&mut self, request: &FtpRequest<'_>, path: &[u8]) -> Result<Facts, FtpError> {
        let mut facts = Facts::default();
        // With `type=a` the size depends on the line ends that the server sends.
        if request.path.typecode() == Typecode::Image {
            let reply = self.ask(Command::Size(path)).await?;
            match reply.code {
                213 => facts.size = reply.size(),
                550 => facts.no_size = true,
                530 => return Err(FtpError::from_reply(&reply)),
                _ => {}
            }
        }
        let reply = self.ask(Command::Mdtm(path)).await?;
        match reply.code {
            213 => facts.modified = moment::from_digits(&reply.last),
            550 => facts.no_date = true,
            530 => return Err(FtpError::from_reply(&reply)),
            _ => {}
        }
        Ok(facts)
    }

    /// REST and RETR.
    async fn retrieve(
        &mut self,
        request: &FtpRequest<'_>,
        path: &[u8],
        facts: &Facts,
        mut part: Part,
    ) -> Result<Answer, FtpError> {
        let data = self.open_data().await?;
        if let Part::Bytes { first: 1.., .. } = part
            && !self.restart_at(part).await?
        {
            part = Part::Whole;
        }
        let reply = self.ask(Command::Retr(path)).await?;
        let mut download = Download::new(facts.size, part);
        if !reply.is_preliminary() {
            if reply.code == 550 && self.change_directory(path).await?.is_positive() {
                return redirect(request);
            }
            if !reply.is_transfer_complete() {
                return Err(FtpError::from_reply(&reply));
            }
            // A short transfer can be over before its first reply.
            download.on_reply(&reply).map_err(FtpFault::from)?;
        }
        let (tls, limit) = (self.settings.tls.as_deref(), self.settings.timeout);
        let stream = data.connected(tls, limit).await?;
        let status = match part {
            Part::Bytes { .. } => StatusCode::PARTIAL_CONTENT,
            Part::Whole | Part::Outside => StatusCode::OK,
        };
        let mut answer = facts.describe(Answer::empty(status), request);
        if let Some(length) = download.left() {
            answer = answer.with("Content-Length", length.to_string());
        }
        if let (Part::Bytes { first, last }, Some(size)) = (part, facts.size) {
            let range = format!("bytes {first}-{last}/{size}");
            answer = answer.with("Content-Range", range);
        }
        answer.body = AnswerBody::File(Transfer::new(stream, download));
        Ok(answer)
    }

    /// Whether the server will begin the next transfer where the part does.
    async fn restart_at(&mut self, part: Part) -> Result<bool, FtpError> {
        let Part::Bytes { first, .. } = part else {
            return Ok(false);
        };
        Ok(self.ask(Command::Rest(first)).await?.code == 350)
    }
}

impl Facts {
    /// Whether the client has the file as it is.
    fn is_unchanged(&self, request: &FtpRequest<'_>) -> bool {
        let since = request.if_modified_since.and_then(moment::from_http);
        self.modified
            .zip(since)
            .is_some_and(|(modified, since)| modified <= since)
    }

    /// The part of the file that the client asks for. A part needs a known size.
    fn part(&self, request: &FtpRequest<'_>) -> Part {
        match (request.range, self.size) {
            (Some(range), Some(size)) if self.is_current(request) => {
                match head::part(range, size) {
                    head::Part::Whole => Part::Whole,
                    head::Part::Bytes { first, last } => Part::Bytes { first, last },
                    head::Part::Outside => Part::Outside,
                }
            }
            _ => Part::Whole,
        }
    }

    /// Whether `If-Range` allows a part (RFC 9110 section 13.1.5): only a date can agree, for files have no entity tag.
    fn is_current(&self, request: &FtpRequest<'_>) -> bool {
        request.if_range.is_none_or(|seen| {
            let seen = moment::from_http(seen);
            seen.is_some() && seen == self.modified
        })
    }

    /// Adds what is known of the file to an answer.
    fn describe(&self, answer: Answer, request: &FtpRequest<'_>) -> Answer {
        let media_type = media_type::of_file(request.path.name());
        let mut answer = answer.with("Content-Type", media_type);
        if let Some(modified) = self.modified.and_then(moment::to_http) {
            answer = answer.with("Last-Modified", modified);
        }
        match self.size {
            Some(_) => answer.with("Accept-Ranges", "bytes"),
            None => answer,
        }
    }
}
