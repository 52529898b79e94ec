//! Who may come in when several rules about networks count together.

use ipnet::IpNet;
use std::net::IpAddr;

/// Those for whom every rule so far holds.
#[derive(Debug, Default)]
pub(super) struct Networks {
    /// Networks that may come in; `None`: every address.
    pub(super) allow: Option<Vec<String>>,
    /// Networks that may not.
    pub(super) deny: Vec<String>,
}

impl Networks {
    /// Whether no address is left.
    pub(super) fn is_empty(&self) -> bool {
        let is_denied = |every: &&str| self.deny.iter().any(|it| it == every);
        self.allow.as_ref().is_some_and(Vec::is_empty)
            || ["0.0.0.0/0", "::/0"].iter().all(is_denied)
    }

    /// Adds a rule. `allow`: the networks that it lets in; `None`: every address.
    pub(super) fn and(&mut self, allow: Option<&Vec<String>>, deny: &[String]) {
        if let Some(allow) = allow {
            self.allow = Some(match &self.allow {
                None => allow.clone(),
                Some(before) if before == allow => allow.clone(),
                Some(before) => common(before, allow),
            });
        }
        for network in deny {
            if !self.deny.contains(network) {
                self.deny.push(network.clone());
            }
        }
    }
}

/// The networks whose addresses are in both lists. What is no network counts for no address.
pub(super) fn common(one: &[String], other: &[String]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let pairs = one
        .iter()
        .flat_map(|one| other.iter().map(move |other| (one, other)));
    for (one, other) in pairs {
        let narrower = match (read(one), read(other)) {
            (Some(wide), Some(narrow)) if wide.contains(&narrow) => other,
            (Some(narrow), Some(wide)) if wide.contains(&narrow) => one,
            _ => continue,
        };
        if !found.contains(narrower) {
            found.push(narrower.clone());
        }
    }
    found
}

fn read(text: &str) -> Option<IpNet> {
    let address = || text.parse::<IpAddr>().ok().map(IpNet::from);
    text.parse().ok().or_else(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_that_two_lists_have_in_common() {
        let list = |text: &str| -> Vec<String> { text.split(' ').map(str::to_owned).collect() };
        for (one, other, expected) in [
            ("10.0.0.0/8", "10.1.0.0/16 11.0.0.0/8", "10.1.0.0/16"),
            ("10.1.2.3", "10.0.0.0/8", "10.1.2.3"),
            ("10.0.0.0/8 ::1", "::/0 10.0.0.0/8", "10.0.0.0/8 ::1"),
            ("10.0.0.0/8", "11.0.0.0/8", ""),
        ] {
            let found = common(&list(one), &list(other));
            assert_eq!(found.join(" "), expected, "{one} and {other}");
        }
    }
}
