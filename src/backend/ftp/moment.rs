//! When a file was changed: as servers say it, and as HTTP and JSON do. Pure.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;

/// A moment of MDTM and MLSD (RFC 3659 section 2.3): `YYYYMMDDHHMMSS`, in UTC, with or without a fraction.
pub(super) fn of_digits(text: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(text).ok()?.trim();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() != 14 || !digits(whole) || !digits(fraction) {
        return None;
    }
    let part = |from: usize, to: usize| whole.get(from..to)?.parse::<i16>().ok();
    let small = |from, to| part(from, to).and_then(|value| i8::try_from(value).ok());
    let date = Date::new(part(0, 4)?, small(4, 6)?, small(6, 8)?).ok()?;
    // A leap second is the one before it.
    let time = Time::new(small(8, 10)?, small(10, 12)?, small(12, 14)?.min(59), 0).ok()?;
    utc(date.to_datetime(time))
}

/// A moment of LIST: month, day, and a year or the time of a day in the last year. Servers name no zone; UTC is
/// assumed.
pub(super) fn of_listing(
    month: &[u8],
    day: &[u8],
    year_or_time: &[u8],
    now: Timestamp,
) -> Option<Timestamp> {
    const MONTHS: [&[u8]; 12] = [
        b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov",
        b"dec",
    ];
    let month = month.to_ascii_lowercase();
    let month = MONTHS.iter().position(|name| *name == month.as_slice())?;
    let month = i8::try_from(month.checked_add(1)?).ok()?;
    let text = |bytes| std::str::from_utf8(bytes).ok();
    let day: i8 = text(day)?.parse().ok()?;
    let year_or_time = text(year_or_time)?;
    let Some((hour, minute)) = year_or_time.split_once(':') else {
        let year = year_or_time
            .parse()
            .ok()
            .filter(|_| year_or_time.len() == 4)?;
        return utc(Date::new(year, month, day)
            .ok()?
            .to_datetime(Time::midnight()));
    };
    let time = Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()?;
    let this_year = Offset::UTC.to_datetime(now).year();
    // A day's leeway: the server's clock may be in another zone.
    let latest = now.checked_add(jiff::SignedDuration::from_hours(24)).ok()?;
    [
        this_year.checked_add(1)?,
        this_year,
        this_year.checked_sub(1)?,
    ]
    .into_iter()
    .filter_map(|year| utc(Date::new(year, month, day).ok()?.to_datetime(time)))
    .find(|moment| *moment <= latest)
}

fn utc(moment: DateTime) -> Option<Timestamp> {
    Offset::UTC.to_timestamp(moment).ok()
}

/// As `Last-Modified` has it; `None` before 1970.
pub(super) fn http_date(moment: Timestamp) -> Option<String> {
    let seconds = u64::try_from(moment.as_second()).ok()?;
    let time = std::time::UNIX_EPOCH.checked_add(std::time::Duration::from_secs(seconds))?;
    Some(httpdate::fmt_http_date(time))
}

/// Reads what [`http_date`] writes, and the two older forms (RFC 9110 section 5.6.7).
pub(super) fn of_http_date(text: &[u8]) -> Option<Timestamp> {
    let time = httpdate::parse_http_date(std::str::from_utf8(text).ok()?).ok()?;
    Timestamp::try_from(time).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_of_mdtm() {
        let seen = |text: &str| of_digits(text.as_bytes()).map(|moment| moment.to_string());
        assert_eq!(
            seen("20260102030405").as_deref(),
            Some("2026-01-02T03:04:05Z")
        );
        assert_eq!(
            seen("20260102030405.123").as_deref(),
            Some("2026-01-02T03:04:05Z")
        );
        assert_eq!(
            seen("20161231235960").as_deref(),
            Some("2016-12-31T23:59:59Z")
        );
        for bad in [
            "",
            "2026010203040",
            "202601020304055",
            "20261302030405",
            "19100101",
            "x0260102030405",
            "20260102030405.",
        ] {
            assert_eq!(seen(bad), None, "{bad}");
        }
    }

    #[test]
    fn moments_of_listings() {
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let seen = |month: &str, day: &str, rest: &str| {
            let moment = of_listing(month.as_bytes(), day.as_bytes(), rest.as_bytes(), now);
            moment.map(|moment| moment.to_string())
        };
        assert_eq!(
            seen("Jan", "2", "03:04").as_deref(),
            Some("2026-01-02T03:04:00Z")
        );
        assert_eq!(
            seen("Mar", "2", "11:00").as_deref(),
            Some("2026-03-02T11:00:00Z")
        );
        assert_eq!(
            seen("Dec", "31", "23:59").as_deref(),
            Some("2025-12-31T23:59:00Z")
        );
        assert_eq!(
            seen("feb", "29", "2024").as_deref(),
            Some("2024-02-29T00:00:00Z")
        );
        for (month, day, rest) in [
            ("Foo", "1", "2020"),
            ("Jan", "32", "2020"),
            ("Jan", "1", "25:00"),
            ("Jan", "1", "20"),
        ] {
            assert_eq!(seen(month, day, rest), None);
        }
    }

    #[test]
    fn dates_of_http_go_both_ways() {
        let moment: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        let text = http_date(moment).unwrap();
        assert_eq!(text, "Fri, 02 Jan 2026 03:04:05 GMT");
        assert_eq!(of_http_date(text.as_bytes()), Some(moment));
        assert_eq!(http_date("1969-01-01T00:00:00Z".parse().unwrap()), None);
    }
}
