//! `slow_start`: a returning member gets its share gradually.
//!
//! For `slow_start` after its return the weight of a member is
//!
//! ```text
//! loadfactor × max(time since then, slow_start / 10) / slow_start        in whole hundredths, rounded down
//! ```
//!
//! and afterwards its load factor. A member returns when its probe is served, when its health checks pass again, when an
//! operator enables it or ends its error, and when it is added. Forced recovery is no return, because no other member
//! could take the rest; neither are the start of the balancer and the end of a drain.
//!
//! `byrequests` uses this weight. Other methods compare something that a returning member has less of (traffic, sessions,
//! requests under way), and would send it every request until it has caught up. With them the member is therefore chosen
//! at most as often as by `byrequests`: each free choice for which it is eligible earns it its weight, and being chosen
//! costs the sum of the weights of all eligible members. Requests of its sessions are not limited.
//!
//! When a member returns, the counters of all members restart, as when it is enabled by hand; otherwise it would get the
//! requests that it has missed at once. httpd and mod_jk have nothing like this.

use super::member::Member;

/// The members of `eligible` that may be chosen now: all except returning members that have not earned it yet. If there
/// are no others, all.
///
/// Every returning member in `eligible` earns its weight.
pub(super) fn admitted<'a>(
    members: &mut [Member],
    eligible: &'a [usize],
    admitted: &'a mut Vec<usize>,
) -> &'a [usize] {
    let price = total(members, eligible);
    admitted.clear();
    for &index in eligible {
        let Some(member) = members.get_mut(index) else {
            continue;
        };
        let weight = i64::from(member.weight);
        let may = member.ramp.as_mut().is_none_or(|ramp| {
            ramp.earned = (ramp.earned + weight).min(price);
            ramp.earned == price
        });
        if may {
            admitted.push(index);
        }
    }
    if admitted.is_empty() {
        return eligible;
    }
    admitted
}

/// Subtracts the price of a choice among `eligible` from what the chosen member has earned.
pub(super) fn pay(members: &mut [Member], eligible: &[usize], chosen: usize) {
    let price = total(members, eligible);
    if let Some(ramp) = members
        .get_mut(chosen)
        .and_then(|member| member.ramp.as_mut())
    {
        ramp.earned = (ramp.earned - price).max(-price);
    }
}

fn total(members: &[Member], eligible: &[usize]) -> i64 {
    let weights = eligible.iter().filter_map(|&index| members.get(index));
    weights.map(|member| i64::from(member.weight)).sum()
}
