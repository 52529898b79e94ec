//! The time of a request as the Common Log Format writes it. Many requests begin in the same second.

use std::cell::RefCell;

use jiff::Timestamp;
use jiff::tz::TimeZone;

thread_local! {
    /// The last second that was written, in seconds since 1970, and its text.
    static LAST: RefCell<Option<(i64, String)>> = const { RefCell::new(None) };
}

/// `[24/Nov/2026:00:00:00 +0000]` in the time zone of the machine.
pub(super) fn common(time: Timestamp) -> String {
    let second = time.as_second();
    LAST.with_borrow_mut(|last| match last {
        Some((known, text)) if *known == second => text.clone(),
        _ => {
            let text = write(time);
            *last = Some((second, text.clone()));
            text
        }
    })
}

fn write(time: Timestamp) -> String {
    let time = time.to_zoned_datetime(TimeZone::system());
    time.strftime("[%d/%b/%Y:%H:%M:%S %z]").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_second_has_its_own_text() {
        let second = |second| Timestamp::from_second(second).unwrap();
        for time in [1_795_478_400, 1_795_478_401, 1_795_478_401, 1_795_478_399] {
            let expected = second(time).to_zoned_datetime(TimeZone::system());
            let expected = expected.strftime("[%d/%b/%Y:%H:%M:%S %z]").to_string();
            assert_eq!(common(second(time)), expected);
        }
    }
}
