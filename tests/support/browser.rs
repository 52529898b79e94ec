//! A client as people have it: it keeps its connection and its cookies.

use super::client::{Answer, Client};
use std::net::SocketAddr;

const SESSION_COOKIE: &str = "JSESSIONID=";

/// What became of a request.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// An answer, whole.
    Answered(Answer),
    /// The connection ended in the middle of the answer's body.
    Torn(Answer),
    /// The connection ended before there was an answer.
    Lost,
}

impl Outcome {
    /// The answer, where nothing else will do.
    pub(crate) fn expect_answer(self) -> Answer {
        match self {
            Self::Answered(answer) => answer,
            other => panic!("not answered: {other:?}"),
        }
    }
}

/// One person at a browser.
pub(crate) struct Browser {
    front: SocketAddr,
    connection: Option<Client>,
    /// Name and value of the session's cookie, once there is one.
    pub(crate) session: Option<String>,
}

impl Browser {
    /// Somebody who was never here before.
    pub(crate) fn new(front: SocketAddr) -> Self {
        Self {
            front,
            connection: None,
            session: None,
        }
    }

    /// A GET that must be answered.
    pub(crate) async fn get(&mut self, target: &str) -> Answer {
        self.request("GET", target, "", b"").await.expect_answer()
    }

    /// Any request, on the connection of the one before if that is still good. `fields` are whole lines.
    pub(crate) async fn request(
        &mut self,
        method: &str,
        target: &str,
        fields: &str,
        body: &[u8],
    ) -> Outcome {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => Client::connect(self.front).await,
        };
        let mut head = format!(
            "{method} {target} HTTP/1.1\r\nHost: {}\r\n{fields}",
            self.front
        );
        if let Some(session) = &self.session {
            head += &format!("Cookie: {session}\r\n");
        }
        if !body.is_empty() {
            head += &format!("Content-Length: {}\r\n", body.len());
        }
        connection
            .send([head.as_bytes(), b"\r\n", body].concat())
            .await;
        let Some(answer) = connection.try_answer(method).await else {
            return Outcome::Lost;
        };
        let new = answer
            .all("set-cookie")
            .into_iter()
            .find(|cookie| cookie.starts_with(SESSION_COOKIE));
        if let Some(cookie) = new {
            self.session = cookie.split(';').next().map(str::to_owned);
        }
        if !answer.complete {
            return Outcome::Torn(answer);
        }
        if answer.field("connection") != Some("close") {
            self.connection = Some(connection);
        }
        Outcome::Answered(answer)
    }
}
