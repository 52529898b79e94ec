//! Tables and times of access.

use std::num::NonZeroU32;
use std::time::Duration;

use ajpgate_config::{Rate, RatePer};
use tokio::time::advance;

use super::*;

fn networks(list: &[&str]) -> Networks {
    let networks: Vec<_> = list.iter().map(|it| it.parse().unwrap()).collect();
    Networks::new(&networks)
}

fn with_rate(requests: u32, period: u64, burst: u32, per: RatePer) -> Access {
    let rate = Rate {
        requests: NonZeroU32::new(requests).unwrap(),
        period: Duration::from_secs(period),
        burst: NonZeroU32::new(burst).unwrap(),
        per,
    };
    Access {
        rate: Some(Arc::new(LiveRate::new(&rate))),
        ..Access::default()
    }
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn deny_is_looked_at_first() {
    let access = Access {
        allow: Some(networks(&["10.0.0.0/8", "2001:db8::/32"])),
        deny: networks(&["10.1.0.0/16", "2001:db8:dead::/48", "10.2.0.0/16"]),
        rate: None,
    };
    for (address, expected) in [
        ("10.0.0.1", Ok(())),
        ("::ffff:10.0.0.1", Ok(())),
        ("10.1.0.1", Err(NoAccess::Denied)),
        ("::ffff:10.1.0.1", Err(NoAccess::Denied)),
        ("10.2.0.1", Err(NoAccess::Denied)),
        ("192.0.2.7", Err(NoAccess::NotAllowed)),
        ("2001:db8::1", Ok(())),
        ("2001:db8:dead::1", Err(NoAccess::Denied)),
        ("::1", Err(NoAccess::NotAllowed)),
    ] {
        assert_eq!(access.admits(ip(address)), expected, "{address}");
    }
    let all = Access::default();
    assert_eq!(all.admits(ip("192.0.2.7")), Ok(()));
    assert_eq!(all.count(ip("192.0.2.7")), Ok(()));
    let nobody = Access {
        allow: Some(networks(&[])),
        ..Access::default()
    };
    assert_eq!(nobody.admits(ip("192.0.2.7")), Err(NoAccess::NotAllowed));
}

#[tokio::test(start_paused = true)]
async fn a_client_has_its_burst_and_then_its_rate() {
    let access = with_rate(20, 1, 40, RatePer::Client);
    let (one, other) = (ip("192.0.2.7"), ip("192.0.2.8"));
    let let_in = |address, tries: u32| {
        let tries = 0..tries;
        tries.filter(|_| access.count(address).is_ok()).count()
    };
    assert_eq!(let_in(one, 100), 40);
    assert_eq!(let_in(other, 100), 40);
    assert_eq!(
        access.count(one),
        Err(NoAccess::TooMany(Duration::from_millis(50)))
    );
    advance(Duration::from_millis(500)).await;
    assert_eq!(let_in(one, 100), 10);
    advance(Duration::from_secs(10)).await;
    assert_eq!(let_in(one, 100), 40);
}

#[tokio::test(start_paused = true)]
async fn addresses_of_an_ipv6_network_are_one_client() {
    let access = with_rate(1, 60, 2, RatePer::Client);
    let addresses = ["2001:db8::1", "2001:db8::2", "2001:db8::ffff:3"].map(ip);
    let [first, second, third] = addresses.map(|address| access.count(address));
    assert_eq!([first, second], [Ok(()), Ok(())]);
    assert_eq!(third, Err(NoAccess::TooMany(Duration::from_secs(60))));
    assert_eq!(access.count(ip("2001:db8:0:1::1")), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn users_are_counted_when_they_are_known() {
    let access = with_rate(1, 1, 1, RatePer::User);
    let address = ip("192.0.2.7");
    assert_eq!(access.count(address), Ok(()));
    assert_eq!(access.count(address), Ok(()));
    assert_eq!(access.count_user(Some("anna"), address), Ok(()));
    assert_eq!(access.count_user(Some("bert"), address), Ok(()));
    assert!(access.count_user(Some("anna"), ip("192.0.2.8")).is_err());
    // Without a user the address counts, which is no user's name.
    assert_eq!(access.count_user(None, address), Ok(()));
    assert!(access.count_user(None, address).is_err());
    assert_eq!(access.count_user(Some("192.0.2.7"), address), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn wrong_passwords_of_an_address_are_counted_and_right_ones_are_not() {
    let access = with_rate(1, 60, 2, RatePer::User);
    let (one, other) = (ip("192.0.2.7"), ip("192.0.2.8"));
    // The table takes a nanosecond for the start of its times.
    advance(Duration::from_secs(1)).await;
    for _ in 0..10 {
        assert_eq!(access.may_guess(one), Ok(()));
        assert_eq!(access.guess(one), Ok(()));
        access.take_back_guess(one);
    }
    assert_eq!(access.guess(one), Ok(()));
    assert_eq!(access.may_guess(one), Ok(()));
    assert_eq!(access.guess(one), Ok(()));
    let late = Err(NoAccess::TooMany(Duration::from_secs(60)));
    assert_eq!((access.may_guess(one), access.guess(one)), (late, late));
    assert_eq!(access.may_guess(other), Ok(()));
    // Requests without a user have a budget of their own: the first request of a browser has no password yet.
    assert_eq!(access.count_user(None, one), Ok(()));
    advance(Duration::from_secs(61)).await;
    assert_eq!(access.may_guess(one), Ok(()));
    assert_eq!(access.guess(one), Ok(()));
    assert!(access.may_guess(one).is_err());
    // Nothing that was not counted can be taken back.
    access.take_back_guess(other);
    assert_eq!(access.guess(other), Ok(()));
    assert_eq!(access.guess(other), Ok(()));
    assert_eq!(access.guess(other), late);
    for per in [RatePer::Client, RatePer::Mapping] {
        let access = with_rate(1, 60, 1, per);
        for _ in 0..3 {
            assert_eq!((access.may_guess(one), access.guess(one)), (Ok(()), Ok(())));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_mapping_has_one_budget() {
    let access = with_rate(3600, 3600, 1, RatePer::Mapping);
    assert_eq!(access.count(ip("192.0.2.7")), Ok(()));
    assert_eq!(
        access.count(ip("2001:db8::1")),
        Err(NoAccess::TooMany(Duration::from_secs(1)))
    );
}
