//! An HTTP client that keeps its connection and its session cookie, as a browser does.

use super::client::{Answer, Client};
use std::net::SocketAddr;

const SESSION_COOKIE: &str = "JSESSIONID=";

/// The outcome of a request.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// A complete answer.
    Answered(Answer),
    /// The connection ended before the end of the answer's body.
    Torn(Answer),
    /// The connection ended before there was an answer.
    Lost,
}

impl Outcome {
    /// The complete answer; panics for any other outcome.
    pub(crate) fn expect_answer(self) -> Answer {
        match self {
            Self::Answered(answer) => answer,
            other => panic!("not answered: {other:?}"),
        }
    }
}

/// A client with one connection and one session.
pub(crate) struct Browser {
    front: SocketAddr,
    connection: Option<Client>,
    /// Name and value of the session cookie; `None` before it is set.
    pub(crate) session: Option<String>,
}

impl Browser {
    /// A client without a session.
    pub(crate) fn new(front: SocketAddr) -> Self {
        Self {
            front,
            connection: None,
            session: None,
        }
    }

    /// Sends a GET, which must be answered.
    pub(crate) async fn get(&mut self, target: &str) -> Answer {
        self.request("GET", target, "", b"").await.expect_answer()
    }

    /// Sends a request, on the connection of the request before where that is still open. `fields` are lines that end with
    /// CR LF.
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
