//! Each state of httpd's table: what a member in it gets (`src/balancer/SEMANTICS.md`, "When a member is usable").
//!
//! The letters G, U and F have no counterpart: members are never generic, shut down or empty slots.

use super::*;

/// A row of the table: member a is in the state, b is a regular member, s is a hot spare.
struct Row {
    state: &'static str,
    enter: fn(&mut Play),
    /// a gets requests without a session.
    free: bool,
    /// a gets requests of its sessions.
    sticky: bool,
    /// The spare replaces a.
    replaced: bool,
    /// A failed request of one of its sessions does not change a.
    ignores_failures: bool,
    /// After `retry` a serves its sessions without any other event.
    returns: bool,
    /// After a passed health check a serves its sessions.
    passes: bool,
}

const ROWS: [Row; 11] = [
    Row {
        state: "Init",
        enter: |_| {},
        ..REGULAR
    },
    Row {
        state: "Ign (I)",
        enter: |play| play.flags("a", |status| status.ignore_errors = true),
        ignores_failures: true,
        ..REGULAR
    },
    Row {
        state: "Drn (N)",
        enter: |play| play.flags("a", |status| status.drain = true),
        free: false,
        replaced: true,
        ..REGULAR
    },
    Row {
        state: "Dis (D)",
        enter: |play| play.flags("a", |status| status.disabled = true),
        ..OUT_FOR_GOOD
    },
    Row {
        state: "Stop (S)",
        enter: |play| play.flags("a", |status| status.stopped = true),
        ..OUT_FOR_GOOD
    },
    Row {
        state: "Err (E)",
        enter: |play| {
            play.fail("a");
        },
        returns: true,
        passes: true,
        ..OUT_FOR_GOOD
    },
    Row {
        state: "Err and Stop (ES): never retried",
        enter: |play| {
            play.fail("a");
            play.flags("a", |status| status.stopped = true);
        },
        ..OUT_FOR_GOOD
    },
    Row {
        state: "HcFl (C)",
        enter: |play| {
            play.check("a", true);
        },
        passes: true,
        ..OUT_FOR_GOOD
    },
    Row {
        state: "Err and HcFl (EC)",
        enter: |play| {
            play.fail("a");
            play.check("a", true);
        },
        passes: true,
        ..OUT_FOR_GOOD
    },
    Row {
        state: "Stby (H)",
        enter: |play| play.flags("a", |status| status.hot_standby = true),
        free: false,
        ..REGULAR
    },
    Row {
        state: "Spar (R)",
        enter: |play| play.flags("a", |status| status.hot_spare = true),
        free: false,
        ..REGULAR
    },
];

const REGULAR: Row = Row {
    state: "",
    enter: |_| {},
    free: true,
    sticky: true,
    replaced: false,
    ignores_failures: false,
    returns: true,
    passes: true,
};

const OUT_FOR_GOOD: Row = Row {
    free: false,
    sticky: false,
    replaced: true,
    ignores_failures: false,
    returns: false,
    passes: false,
    ..REGULAR
};

fn enter(row: &Row) -> Play {
    let mut specs = vec![member("a"), member("b"), member("s")];
    specs[2].status.hot_spare = true;
    let mut play = by_requests(specs);
    (row.enter)(&mut play);
    play
}

#[test]
fn each_letter_of_the_status_table() {
    for row in &ROWS {
        let free = enter(row).free(6);
        assert_eq!(free.contains('a'), row.free, "{}: {free}", row.state);
        assert_eq!(free.contains('s'), row.replaced, "{}: {free}", row.state);
        assert!(free.contains('b'), "{}: {free}", row.state);

        let mut play = enter(row);
        assert_eq!(play.serve(Some("a")) == "a", row.sticky, "{}", row.state);

        if row.sticky {
            let mut play = enter(row);
            play.fail("a");
            let stays = play.serve(Some("a")) == "a";
            assert_eq!(stays, row.ignores_failures, "{}", row.state);
        }

        let mut play = enter(row);
        play.at(60_001);
        assert_eq!(play.serve(Some("a")) == "a", row.returns, "{}", row.state);

        let mut play = enter(row);
        play.check("a", false);
        assert_eq!(play.serve(Some("a")) == "a", row.passes, "{}", row.state);
    }
}

#[test]
fn each_state_with_nofailover_and_without() {
    for row in &ROWS {
        for nofailover in [false, true] {
            let mut play = enter(row);
            play.balancer.settings.nofailover = nofailover;
            let expected = match (row.sticky, nofailover) {
                (true, _) => Ok(How::Sticky),
                (false, false) => Ok(How::Free),
                (false, true) => Err(NoMember::RouteForced),
            };
            let found = play.pick(Some("a"), &[]).map(|pick| pick.how);
            assert_eq!(found, expected, "{}, nofailover: {nofailover}", row.state);
        }
    }
}

/// Which states of a second member prevent forced recovery of a member in error.
#[test]
fn each_state_and_forced_recovery() {
    for row in &ROWS {
        let mut specs = vec![member("a"), member("b")];
        specs[1].lone_error();
        let mut play = by_requests(specs);
        (row.enter)(&mut play);
        play.fail("b");
        let in_error = row.state.contains('E');
        let pick = play.pick(Some("b"), &[]);
        let forced = pick.as_ref().is_ok_and(|pick| pick.forced);
        // Stopped members are never retried, but their error bit counts.
        assert_eq!(forced, in_error, "{}", row.state);
    }
}

impl MemberSpec {
    /// Puts a member in error for longer than any test lasts.
    fn lone_error(&mut self) {
        self.retry = Duration::from_secs(86_400);
    }
}
