//! The scheduling methods: who is the best of those who may be taken, and what taking it costs.
//!
//! Sources: `balancers/mod_lbmethod_byrequests.c`, `mod_lbmethod_bytraffic.c`, `mod_lbmethod_bybusyness.c`.
//! A load factor is counted in hundredths, as httpd counts it.

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
        LbMethod::ByRequests => urgency(member) > urgency(best),
        // This is where the other methods go. Until they are built the application does not start with them.
        LbMethod::Heartbeat | LbMethod::LeastLatency | LbMethod::Sessions => {
            urgency(member) > urgency(best)
        }
    }
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

/// Books a free choice among `eligible`. `bytraffic` keeps no lbstatus of its own.
pub(super) fn charge_free(
    method: LbMethod,
    members: &mut [Member],
    eligible: &[usize],
    chosen: usize,
) {
    match method {
        LbMethod::ByTraffic => {}
        LbMethod::ByRequests
        | LbMethod::ByBusyness
        | LbMethod::Heartbeat
        | LbMethod::LeastLatency
        | LbMethod::Sessions => {
            let mut total = 0;
            for &index in eligible {
                if let Some(member) = members.get_mut(index) {
                    total += hand_out(member);
                }
            }
            take(members, chosen, total);
        }
    }
}

/// Books a choice that a session made: every usable member takes part, standbys, spares and draining ones too,
/// whatever the method (`proxy_balancer_pre_request()`). So free requests make up for sticky ones.
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

/// What an edited load factor does to all members (`recalc_factors()`).
///
/// httpd also forces the factor of a lone member to 1; a factor that nobody is compared with is left as it is.
pub(super) fn recalculate(members: &mut [Member]) {
    for member in members {
        member.lbstatus = share(member);
    }
}
