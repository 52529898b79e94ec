//! The value of `Date`, written once a second.

use std::cell::Cell;
use std::time::{SystemTime, UNIX_EPOCH};

/// Bytes of `Tue, 24 Nov 2026 00:00:00 GMT`.
const LENGTH: usize = 29;

type Text = [u8; LENGTH];

thread_local! {
    /// Seconds since 1970, and the text for them.
    static LAST: Cell<(u64, Text)> = const { Cell::new((u64::MAX, [b' '; LENGTH])) };
}

/// The current time as HTTP writes it (RFC 9110 section 5.6.7).
pub(super) fn now() -> Text {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.map_or(0, |now| now.as_secs());
    LAST.with(|last| {
        let (second, text) = last.get();
        if second == now {
            return text;
        }
        let text = write(now);
        last.set((now, text));
        text
    })
}

fn write(second: u64) -> Text {
    let time = i64::try_from(second).unwrap_or_default();
    let time = jiff::Timestamp::from_second(time).unwrap_or_default();
    let written = time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    written.as_bytes().try_into().unwrap_or([b' '; LENGTH])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_written_as_http_wants_it() {
        assert_eq!(&write(1_795_478_400), b"Tue, 24 Nov 2026 00:00:00 GMT");
        assert_eq!(now(), now());
    }
}
