//! Whether a request may come in, and who its user is. This is decided before anything is done for it.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use tracing::{debug, warn};

use super::ask::{self, NoAnswer, Question, Told};
use super::local::Local;
use super::locate::Located;
use super::mapped::Mapped;
use super::record::Record;
use crate::access::{Access, NoAccess};
use crate::backend::ResponseBody;
use crate::client::Client;
use crate::head::{AnswerHead, Known, RequestHead};
use crate::identity::{Busy, ByHead, Credentials, Identity, NoUser, User};
use crate::state::{LiveIdentity, Snapshot};
use crate::telemetry::metrics::Refusal;

/// The answer that the client gets instead of the mapping's; `None`: the request may come in.
pub(super) type InPlace = Option<(AnswerHead, ResponseBody)>;

/// Lets a request in, and remembers its user; or returns the answer of the server that knows the users.
///
/// # Errors
/// The answer of the gateway, when the request may not come in.
pub(super) async fn enter(
    snapshot: &Snapshot,
    mapped: &Mapped<'_>,
    head: &RequestHead,
    record: &mut Record,
) -> Result<InPlace, Local> {
    let guard = &mapped.located.mapping.guard;
    let address = record.client.address.ip();
    let admitted = guard.access.admits(address);
    admitted
        .and_then(|()| guard.access.count(address))
        .map_err(|why| no_access(why, record))?;
    if let Some(identity) = &guard.identity {
        let question = Question::request(head, mapped);
        // Boxed, so that the future of a request without a user has no room for it.
        let by = (identity.as_ref(), &guard.access);
        let who = Box::pin(who(snapshot, by, &question, head, record)).await;
        match who.map_err(|why| why.into_answer(identity, record))? {
            Who::User(user, cookies) => {
                record.user = user.map(Arc::new);
                record.set_cookies = cookies;
            }
            Who::Answer(answer) => {
                record.count_refusal(Refusal::User);
                return Ok(Some(*answer));
            }
        }
    }
    let name = record.user.as_ref().map(|user| &*user.name);
    guard
        .access
        .count_user(name, address)
        .map_err(|why| no_access(why, record))?;
    Ok(None)
}

/// Whether the user of a request may use the mapping of its Destination too (COPY and MOVE of WebDAV). It counts as a request
/// of that mapping, unless it is one of the same mapping.
///
/// # Errors
/// The answer of the gateway, when that is not so.
pub(super) async fn enter_destination(
    snapshot: &Snapshot,
    mapped: &Mapped<'_>,
    destination: &Located<'_>,
    head: &RequestHead,
    record: &mut Record,
) -> Result<(), Local> {
    let guard = &destination.mapping.guard;
    let access = &guard.access;
    let address = record.client.address.ip();
    let is_own = destination.index == mapped.located.index;
    let admitted = match is_own {
        true => access.admits(address),
        false => access.admits(address).and_then(|()| access.count(address)),
    };
    admitted.map_err(|why| no_access(why, record))?;
    // The server may answer otherwise for another path of the same mapping.
    let asks = |identity: &Arc<LiveIdentity>| !is_own || identity.server.is_some();
    if let Some(identity) = guard.identity.as_ref().filter(|it| asks(it)) {
        let question = Question::destination(head, mapped, destination);
        let by = (identity.as_ref(), access);
        is_same_user(snapshot, by, &question, head, record).await?;
    }
    let name = record.user.as_ref().map(|user| &*user.name);
    match is_own {
        true => Ok(()),
        false => access
            .count_user(name, address)
            .map_err(|why| no_access(why, record)),
    }
}

/// Whether another mapping knows the user of a request as the same one.
///
/// # Errors
/// 403, when that is not so.
async fn is_same_user(
    snapshot: &Snapshot,
    by: (&LiveIdentity, &Access),
    question: &Question<'_>,
    head: &RequestHead,
    record: &mut Record,
) -> Result<(), Local> {
    let said =
        by.0.identity
            .by_head(&head.fields, &record.client, &snapshot.trusted);
    // Whose password it is cannot be the user of the request: nobody is told whether it is right.
    let is_other = match (&said, &record.user) {
        (ByHead::Password(credentials), Some(user)) => !credentials.may_be(user),
        (ByHead::Password(_), None) => true,
        _ => false,
    };
    if !is_other {
        let who = Box::pin(who(snapshot, by, question, head, record)).await;
        let is_same = |user: &Option<User>| match (user, &record.user) {
            (Some(user), Some(known)) => user.is(known),
            (None, None) => true,
            _ => false,
        };
        if let Ok(Who::User(user, cookies)) = who
            && is_same(&user)
        {
            record.set_cookies.extend(cookies);
            return Ok(());
        }
    }
    debug!(
        client = record.client.ip,
        "the user may not use the mapping of the Destination"
    );
    record.count_refusal(Refusal::User);
    Err(Local::new(StatusCode::FORBIDDEN))
}

/// Who sends a request.
enum Who {
    /// This user or nobody, and the cookies of the server that knows the users.
    User(Option<User>, Vec<Vec<u8>>),
    /// The server that knows the users answers in place of a member.
    Answer(Box<(AnswerHead, ResponseBody)>),
}

/// Why nobody knows who sends a request.
enum Nobody {
    NoUser(NoUser),
    /// Too many requests of this address had no user.
    TooMany(NoAccess),
    /// Too many passwords wait to be checked.
    Busy,
    /// The server that knows the users has failed; the status for the client.
    Failed(StatusCode),
}

/// Finds out who sends a request. One without a user counts in the rate of its address, if it does not go on.
async fn who(
    snapshot: &Snapshot,
    (live, access): (&LiveIdentity, &Access),
    question: &Question<'_>,
    head: &RequestHead,
    record: &Record,
) -> Result<Who, Nobody> {
    let identity = &live.identity;
    let client = &record.client;
    let known = |user| Ok(Who::User(user, Vec::new()));
    let count = || access.count_user(None, client.address.ip());
    match identity.by_head(&head.fields, client, &snapshot.trusted) {
        ByHead::Known(user) => known(Some(user)),
        ByHead::Nobody => known(None),
        ByHead::Refused(why) => {
            count().map_err(Nobody::TooMany)?;
            Err(Nobody::NoUser(why))
        }
        ByHead::Password(credentials) => {
            let user = log_in(identity, &credentials, access, record).await?;
            known(Some(user))
        }
        ByHead::Ask => {
            let who = ask_server(live, question, head, client).await?;
            if let Who::Answer(_) = who {
                count().map_err(Nobody::TooMany)?;
            }
            Ok(who)
        }
    }
}

/// The user with this name and password. An address that has sent too many wrong passwords is not told whether this one is
/// right.
async fn log_in(
    identity: &Identity,
    credentials: &Credentials,
    access: &Access,
    record: &Record,
) -> Result<User, Nobody> {
    let address = record.client.address.ip();
    access.may_guess(address).map_err(Nobody::TooMany)?;
    let log_in = identity.look_up(credentials).await;
    if let Some(user) = log_in.remembered() {
        return Ok(user);
    }
    access.guess(address).map_err(Nobody::TooMany)?;
    let verified = log_in.verify(address, &record.shared.hashing).await;
    if !matches!(verified, Ok(None)) {
        access.take_back_guess(address);
    }
    match verified {
        Ok(Some(user)) => Ok(user),
        Ok(None) => Err(Nobody::NoUser(NoUser::WrongPassword)),
        Err(Busy) => Err(Nobody::Busy),
    }
}

/// Asks the server of `forward`.
async fn ask_server(
    live: &LiveIdentity,
    question: &Question<'_>,
    head: &RequestHead,
    client: &Client,
) -> Result<Who, Nobody> {
    let forward = live.identity.settings().forward.as_ref();
    let (Some(server), Some(forward)) = (&live.server, forward) else {
        return Err(Nobody::Failed(StatusCode::BAD_GATEWAY));
    };
    let told = ask::ask(server, forward, question, &head.fields, client).await;
    let who = told.and_then(|told| match told {
        Told::LetIn(fields) => {
            let user = live.identity.told(&fields).map_err(NoAnswer::User)?;
            let cookies = fields.all(Known::SetCookie);
            Ok(Who::User(user, cookies.map(<[u8]>::to_vec).collect()))
        }
        Told::Answer(answer) => Ok(Who::Answer(answer)),
    });
    match who {
        Ok(who) => Ok(who),
        Err(failure) => {
            let status = failure.status();
            match server.failed.due(()) {
                Some(left_out) => warn!(
                    server = %forward.server.url, error = %failure, left_out = left_out.field(),
                    "the server of `auth` has not said who the user is, so the request gets {}", status.as_u16()
                ),
                None => {
                    debug!(server = %forward.server.url, error = %failure, "the server of `auth` has failed");
                }
            }
            Err(Nobody::Failed(status))
        }
    }
}

impl Nobody {
    fn into_answer(self, live: &LiveIdentity, record: &Record) -> Local {
        let client = &record.client.ip;
        match self {
            Self::NoUser(why @ (NoUser::NoPassword | NoUser::WrongPassword)) => {
                debug!(client, reason = %why, "request refused");
                record.count_refusal(Refusal::User);
                let challenge = live.identity.challenge();
                Local::new(StatusCode::UNAUTHORIZED).with("WWW-Authenticate", challenge)
            }
            Self::NoUser(why @ NoUser::Unknown) => {
                debug!(client, reason = %why, "request refused");
                record.count_refusal(Refusal::User);
                Local::new(StatusCode::FORBIDDEN)
            }
            Self::TooMany(why) => no_access(why, record),
            Self::Busy => {
                debug!(
                    client,
                    "request refused: too many passwords wait to be checked"
                );
                record.count_refusal(Refusal::Busy);
                Local::unavailable(Duration::from_secs(1))
            }
            Self::Failed(status) => {
                record.count_refusal(Refusal::Server);
                Local::new(status)
            }
        }
    }
}

/// The answer to a request that may not come in.
fn no_access(why: NoAccess, record: &Record) -> Local {
    debug!(client = record.client.ip, reason = %why, "request refused");
    match why {
        NoAccess::Denied | NoAccess::NotAllowed => {
            record.count_refusal(Refusal::Allow);
            Local::new(StatusCode::FORBIDDEN)
        }
        NoAccess::TooMany(wait) => {
            record.count_refusal(Refusal::Rate);
            Local::too_many(wait)
        }
    }
}
