//! What follows from the end of an attempt: for the member, for the metrics, and for the request.

use http::StatusCode;

use crate::backend::{
    Age, ConnectError, Connector, Exposure, FailureKind, ForwardError, Unsendable,
};
use crate::balancer::Outcome;
use crate::state::LiveBalancer;
use crate::telemetry::metrics::{ErrorKind, RetryReason};

/// How far an attempt came.
#[derive(Debug, Clone, Copy)]
pub(super) enum End<'a> {
    /// No head of an answer came.
    Failed(&'a ForwardError, Again),
    /// The head of an answer with this status came. Its body follows.
    Answered(StatusCode),
    /// The body of that answer was cut short: by the member, or, without a failure, by the client.
    CutShort(StatusCode, Option<&'a FailureKind>),
    /// The whole answer came.
    Complete(StatusCode),
}

/// What of the request decides whether another attempt may follow a failed one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Again {
    pub(super) method: Method,
    pub(super) body: Body,
    pub(super) session: Session,
    /// Members that may still be tried (`maxattempts`).
    pub(super) tries_left: u32,
}

/// Whether the request may be sent again when nobody knows what became of it (RFC 9110 section 9.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Idempotent,
    Other,
}

/// Whether the request's body can be sent once more from its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    Held,
    Gone,
}

/// Whether the request's session lives on the member of the attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Session {
    Here,
    /// Elsewhere, nowhere, or there is none.
    NotHere,
}

/// What a balancer is configured with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules<'a> {
    pub(super) failonstatus: &'a [u16],
    pub(super) failontimeout: bool,
}

impl<'a> Rules<'a> {
    pub(super) fn of(balancer: &'a LiveBalancer) -> Self {
        Self {
            failonstatus: &balancer.config.failonstatus,
            failontimeout: balancer.config.failontimeout,
        }
    }
}

/// See the [module](self).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Verdict {
    /// What the attempt says of the member.
    pub(super) outcome: Outcome,
    /// What is counted in `member_errors_total` for this end.
    pub(super) error: Option<ErrorKind>,
    pub(super) next: Next,
}

/// What happens to the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// The client gets the member's answer, or as much as there is of it.
    Answer,
    /// The request is sent to the same member once more, on a new connection: the kept one was closed.
    SameMember,
    /// The request is sent to another member; without one the client gets this status.
    AnotherMember(RetryReason, StatusCode),
    /// The client gets this status.
    Stop(StatusCode),
}

/// Decides what follows from the end of an attempt (`src/backend/BACKENDS.md`).
pub(super) fn verdict(end: End<'_>, rules: Rules<'_>) -> Verdict {
    let blamed = |status: StatusCode| rules.failonstatus.contains(&status.as_u16());
    match end {
        End::Failed(error, again) => {
            let next = next(error, again);
            Verdict {
                outcome: outcome_of_failure(error, rules),
                // A kept connection that was closed is no failure where the member gets the request once more.
                error: match next {
                    Next::SameMember => None,
                    _ => counted(&error.kind),
                },
                next,
            }
        }
        End::Answered(status) if blamed(status) => Verdict {
            outcome: Outcome::Failed,
            error: Some(ErrorKind::Status),
            next: Next::Answer,
        },
        // Counted when the head came.
        End::CutShort(status, failure) => Verdict {
            outcome: if blamed(status) {
                Outcome::Failed
            } else {
                Outcome::Neutral
            },
            error: failure.and_then(counted),
            next: Next::Answer,
        },
        End::Complete(status) => Verdict {
            outcome: if blamed(status) {
                Outcome::Failed
            } else {
                Outcome::Served
            },
            error: None,
            next: Next::Answer,
        },
        // The body decides.
        End::Answered(_) => Verdict {
            outcome: Outcome::Neutral,
            error: None,
            next: Next::Answer,
        },
    }
}

/// Whether the member is to be left alone for a while. Never for the connector of `upgrade_url`: any client can ask for
/// an upgrade, and the sessions of the member do not depend on that connector.
fn outcome_of_failure(error: &ForwardError, rules: Rules<'_>) -> Outcome {
    let blamed = match &error.kind {
        _ if error.connector == Connector::Upgrades => false,
        // The gateway's own failure.
        FailureKind::Connect(ConnectError::NoDescriptor(_)) => false,
        FailureKind::Connect(_) | FailureKind::NoPong => true,
        FailureKind::Lost(_) => error.age == Age::New && error.exposure != Exposure::Answering,
        FailureKind::Silent => rules.failontimeout,
        // A server with too many users is busy, not broken.
        FailureKind::Unready(_)
        | FailureKind::Later(_)
        | FailureKind::Busy
        | FailureKind::Removed
        | FailureKind::Protocol(_)
        | FailureKind::BadHead(_)
        | FailureKind::Framing(_)
        | FailureKind::GivenUp
        | FailureKind::Short(_)
        | FailureKind::Unsendable(_)
        | FailureKind::Client(_) => false,
    };
    match blamed {
        true => Outcome::Failed,
        false => Outcome::Neutral,
    }
}

/// What a failure counts as for the member; `None` when it is not the member's.
fn counted(kind: &FailureKind) -> Option<ErrorKind> {
    match kind {
        FailureKind::Connect(ConnectError::NoDescriptor(_)) => None,
        FailureKind::Connect(_) => Some(ErrorKind::Connect),
        FailureKind::NoPong => Some(ErrorKind::Ping),
        FailureKind::Lost(_)
        | FailureKind::Unready(_)
        | FailureKind::Later(_)
        | FailureKind::GivenUp => Some(ErrorKind::Closed),
        FailureKind::Silent => Some(ErrorKind::Timeout),
        FailureKind::Protocol(_)
        | FailureKind::BadHead(_)
        | FailureKind::Framing(_)
        | FailureKind::Short(_) => Some(ErrorKind::Protocol),
        FailureKind::Busy
        | FailureKind::Removed
        | FailureKind::Unsendable(_)
        | FailureKind::Client(_) => None,
    }
}

/// Whether and where the request is sent again. Nothing that a member may have acted on is repeated unless its method is
/// idempotent, and nothing at all once an answer has begun.
fn next(error: &ForwardError, again: Again) -> Next {
    let status = status(&error.kind);
    let elsewhere = match again.tries_left {
        0 => Next::Stop(status),
        _ => Next::AnotherMember(reason(error), status),
    };
    match &error.kind {
        _ if again.body == Body::Gone => Next::Stop(status),
        // On another member the session would be lost because its own was busy for a while.
        FailureKind::Busy if again.session == Session::Here => Next::Stop(status),
        // Nor can a connection to another member be opened.
        FailureKind::Connect(ConnectError::NoDescriptor(_)) => Next::Stop(status),
        FailureKind::Busy
        | FailureKind::Removed
        | FailureKind::Connect(_)
        | FailureKind::NoPong => elsewhere,
        FailureKind::Lost(_) | FailureKind::Unready(_) | FailureKind::Later(_) => {
            match (error.exposure, error.age) {
                (Exposure::Answering, _) => Next::Stop(status),
                (Exposure::Sent, _) if again.method == Method::Other => Next::Stop(status),
                (Exposure::Sent | Exposure::Nothing, Age::Kept) => Next::SameMember,
                (Exposure::Sent | Exposure::Nothing, Age::New) => elsewhere,
            }
        }
        // A slow or poisonous request must not visit every member.
        FailureKind::Silent
        | FailureKind::Protocol(_)
        | FailureKind::BadHead(_)
        | FailureKind::Framing(_)
        | FailureKind::GivenUp
        | FailureKind::Short(_)
        | FailureKind::Unsendable(_)
        | FailureKind::Client(_) => Next::Stop(status),
    }
}

/// The status for the client when no other attempt answers.
fn status(kind: &FailureKind) -> StatusCode {
    match kind {
        FailureKind::Busy
        | FailureKind::Removed
        | FailureKind::Connect(_)
        | FailureKind::NoPong
        | FailureKind::Later(_) => StatusCode::SERVICE_UNAVAILABLE,
        FailureKind::Silent => StatusCode::GATEWAY_TIMEOUT,
        FailureKind::Lost(_)
        | FailureKind::Unready(_)
        | FailureKind::Protocol(_)
        | FailureKind::BadHead(_)
        | FailureKind::Framing(_)
        | FailureKind::GivenUp
        | FailureKind::Short(_) => StatusCode::BAD_GATEWAY,
        FailureKind::Unsendable(Unsendable::ControlCharacter) => StatusCode::BAD_REQUEST,
        FailureKind::Unsendable(Unsendable::HeadTooLarge(_)) => {
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
        }
        FailureKind::Client(error) => error.status(),
    }
}

/// What an attempt on another member counts as in `retries_total`.
fn reason(error: &ForwardError) -> RetryReason {
    match &error.kind {
        FailureKind::Connect(_) => RetryReason::Connect,
        FailureKind::NoPong => RetryReason::Ping,
        FailureKind::Busy
        | FailureKind::Removed
        | FailureKind::Unready(_)
        | FailureKind::Later(_) => RetryReason::Busy,
        _ => RetryReason::Closed,
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::time::Duration;

    use Age::{Kept, New};
    use Exposure::{Answering, Nothing, Sent};
    use Outcome::{Failed, Neutral, Served};

    use super::*;
    use crate::backend::BadHead;
    use crate::framing::Refused;
    use crate::upload::UploadError;

    const RULES: Rules<'_> = Rules {
        failonstatus: &[503],
        failontimeout: false,
    };
    const MAY: Again = Again {
        method: Method::Idempotent,
        body: Body::Held,
        session: Session::NotHere,
        tries_left: 1,
    };

    fn judge(error: &ForwardError, again: Again) -> Verdict {
        verdict(End::Failed(error, again), RULES)
    }

    fn code(status: u16) -> StatusCode {
        StatusCode::from_u16(status).unwrap()
    }

    fn lost() -> FailureKind {
        FailureKind::Lost(io::ErrorKind::ConnectionReset.into())
    }

    fn no_descriptor() -> FailureKind {
        let error = io::Error::from_raw_os_error(24);
        FailureKind::Connect(ConnectError::NoDescriptor(error))
    }

    fn refused() -> FailureKind {
        FailureKind::Connect(ConnectError::Io(io::ErrorKind::ConnectionRefused.into()))
    }

    /// Where an attempt is repeated.
    #[derive(Debug, Clone, Copy)]
    enum Repeated {
        Never,
        Same,
        Other(RetryReason),
    }

    /// One row for each kind of failure, exposure and age: status, where an idempotent request and another one go, what
    /// the failure says of the member, and what it counts as unless it is repeated on the same one.
    #[test]
    fn each_failure_has_its_consequences() {
        use Repeated::{Never, Other, Same};
        use RetryReason as Why;
        let head_too_large = || Unsendable::HeadTooLarge("too large".into()).into();
        let cut = || FailureKind::Client(UploadError::Cut);
        let (closed, protocol) = (Some(ErrorKind::Closed), Some(ErrorKind::Protocol));
        #[rustfmt::skip]
        let rows = [
            (FailureKind::Busy, Nothing, New, 503, Other(Why::Busy), Other(Why::Busy), Neutral, None),
            (FailureKind::Removed, Nothing, New, 503, Other(Why::Busy), Other(Why::Busy), Neutral, None),
            (refused(), Nothing, New, 503, Other(Why::Connect), Other(Why::Connect), Failed, Some(ErrorKind::Connect)),
            (ConnectError::Timeout.into(), Nothing, New, 503, Other(Why::Connect), Other(Why::Connect), Failed, Some(ErrorKind::Connect)),
            (no_descriptor(), Nothing, New, 503, Never, Never, Neutral, None),
            (FailureKind::NoPong, Nothing, New, 503, Other(Why::Ping), Other(Why::Ping), Failed, Some(ErrorKind::Ping)),
            (lost(), Nothing, Kept, 502, Same, Same, Neutral, closed),
            (lost(), Nothing, New, 502, Other(Why::Closed), Other(Why::Closed), Failed, closed),
            (lost(), Sent, Kept, 502, Same, Never, Neutral, closed),
            (lost(), Sent, New, 502, Other(Why::Closed), Never, Failed, closed),
            (lost(), Answering, New, 502, Never, Never, Neutral, closed),
            (lost(), Answering, Kept, 502, Never, Never, Neutral, closed),
            (FailureKind::Unready(421), Sent, Kept, 502, Same, Never, Neutral, closed),
            (FailureKind::Unready(421), Sent, New, 502, Other(Why::Busy), Never, Neutral, closed),
            (FailureKind::Later(Duration::from_secs(60)), Nothing, New, 503, Other(Why::Busy), Other(Why::Busy), Neutral, closed),
            (FailureKind::Silent, Sent, New, 504, Never, Never, Neutral, Some(ErrorKind::Timeout)),
            (FailureKind::Silent, Answering, New, 504, Never, Never, Neutral, Some(ErrorKind::Timeout)),
            (FailureKind::Protocol("malformed".into()), Sent, New, 502, Never, Never, Neutral, protocol),
            (FailureKind::Protocol("malformed".into()), Answering, Kept, 502, Never, Never, Neutral, protocol),
            (FailureKind::BadHead(BadHead::Value), Answering, New, 502, Never, Never, Neutral, protocol),
            (Refused::SeveralLengths.into(), Answering, New, 502, Never, Never, Neutral, protocol),
            (FailureKind::GivenUp, Answering, New, 502, Never, Never, Neutral, closed),
            (FailureKind::Short(1), Answering, New, 502, Never, Never, Neutral, protocol),
            (Unsendable::ControlCharacter.into(), Nothing, New, 400, Never, Never, Neutral, None),
            (head_too_large(), Nothing, New, 431, Never, Never, Neutral, None),
            (cut(), Sent, New, 400, Never, Never, Neutral, None),
        ];
        let next = |repeated, status| match repeated {
            Never => Next::Stop(code(status)),
            Same => Next::SameMember,
            Other(reason) => Next::AnotherMember(reason, code(status)),
        };
        let other = Again {
            method: Method::Other,
            ..MAY
        };
        for (kind, exposure, age, status, idempotent, otherwise, outcome, error) in rows {
            let failure = ForwardError::new(kind, exposure, age);
            let expected = |repeated| Verdict {
                outcome,
                error: error.filter(|_| !matches!(repeated, Same)),
                next: next(repeated, status),
            };
            assert_eq!(judge(&failure, MAY), expected(idempotent), "{failure:?}");
            assert_eq!(judge(&failure, other), expected(otherwise), "{failure:?}");
            let upgrade = judge(&failure.at_upgrades(), MAY);
            assert_eq!(upgrade.outcome, Neutral, "an upgrade blames nobody");
        }
    }

    #[test]
    fn nothing_is_repeated_without_its_body_or_beyond_maxattempts() {
        let gone = Again {
            body: Body::Gone,
            ..MAY
        };
        let last = Again {
            tries_left: 0,
            ..MAY
        };
        for (kind, age) in [
            (FailureKind::Busy, New),
            (refused(), New),
            (lost(), New),
            (lost(), Kept),
        ] {
            let failure = ForwardError::new(kind, Nothing, age);
            assert!(
                matches!(judge(&failure, gone).next, Next::Stop(_)),
                "{failure:?}"
            );
            // A kept connection that was closed is no try.
            let stops = matches!(judge(&failure, last).next, Next::Stop(_));
            assert_eq!(stops, age == New, "{failure:?}");
        }
    }

    #[test]
    fn a_session_waits_for_its_busy_member_and_leaves_a_broken_one() {
        let here = Again {
            session: Session::Here,
            ..MAY
        };
        let busy = ForwardError::unsent(FailureKind::Busy);
        assert_eq!(judge(&busy, here).next, Next::Stop(code(503)));
        let broken = ForwardError::unsent(refused());
        let elsewhere = Next::AnotherMember(RetryReason::Connect, code(503));
        assert_eq!(judge(&broken, here).next, elsewhere);
    }

    #[test]
    fn silence_blames_a_member_where_failontimeout_says_so() {
        let rules = Rules {
            failontimeout: true,
            ..RULES
        };
        let silent = ForwardError::new(FailureKind::Silent, Sent, New);
        assert_eq!(verdict(End::Failed(&silent, MAY), rules).outcome, Failed);
        let at_upgrades = silent.at_upgrades();
        assert_eq!(
            verdict(End::Failed(&at_upgrades, MAY), rules).outcome,
            Neutral
        );
    }

    /// An answer that breaks off, or a client that goes away, says nothing of the member.
    #[test]
    fn an_answer_counts_for_its_member_when_it_is_complete() {
        let lost = lost();
        let rows = [
            (End::Answered(code(200)), Neutral, None),
            (End::Answered(code(503)), Failed, Some(ErrorKind::Status)),
            (End::Complete(code(200)), Served, None),
            (End::Complete(code(500)), Served, None),
            (End::Complete(code(503)), Failed, None),
            (End::CutShort(code(200), None), Neutral, None),
            (End::CutShort(code(503), None), Failed, None),
            (
                End::CutShort(code(200), Some(&lost)),
                Neutral,
                Some(ErrorKind::Closed),
            ),
            (
                End::CutShort(code(200), Some(&FailureKind::Silent)),
                Neutral,
                Some(ErrorKind::Timeout),
            ),
            (
                End::CutShort(code(200), Some(&FailureKind::Short(1))),
                Neutral,
                Some(ErrorKind::Protocol),
            ),
            (
                End::CutShort(code(503), Some(&lost)),
                Failed,
                Some(ErrorKind::Closed),
            ),
        ];
        for (end, outcome, error) in rows {
            let expected = Verdict {
                outcome,
                error,
                next: Next::Answer,
            };
            assert_eq!(verdict(end, RULES), expected, "{end:?}");
        }
    }
}
