//! `lbmethod: sessions`.

use super::*;

fn counted(factors: &[u32], counts: &[u64]) -> Play {
    let mut play = play(LbMethod::Sessions, members(factors));
    tell(&mut play, counts);
    play
}

fn tell(play: &mut Play, counts: &[u64]) {
    let ids: Vec<MemberId> = play.balancer.members.iter().map(|m| m.id).collect();
    for (id, count) in ids.into_iter().zip(counts) {
        play.balancer.live_sessions(id, *count);
    }
}

#[test]
fn new_sessions_go_to_the_member_with_the_fewest_for_its_weight() {
    assert_eq!(counted(&[1, 1], &[5, 2]).free(6), "b b b a b a");
    assert_eq!(
        counted(&[1, 2], &[10, 10]).free(10).matches('b').count(),
        10
    );
    // Equal numbers for their weight: lbstatus decides.
    assert_eq!(counted(&[1, 2, 1], &[0, 0, 0]).free(4), "b a c b");
    assert_eq!(counted(&[1, 1], &[7, 7]).free(4), "a b a b");
}

#[test]
fn a_burst_of_sessions_is_spread_before_it_is_counted() {
    let mut play = counted(&[1, 1, 1], &[100, 100, 103]);
    let picks = play.free(9);
    assert_eq!(picks, "a b a b a b c a b");
    // The count shows that these requests began no sessions.
    tell(&mut play, &[100, 100, 103]);
    assert_eq!(play.free(2), "a b");
    let view = play.balancer.view(play.now);
    let sessions: Vec<u64> = view.members.iter().map(|m| m.sessions).collect();
    assert_eq!(sessions, [100, 100, 103]);
}

#[test]
fn requests_of_known_sessions_begin_no_session() {
    let mut play = counted(&[1, 1], &[3, 4]);
    play.sticky("a", 20);
    assert_eq!(play.free(1), "a");
}

#[test]
fn without_sessions_requests_are_counted() {
    let mut play = counted(&[1, 3], &[]);
    let mut picks = String::new();
    for _ in 0..40 {
        picks.push_str(&play.serve(None));
        // The count after each request: no session.
        tell(&mut play, &[0, 0]);
    }
    assert_eq!(picks.matches('b').count(), 30);
}

#[test]
fn counts_of_unknown_members_and_absurd_counts_change_nothing() {
    let mut play = counted(&[1, 1], &[u64::MAX, u64::MAX]);
    play.balancer.live_sessions(MemberId::new(9), 1);
    assert_eq!(play.free(4), "a b a b");
}
