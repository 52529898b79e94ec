//! The scheduling methods: the best of the eligible members, and how a choice is counted.
//!
//! | `lbmethod` | best | counted in lbstatus |
//! |---|---|---|
//! | `byrequests` | highest lbstatus | every choice |
//! | `bytraffic` | fewest bytes for its load factor | sessions' requests only |
//! | `bybusyness` | fewest requests under way, then highest lbstatus | every choice |
//! | `sessions` | fewest live sessions for its load factor, then highest lbstatus | every choice |
//! | `heartbeat` | random: see `heartbeat` | sessions' requests only |
//! | `leastlatency` | the cheaper of two: see `least_latency` | sessions' requests only |
//!
//! Sources: `balancers/mod_lbmethod_byrequests.c`, `mod_lbmethod_bytraffic.c`, `mod_lbmethod_bybusyness.c`.
//! A load factor is counted in hundredths, as httpd counts it.

use std::cmp::Ordering;

use ajpgate_config::LbMethod;

use super::member::Member;

/// The best of `eligible` (indices, in the order that breaks ties).
///
/// `choices`: the number of choices for which these have still to get their weight.
pub(super) fn best(
    method: LbMethod,
    members: &[Member],
    eligible: &[usize],
    choices: i64,
) -> Option<usize> {
    let mut best: Option<(usize, &Member)> = None;
    for &index in eligible {
        let Some(member) = members.get(index) else {
            continue;
        };
        if best.is_none_or(|(_, best)| beats(method, member, best, choices)) {
            best = Some((index, member));
        }
    }
    best.map(|(index, _)| index)
}

/// Whether `member` is strictly better than `best`, an earlier member.
fn beats(method: LbMethod, member: &Member, best: &Member, choices: i64) -> bool {
    let is_more_urgent = || urgency(member, choices) > urgency(best, choices);
    match method {
        LbMethod::ByTraffic => load(member) < load(best),
        LbMethod::ByBusyness => {
            member.busy < best.busy || (member.busy == best.busy && is_more_urgent())
        }
        LbMethod::Sessions => match sessions(member, best) {
            Ordering::Less => true,
            Ordering::Equal => is_more_urgent(),
            Ordering::Greater => false,
        },
        // The last two methods choose at random and do not use this.
        LbMethod::ByRequests | LbMethod::Heartbeat | LbMethod::LeastLatency => is_more_urgent(),
    }
}

/// Compares the live sessions of two members, each divided by its load factor.
fn sessions(one: &Member, other: &Member) -> Ordering {
    let times = |count: &Member, by: &Member| {
        u128::from(count.sessions.expected()) * u128::from(by.factor.hundredths())
    };
    times(one, other).cmp(&times(other, one))
}

/// lbstatus after the pending choices and this one have added the member's weight.
fn urgency(member: &Member, choices: i64) -> i64 {
    let weights = share(member).saturating_mul(choices.saturating_add(1));
    member.lbstatus.saturating_add(weights)
}

fn load(member: &Member) -> u64 {
    member.traffic.per_share(member.factor)
}

fn share(member: &Member) -> i64 {
    i64::from(member.weight)
}

/// Whether a free choice is counted in lbstatus.
pub(super) const fn counts_free(method: LbMethod) -> bool {
    match method {
        LbMethod::ByTraffic | LbMethod::Heartbeat | LbMethod::LeastLatency => false,
        LbMethod::ByRequests | LbMethod::ByBusyness | LbMethod::Sessions => true,
    }
}

/// Gives the eligible members their weight; returns the sum.
pub(super) fn hand_out_to(members: &mut [Member], eligible: &[usize]) -> i64 {
    let mut total = 0;
    for &index in eligible {
        if let Some(member) = members.get_mut(index) {
            total += hand_out(member);
        }
    }
    total
}

/// Gives all usable members their weight; returns the sum.
pub(super) fn hand_out_to_usable(members: &mut [Member]) -> i64 {
    let usable = members.iter_mut().filter(|member| member.is_usable());
    usable.map(hand_out).sum()
}

fn hand_out(member: &mut Member) -> i64 {
    let share = share(member);
    member.lbstatus = member.lbstatus.saturating_add(share);
    share
}

/// Takes from the chosen member what was handed out.
pub(super) fn take(members: &mut [Member], chosen: usize, total: i64) {
    if let Some(member) = members.get_mut(chosen) {
        member.lbstatus = member.lbstatus.saturating_sub(total);
    }
}

/// The `reset` of a method, for all members. httpd's `reset` also sets `busy` to 0; here that is the number of open
/// tickets, which must not change.
pub(super) fn reset(method: LbMethod, members: &mut [Member]) {
    for member in members {
        member.lbstatus = 0;
        if method == LbMethod::ByTraffic {
            member.traffic.reset();
        }
    }
}

/// Restarts the shares of all members after a change of a load factor (`mod_proxy_balancer.c: recalc_factors()`).
///
/// httpd also sets the factor of a lone member to 1. Here it is kept, because it has no effect.
pub(super) fn recalculate(members: &mut [Member]) {
    for member in members {
        member.lbstatus = share(member);
    }
}
