//! PUT and DELETE, where `allow_write` has them.

use std::future::poll_fn;
use std::io;
use std::task::Poll;
use std::time::Duration;

use bytes::BytesMut;
use http::StatusCode;
use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;

use super::super::error::FailureKind;
use super::super::stream::Stream;
use super::super::wire::Wire;
use super::answer::Answer;
use super::control::Control;
use super::data::DataSettings;
use super::fault::FtpFault;
use super::order::Order;
use super::path::Kind;
use super::reply::Reply;
use super::stop::Stop;
use super::transport::FtpTransport;
use crate::upload::{Upload, UploadError};

/// Bytes of a body that are sent at once, at most.
const PIECE: usize = 32 * 1024;

impl FtpTransport {
    /// DELE: a file, not a directory.
    pub(super) async fn delete(
        &mut self,
        order: &Order<'_>,
        limit: Duration,
    ) -> Result<Answer, Stop> {
        if order.path.slash {
            return Err(Stop::Status(StatusCode::CONFLICT));
        }
        let path = order.path.on_server(self.session.home.as_deref());
        let reply = self.control().ask("DELE", &path, limit).await?;
        Stop::unless_positive(reply)?;
        Ok(Answer::empty(StatusCode::NO_CONTENT))
    }

    /// STOR. 201 for a file that was not there, 204 for one that was.
    pub(super) async fn store(
        &mut self,
        order: &Order<'_>,
        upload: &mut Option<Upload>,
        data: &DataSettings,
        limit: Duration,
    ) -> Result<(Answer, u64), Stop> {
        if order.path.slash || order.path.kind == Kind::Directory {
            return Err(Stop::Status(StatusCode::CONFLICT));
        }
        let path = order.path.on_server(self.session.home.as_deref());
        self.set_kind(order.path.kind, limit).await?;
        let there = self.control().ask("SIZE", &path, limit).await?.code == 213;
        let opened = self.open_data(data, limit).await?;
        let reply = self.control().begin("STOR", &path, limit).await?;
        if !reply.is_preliminary() {
            return Err(Stop::of(&reply));
        }
        let mut stream = opened.connected(data.tls.as_deref(), limit).await?;
        let body = upload
            .as_mut()
            .ok_or(FailureKind::Client(UploadError::Cut))?;
        let sent = send(&mut stream, self.control(), body, limit).await;
        let sent = match sent {
            Ok(sent) => sent,
            Err(stop) => {
                // An orderly end would be the end of a whole file.
                let _ = stream.stream.tcp().set_zero_linger();
                return Err(stop);
            }
        };
        drop(stream);
        let reply = self.control().reply(limit).await?;
        Stop::unless_positive(reply)?;
        self.session.transferring = false;
        let status = match there {
            true => StatusCode::NO_CONTENT,
            false => StatusCode::CREATED,
        };
        Ok((Answer::empty(status), sent))
    }
}

/// Sends a body as the client brings it, and says that it is all. How many bytes it had.
async fn send(
    data: &mut Wire<Stream>,
    control: &mut Control,
    body: &mut Upload,
    limit: Duration,
) -> Result<u64, Stop> {
    let mut buffer = BytesMut::new();
    let mut sent = 0_u64;
    loop {
        buffer.clear();
        match next(body, control, &mut buffer).await? {
            Next::Piece(0) => break,
            Next::Piece(count) => sent = sent.saturating_add(count as u64),
            Next::Reply(reply) => return Err(broken_off(&reply)),
        }
        let written = timeout(limit, data.write_all(&buffer)).await;
        match written.map_err(|_| FailureKind::Silent)? {
            Ok(()) => {}
            Err(error) => return Err(why(control, error, limit).await),
        }
    }
    let closed = timeout(limit, data.shutdown()).await;
    match closed.map_err(|_| FailureKind::Silent)? {
        Ok(()) => Ok(sent),
        Err(error) => Err(why(control, error, limit).await),
    }
}

enum Next {
    /// So many bytes; 0 is the end.
    Piece(usize),
    /// The server does not wait for the end.
    Reply(Reply),
}

/// What comes first: more of the body, or a word of the server's.
async fn next(
    body: &mut Upload,
    control: &mut Control,
    buffer: &mut BytesMut,
) -> Result<Next, FailureKind> {
    poll_fn(|cx| {
        if let Poll::Ready(reply) = control.poll_reply(cx) {
            return Poll::Ready(reply.map(Next::Reply));
        }
        body.poll_take(cx, PIECE, |piece| buffer.extend_from_slice(piece))
            .map(|taken| taken.map(Next::Piece).map_err(FailureKind::Client))
    })
    .await
}

/// A data connection that the server closes is explained on the other one.
async fn why(control: &mut Control, error: io::Error, limit: Duration) -> Stop {
    match control.reply(limit).await {
        Ok(reply) => broken_off(&reply),
        Err(_) => FailureKind::Lost(error).into(),
    }
}

fn broken_off(reply: &Reply) -> Stop {
    match reply.code {
        // It is the end of nothing that was sent.
        100..=399 => FtpFault::Unexpected(reply.code).into(),
        _ => Stop::of(reply),
    }
}
