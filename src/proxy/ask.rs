//! `forward`: a server is asked who the user of a request is.
//!
//! It is talked to as a member that speaks HTTP is: with the same bounds on its answer, and over connections that are looked
//! at before they are used again. A late answer would be that of another user.

use std::borrow::Cow;
use std::sync::Arc;

use ajpgate_config::ForwardAuth;
use http::{Method, StatusCode, Version};

use super::locate::Located;
use super::mapped::Mapped;
use super::target::Target;
use crate::backend::{Age, FailureKind, Forward, ForwardError, ResponseBody, Reuse, Sent};
use crate::client::{Believed, Claims, Client};
use crate::connection_state::ConnectionState;
use crate::framing::Refused;
use crate::head::{AnswerHead, Fields, Known, RequestHead};
use crate::headers::{Nominated, Overlay, Passing, RequestFields};
use crate::identity::BadUser;
use crate::state::AuthServer;
use crate::upload::Upload;

/// The client's fields that the server gets as they are.
const COPIED: [(Known, &str); 2] = [
    (Known::Cookie, "Cookie"),
    (Known::Authorization, "Authorization"),
];

/// The client's fields that a trusted proxy has written, and that are appended to.
const APPENDED: [(Known, &str); 2] = [
    (Known::XForwardedFor, "X-Forwarded-For"),
    (Known::Forwarded, "Forwarded"),
];

/// What a server is asked about.
#[derive(Debug)]
pub(super) struct Question<'a> {
    method: &'a Method,
    /// Path and query, as the client has written them.
    uri: Cow<'a, str>,
    target: &'a Target<'a>,
}

impl<'a> Question<'a> {
    /// The request itself.
    pub(super) fn request(head: &'a RequestHead, mapped: &'a Mapped<'_>) -> Self {
        let target = &mapped.target;
        Self {
            method: &head.method,
            uri: match target.query {
                Some(query) => Cow::Owned([target.path, "?", query].concat()),
                None => Cow::Borrowed(target.path),
            },
            target,
        }
    }

    /// The same method for the path of its Destination.
    pub(super) fn destination(
        head: &'a RequestHead,
        mapped: &'a Mapped<'_>,
        destination: &'a Located<'_>,
    ) -> Self {
        Self {
            method: &head.method,
            uri: Cow::Borrowed(destination.path),
            target: &mapped.target,
        }
    }
}

/// What the server has said.
#[derive(Debug)]
pub(super) enum Told {
    /// The request goes on: the fields of the answer.
    LetIn(Fields),
    /// This is the answer for the client.
    Answer(Box<(AnswerHead, ResponseBody)>),
}

/// Why the server has said nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoAnswer {
    #[error("no answer within `timeout`")]
    Late,
    #[error("{0}")]
    Failed(ForwardError),
    #[error("{0}")]
    User(BadUser),
}

impl NoAnswer {
    /// The status for the client.
    pub(super) const fn status(&self) -> StatusCode {
        match self {
            Self::Late => StatusCode::GATEWAY_TIMEOUT,
            Self::User(_) => StatusCode::BAD_GATEWAY,
            Self::Failed(error) => match error.kind {
                FailureKind::Silent | FailureKind::Framing(Refused::HeadTooSlow) => {
                    StatusCode::GATEWAY_TIMEOUT
                }
                _ => StatusCode::BAD_GATEWAY,
            },
        }
    }
}

/// Asks the server about a request whose fields are `sent`.
///
/// # Errors
/// It does not answer in time, or its answer is broken.
pub(super) async fn ask(
    server: &AuthServer,
    forward: &ForwardAuth,
    question: &Question<'_>,
    sent: &Fields,
    client: &Client,
) -> Result<Told, NoAnswer> {
    let exchange = async {
        let Sent { head, body, .. } = exchange(server, forward, question, sent, client).await?;
        if !head.status.is_success() {
            return Ok(Told::Answer(Box::new((head, body))));
        }
        // The head has decided. What follows, or does not, keeps nobody waiting.
        body.discard();
        Ok(Told::LetIn(head.fields))
    };
    let answer = tokio::time::timeout(forward.timeout, exchange).await;
    answer.unwrap_or(Err(NoAnswer::Late))
}

/// One question and its answer.
async fn exchange(
    server: &AuthServer,
    forward: &ForwardAuth,
    question: &Question<'_>,
    sent: &Fields,
    client: &Client,
) -> Result<Sent<ResponseBody>, NoAnswer> {
    let sent = shown(sent, client);
    let overlay = Overlay {
        removed: Vec::new(),
        added: vec![
            ("X-Forwarded-Method", question.method.as_str().into()),
            ("X-Forwarded-Uri", question.uri.as_bytes().to_vec()),
        ],
    };
    let host = question.target.host;
    // What was chosen goes on whatever it is.
    let (nominated, claims) = (Nominated::default(), Claims::default());
    let fields = RequestFields {
        sent: &sent,
        passing: Passing {
            client,
            believed: Believed {
                claims: &claims,
                is_told: false,
            },
            nominated: &nominated,
            keeps_authorization: false,
        },
        overlay: &overlay,
        host: host.text,
        host_sent: &server.authority,
        port: client.port_told(&host),
        of_user: &[],
    };
    // Interim answers of the server are not for the client.
    let connection = Arc::new(ConnectionState::default());
    let request = Forward {
        counts: None,
        method: &Method::GET,
        idempotent: true,
        version: Version::HTTP_11,
        asked: &forward.path,
        path: &forward.path,
        root: "",
        query: forward.query.as_deref(),
        timeout: None,
        fields: &fields,
        client,
        server_name: host.name,
        route: None,
        activation: None,
        attributes: &[],
        user: None,
        upgrade: None,
        connection: &connection,
    };
    send(server, &request).await
}

/// Sends the question, and once more when a kept connection turns out to be closed: asking changes nothing (RFC 9110
/// section 9.2.2).
async fn send(server: &AuthServer, request: &Forward<'_>) -> Result<Sent<ResponseBody>, NoAnswer> {
    let mut reuse = Reuse::Allowed;
    loop {
        let answer = server.backend.send(request, Upload::default(), reuse).await;
        let error = match answer {
            Ok(sent) => return Ok(sent),
            Err(failed) => failed.error,
        };
        let was_closed = matches!(error.kind, FailureKind::Lost(_)) && error.age == Age::Kept;
        match (was_closed, reuse) {
            (true, Reuse::Allowed) => reuse = Reuse::Forbidden,
            _ => return Err(NoAnswer::Failed(error)),
        }
    }
}

/// The client's fields that the server sees. The forwarding fields are added to them, and say what they say to members.
fn shown(sent: &Fields, client: &Client) -> Fields {
    let appended = client.said.iter().flat_map(|_| APPENDED);
    let names = COPIED.into_iter().chain(appended);
    let mut shown = Fields::default();
    for (known, name) in names {
        for value in sent.all(known) {
            shown.push(name.as_bytes(), value);
        }
    }
    shown
}
