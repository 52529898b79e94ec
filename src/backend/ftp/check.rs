//! What a health check asks an FTP member, on a connection of its own.

use std::time::Duration;

use http::Method;

use super::super::check::{Ask, Question, Reply, first_of_body};
use super::super::error::{BadHead, FailureKind};
use super::super::pool::Lease;
use super::order::Order;
use super::{FtpBackend, FtpTransport, traffic};
use crate::backend::ResponseBody;

impl FtpBackend {
    /// Asks the member whether it is well, within `limit`. The connection is made for it and closed behind it, so
    /// that a full pool fails no check and a check takes no request's place. CPING it does not know: that it takes
    /// the connection, and TLS where that is spoken, is enough.
    pub(crate) async fn check(
        &self,
        question: Question<'_>,
        limit: Duration,
    ) -> Result<Reply, FailureKind> {
        let asked = async {
            let lease = self.pool.connect_apart().await?;
            match question {
                Question::Tcp | Question::Cping => Ok(Reply::Alive),
                Question::Request(ask) => self.ask(lease, ask).await,
            }
        };
        tokio::time::timeout(limit, asked)
            .await
            .unwrap_or(Err(FailureKind::Silent))
    }

    /// GET and HEAD of a path below the login's directory, with the configured login or the anonymous one. OPTIONS has
    /// no counterpart: a login is asked for, and the directory that it begins in.
    async fn ask(
        &self,
        mut lease: Lease<FtpTransport>,
        ask: Ask<'_>,
    ) -> Result<Reply, FailureKind> {
        let (head, uri) = match ask.method {
            "GET" => (false, ask.uri),
            "HEAD" => (true, ask.uri),
            _ => (true, "/"),
        };
        let order = Order::check(head, uri, &self.shared.ftp);
        let order = order.ok_or(FailureKind::BadHead(BadHead::Value))?;
        let before = traffic(&mut lease);
        let answer = match self.fulfil(&mut lease, &order, &mut None).await {
            Ok((answer, _)) => answer,
            Err(stop) => self.refusal(stop)?,
        };
        let method = if head { Method::HEAD } else { Method::GET };
        let response = self
            .answered(lease, answer, &order, (&method, before, 0))
            .await?;
        let (parts, body) = response.into_parts();
        let mut text = Vec::new();
        if let (ResponseBody::Ftp(body), false) = (body, head)
            && let Some(mut driver) = body.into_exchange()
        {
            text = first_of_body(&mut *driver).await?;
        }
        Ok(Reply::Answer {
            status: parts.status.as_u16(),
            body: text,
        })
    }
}
