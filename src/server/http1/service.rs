//! What answers the requests of a connection.

use std::future::Future;

use bytes::Bytes;
use http::StatusCode;
use http_body::Body;

use super::client_stream::{ClientStream, Socket};
use super::machine::Refusal;
use crate::head::{AnswerHead, RequestHead};
use crate::telemetry::metrics::Limit;
use crate::upload::ClientBody;

/// Whatever answers requests: the request path, or a script of a test.
pub(super) trait Service: Sync {
    type Body: AnswerBody;

    /// Answers a request. Dropping the future gives the request up.
    fn answer(
        &self,
        head: RequestHead,
        body: ClientBody,
    ) -> impl Future<Output = (AnswerHead, Self::Body)> + Send;

    /// A head is refused with this status before it becomes a request: the head of the answer, and its body.
    fn refused(&self, status: StatusCode, refusal: &Refusal) -> (AnswerHead, Bytes);

    /// A client went beyond a limit, other than with a head.
    fn went_beyond(&self, limit: Limit);

    /// Whether no request is taken behind the present one.
    fn is_closing(&self) -> bool;

    /// Whether a connection without a request is to end.
    fn is_idle_over(&self) -> bool;

    /// Whether the client is no longer let in: it is not answered any more.
    fn is_withdrawn(&self) -> bool;
}

/// The body of an answer, and what ends with it.
pub(super) trait AnswerBody: Body<Data = Bytes> + Unpin + Send {
    /// These bytes are the head of the answer.
    fn head_written(&mut self, head: &[u8]);

    /// The last byte of the body has been read: what it was read from is free.
    fn read_to_end(&mut self);

    /// The client has all of the answer; the connection goes on if `keep_alive`.
    fn delivered(self, keep_alive: bool);

    /// Whether another protocol begins behind the head.
    fn is_upgrade(&self) -> bool;

    /// Speaks the other protocol with the client to its end.
    fn run_upgraded<S: Socket>(
        self,
        client: &mut ClientStream<S>,
    ) -> impl Future<Output = ()> + Send;
}
