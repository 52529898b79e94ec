//! The rules for every pick and every refusal.

use std::time::Duration;

use ajpgate::balancer::{Health, How, MemberView, NoMember, Pick, Tried, View, Want};
use ajpgate_config::LbMethod;

/// Checks the state of the picked member after the pick.
pub(crate) fn check_member(member: &MemberView, want: Want<'_>, pick: &Pick) {
    assert!(!want.tried.contains(pick.member), "tried twice");
    assert!(!member.status.disabled && !member.status.stopped && !member.check_failed);
    assert!(member.busy > 0);
    assert_ne!(member.health, Health::Error);
    assert_eq!(pick.probe, member.health == Health::Probing);
    assert_eq!(pick.draining, member.status.drain);
    assert_eq!(pick.route, member.route);
    if matches!(pick.how, How::Free | How::Domain) {
        assert!(!member.status.drain, "a draining member got somebody new");
    }
    if pick.how == How::Sticky {
        assert_eq!(want.route, Some(&*pick.route));
    }
}

/// Whether a member could take a request at the time of the view, apart from drain and role.
pub(crate) fn could_serve(member: &MemberView, tried: &Tried) -> bool {
    let up = match member.health {
        Health::Ok | Health::Recovering | Health::Forced => true,
        Health::Error | Health::Probing => false,
    };
    up && !member.status.disabled
        && !member.status.stopped
        && !member.check_failed
        && !tried.contains(member.id)
}

/// Whether a regular member or a standby takes a request without a session, apart from its health.
pub(crate) fn takes_new(view: &View, member: &MemberView) -> bool {
    let heard = view.settings.method != LbMethod::Heartbeat || member.slots > 0;
    heard && !member.status.drain && !member.status.hot_spare
}

pub(crate) fn check_pick(before: &View, after: &View, want: Want<'_>, pick: &Pick) {
    let find = |view: &View| {
        let mut members = view.members.iter();
        let member = members.find(|member| member.id == pick.member);
        member.expect("a picked member exists").clone()
    };
    let (was, is) = (find(before), find(after));
    assert!(!want.tried.contains(pick.member), "tried twice");
    assert!(!was.status.disabled && !was.status.stopped && !was.check_failed);
    match was.health {
        Health::Ok | Health::Recovering | Health::Forced => {}
        Health::Error => assert!(pick.forced || was.retry_in == Some(Duration::ZERO)),
        Health::Probing => {
            // A probation ends early only for requests that no other member may serve.
            assert!(before.settings.forcerecovery);
            let mut others = before.members.iter();
            let elsewhere =
                others.any(|other| could_serve(other, want.tried) && takes_new(before, other));
            assert!(!elsewhere || (before.settings.nofailover && pick.how == How::Sticky));
        }
    }
    let route = want
        .route
        .filter(|route| before.settings.sticky && !route.is_empty());
    match pick.how {
        How::Sticky => assert_eq!(route, Some(&*is.route)),
        How::Redirect => assert_ne!(route, Some(&*is.route)),
        How::Domain => assert!(!before.settings.nofailover && !is.domain.is_empty()),
        How::Free => {}
    }
    if matches!(pick.how, How::Free | How::Domain) {
        assert!(!was.status.drain, "a draining member got somebody new");
        assert_eq!(pick.route_changed, before.settings.sticky);
        // A session's own member is not skipped, nor is a lower set.
        for other in &before.members {
            let passed_over = could_serve(other, want.tried);
            assert!(!passed_over || route != Some(&*other.route));
            let regular = takes_new(before, other);
            assert!(pick.how == How::Domain || !passed_over || !regular || other.set >= is.set);
        }
    }
    assert_eq!(pick.probe, is.health == Health::Probing);
    assert_eq!(pick.draining, was.status.drain);
    assert_eq!((is.elected, is.busy), (was.elected + 1, was.busy + 1));
}

pub(crate) fn check_refusal(before: &View, want: Want<'_>, reason: NoMember) {
    let route = want
        .route
        .filter(|route| before.settings.sticky && !route.is_empty());
    if reason == NoMember::RouteForced {
        assert!(before.settings.nofailover);
        let mut members = before.members.iter();
        assert!(members.any(|member| Some(&*member.route) == route));
    }
    assert_eq!(reason == NoMember::Empty, before.members.is_empty());
    for member in &before.members {
        let could_serve = could_serve(member, want.tried);
        let may_serve = match reason {
            NoMember::RouteForced => Some(&*member.route) == route,
            _ => takes_new(before, member),
        };
        assert!(!could_serve || !may_serve, "{reason}, but for {member:?}");
    }
}
