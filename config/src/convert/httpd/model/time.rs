//! Durations and switches of httpd.

use std::time::Duration;

/// A duration with `ms`, `s`, `mi`, `min` or `h` behind it; without one the number has the given unit.
pub(super) fn duration(text: &str, unit: &str) -> Option<Duration> {
    let end = text.find(|letter: char| !letter.is_ascii_digit());
    let (number, own) = text.split_at_checked(end.unwrap_or(text.len()))?;
    let number: u64 = number.parse().ok()?;
    let unit = if own.is_empty() { unit } else { own };
    let unit = unit.to_ascii_lowercase();
    let milliseconds = match &*unit {
        "ms" => 1,
        "s" => 1000,
        "mi" | "min" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    let longest = 3650 * 86_400 * 1000;
    Some(Duration::from_millis(
        number.checked_mul(milliseconds)?.min(longest),
    ))
}

/// `On` or `Off`, in any case.
pub(super) fn switch(text: &str) -> Option<bool> {
    match &*text.to_ascii_lowercase() {
        "on" | "yes" | "1" => Some(true),
        "off" | "no" | "0" => Some(false),
        _ => None,
    }
}
