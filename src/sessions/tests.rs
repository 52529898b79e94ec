//! Counts of live sessions, compared with sets of ids.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

const TIMEOUT: Duration = Duration::from_secs(30 * 60);

struct Play {
    sessions: LiveSessions,
    start: Instant,
    now: Instant,
}

fn play(seed: u64) -> Play {
    with_timeout(TIMEOUT, seed)
}

fn with_timeout(timeout: Duration, seed: u64) -> Play {
    let start = Instant::now();
    Play {
        sessions: LiveSessions::new(timeout, [seed, !seed], start),
        start,
        now: start,
    }
}

impl Play {
    fn at(&mut self, seconds: u64) -> &mut Self {
        self.now = self.start + Duration::from_secs(seconds);
        self
    }

    fn insert(&mut self, numbers: std::ops::Range<u32>) -> &mut Self {
        for number in numbers {
            // As long as Tomcat's ids.
            let id = format!("{number:032X}");
            self.sessions.insert(id.as_bytes(), self.now);
        }
        self
    }

    fn count(&self) -> u64 {
        self.sessions.estimate(self.now)
    }

    fn is_exact(&self) -> bool {
        self.sessions.is_exact(self.now)
    }
}

/// The error of a count, in thousandths.
fn error(found: u64, expected: u64) -> u64 {
    found.abs_diff(expected) * 1_000 / expected
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn ten_and_a_thousand_are_exact_and_a_hundred_thousand_within_the_stated_error(seed: u64) {
        for count in [0, 1, 2, 10, 100, 1_000, 1_024] {
            let mut play = play(seed);
            play.insert(0..count).insert(0..count);
            prop_assert_eq!(play.count(), u64::from(count));
            prop_assert!(play.is_exact());
        }
        let mut play = play(seed);
        play.insert(0..100_000);
        prop_assert!(!play.is_exact());
        // Five standard deviations: one of two million counts has a larger error.
        prop_assert!(error(play.count(), 100_000) < 115, "{}", play.count());
    }

    /// Few sessions with a short timeout, so that they begin and end: always exact.
    #[test]
    fn few_sessions_are_always_counted_exactly(
        events in prop::collection::vec((0_u8..40, 0_u64..4_000), 0..300),
    ) {
        let timeout = Duration::from_secs(10);
        let mut play = with_timeout(timeout, 7);
        let mut seen: HashMap<u8, Instant> = HashMap::new();
        for (id, wait) in events {
            play.now += Duration::from_millis(wait);
            let now = play.now;
            let alive = seen.values().filter(|&&seen| now - seen <= timeout).count();
            prop_assert_eq!(play.count(), alive as u64);
            prop_assert_eq!(play.sessions.over_at(now).is_some(), alive > 0);
            play.sessions.insert(&[id], now);
            seen.insert(id, now);
        }
    }
}

#[test]
fn the_mean_error_is_the_theoretical_one_over_the_whole_range() {
    for count in [1_100_u32, 2_500, 6_000, 10_000, 40_000] {
        let errors = (0..20).map(|seed| {
            let mut play = play(seed);
            play.insert(0..count);
            play.count() as f64 / f64::from(count) - 1.0
        });
        let (mut mean, mut square) = (0.0, 0.0);
        for error in errors {
            mean += error / 20.0;
            square += error * error / 20.0;
        }
        let deviation = f64::sqrt(square);
        assert!(deviation < 0.038, "{count}: {deviation}");
        assert!(mean.abs() < 0.02, "{count}: biased by {mean}");
    }
}

#[test]
fn sessions_are_alive_for_the_timeout_and_no_longer() {
    let mut play = play(1);
    play.insert(0..10);
    play.at(600).insert(0..3);
    let over = play.sessions.over_at(play.now).unwrap();
    assert_eq!(play.at(1_800).count(), 10);
    assert_eq!(play.at(1_801).count(), 3);
    assert_eq!(play.at(2_400).count(), 3);
    play.now = over - Duration::from_millis(1);
    assert_eq!(play.count(), 3);
    play.now = over;
    assert_eq!(play.count(), 0);
    assert_eq!(play.sessions.over_at(over), None);
    assert_eq!(play.insert(0..1).count(), 1);
}

#[test]
fn a_full_table_makes_room_for_live_sessions() {
    let mut play = play(2);
    play.insert(0..1_024);
    // As many sessions again, each after one of the first has ended.
    play.at(1_801).insert(2_000..3_024);
    assert_eq!(play.count(), 1_024);
    assert!(play.is_exact());
    // Sessions that were seen again stay.
    play.at(3_000).insert(2_000..2_024);
    play.at(3_602).insert(4_000..4_500);
    assert_eq!(play.count(), 524);
    assert!(play.is_exact());
}

#[test]
fn the_count_is_exact_again_after_many_sessions_have_ended() {
    let mut play = play(3);
    play.insert(0..50_000);
    // Ten sessions stay, with a request every minute.
    for minute in 1..=62 {
        play.at(minute * 60).insert(0..10);
        let count = play.count();
        match minute {
            ..=30 => assert!(error(count, 50_000) < 115, "{minute}: {count}"),
            // All others have ended. The count still comes from the registers.
            31 => assert!((10..=11).contains(&count), "{count}"),
            _ => assert_eq!((count, play.is_exact()), (10, true), "{minute}"),
        }
    }
    assert!(play.sessions.registers.is_none(), "memory is given back");
    assert_eq!(play.at(62 * 60 + 1_801).count(), 0);
}

#[test]
fn the_last_of_many_sessions_is_still_counted() {
    // Whichever session remains of many, the count is not 0 before it ends.
    for last in 0..50 {
        let mut play = play(4);
        play.insert(0..3_000);
        play.at(60).insert(last..last + 1);
        assert!(play.at(1_801).count() >= 1);
        assert!(play.at(1_860).count() >= 1);
        assert_eq!(play.at(1_870).count(), 0);
    }
}

#[test]
fn registers_end_sessions_with_the_precision_of_a_tick() {
    let mut play = play(5);
    play.insert(0..5_000);
    play.at(900).insert(5_000..10_000);
    assert!(error(play.at(1_800).count(), 10_000) < 115);
    assert!(error(play.at(1_806).count(), 5_000) < 115);
    assert_eq!(play.at(2_710).count(), 0);
}

#[test]
fn counting_goes_on_when_the_numbers_of_ticks_start_again() {
    let mut play = with_timeout(Duration::from_secs(1), 6);
    let day = 86_400;
    // The registers are always in use, so that the numbers of their 1 ms ticks end after 49 days.
    for hour in 0..24 * 60 {
        play.at(hour * 3_600).insert(0..2_000);
    }
    assert!(error(play.count(), 2_000) < 115);
    let mut play = with_timeout(Duration::from_secs(1), 6);
    play.insert(0..2_000).at(100 * day);
    assert_eq!(play.count(), 0);
    play.insert(0..3_000);
    assert!(error(play.count(), 3_000) < 115);
    // A live session is kept when the numbers start again.
    let mut registers = Registers::new(60_000_000, 0);
    registers.tick = 1;
    registers.timeout = 60_000_000;
    let end = u64::from(u32::MAX);
    for number in 0..3_000_u64 {
        let hash = play.sessions.hash(&number.to_le_bytes());
        registers.insert(hash, end - 1_000 + number % 2_000);
    }
    assert!(error(registers.estimate(end + 1_000), 3_000) < 115);
    assert_eq!(registers.estimate(end + 61_000_000), 0);
}

#[test]
fn a_clock_that_jumps_back_ends_no_session() {
    let mut play = play(8);
    play.at(1_000).insert(0..10);
    play.at(0).insert(0..10);
    assert_eq!(play.count(), 10);
    assert_eq!(play.at(2_800).count(), 10);
    assert_eq!(play.at(2_801).count(), 0);
}

#[test]
fn another_seed_gives_other_hashes() {
    let hash = |seed| play(seed).sessions.hash(b"0123456789ABCDEF");
    assert_eq!(hash(1), hash(1));
    assert_ne!(hash(1), hash(2));
}

#[test]
fn memory_is_bounded() {
    let mut play = play(9);
    play.insert(0..200_000);
    assert!(play.sessions.exact.entries().count() <= EXACT);
    // A timeout of 0 counts as one millisecond.
    assert_eq!(with_timeout(Duration::ZERO, 1).sessions.timeout, 1);
}

#[test]
fn an_id_may_be_any_bytes() {
    let mut play = play(10);
    for id in [&b""[..], b"\0", b"\xff\xfe", &[b'x'; 100_000]] {
        play.sessions.insert(id, play.now);
    }
    assert_eq!(play.count(), 4);
}

#[test]
fn a_session_that_moved_away_is_no_longer_counted() {
    let mut play = play(11);
    play.insert(0..10);
    let gone = format!("{:032X}", 3);
    play.sessions.forget(gone.as_bytes());
    play.sessions.forget(gone.as_bytes());
    play.sessions.forget(b"never seen");
    assert_eq!(play.count(), 9);
    play.insert(3..4);
    assert_eq!(play.count(), 10);
}
