//! What follows from an answer: which members there are, and which of them drain. Pure: no clock, no I/O.

use std::collections::{HashMap, HashSet};

use ajpgate_config::MemberUrl;

use super::answer::{Found, SourceAnswer};
use super::room::Room;

/// What follows from an answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Reconciled {
    /// The members from now on: known ones in their order, new ones in the order of their addresses, and behind them those that
    /// have vanished, the last one last.
    pub(crate) members: Vec<Found>,
    /// Members that were not known.
    pub(crate) new: usize,
    /// Members that are no longer named: they drain from now on.
    pub(crate) vanished: usize,
    /// Members that had vanished and are named again.
    pub(crate) back: usize,
    /// Members that are named and have no place, because there are too many. Known ones of them drain.
    pub(crate) left_out: usize,
    /// Members that had vanished and have no place any more, because too many drain.
    pub(crate) given_up: usize,
}

/// What follows from an answer where these members are known, and where the balancer has this room beside them.
///
/// * An answer that names nobody, and one that has failed, changes nothing.
/// * A member that is named is what the answer says.
/// * One that is not named drains, unless its part of the question was not answered.
/// * Of more members than there is room for, known ones are taken first. Of those that drain, the ones that drain for longest go.
pub(crate) fn reconcile(known: &[Found], answer: &SourceAnswer, mut room: Room) -> Reconciled {
    let SourceAnswer::Named { found, unheard } = answer else {
        return Reconciled {
            members: known.to_vec(),
            ..Reconciled::default()
        };
    };
    let mut named: HashMap<String, &Found> = HashMap::new();
    for found in found {
        named.entry(found.url.place()).or_insert(found);
    }
    let mut after = Reconciled::default();
    let (mut living, mut gone, mut going) = (Vec::new(), Vec::new(), Vec::new());
    for member in known {
        let had_vanished = member.standing.has_vanished();
        let next = match named.remove(&member.url.place()) {
            Some(found) => Some(found.clone()),
            None => Some(member.clone()).filter(|it| unheard.contains_key(&it.part)),
        };
        let next = next.filter(|next| !next.standing.has_vanished());
        let has_room = next.as_ref().is_none_or(|next| room.take(&next.url));
        after.left_out += usize::from(!has_room);
        match next.filter(|_| has_room) {
            Some(next) => {
                after.back += usize::from(had_vanished);
                living.push(next);
            }
            None if had_vanished => gone.push(member.clone()),
            None => going.push(vanish(member)),
        }
    }
    let mut new: Vec<&Found> = named.into_values().collect();
    new.sort_by(|one, other| order(&one.url).cmp(&order(&other.url)));
    new.retain(|found| {
        let has_room = room.take(&found.url);
        after.left_out += usize::from(!has_room);
        has_room
    });
    living.extend(new.iter().copied().cloned());
    (after.new, after.vanished) = (new.len(), going.len());
    gone.append(&mut going);
    after.given_up = room.drain(gone.len());
    living.extend(gone.into_iter().skip(after.given_up));
    after.members = living;
    after
}

/// The members without those that have vanished and are among `gone`.
pub(crate) fn forget(known: &[Found], gone: &[MemberUrl]) -> Vec<Found> {
    let gone: HashSet<String> = gone.iter().map(MemberUrl::place).collect();
    let stays =
        |member: &&Found| !member.standing.has_vanished() || !gone.contains(&member.url.place());
    known.iter().filter(stays).cloned().collect()
}

fn vanish(member: &Found) -> Found {
    Found {
        standing: member.standing.vanished(),
        ..member.clone()
    }
}

/// The order of new members: addresses as numbers, then names.
fn order(url: &MemberUrl) -> impl Ord + use<'_> {
    let address = url.host.parse::<std::net::IpAddr>();
    (
        address.is_err(),
        address.ok(),
        &url.host,
        url.port,
        &url.path,
    )
}

#[cfg(test)]
mod tests;
