//! PUT and DELETE, where `allow_write` is set.

use std::future::poll_fn;
use std::io;
use std::task::Poll;
use std::time::Duration;

use ajpgate_ftp::command::Command;
use ajpgate_ftp::path::Typecode;
use ajpgate_ftp::reply::Reply;
use bytes::BytesMut;
use http::StatusCode;
use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;

use super::super::error::FailureKind;
use super::super::stream::Stream;
use super::super::wire::Wire;
use super::answer::Answer;
use super::control::Control;
use super::dialogue::Dialogue;
use super::fault::{FtpError, FtpFault};
use super::request::FtpRequest;
use crate::upload::Upload;

/// Bytes of a body that are sent at once, at most.
const WRITE_MAX: usize = 32 * 1024;

impl Dialogue<'_> {
    /// DELE: a file. 409 for a path that names a directory.
    pub(super) async fn delete(
        &mut self,
        request: &FtpRequest<'_>,
        path: &[u8],
    ) -> Result<Answer, FtpError> {
        if request.path.has_trailing_slash() {
            return Err(FtpError::Refused(StatusCode::CONFLICT));
        }
        self.require(Command::Dele(path)).await?;
        Ok(Answer::empty(StatusCode::NO_CONTENT))
    }

    /// STOR: a file. 201 when it is new, 204 when it replaces one, 409 for a path that names a directory.
    pub(super) async fn store(
        &mut self,
        request: &FtpRequest<'_>,
        path: &[u8],
        upload: &mut Upload,
    ) -> Result<Answer, FtpError> {
        let typecode = request.path.typecode();
        if request.path.has_trailing_slash() || typecode == Typecode::Directory {
            return Err(FtpError::Refused(StatusCode::CONFLICT));
        }
        self.set_type(typecode.transfer_type()).await?;
        let exists = self.ask(Command::Size(path)).await?.code == 213;
        let data = self.open_data().await?;
        let reply = self.ask(Command::Stor(path)).await?;
        if !reply.is_preliminary() {
            return Err(FtpError::from_reply(&reply));
        }
        let (tls, limit) = (self.settings.tls.as_deref(), self.settings.timeout);
        let mut data = data.connected(tls, limit).await?;
        let uploaded = match send(&mut data, self.control, upload, limit).await {
            Ok(uploaded) => uploaded,
            Err(error) => {
                // An orderly close would tell the server that the file is complete.
                let _ = data.stream.tcp().set_zero_linger();
                return Err(error);
            }
        };
        drop(data);
        let reply = self.control.reply(limit).await?;
        if !reply.is_positive() {
            return Err(FtpError::from_reply(&reply));
        }
        self.session.transferring = false;
        let status = match exists {
            true => StatusCode::NO_CONTENT,
            false => StatusCode::CREATED,
        };
        let mut answer = Answer::empty(status);
        answer.uploaded = uploaded;
        Ok(answer)
    }
}

/// Sends a body as it comes from the client, and closes the data connection in order. Returns the bytes that were sent.
async fn send(
    data: &mut Wire<Stream>,
    control: &mut Control,
    body: &mut Upload,
    limit: Duration,
) -> Result<u64, FtpError> {
    let mut buffer = BytesMut::new();
    let mut sent = 0_u64;
    loop {
        buffer.clear();
        match next(body, control, &mut buffer).await? {
            Next::Body(0) => break,
            Next::Body(count) => sent = sent.saturating_add(count as u64),
            Next::Reply(reply) => return Err(refused(&reply)),
        }
        let written = timeout(limit, data.write_all(&buffer)).await;
        if let Err(error) = written.map_err(|_| FailureKind::Silent)? {
            return Err(reason(control, error, limit).await);
        }
    }
    let closed = timeout(limit, data.shutdown()).await;
    match closed.map_err(|_| FailureKind::Silent)? {
        Ok(()) => Ok(sent),
        Err(error) => Err(reason(control, error, limit).await),
    }
}

/// An event while a body is being sent.
enum Next {
    /// This many bytes of the body; 0 at its end.
    Body(usize),
    /// A reply of the server before the end of the body.
    Reply(Reply),
}

async fn next(
    body: &mut Upload,
    control: &mut Control,
    buffer: &mut BytesMut,
) -> Result<Next, FailureKind> {
    poll_fn(|cx| {
        if let Poll::Ready(reply) = control.poll_reply(cx) {
            return Poll::Ready(reply.map(Next::Reply));
        }
        let taken = body.poll_take(WRITE_MAX, |bytes| buffer.extend_from_slice(bytes));
        taken.map(|count| count.map(Next::Body).map_err(FailureKind::Client))
    })
    .await
}

/// Why the server has closed the data connection: it says so on the control connection.
async fn reason(control: &mut Control, error: io::Error, limit: Duration) -> FtpError {
    match control.reply(limit).await {
        Ok(reply) => refused(&reply),
        Err(_) => FailureKind::Lost(error).into(),
    }
}

/// A reply before the end of the body. Even a good one does not confirm what has not been sent.
fn refused(reply: &Reply) -> FtpError {
    match reply.code {
        ..400 => FtpFault::Unexpected(reply.code).into(),
        _ => FtpError::from_reply(reply),
    }
}
