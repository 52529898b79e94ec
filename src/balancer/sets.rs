//! Sets, hot spares, hot standbys and drain: the members among which a method chooses.
//!
//! Source: `proxy_util.c: proxy_balancer_get_best_worker()`.

use std::time::Instant;

use ajpgate_config::LbMethod;

use super::Tried;
use super::member::{Member, Role};

/// The members that a choice considers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope<'a> {
    /// Members that count as unusable for this request.
    tried: &'a Tried,
    /// Only members of this domain.
    domain: Option<&'a str>,
    method: LbMethod,
    now: Instant,
}

impl<'a> Scope<'a> {
    pub(super) const fn all(method: LbMethod, tried: &'a Tried, now: Instant) -> Self {
        Self {
            tried,
            domain: None,
            method,
            now,
        }
    }

    pub(super) const fn domain(self, domain: &'a str) -> Self {
        Self {
            domain: Some(domain),
            ..self
        }
    }

    fn has(&self, member: &Member) -> bool {
        self.domain.is_none_or(|domain| member.domain == domain)
    }

    fn can_use(&self, member: &Member) -> bool {
        member.is_usable_at(self.now)
            && !self.tried.contains(member.id)
            && (self.method != LbMethod::Heartbeat || member.slots(self.now) > 0)
    }
}

/// Fills `out` with the indices of the eligible members of the lowest set that has any, in the order that breaks ties.
/// Returns the highest set that was visited.
pub(super) fn eligible(members: &[Member], scope: &Scope<'_>, out: &mut Vec<usize>) -> Option<u8> {
    out.clear();
    let mut set = next_set(members, scope, None)?;
    loop {
        one_set(members, scope, set, out);
        if !out.is_empty() {
            return Some(set);
        }
        match next_set(members, scope, Some(set)) {
            Some(next) => set = next,
            None => return Some(set),
        }
    }
}

fn next_set(members: &[Member], scope: &Scope<'_>, after: Option<u8>) -> Option<u8> {
    members
        .iter()
        .filter(|member| scope.has(member))
        .map(|member| member.set)
        .filter(|&set| after.is_none_or(|after| set > after))
        .min()
}

/// Adds the eligible members of one set: regular members, then one spare for each missing regular member, and standbys
/// only when there is no other.
fn one_set(members: &[Member], scope: &Scope<'_>, set: u8, out: &mut Vec<usize>) {
    let mut missing = 0;
    for (index, member) in members.iter().enumerate() {
        if member.set != set || !scope.has(member) || member.role() != Role::Regular {
            continue;
        }
        if !member.status.drain && scope.can_use(member) {
            out.push(index);
        } else {
            missing += 1;
        }
    }
    let reserves = |role: Role| {
        members
            .iter()
            .enumerate()
            .filter(move |(_, member)| {
                member.set == set
                    && scope.has(member)
                    && member.role() == role
                    && !member.status.drain
                    && scope.can_use(member)
            })
            .map(|(index, _)| index)
    };
    out.extend(reserves(Role::Spare).take(missing));
    if out.is_empty() {
        out.extend(reserves(Role::Standby));
    }
}
