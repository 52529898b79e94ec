//! Interim answers of a member (102, 103) on their way to the client: `response_headers` count for them as for the final answer.

use std::future::{Future, poll_fn};
use std::pin::pin;

use super::routed::RoutedRequest;
use super::rules::apply_rules;
use crate::head::Fields;
use crate::variables::Variables;

/// Fields that mean something in a final answer only. They name the member, or set a cookie before it is known whether it is
/// the member's to set.
const OF_FINAL_ANSWERS: [&str; 4] = ["Set-Cookie", "Location", "Content-Location", "Refresh"];

/// Waits for the answer of a member, and hands on what comes before it.
pub(super) async fn until_answered<A>(
    request: &RoutedRequest<'_>,
    variables: &Variables,
    answer: impl Future<Output = A>,
) -> A {
    let mut answer = pin!(answer);
    poll_fn(|cx| {
        let polled = answer.as_mut().poll(cx);
        let finish = |fields: &mut Fields| finish(request, variables, fields);
        request.connection.hand_on_interim(finish);
        polled
    })
    .await
}

/// Makes the fields of an interim answer those of the client.
fn finish(request: &RoutedRequest<'_>, variables: &Variables, fields: &mut Fields) {
    for name in OF_FINAL_ANSWERS {
        fields.remove(name);
    }
    let facts = request.facts(variables);
    apply_rules(&request.snapshot.response_headers, &facts, fields);
    apply_rules(&request.plan.mapping.response_headers, &facts, fields);
}
