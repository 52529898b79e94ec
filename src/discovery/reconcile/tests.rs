//! What follows from an answer: a golden table, and rules that hold for any sequence of answers.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ajpgate_config::{ListedMember, Standing};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::discovery::MOST_MEMBERS;

/// What follows where the balancer has no other members.
fn reconcile_alone(known: &[Found], answer: &SourceAnswer) -> Reconciled {
    reconcile(known, answer, Room::default())
}

/// A member of the part `part`; `!` before its host means that it has vanished.
fn found(part: &str, host: &str) -> Found {
    let (standing, host) = match host.strip_prefix('!') {
        Some(host) => (Standing::Vanished, host),
        None => (Standing::Ready, host),
    };
    let keys = json!({ "url": format!("ajp://{host}:8009") });
    let member = ListedMember::of_keys(keys, Path::new("")).unwrap();
    Found {
        standing,
        ..Found::whole(member, part)
    }
}

/// `a:x` is a member x of part a.
fn all(text: &str) -> Vec<Found> {
    let members = text.split_whitespace().map(|word| {
        let (part, host) = word.split_once(':').unwrap_or(("", word));
        found(part, host)
    });
    members.collect()
}

fn text(members: &[Found]) -> String {
    let words = members.iter().map(|member| {
        let vanished = match member.standing {
            Standing::Vanished => "!",
            _ => "",
        };
        let part = match member.part.as_str() {
            "" => String::new(),
            part => format!("{part}:"),
        };
        format!("{part}{vanished}{}", member.url.host)
    });
    words.collect::<Vec<_>>().join(" ")
}

fn named(found: &str, unheard: &str) -> SourceAnswer {
    SourceAnswer::Named {
        found: all(found),
        unheard: unheard
            .split_whitespace()
            .map(|part| (part.to_owned(), "silent".to_owned()))
            .collect(),
    }
}

#[test]
fn members_follow_from_what_was_known_and_what_is_said() {
    // Known, said, parts that were not heard of, and what follows.
    let rows = [
        ("", "a", "", "a"),
        ("", "b a", "", "a b"),
        ("", "10.0.0.10 10.0.0.9", "", "10.0.0.9 10.0.0.10"),
        ("a b", "b a", "", "a b"),
        ("a b", "a b a", "", "a b"),
        ("b", "a b", "", "b a"),
        ("a b", "b", "", "b !a"),
        ("a b", "c d", "", "c d !a !b"),
        ("b !a", "a b", "", "b a"),
        ("b !a", "b", "", "b !a"),
        ("b !a", "c", "", "c !a !b"),
        ("x:a y:b", "x:a", "y", "x:a y:b"),
        ("x:a y:b", "x:c", "y", "y:b x:c x:!a"),
        ("x:a y:!b", "x:a", "y", "x:a y:!b"),
        ("x:a", "y:a", "x", "y:a"),
    ];
    for (known, said, unheard, expected) in rows {
        let after = reconcile_alone(&all(known), &named(said, unheard));
        assert_eq!(
            text(&after.members),
            expected,
            "{known} | {said} | {unheard}"
        );
    }
}

#[test]
fn nobody_and_no_answer_change_nothing() {
    let known = all("a !b");
    for answer in [
        SourceAnswer::Empty,
        SourceAnswer::Failed("it is silent".to_owned()),
    ] {
        let after = reconcile_alone(&known, &answer);
        assert_eq!(after.members, known);
        assert_eq!((after.new, after.vanished, after.back), (0, 0, 0));
    }
}

#[test]
fn what_a_source_says_of_a_member_counts_at_once() {
    let mut said = all("a b");
    said[0].standing = Standing::Ending;
    said[1].standing = Standing::NotReady;
    let answer = SourceAnswer::Named {
        found: said.clone(),
        unheard: BTreeMap::new(),
    };
    assert_eq!(reconcile_alone(&all("a b"), &answer).members, said);
    assert_eq!(reconcile_alone(&all("!a !b"), &answer).members, said);
    // One that takes nothing takes nothing when it has vanished either.
    let gone = reconcile_alone(&said, &named("c", "")).members;
    let standings: Vec<Standing> = gone.iter().map(|it| it.standing).collect();
    assert_eq!(
        standings,
        [
            Standing::Ready,
            Standing::Vanished,
            Standing::VanishedNotReady
        ]
    );
    let again = reconcile_alone(&gone, &named("c", "")).members;
    assert_eq!(again, gone);
    assert_eq!(reconcile_alone(&gone, &named("b", "")).back, 1);
}

#[test]
fn only_members_that_have_vanished_are_forgotten() {
    let gone: Vec<MemberUrl> = all("a b c").into_iter().map(|it| it.url).collect();
    assert_eq!(text(&forget(&all("a !b !d"), &gone)), "a !d");
}

#[test]
fn of_too_many_members_the_known_ones_stay() {
    let hosts = |from: usize, to: usize| {
        let hosts = (from..to).map(|number| format!("10.{}.{}.1", number / 256, number % 256));
        hosts.collect::<Vec<_>>().join(" ")
    };
    let first = reconcile_alone(&[], &named(&hosts(0, 1500), ""));
    assert_eq!(
        (first.new, first.left_out),
        (MOST_MEMBERS, 1500 - MOST_MEMBERS)
    );
    let again = reconcile_alone(&first.members, &named(&hosts(0, 1500), ""));
    assert_eq!(again.members, first.members);
    // All at once: as many drain, and no more however often.
    let mut members = first.members;
    for round in 1..4 {
        let after = reconcile_alone(
            &members,
            &named(&hosts(round * 2000, round * 2000 + 1024), ""),
        );
        assert_eq!((after.new, after.left_out), (MOST_MEMBERS, 0));
        assert_eq!(after.members.len(), 2 * MOST_MEMBERS);
        members = after.members;
    }
}

#[test]
fn the_members_of_others_take_room_and_known_members_without_room_drain() {
    let mut room = Room::default();
    for port in 3..MOST_MEMBERS {
        let mut other = found("", "other").url;
        other.port = u16::try_from(port).unwrap();
        assert!(room.take(&other));
    }
    let three = reconcile(&[], &named("a b c d", ""), room.clone());
    assert_eq!(
        (text(&three.members).as_str(), three.left_out),
        ("a b c", 1)
    );
    // One more of the others: the last one keeps its sessions, and gets no new ones.
    room.take(&found("", "other").url);
    let two = reconcile(&three.members, &named("a b c d", ""), room.clone());
    assert_eq!((text(&two.members).as_str(), two.left_out), ("a b !c", 2));
    let again = reconcile(&two.members, &named("a b c d", ""), room.clone());
    assert_eq!((&again.members, again.left_out), (&two.members, 2));
    // A member that others name too needs no room of its own.
    let shared = reconcile(&two.members, &named("a b c other", ""), room);
    assert_eq!(text(&shared.members), "a b other !c");
}

/// An answer to a question of two parts: for each part `None` (not heard of), or the hosts.
type Said = [Option<BTreeSet<u8>>; 2];

fn said() -> impl Strategy<Value = Said> {
    let part = || prop::option::weighted(0.7, prop::collection::btree_set(0_u8..8, 0..6));
    [part(), part()]
}

fn answer_of(said: &Said, order: u8) -> SourceAnswer {
    let (mut found, mut failed) = (Vec::new(), Vec::new());
    for (part, hosts) in ["x", "y"].iter().zip(said) {
        match hosts {
            Some(hosts) => {
                found.extend(
                    hosts
                        .iter()
                        .map(|host| self::found(part, &format!("{part}{host}"))),
                );
            }
            None => failed.push((part.to_string(), "silent".to_owned())),
        }
    }
    let length = found.len().max(1);
    found.rotate_left(usize::from(order) % length);
    SourceAnswer::of(found, failed)
}

proptest! {
    #[test]
    fn no_member_is_lost_without_an_answer_that_names_others(
        answers in prop::collection::vec((said(), any::<u8>()), 0..12),
    ) {
        let mut known = Vec::new();
        // What each part named last, in an answer that counted.
        let mut expected: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for (said, order) in &answers {
            let answer = answer_of(said, *order);
            if let SourceAnswer::Named { .. } = answer {
                for (part, hosts) in ["x", "y"].into_iter().zip(said) {
                    if let Some(hosts) = hosts {
                        let hosts = hosts.iter().map(|host| format!("{part}{host}"));
                        expected.insert(part, hosts.collect());
                    }
                }
            }
            let before = known.clone();
            let after = reconcile_alone(&known, &answer);
            known = after.members;
            // Every known member is still there: it takes requests, or drains.
            for member in &before {
                prop_assert!(known.iter().any(|it| it.url == member.url));
            }
            let living = known.iter().filter(|it| it.standing != Standing::Vanished);
            let living: BTreeSet<String> = living.map(|it| it.url.host.clone()).collect();
            let wanted: BTreeSet<String> = expected.values().flatten().cloned().collect();
            prop_assert_eq!(living, wanted);
            // The same answer again, in any order, changes nothing.
            let again = reconcile_alone(&known, &answer_of(said, order.wrapping_add(1)));
            prop_assert_eq!(&again.members, &known);
            prop_assert_eq!((again.new, again.vanished, again.back), (0, 0, 0));
        }
    }

    #[test]
    fn the_order_of_an_answer_means_nothing(before in said(), after in said(), order: u8) {
        let known = reconcile_alone(&[], &answer_of(&before, 0)).members;
        let one = reconcile_alone(&known, &answer_of(&after, 0));
        prop_assert_eq!(one, reconcile_alone(&known, &answer_of(&after, order)));
    }
}
