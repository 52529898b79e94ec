//! Makes changes, and logs them.

use std::sync::Arc;
use std::time::Instant;

use ajpgate_config::{
    BalancerChange, LbMethod, MemberChange, balancer_change_from_json, member_change_from_json,
    member_from_json,
};
use http::{HeaderMap, StatusCode};
use serde_json::Value;
use tracing::info;

use super::refusal::Refusal;
use super::resource::{Found, Resource, balancer};
use super::settings;
use super::view::BalancerState;
use crate::admin::client::Client;
use crate::balancer::Refused;
use crate::state::{EditError, LiveBalancer, Shared};

/// The result of a change.
#[derive(Debug)]
pub(in crate::admin) struct Made {
    /// The changed resource as it is now.
    pub(in crate::admin) found: Found,
    /// The number of the change in the journal; `None` when it changed nothing.
    pub(in crate::admin) change: Option<u64>,
}

/// Changes a resource as the text, a JSON object, says. Nothing is changed when any of it is refused.
pub(in crate::admin) fn make(
    shared: &Shared,
    client: &Client,
    resource: &Resource,
    headers: &HeaderMap,
    text: &str,
) -> Result<Made, Refusal> {
    match resource {
        Resource::Member(name, key) => {
            let change = member_change_from_json(text)?;
            change_member(shared, client, (name, key), headers, &change)
        }
        Resource::Balancer(name) => {
            let change = balancer_change_from_json(text)?;
            change_balancer(shared, client, name, headers, &change)
        }
        _ => Err(Refusal::method(resource.methods())),
    }
}

fn change_member(
    shared: &Shared,
    client: &Client,
    (name, key): (&str, &str),
    headers: &HeaderMap,
    change: &MemberChange,
) -> Result<Made, Refusal> {
    let (mut edit, now) = (shared.edit(), Instant::now());
    let snapshot = edit.snapshot();
    let balancer = balancer(&snapshot, name)?;
    let old = BalancerState::of(balancer, now);
    let member = old.member(key)?;
    let before = member.settings();
    let changed = Resource::Member(name.to_owned(), key.to_owned());
    changed.check_match(headers, &snapshot, now)?;
    edit.change_member(balancer, member.live, change, now)?;
    let url = &member.live.url;
    let snapshot = edit.snapshot();
    let new = self::balancer(&snapshot, name)?;
    let after = BalancerState::of(new, now).member(url)?.settings();
    let mut changes: Vec<String> = settings::difference(&before, &after).into_iter().collect();
    if change.clear_error && edit.clear_error(new, url, now)? {
        changes.push("status.error: true -> false".to_owned());
    }
    let change = (!changes.is_empty()).then(|| {
        let changes = changes.join(", ");
        info!(
            user = %client.user, client = %client.address, balancer = name, member = %url, changes,
            "member changed by hand"
        );
        note(
            shared,
            client,
            &format!("{url} of balancer://{name}: {changes}"),
        )
    });
    let changed = Resource::Member(name.to_owned(), url.to_string());
    let found = changed.find(&edit.snapshot(), now)?;
    Ok(Made { found, change })
}

fn change_balancer(
    shared: &Shared,
    client: &Client,
    name: &str,
    headers: &HeaderMap,
    change: &BalancerChange,
) -> Result<Made, Refusal> {
    let (mut edit, now) = (shared.edit(), Instant::now());
    let snapshot = edit.snapshot();
    let balancer = balancer(&snapshot, name)?;
    let old = BalancerState::of(balancer, now);
    let changed = Resource::Balancer(name.to_owned());
    changed.check_match(headers, &snapshot, now)?;
    check_method(balancer, change)?;
    edit.change_balancer(balancer, change, now)?;
    let snapshot = edit.snapshot();
    let new = BalancerState::of(self::balancer(&snapshot, name)?, now);
    let (old, new) = (old.own_settings().into(), new.own_settings().into());
    let changes = settings::difference(&old, &new);
    let change = changes.map(|changes| {
        info!(
            user = %client.user, client = %client.address, balancer = name, changes,
            "balancer changed by hand"
        );
        note(shared, client, &format!("balancer://{name}: {changes}"))
    });
    let found = changed.find(&edit.snapshot(), now)?;
    Ok(Made { found, change })
}

/// Adds a member with the keys of a JSON object.
pub(in crate::admin) fn add(
    shared: &Shared,
    client: &Client,
    name: &str,
    headers: &HeaderMap,
    text: &str,
) -> Result<Made, Refusal> {
    let member = member_from_json(text, &shared.folder)?;
    // The text has just been read as JSON.
    let keys = serde_json::from_str(text).unwrap_or_default();
    let (mut edit, now) = (shared.edit(), Instant::now());
    let snapshot = edit.snapshot();
    let balancer = balancer(&snapshot, name)?;
    let list = Resource::Members(name.to_owned());
    list.check_match(headers, &snapshot, now)?;
    let url = member.url.text.clone();
    let added = Resource::Member(name.to_owned(), url.clone());
    edit.add_member(balancer, member, keys, now)?;
    let snapshot = edit.snapshot();
    let new = BalancerState::of(self::balancer(&snapshot, name)?, now);
    let settings = new.member(&url)?.settings();
    info!(
        user = %client.user, client = %client.address, balancer = name, member = url, %settings,
        "member added by hand"
    );
    let change = note(
        shared,
        client,
        &format!("{url} was added to balancer://{name}"),
    );
    Ok(Made {
        found: added.find(&snapshot, now)?,
        change: Some(change),
    })
}

/// Removes a member.
pub(in crate::admin) fn remove(
    shared: &Shared,
    client: &Client,
    name: &str,
    key: &str,
    headers: &HeaderMap,
) -> Result<u64, Refusal> {
    let (mut edit, now) = (shared.edit(), Instant::now());
    let snapshot = edit.snapshot();
    let balancer = balancer(&snapshot, name)?;
    let state = BalancerState::of(balancer, now);
    let member = match state.member(key) {
        Ok(member) => member,
        Err(nobody) if nobody.status == StatusCode::NOT_FOUND => {
            let list = Resource::Members(name.to_owned());
            list.check_match(headers, &snapshot, now)?;
            let url = edit.remove_left_out(balancer, key, now)?.ok_or(nobody)?;
            return Ok(note_removed(shared, client, name, &url, None));
        }
        Err(several) => return Err(several),
    };
    let removed = Resource::Member(name.to_owned(), key.to_owned());
    removed.check_match(headers, &snapshot, now)?;
    let settings = member.settings();
    edit.remove_member(balancer, member.live, now)?;
    let url = &member.live.url;
    Ok(note_removed(shared, client, name, url, Some(&settings)))
}

/// Logs and notes that a member was removed. `settings` are those that it had; one that was left out had none.
fn note_removed(
    shared: &Shared,
    client: &Client,
    balancer: &str,
    url: &str,
    settings: Option<&Value>,
) -> u64 {
    info!(
        user = %client.user, client = %client.address, balancer, member = url,
        settings = settings.map(tracing::field::display), "member removed by hand"
    );
    let what = format!("{url} was removed from balancer://{balancer}");
    note(shared, client, &what)
}

/// Notes a change that was made, and returns its number.
pub(in crate::admin) fn note(shared: &Shared, client: &Client, what: &str) -> u64 {
    let user = Arc::clone(&client.user);
    shared.journal.note(user, client.address, what.to_owned())
}

/// Refuses `heartbeat` for a balancer whose members report no load, as the file does.
fn check_method(balancer: &LiveBalancer, change: &BalancerChange) -> Result<(), Refusal> {
    if change.lbmethod == Some(LbMethod::Heartbeat) && balancer.config.heartbeat.is_none() {
        return Err(Refusal::unprocessable(
            "lbmethod: heartbeat needs the load of the members, and nothing tells it (the file has no `heartbeat`)",
        ));
    }
    Ok(())
}

impl From<EditError> for Refusal {
    fn from(error: EditError) -> Self {
        let status = match error {
            EditError::Refused(Refused::NoSuchMember) => StatusCode::NOT_FOUND,
            EditError::Exists | EditError::SaidBySource { .. } => StatusCode::CONFLICT,
            EditError::Refused(_)
            | EditError::Impossible(_)
            | EditError::Directory(_)
            | EditError::Tracing(_)
            | EditError::Added(_)
            | EditError::TakenByName
            | EditError::TakenByFile(_)
            | EditError::TooMany
            | EditError::TakenByUrl => StatusCode::UNPROCESSABLE_ENTITY,
            EditError::Replaced
            | EditError::Unreachable
            | EditError::TooMuch
            | EditError::Behind(_)
            | EditError::NotHere(_) => StatusCode::SERVICE_UNAVAILABLE,
            EditError::Again => return Self::again(error.to_string()),
            EditError::Broken(_) | EditError::Store { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, error.to_string())
    }
}
