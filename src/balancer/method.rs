//! The scheduling methods: who is the best of those who may be taken, and what taking it costs.
//!
//! | `lbmethod` | best | counted in lbstatus |
//! |---|---|---|
//! | `byrequests` | highest lbstatus | every choice |
//! | `bytraffic` | fewest bytes for its load factor | sessions' requests only |
//! | `bybusyness` | fewest requests under way, then highest lbstatus | every choice |
//! | `sessions` | fewest live sessions for its load factor, then highest lbstatus | every choice |
//! | `heartbeat` | by lot: see `load` | sessions' requests only |
//! | `leastlatency` | the cheaper of two: see `latency` | sessions' requests only |
//!
//! Sources: `balancers/mod_lbmethod_byrequests.c`, `mod_lbmethod_bytraffic.c`, `mod_lbmethod_bybusyness.c`.
//! A load factor is counted in hundredths, as httpd counts it.

use std::cmp::Ordering;

use ajpgate_config::LbMethod;

use super::member::Member;

/// The best of `eligible` (indices, in the order that breaks ties).
pub(super) fn best(method: LbMethod, members: &[Member], eligible: &[usize]) -> Option<usize> {
    let mut best: Option<(usize, &Member)> = None;
    for &index in eligible {
        let Some(member) = members.get(index) else {
            continue;
        };
        if best.is_none_or(|(_, best)| beats(method, member, best)) {
            best = Some((index, member));
        }
    }
    best.map(|(index, _)| index)
}

/// Whether `member` is strictly better than `best`, which came before it.
fn beats(method: LbMethod, member: &Member, best: &Member) -> bool {
    match method {
        LbMethod::ByTraffic => load(member) < load(best),
        LbMethod::ByBusyness => {
            member.busy < best.busy || (member.busy == best.busy && urgency(member) > urgency(best))
        }
        LbMethod::Sessions => match sessions(member, best) {
            Ordering::Less => true,
            Ordering::Equal => urgency(member) > urgency(best),
            Ordering::Greater => false,
        },
        // The last two draw lots and do not come here.
        LbMethod::ByRequests | LbMethod::Heartbeat | LbMethod::LeastLatency => {
            urgency(member) > urgency(best)
        }
    }
}

/// How two members' sessions compare, each for its load factor.
fn sessions(one: &Member, other: &Member) -> Ordering {
    let times = |count: &Member, by: &Member| {
        u128::from(count.sessions.expected()) * u128::from(by.factor.hundredths())
    };
    times(one, other).cmp(&times(other, one))
}

/// lbstatus once this pick's share has been handed out.
fn urgency(member: &Member) -> i64 {
    member.lbstatus.saturating_add(share(member))
}

fn load(member: &Member) -> u64 {
    member.traffic.per_share(member.factor)
}

fn share(member: &Member) -> i64 {
    i64::from(member.weight)
}

/// Books a free choice among `eligible`.
pub(super) fn charge_free(
    method: LbMethod,
    members: &mut [Member],
    eligible: &[usize],
    chosen: usize,
) {
    match method {
        LbMethod::ByTraffic | LbMethod::Heartbeat | LbMethod::LeastLatency => {}
        LbMethod::ByRequests | LbMethod::ByBusyness | LbMethod::Sessions => {
            let mut total = 0;
            for &index in eligible {
                if let Some(member) = members.get_mut(index) {
                    total += hand_out(member);
                }
            }
            take(members, chosen, total);
        }
    }
    if let Some(member) = members.get_mut(chosen) {
        member.sessions.promised = member.sessions.promised.saturating_add(1);
    }
}

/// Books a choice that a session made: every usable member takes part, standbys, spares and draining ones too,
/// whatever the method (`mod_proxy_balancer.c: proxy_balancer_pre_request()`). So free requests make up for sticky ones.
pub(super) fn charge_sticky(members: &mut [Member], chosen: usize) {
    let mut total = 0;
    for member in members.iter_mut().filter(|member| member.is_usable()) {
        total += hand_out(member);
    }
    take(members, chosen, total);
}

fn hand_out(member: &mut Member) -> i64 {
    let share = share(member);
    member.lbstatus = member.lbstatus.saturating_add(share);
    share
}

fn take(members: &mut [Member], chosen: usize, total: i64) {
    if let Some(member) = members.get_mut(chosen) {
        member.lbstatus = member.lbstatus.saturating_sub(total);
    }
}

/// The `reset` of a method, for all members. httpd's also zeroes `busy`; here that is the number of open tickets
/// and nobody may change it.
pub(super) fn reset(method: LbMethod, members: &mut [Member]) {
    for member in members {
        member.lbstatus = 0;
        if method == LbMethod::ByTraffic {
            member.traffic.reset();
        }
    }
}

/// What an edited load factor does to all members (`mod_proxy_balancer.c: recalc_factors()`).
///
/// httpd also forces the factor of a lone member to 1; a factor that nobody is compared with is left as it is.
pub(super) fn recalculate(members: &mut [Member]) {
    for member in members {
        member.lbstatus = share(member);
    }
}
