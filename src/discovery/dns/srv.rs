//! SRV records (RFC 2782): a member for each target and port.
//!
//! Priorities become `lbset` in their order, weights become load factors. A target is one host: its IPv4 and IPv6 addresses
//! are not two members.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ajpgate_config::{LoadFactor, MemberUrl, RouteRule, Standing};

use super::heard::{Addresses, Record, url_at};
use crate::discovery::address::route_of;
use crate::discovery::answer::{Found, SourceAnswer};

/// The highest tier of a balancer.
const HIGHEST_SET: u8 = 99;

/// The hosts that these records name, each once.
pub(super) fn targets(records: &[Record]) -> BTreeSet<String> {
    records.iter().map(|it| it.target.clone()).collect()
}

/// The members that these records name. A target whose addresses are not known keeps its members.
pub(super) fn answer(
    url: &MemberUrl,
    records: &[Record],
    addresses: &BTreeMap<String, Addresses>,
    known: &[Found],
    route: RouteRule,
) -> SourceAnswer {
    let mut records: Vec<&Record> = records.iter().filter(|it| it.port > 0).collect();
    records.sort_unstable();
    records.dedup();
    let priorities: BTreeSet<u16> = records.iter().map(|it| it.priority).collect();
    let (mut found, mut failed) = (Vec::new(), BTreeMap::new());
    for record in &records {
        let target = &record.target;
        let at = addresses.get(target).map(|it| choose(it, target, known));
        match at.unwrap_or_else(|| Err("was not asked for".to_owned())) {
            Ok(addresses) => {
                let heaviest = records.iter().filter(|it| it.priority == record.priority);
                let heaviest = heaviest.map(|it| it.weight).max();
                let set = priorities.range(..record.priority).count();
                found.extend(addresses.into_iter().map(|address| Found {
                    url: url_at(url, address, record.port),
                    member: None,
                    route: match route {
                        RouteRule::Learn => None,
                        RouteRule::Label => target.split('.').next().map(str::to_owned),
                        RouteRule::Address => Some(route_of(address)),
                    },
                    loadfactor: factor(record.weight, heaviest.unwrap_or(0)),
                    lbset: Some(u8::try_from(set).unwrap_or(HIGHEST_SET).min(HIGHEST_SET)),
                    standing: Standing::Ready,
                    part: target.clone(),
                }));
            }
            Err(why) => {
                failed.insert(target.clone(), format!("{target}: {why}"));
            }
        }
    }
    SourceAnswer::of(found, failed.into_iter().collect())
}

/// The addresses of a target, of one family: of the one that is known already, as long as it is named, else IPv4.
fn choose(heard: &Addresses, target: &str, known: &[Found]) -> Result<BTreeSet<IpAddr>, String> {
    let of_target = known
        .iter()
        .filter(|it| it.part == target && !it.standing.has_vanished());
    let hosts = of_target.filter_map(|it| it.url.host.parse().ok());
    let hosts: BTreeSet<IpAddr> = hosts.collect();
    let is_six = !hosts.is_empty() && hosts.iter().all(IpAddr::is_ipv6);
    let families = match is_six {
        true => [&heard.six, &heard.four],
        false => [&heard.four, &heard.six],
    };
    // A family that does not answer keeps its members.
    if let ([Err(why), _], false) = (families, hosts.is_empty()) {
        return Err(why.clone());
    }
    let named = families
        .into_iter()
        .filter_map(|it| it.as_ref().ok())
        .find(|it| !it.is_empty());
    let why = families.into_iter().find_map(|it| it.as_ref().err());
    match named {
        Some(addresses) => Ok(addresses.clone()),
        None => Err(why.map_or("has no address".to_owned(), Clone::clone)),
    }
}

/// A weight as a load factor: 1 to 100, scaled where the heaviest of the same priority is above 100. A weight of 0 is 1.
fn factor(weight: u16, heaviest: u16) -> Option<LoadFactor> {
    let heaviest = u32::from(heaviest).max(100);
    let hundredths = u32::from(weight) * 10_000 / heaviest;
    LoadFactor::from_hundredths(hundredths.clamp(100, 10_000))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::discovery::{Room, reconcile};

    fn record(text: &str) -> Record {
        let words: Vec<&str> = text.split(' ').collect();
        Record {
            priority: words[0].parse().unwrap(),
            weight: words[1].parse().unwrap(),
            port: words[2].parse().unwrap(),
            target: words[3].to_owned(),
        }
    }

    /// `10.0.0.1 ::1`, `?` for a family without answer, `-` for one without addresses.
    fn addresses(text: &str) -> Addresses {
        let (four, six) = text.split_once(' ').unwrap();
        let family = |text: &str| match text {
            "?" => Err("silent".to_owned()),
            "-" => Ok(BTreeSet::new()),
            some => Ok(some.split(',').map(|it| it.parse().unwrap()).collect()),
        };
        Addresses {
            four: family(four),
            six: family(six),
        }
    }

    fn ask(
        records: &[&str],
        hosts: &[(&str, &str)],
        known: &[Found],
        route: RouteRule,
    ) -> SourceAnswer {
        let records: Vec<Record> = records.iter().map(|it| record(it)).collect();
        let hosts = hosts
            .iter()
            .map(|(name, text)| (name.to_string(), addresses(text)));
        let member = ajpgate_config::parse_member("url: ajp://service", "m".as_ref()).unwrap();
        answer(&member.url, &records, &hosts.collect(), known, route)
    }

    fn shown(answer: &SourceAnswer) -> Vec<String> {
        let SourceAnswer::Named { found, .. } = answer else {
            return vec![format!("{answer:?}")];
        };
        let line = |it: &Found| {
            let (factor, set) = (it.loadfactor.unwrap(), it.lbset.unwrap());
            format!("{} {:?} {factor} {set}", it.url, it.route.as_deref())
        };
        found.iter().map(line).collect()
    }

    #[test]
    fn priorities_are_sets_in_their_order_and_weights_are_factors() {
        let records = ["20 5 8009 c.x", "10 0 8009 a.x", "10 60 8010 b.x"];
        let hosts = [
            ("a.x", "10.0.0.1 -"),
            ("b.x", "10.0.0.2 -"),
            ("c.x", "- ::3"),
        ];
        let answer = ask(&records, &hosts, &[], RouteRule::Label);
        assert_eq!(
            shown(&answer),
            [
                "ajp://10.0.0.1:8009 Some(\"a\") 1 0",
                "ajp://10.0.0.2:8010 Some(\"b\") 60 0",
                "ajp://[::3]:8009 Some(\"c\") 5 1",
            ]
        );
    }

    #[test]
    fn weights_above_100_are_scaled_to_the_heaviest_of_their_priority() {
        let records = ["1 1000 1 a.x", "1 500 1 b.x", "1 1 1 c.x", "2 7 1 d.x"];
        let hosts = ["a.x", "b.x", "c.x", "d.x"];
        let hosts: Vec<_> = (1..)
            .zip(hosts)
            .map(|(n, it)| (it, format!("10.0.0.{n} -")))
            .collect();
        let hosts: Vec<_> = hosts
            .iter()
            .map(|(name, text)| (*name, text.as_str()))
            .collect();
        let answer = ask(&records, &hosts, &[], RouteRule::Address);
        assert_eq!(
            shown(&answer),
            [
                "ajp://10.0.0.1:1 Some(\"10-0-0-1\") 100 0",
                "ajp://10.0.0.2:1 Some(\"10-0-0-2\") 50 0",
                "ajp://10.0.0.3:1 Some(\"10-0-0-3\") 1 0",
                "ajp://10.0.0.4:1 Some(\"10-0-0-4\") 7 1",
            ]
        );
    }

    #[test]
    fn the_addresses_of_a_target_are_those_of_one_family_and_it_is_not_changed() {
        // What is known of the target, its addresses now, and its members then.
        let rows = [
            ("", "10.0.0.1 ::1", "10.0.0.1"),
            ("", "? ::1", "::1"),
            ("", "- ::1", "::1"),
            ("10.0.0.1 -", "? ::1", "10.0.0.1"),
            ("10.0.0.1 -", "- ::1", "::1"),
            ("10.0.0.1 -", "- -", "10.0.0.1"),
            ("- ::1", "10.0.0.1 ::1", "::1"),
            ("- ::1", "10.0.0.1 ?", "::1"),
            ("- ::1", "10.0.0.1 ::2", "::2"),
            ("- ::1", "10.0.0.1 -", "10.0.0.1"),
            ("10.0.0.1,10.0.0.2 -", "10.0.0.2 ::1", "10.0.0.2"),
        ];
        let records = ["1 1 8009 a.x", "1 1 8009 b.x"];
        for (before, now, expected) in rows {
            let hosts = |of_a| [("a.x", of_a), ("b.x", "10.9.9.9 -")];
            let known = match before {
                "" => Vec::new(),
                before => {
                    let answer = ask(&records, &hosts(before), &[], RouteRule::Learn);
                    reconcile(&[], &answer, Room::default()).members
                }
            };
            let answer = ask(&records, &hosts(now), &known, RouteRule::Learn);
            let members = reconcile(&known, &answer, Room::default()).members;
            let living = members.iter().filter(|it| it.part == "a.x");
            let living = living.filter(|it| !it.standing.has_vanished());
            let living: Vec<&str> = living.map(|it| it.url.host.as_str()).collect();
            assert_eq!(living, [expected], "{before} | {now}");
        }
    }

    #[test]
    fn records_without_targets_that_answer_change_nothing() {
        let nobody = ask(&[], &[], &[], RouteRule::Label);
        assert_eq!(nobody, SourceAnswer::Empty);
        let silent = ask(&["1 1 1 a.x"], &[("a.x", "? -")], &[], RouteRule::Label);
        assert_eq!(silent, SourceAnswer::Failed("a.x: silent".to_owned()));
    }
}
