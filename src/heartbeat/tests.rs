//! Valid and invalid reports.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn report(ready: u32, busy: u32, port: Option<u16>) -> Report {
    Report { ready, busy, port }
}

#[test]
fn datagrams() {
    let long = format!("v=1&ready=1&busy=2&{}=", "x".repeat(LONGEST_DATAGRAM - 20));
    assert_eq!(long.len(), LONGEST_DATAGRAM);
    let longer = format!("{long}.");
    let cases: &[(&str, Result<Report, Malformed>)] = &[
        // From mod_heartbeat and from Tomcat.
        ("v=1&ready=75&busy=0", Ok(report(75, 0, None))),
        (
            "v=1&ready=198&busy=2&port=8009",
            Ok(report(198, 2, Some(8009))),
        ),
        // Other order, unknown keys, keys without a value, equal keys.
        ("busy=3&x=y&ready=4&v=1&&z", Ok(report(4, 3, None))),
        ("v=1&ready=4&busy=3&ready=5", Ok(report(5, 3, None))),
        // With a NUL, and with a line end.
        ("v=1&ready=1&busy=2\0", Ok(report(1, 2, None))),
        ("v=1&ready=1&busy=2\r\n", Ok(report(1, 2, None))),
        ("v=1&ready=4294967295&busy=0", Ok(report(u32::MAX, 0, None))),
        ("v=1&ready=4294967296&busy=0", Err(Malformed::Number)),
        ("v=1&ready=-1&busy=0", Err(Malformed::Number)),
        ("v=1&ready=+1&busy=0", Err(Malformed::Number)),
        ("v=1&ready= 1&busy=0", Err(Malformed::Number)),
        ("v=1&ready=&busy=0", Err(Malformed::Number)),
        ("v=1&ready=1", Err(Malformed::Number)),
        ("v=1&busy=1", Err(Malformed::Number)),
        ("v=1&ready=1&busy=0&port=65536", Err(Malformed::Port)),
        ("v=1&ready=1&busy=0&port=ajp", Err(Malformed::Port)),
        ("ready=1&busy=0", Err(Malformed::Version)),
        ("v=2&ready=1&busy=0", Err(Malformed::Version)),
        ("", Err(Malformed::Version)),
        ("v=1&ready=1&busy=ü", Err(Malformed::NotAscii)),
        (&long, Ok(report(1, 2, None))),
        (&longer, Err(Malformed::TooLong)),
    ];
    for (text, expected) in cases {
        assert_eq!(datagram(text.as_bytes()), *expected, "{text:?}");
    }
    assert_eq!(datagram(b"v=1&ready=\xff"), Err(Malformed::NotAscii));
}

#[test]
fn lines_of_a_storage_file() {
    let file = b"# by hand\n\
        10.0.0.1 &ready=75&busy=3&lastseen=2&port=80\n\
        \n\
        fe80::1 &ready=1&busy=0&lastseen=11&port=8009\r\n\
        node3.example.com busy=7\n\
        10.0.0.4\n\
        \x2010.0.0.5 &ready=1\n\
        10.0.0.6 &ready=many\n\
        10.0.0.7 &ready=1&lastseen=-1";
    let stored = |host, report, seconds| {
        Ok(Stored {
            host,
            report,
            age: Duration::from_secs(seconds),
        })
    };
    let expected = [
        (2, stored("10.0.0.1", report(75, 3, Some(80)), 2)),
        (4, stored("fe80::1", report(1, 0, Some(8009)), 11)),
        (5, stored("node3.example.com", report(0, 7, None), 0)),
        (6, Err(Malformed::NoHost)),
        (7, Err(Malformed::NoHost)),
        (8, Err(Malformed::Number)),
        (9, Err(Malformed::Number)),
    ];
    assert_eq!(storage(file).collect::<Vec<_>>(), expected);

    let long = [&b"10.0.0.1 "[..], &vec![b'x'; LONGEST_LINE]].concat();
    let found: Vec<_> = storage(&long).collect();
    assert_eq!(found, [(1, Err(Malformed::TooLong))]);
}

#[test]
fn a_report_belongs_to_the_members_with_its_host_and_port() {
    let members = [
        ("10.0.0.1", 8009),
        ("10.0.0.1", 8019),
        ("10.0.0.2", 8009),
        ("[2001:db8::1]", 8009),
        ("node5.example.com", 8009),
    ];
    let of = |host, port| addressees(host, port, members.iter().copied()).collect::<Vec<_>>();
    assert_eq!(of("10.0.0.1", Some(8019)), [1]);
    // A port that no member has: mod_heartmonitor writes 80.
    assert_eq!(of("10.0.0.1", Some(80)), [0, 1]);
    assert_eq!(of("10.0.0.1", None), [0, 1]);
    assert_eq!(of("10.0.0.2", Some(1)), [2]);
    assert_eq!(of("::ffff:10.0.0.2", Some(8009)), [2]);
    assert_eq!(of("2001:DB8:0::1", None), [3]);
    assert_eq!(of("Node5.Example.com", Some(8009)), [4]);
    assert_eq!(of("10.0.0.3", Some(8009)), [0_usize; 0]);
    assert_eq!(of("", None), [0_usize; 0]);
}

proptest! {
    #[test]
    fn no_bytes_cause_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..1_200)) {
        let _ = datagram(&bytes);
        prop_assert!(storage(&bytes).count() <= bytes.len() + 1);
    }

    #[test]
    fn text_like_a_report_causes_no_panic(text in "[v=1&readybuspot0-9 #\\n.:]{0,80}") {
        let _ = datagram(text.as_bytes());
        for (_, stored) in storage(text.as_bytes()) {
            if let Ok(stored) = stored {
                prop_assert!(!stored.host.is_empty());
                let _ = addressees(stored.host, stored.report.port, [("::1", 1)].into_iter()).count();
            }
        }
    }

    #[test]
    fn a_report_is_read_as_it_was_sent(ready: u32, busy: u32, port: Option<u16>, age: u32) {
        let port_text = port.map(|port| format!("&port={port}")).unwrap_or_default();
        let sent = format!("v=1&ready={ready}&busy={busy}{port_text}");
        prop_assert_eq!(datagram(sent.as_bytes()), Ok(report(ready, busy, port)));
        let line = format!("::1 &ready={ready}&busy={busy}&lastseen={age}{port_text}\n");
        let stored = Stored {
            host: "::1",
            report: report(ready, busy, port),
            age: Duration::from_secs(age.into()),
        };
        prop_assert_eq!(storage(line.as_bytes()).collect::<Vec<_>>(), vec![(1, Ok(stored))]);
    }
}
