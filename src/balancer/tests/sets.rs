//! Sets, spares, standbys and drain (`src/balancer/SEMANTICS.md`, "Sets, spares, standbys").

use super::*;

/// A member in a case is its route with flags: `1` is the set, the letters are httpd's status letters.
fn cluster(description: &str) -> Play {
    let specs = description
        .split(' ')
        .map(|word| {
            let (route, flags) = word.split_at(1);
            let mut spec = member(route);
            for flag in flags.chars() {
                match flag {
                    '0'..='9' => spec.set = flag.to_digit(10).unwrap() as u8,
                    'N' => spec.status.drain = true,
                    'D' => spec.status.disabled = true,
                    'S' => spec.status.stopped = true,
                    'H' => spec.status.hot_standby = true,
                    'R' => spec.status.hot_spare = true,
                    'C' | 'E' => {}
                    _ => panic!("{flag}"),
                }
            }
            spec
        })
        .collect();
    let mut play = by_requests(specs);
    for word in description.split(' ') {
        let (route, flags) = word.split_at(1);
        if flags.contains('E') {
            play.fail(route);
        }
        if flags.contains('C') {
            play.check(route, true);
        }
    }
    play.balancer.add_pending();
    for member in &mut play.balancer.members {
        member.lbstatus = 0;
    }
    play
}

#[test]
fn sets_spares_standbys_and_drain_decide_who_shares_free_requests() {
    let cases = [
        // All usable members of the lowest set that has any.
        ("a1 b0 c0", "b c b c"),
        ("a1 b0D c2", "a a a a"),
        ("a9 b5 c7", "b b b b"),
        // A spare stays out while no member is missing.
        ("a b cR", "a b a b"),
        // It replaces a member that cannot take new requests, for any reason.
        ("a bD cR", "a c a c"),
        ("a bS cR", "a c a c"),
        ("a bE cR", "a c a c"),
        ("a bC cR", "a c a c"),
        ("a bN cR", "a c a c"),
        // One for one, the first ones of the configuration.
        ("a bD cR dR", "a c a c"),
        ("aD bD cR dR", "c d c d"),
        ("aD bE c dR", "c d c d"),
        // An unusable spare is skipped.
        ("a bD cRD dR", "a d a d"),
        ("a bD cRN dR", "a d a d"),
        // Only in its own set.
        ("a0 b0D c1R", "a a a a"),
        ("a0D b1 c1R", "b b b b"),
        ("a0D b0R c1", "b b b b"),
        // Draining or unusable spares and standbys are not missing.
        ("a bRN cR", "a a a a"),
        ("a bHN cR", "a a a a"),
        ("a bHD cR", "a a a a"),
        // Standbys are used only when the set has no other member.
        ("a bH", "a a a a"),
        ("aD bH cH", "b c b c"),
        ("aN bH", "b b b b"),
        ("aD bR cH", "b b b b"),
        ("aD bRD cH", "c c c c"),
        // A standby of a lower set comes before a regular member of a higher one.
        ("a0D b0H c1", "b b b b"),
        ("a0D b0HD c1", "c c c c"),
        // Both a spare and a standby: a spare.
        ("a bRH", "a a a a"),
        ("aD bRH", "b b b b"),
        ("bRH", "- - - -"),
        // A lone spare has no member to replace.
        ("aR", "- - - -"),
        ("aR b1", "b b b b"),
        // Among equals regular members come first, then spares, each in the order of the configuration.
        ("aR bD c", "c a c a"),
    ];
    for (description, expected) in cases {
        let mut play = cluster(description);
        let usable = play.balancer.usable(play.now);
        assert_eq!(usable, expected != "- - - -", "{description}");
        assert_eq!(play.free(4), expected, "{description}");
    }
}

#[test]
fn counters_of_members_that_do_not_take_part_stand_still() {
    let mut play = cluster("a b cR dH");
    play.free(3);
    assert_eq!(play.lbstatus(), [-100, 100, 0, 0]);
}

#[test]
fn a_tried_member_counts_as_missing() {
    let mut play = cluster("a b cR");
    let pick = play.pick(None, &["a"]).unwrap();
    assert_eq!(&*pick.route, "b");
    let pick = play.pick(None, &["a", "b"]).unwrap();
    assert_eq!(&*pick.route, "c");
    assert_eq!(pick.how, How::Free);
    // Tried members were not counted.
    assert_eq!(play.lbstatus(), [0, -100, 100]);
}

#[test]
fn the_wait_of_a_spare_ends_when_its_set_is_visited() {
    let mut play = cluster("a bR cH");
    play.fail("b");
    play.fail("c");
    play.at(60_001).free(1);
    assert_eq!(play.health("b"), Health::Recovering);
    assert_eq!(play.health("c"), Health::Recovering);
    // From now on sticky requests count these members again.
    let before = play.lbstatus();
    play.sticky("a", 1);
    let after = play.lbstatus();
    assert_eq!(after[1] - before[1], 100);
    assert_eq!(after[2] - before[2], 100);
}
