//! The last step of an answer, whoever gave it: a page in place of its body, header rules, compression.

use ajpgate_config::Compress;
use bytes::Bytes;
use http::{Method, StatusCode};
use http_body::Body as _;

use super::answer_body::AnswerBody;
use super::local::Local;
use super::rules::apply_rules;
use crate::backend::ResponseBody;
use crate::client::Client;
use crate::facts::Facts;
use crate::head::{AnswerHead, Fields, Known, RequestHead};
use crate::site::{Choice, Compressed, ErrorPage, Giver};
use crate::state::{Attempt, LiveMapping, Shared, Snapshot};
use crate::variables::Variables;

/// An answer, and who gave it.
#[derive(Debug)]
pub(super) enum Given {
    /// The gateway has refused the request, or could not have it answered.
    Refusal(Local),
    /// The gateway's own content, which the mapping names: a redirect, a fixed answer, a file.
    Content(AnswerHead, ResponseBody),
    /// The answer of the server that does not let the user in (`forward`): a login page, a redirect to it.
    Told(AnswerHead, ResponseBody),
    /// A member's answer.
    Member(AnswerHead, ResponseBody, Attempt),
}

/// An answer as the client gets it, and the attempt of the member that gave it.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) head: AnswerHead,
    pub(super) body: AnswerBody,
    pub(super) attempt: Option<Attempt>,
}

/// What the last step depends on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Finishing<'a> {
    pub(super) snapshot: &'a Snapshot,
    /// `None` when the request has none.
    pub(super) mapping: Option<&'a LiveMapping>,
    pub(super) facts: Facts<'a>,
}

impl Finishing<'_> {
    /// Makes an answer the client's. The gateway's rules come first, so that those of the mapping can undo what they do. Refusals
    /// have the gateway's alone, and so have answers of the server that lets nobody in: what a mapping adds to its answers, the
    /// cookie of a route or a time in caches for example, is no part of them.
    /// `cookies` are those of the server that knows the user; rules see them as they see a member's.
    pub(super) fn finish(&self, given: Given, cookies: &[Vec<u8>]) -> Finished {
        let (mut head, body, mut attempt, giver, rules) = match given {
            Given::Refusal(local) => {
                let rules = self.mapping.filter(|_| local.is_of_mapping);
                let (head, body) = local.into_answer();
                (head, body, None, Some(Giver::Gateway), rules)
            }
            Given::Content(head, body) => {
                // A fixed answer that refuses without a text of its own.
                let is_bare = head.status >= StatusCode::BAD_REQUEST && body.is_end_stream();
                let giver = is_bare.then_some(Giver::Gateway);
                (head, body, None, giver, self.mapping)
            }
            Given::Told(head, body) => (head, body, None, None, None),
            Given::Member(head, body, attempt) => {
                let giver = match attempt.member.speaks_http() {
                    true => Giver::Member,
                    // What an FTP server refuses becomes an answer of HTTP here.
                    false => Giver::Gateway,
                };
                (head, body, Some(attempt), Some(giver), self.mapping)
            }
        };
        let page = giver.and_then(|giver| self.page(head.status, giver));
        let body = match page {
            Some(page) => self.put(page, &mut head, body, attempt.as_mut()),
            None => body,
        };
        for cookie in cookies {
            head.fields.push(b"Set-Cookie", cookie);
        }
        apply_rules(
            &self.snapshot.response_headers,
            &self.facts,
            &mut head.fields,
        );
        if let Some(mapping) = rules {
            apply_rules(&mapping.response_headers, &self.facts, &mut head.fields);
        }
        let compress = self.mapping.and_then(|mapping| mapping.compress.as_ref());
        let body = match (compress, self.facts.head) {
            (Some(rule), Some(request)) => compressed(rule, request, &mut head, body),
            _ => AnswerBody::Given(body),
        };
        Finished {
            head,
            body,
            attempt,
        }
    }

    fn page(&self, status: StatusCode, giver: Giver) -> Option<&ErrorPage> {
        let of_mapping = self.mapping.map(|mapping| &mapping.error_pages);
        let snapshot = self.snapshot;
        let pages = &snapshot.error_pages;
        pages.page_for(of_mapping, &snapshot.error_override, status, giver)
    }

    /// Puts a page in place of a body.
    fn put(
        &self,
        page: &ErrorPage,
        head: &mut AnswerHead,
        mut body: ResponseBody,
        attempt: Option<&mut Attempt>,
    ) -> ResponseBody {
        page.fit(head.status, &mut head.fields);
        if let Some(attempt) = attempt {
            attempt.moved(body.moved());
            // The body of the request belongs to the exchange too: where there is one, the connection is closed.
            if self.facts.head.is_some_and(is_without_body) {
                body.discard();
            }
        }
        ResponseBody::Text(Some(page.body.clone()))
    }
}

/// Whether a request has no body.
fn is_without_body(head: &RequestHead) -> bool {
    let length = head.fields.get(Known::ContentLength);
    length.is_none_or(|length| length == b"0")
        && head.fields.get(Known::TransferEncoding).is_none()
        && matches!(
            head.method,
            Method::GET | Method::HEAD | Method::OPTIONS | Method::DELETE
        )
}

/// Compresses a body as the mapping's rule says.
fn compressed(
    rule: &Compress,
    request: &RequestHead,
    answer: &mut AnswerHead,
    body: ResponseBody,
) -> AnswerBody {
    if matches!(body, ResponseBody::Tunnel(_)) {
        return AnswerBody::Given(body);
    }
    let choice = Choice::of(rule, request, answer, body.size_hint().exact());
    let (choice, encoder) = choice.with_encoder();
    choice.apply(&mut answer.fields);
    match encoder {
        Some(encoder) => AnswerBody::Compressed(Box::new(Compressed::new(body, encoder))),
        None if choice == Choice::HeadOnly => AnswerBody::Given(body.without_content()),
        None => AnswerBody::Given(body),
    }
}

/// The fields and the body of the answer to a head that was refused before it was a request.
pub(crate) fn bare_refusal(
    shared: &Shared,
    client: &Client,
    variables: &Variables,
    status: StatusCode,
) -> (Fields, Bytes) {
    let snapshot = shared.snapshot.load();
    let finishing = Finishing {
        snapshot: &snapshot,
        mapping: None,
        facts: Facts {
            head: None,
            client,
            variables,
            user: None,
            believed: None,
        },
    };
    let finished = finishing.finish(Given::Refusal(Local::new(status)), &[]);
    let text = match finished.body {
        AnswerBody::Given(ResponseBody::Text(text)) => text.unwrap_or_default(),
        _ => Bytes::new(),
    };
    (finished.head.fields, text)
}
