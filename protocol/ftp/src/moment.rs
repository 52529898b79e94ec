//! When a file was changed: dates as FTP servers write them, and as HTTP does. Servers and HTTP use UTC.

use std::time::{Duration, UNIX_EPOCH};

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

/// Reads the date of MDTM and MLSD (RFC 3659 section 2.3): `YYYYMMDDHHMMSS`, with or without a fraction, which is dropped.
#[must_use]
pub fn from_digits(text: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(text).ok()?.trim();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() != 14 || !digits(whole) || !digits(fraction) {
        return None;
    }
    // A leap second becomes second 59.
    utc(DateTime::strptime("%Y%m%d%H%M%S", whole).ok()?)
}

/// Reads the date of a line of `ls -l`: month, day, and a year or a time of day. A time of day belongs to the last twelve
/// months before `now`. Servers name no time zone; UTC is assumed, and a time of up to 24 hours after `now` is accepted
/// because the server's clock may be ahead.
#[must_use]
pub fn from_ls(month: &[u8], day: &[u8], year_or_time: &[u8], now: Timestamp) -> Option<Timestamp> {
    let text = |bytes| std::str::from_utf8(bytes).ok();
    let (month, day, year_or_time) = (text(month)?, text(day)?, text(year_or_time)?);
    // `%b` would accept the full name of a month too.
    if month.len() != 3 {
        return None;
    }
    let on_day = |year: &str| Date::strptime("%Y %b %d", format!("{year} {month} {day}")).ok();
    if !year_or_time.contains(':') {
        let digits = year_or_time.bytes().all(|byte| byte.is_ascii_digit());
        let date = on_day(year_or_time).filter(|_| digits && year_or_time.len() == 4)?;
        return utc(date.to_datetime(Time::midnight()));
    }
    let time = Time::strptime("%H:%M", year_or_time).ok()?;
    let this_year = Offset::UTC.to_datetime(now).year();
    let latest = now.checked_add(SignedDuration::from_hours(24)).ok()?;
    // Newest year first: January of the next year can be within the 24 hours.
    [1, 0, -1]
        .into_iter()
        .filter_map(|years| {
            utc(on_day(&this_year.checked_add(years)?.to_string())?.to_datetime(time))
        })
        .find(|moment| *moment <= latest)
}

/// Reads the date of a line of a Windows server: `01-02-26  03:04PM`, or with four digits of the year or 24 hours.
#[must_use]
pub fn from_dos(date: &[u8], time: &[u8]) -> Option<Timestamp> {
    let text = |bytes| std::str::from_utf8(bytes).ok();
    let (date, time) = (text(date)?, text(time)?);
    let date_format = match date.len() {
        8 => "%m-%d-%y",
        10 => "%m-%d-%Y",
        _ => return None,
    };
    let time_format = match time.len() {
        5 => "%H:%M",
        7 => "%I:%M%p",
        _ => return None,
    };
    let date = Date::strptime(date_format, date).ok()?;
    utc(date.to_datetime(Time::strptime(time_format, time).ok()?))
}

fn utc(moment: DateTime) -> Option<Timestamp> {
    Offset::UTC.to_timestamp(moment).ok()
}

/// Writes `Last-Modified` (RFC 9110 section 5.6.7); `None` before 1970.
#[must_use]
pub fn to_http(moment: Timestamp) -> Option<String> {
    let seconds = u64::try_from(moment.as_second()).ok()?;
    let time = UNIX_EPOCH.checked_add(Duration::from_secs(seconds))?;
    Some(httpdate::fmt_http_date(time))
}

/// Reads a date of HTTP in any of its three forms (RFC 9110 section 5.6.7).
#[must_use]
pub fn from_http(text: &[u8]) -> Option<Timestamp> {
    let time = httpdate::parse_http_date(std::str::from_utf8(text).ok()?).ok()?;
    Timestamp::try_from(time).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(moment: Option<Timestamp>) -> Option<String> {
        moment.map(|moment| moment.to_string())
    }

    #[test]
    fn dates_of_mdtm_have_fourteen_digits() {
        for (digits, expected) in [
            ("20260102030405", Some("2026-01-02T03:04:05Z")),
            (" 20260102030405 ", Some("2026-01-02T03:04:05Z")),
            ("20260102030405.123", Some("2026-01-02T03:04:05Z")),
            ("20161231235960", Some("2016-12-31T23:59:59Z")),
            ("", None),
            ("2026010203040", None),
            ("202601020304055", None),
            ("20261302030405", None),
            ("20260230030405", None),
            ("20260102240000", None),
            ("19100101", None),
            ("x0260102030405", None),
            ("-2026010203040", None),
            ("20260102030405.", None),
        ] {
            assert_eq!(
                text(from_digits(digits.as_bytes())).as_deref(),
                expected,
                "{digits}"
            );
        }
    }

    #[test]
    fn dates_of_ls_are_in_the_last_twelve_months_or_have_a_year() {
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        for ((month, day, rest), expected) in [
            (("Jan", "2", "03:04"), Some("2026-01-02T03:04:00Z")),
            (("Jan", "02", "3:04"), Some("2026-01-02T03:04:00Z")),
            (("Mar", "2", "11:00"), Some("2026-03-02T11:00:00Z")),
            (("Mar", "2", "13:00"), Some("2025-03-02T13:00:00Z")),
            (("Dec", "31", "23:59"), Some("2025-12-31T23:59:00Z")),
            (("feb", "29", "2024"), Some("2024-02-29T00:00:00Z")),
            (("Feb", "29", "2023"), None),
            (("Foo", "1", "2020"), None),
            (("January", "1", "2020"), None),
            (("Jan", "32", "2020"), None),
            (("Jan", "0", "2020"), None),
            (("Jan", "1", "25:00"), None),
            (("Jan", "1", "20"), None),
            (("Jan", "1", "20200"), None),
            (("Jan", "1", "+202"), None),
            (("Jan", "1", ""), None),
        ] {
            let moment = from_ls(month.as_bytes(), day.as_bytes(), rest.as_bytes(), now);
            assert_eq!(text(moment).as_deref(), expected, "{month} {day} {rest}");
        }
    }

    #[test]
    fn dates_of_windows_servers_have_twelve_or_twenty_four_hours() {
        for ((date, time), expected) in [
            (("01-02-26", "03:04AM"), Some("2026-01-02T03:04:00Z")),
            (("01-02-26", "03:04pm"), Some("2026-01-02T15:04:00Z")),
            (("01-02-99", "12:00AM"), Some("1999-01-02T00:00:00Z")),
            (("12-31-2025", "12:00PM"), Some("2025-12-31T12:00:00Z")),
            (("12-31-2025", "23:59"), Some("2025-12-31T23:59:00Z")),
            (("13-31-2025", "23:59"), None),
            (("12-31-225", "23:59"), None),
            (("12/31/25", "23:59"), None),
            (("12-31-25", "13:00PM"), None),
            (("12-31-25", ""), None),
        ] {
            let moment = from_dos(date.as_bytes(), time.as_bytes());
            assert_eq!(text(moment).as_deref(), expected, "{date} {time}");
        }
    }

    #[test]
    fn dates_of_http_are_written_and_read() {
        let moment: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        assert_eq!(
            to_http(moment).as_deref(),
            Some("Fri, 02 Jan 2026 03:04:05 GMT")
        );
        for text in [
            "Fri, 02 Jan 2026 03:04:05 GMT",
            "Friday, 02-Jan-26 03:04:05 GMT",
            "Fri Jan  2 03:04:05 2026",
        ] {
            assert_eq!(from_http(text.as_bytes()), Some(moment), "{text}");
        }
        assert_eq!(from_http(b"yesterday"), None);
        assert_eq!(to_http("1969-01-01T00:00:00Z".parse().unwrap()), None);
    }
}
