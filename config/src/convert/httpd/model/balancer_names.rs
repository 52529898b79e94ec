//! Names of balancers: how they are written, and which of them nothing uses.

use std::collections::HashMap;

use super::part::Part;
use crate::convert::note::Notes;

/// Names the balancers with members to which nothing is sent. `used` has the name and the place in memory of the others.
pub(super) fn unused<'a>(
    parts: impl Iterator<Item = &'a Part>,
    used: &HashMap<(String, usize), Option<String>>,
    notes: &mut Notes,
) {
    for defined in parts.flat_map(|part| &part.proxies.balancers) {
        let key = (defined.name.clone(), std::ptr::from_ref(defined).addr());
        if defined.members.is_empty() || used.contains_key(&key) {
            continue;
        }
        let text = format!(
            "balancer://{} is left out with everything in it: nothing is sent to it",
            defined.name
        );
        notes.name(&defined.origin, text);
        for member in &defined.members {
            notes.count(&member.origin);
        }
    }
}

/// The name without the number that tells it from another of the same name.
pub(super) fn stem(name: &str) -> &str {
    match name.rsplit_once('_') {
        Some((stem, number)) if number.bytes().all(|it| it.is_ascii_digit()) => stem,
        _ => name,
    }
}

/// A name with `-` in place of letters that the name of a balancer cannot have.
pub(super) fn allowed_name(name: &str) -> String {
    let allowed = |letter: char| match letter.is_ascii_alphanumeric() || "._-".contains(letter) {
        true => letter,
        false => '-',
    };
    name.chars().take(80).map(allowed).collect()
}
