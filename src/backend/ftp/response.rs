//! Makes the response that the client gets from an answer.

use std::future::poll_fn;
use std::sync::Arc;

use ajpgate_ftp::page::Directory;
use bytes::Bytes;
use http::Method;

use super::super::error::FailureKind;
use super::super::exchange::{Event, Exchange as _, Streamed};
use super::super::head::{Head, Length, finish};
use super::super::pool::Lease;
use super::super::wire::{Moved, Traffic};
use super::answer::{Answer, AnswerBody};
use super::driver::FtpDriver;
use super::member::FtpMember;
use super::request::FtpRequest;
use super::transport::{FtpTransport, traffic};
use crate::head::AnswerHead;

/// The response to a request. The connection is given back, unless the server sends a file.
pub(super) async fn response(
    member: &Arc<FtpMember>,
    mut lease: Lease<FtpTransport>,
    mut answer: Answer,
    request: &FtpRequest<'_>,
    before: Traffic,
) -> Result<(AnswerHead, Streamed<FtpDriver>), FailureKind> {
    let method = request.method.in_http();
    let transfer =
        |transfer, lease| FtpDriver::transfer(transfer, lease, before, Arc::clone(member));
    match std::mem::take(&mut answer.body) {
        AnswerBody::Text(text) => {
            let mut moved = Moved {
                wire: traffic(&mut lease).since(before),
                ..Moved::default()
            };
            moved.bodies.to_backend = answer.uploaded;
            moved.wire.to_backend = moved.wire.to_backend.saturating_add(answer.uploaded);
            lease.give_back();
            respond(answer, text, &method, moved)
        }
        AnswerBody::Listing(listing, format) => {
            let mut driver = transfer(listing, lease);
            let entries = driver.entries(format).await?;
            let directory = Directory {
                path: &request.path.shown(),
                is_root: request.path.is_root(),
                entries: &entries,
            };
            let page = match request.json {
                true => directory.json(),
                false => directory.html(),
            };
            respond(answer, page.into(), &method, driver.moved())
        }
        AnswerBody::File(file) => {
            let mut driver = transfer(file, lease);
            let head = finish(answer.status, answer.fields, &method);
            let head = head.map_err(FailureKind::BadHead)?;
            if head.length == Length::Known(0) {
                // No client would notice that an empty body was broken off, so its end comes before the head.
                while !matches!(poll_fn(|cx| driver.poll_event(cx)).await?, Event::End) {}
            }
            Ok(with_body(head, driver))
        }
    }
}

/// A response whose body the gateway has.
pub(super) fn respond(
    mut answer: Answer,
    text: Bytes,
    method: &Method,
    moved: Moved,
) -> Result<(AnswerHead, Streamed<FtpDriver>), FailureKind> {
    // The answer to HEAD may have a length of its own, that of a file.
    if *method != Method::HEAD {
        let length = text.len().to_string();
        answer.fields.set("Content-Length", length.as_bytes());
    }
    let head = finish(answer.status, answer.fields, method).map_err(FailureKind::BadHead)?;
    let text = match head.length {
        Length::None => Bytes::new(),
        Length::Known(_) | Length::Unknown => text,
    };
    Ok(with_body(head, FtpDriver::text(text, moved)))
}

fn with_body(head: Head, driver: FtpDriver) -> (AnswerHead, Streamed<FtpDriver>) {
    let length = head.length;
    (head.answer, Streamed::new(Box::new(driver), length))
}
