//! Health checks of an FTP member, each on a connection of its own.

use super::super::check::{Ask, Question, Reply, first_of_body};
use super::super::error::{BadHead, FailureKind};
use super::super::pool::Lease;
use super::FtpBackend;
use super::request::{FtpRequest, Method};
use super::response::response;
use super::transport::{FtpTransport, traffic};
use crate::upload::Upload;

impl FtpBackend {
    /// Asks the member whether it works. FTP has no CPING: a connection is enough, with TLS where that is used.
    pub(crate) async fn check(&self, question: Question<'_>) -> Result<Reply, FailureKind> {
        let lease = self.pool.connect_apart().await?;
        match question {
            Question::Tcp | Question::Cping => Ok(Reply::Alive),
            Question::Request(ask) => self.check_request(lease, ask).await,
        }
    }

    /// GET and HEAD of a path below the directory of the login, with the configured login or the anonymous one. For OPTIONS,
    /// which FTP does not have, it is HEAD of that directory.
    async fn check_request(
        &self,
        mut lease: Lease<FtpTransport>,
        ask: Ask<'_>,
    ) -> Result<Reply, FailureKind> {
        let (method, uri) = match ask.method {
            "GET" => (Method::Get, ask.uri),
            "HEAD" => (Method::Head, ask.uri),
            _ => (Method::Head, "/"),
        };
        let request = FtpRequest::check(method, uri, &self.member.settings.ftp)
            .map_err(|_| FailureKind::BadHead(BadHead::Value))?;
        let before = traffic(&mut lease);
        let answer = self
            .ask(&mut lease, &request, &mut Upload::default())
            .await?;
        let (head, body) = response(&self.member, lease, answer, &request, before).await?;
        let mut text = Vec::new();
        if method == Method::Get
            && let Some(mut driver) = body.into_exchange()
        {
            text = first_of_body(&mut *driver).await?;
        }
        Ok(Reply::Answer {
            status: head.status.as_u16(),
            body: text,
        })
    }
}
