//! Numbers, durations, sizes, weights.

use std::time::Duration;

use schemars::{Schema, json_schema};

use crate::fault::{Fault, quoted};
use crate::field::Kind;
use crate::model::{LoadFactor, Part as Share};

/// A whole number from `MIN` to `MAX`.
pub(crate) enum Whole<const MIN: u64, const MAX: u64> {}

impl<const MIN: u64, const MAX: u64> Kind for Whole<MIN, MAX> {
    type Value = u64;

    fn read(text: &str) -> Result<u64, Fault> {
        if !is_number(text) {
            return Err(Fault::new(format!("{} is not a number", quoted(text)))
                .hint(format!("write a whole number from {MIN} to {MAX}")));
        }
        match without_zeros(text).parse() {
            Ok(number) if (MIN..=MAX).contains(&number) => Ok(number),
            _ => Err(Fault::new(format!(
                "{} is not a whole number from {MIN} to {MAX}",
                cut(text)
            ))
            .hint(format!("the least is {MIN} and the most {MAX}"))),
        }
    }

    fn schema() -> Schema {
        json_schema!({ "type": "integer", "minimum": MIN, "maximum": MAX })
    }
}

/// An HTTP status.
pub(crate) enum StatusCode {}

impl Kind for StatusCode {
    type Value = u16;

    fn read(text: &str) -> Result<u16, Fault> {
        match without_zeros(text).parse() {
            Ok(status @ 100..=599) => Ok(status),
            _ => Err(
                Fault::new(format!("{} is not an HTTP status", quoted(text)))
                    .hint("a status is a number from 100 to 599; several are written [500, 503]"),
            ),
        }
    }

    fn schema() -> Schema {
        json_schema!({ "type": "integer", "minimum": 100, "maximum": 599 })
    }
}

/// An HTTP status of an error.
pub(crate) enum ErrorStatus {}

impl Kind for ErrorStatus {
    type Value = u16;

    fn read(text: &str) -> Result<u16, Fault> {
        match without_zeros(text).parse() {
            Ok(status @ 400..=599) => Ok(status),
            _ => Err(
                Fault::new(format!("{} is not the status of an error", quoted(text)))
                    .hint("errors have statuses from 400 to 599"),
            ),
        }
    }

    fn schema() -> Schema {
        json_schema!({ "type": "integer", "minimum": 400, "maximum": 599 })
    }

    fn name_schema() -> Schema {
        json_schema!({ "pattern": "^0*[45][0-9][0-9]$" })
    }
}

const FACTOR_HINT: &str = "a weight is a number from 1 to 100 with at most two decimals";

/// `loadfactor`: 1 to 100 with at most two decimals.
pub(crate) enum Factor {}

impl Kind for Factor {
    type Value = LoadFactor;

    fn read(text: &str) -> Result<LoadFactor, Fault> {
        if !is_number(text) {
            return Err(Fault::new(format!("{} is not a number", quoted(text))).hint(FACTOR_HINT));
        }
        let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
        let significant = decimals.trim_end_matches('0');
        let hundredths = format!("{whole}{significant:0<2}");
        (significant.len() <= 2)
            .then(|| {
                hundredths
                    .parse()
                    .ok()
                    .and_then(LoadFactor::from_hundredths)
            })
            .flatten()
            .ok_or_else(|| Fault::new(format!("{} is not a weight", cut(text))).hint(FACTOR_HINT))
    }

    fn schema() -> Schema {
        json_schema!({ "type": "number", "minimum": 1, "maximum": 100 })
    }
}

/// A part of a whole: a number from 0 to 1 with at most six decimals.
pub(crate) enum Part {}

impl Kind for Part {
    type Value = Share;

    fn read(text: &str) -> Result<Share, Fault> {
        let hint = "write a number from 0 to 1 with at most six decimals, like 0.01";
        let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let significant = decimals.trim_end_matches('0');
        let millionths = format!("{whole}{significant:0<6}");
        let fits = !whole.is_empty() && digits(whole) && digits(decimals) && significant.len() <= 6;
        let part = millionths.parse().ok().and_then(Share::from_millionths);
        part.filter(|_| fits)
            .ok_or_else(|| Fault::new(format!("{} is not a part of a whole", cut(text))).hint(hint))
    }

    fn schema() -> Schema {
        json_schema!({ "type": "number", "minimum": 0, "maximum": 1 })
    }
}

/// A duration of at least `MIN` milliseconds: `250ms`, `5s`, `2m`, `1h`, `1d`, or a number of seconds.
pub(crate) enum Period<const MIN: u64> {}

const DURATION_HINT: &str =
    "durations are written 250ms, 5s, 2m, 1h or 1d; a bare number is seconds";

/// Longest duration: ten years. A longer one is a mistake, and could overflow when it is added to a time.
const LONGEST_DAYS: f64 = 3650.0;

impl<const MIN: u64> Kind for Period<MIN> {
    type Value = Duration;

    fn read(text: &str) -> Result<Duration, Fault> {
        let (number, unit) = number_and_unit(text);
        let seconds = match unit {
            "ms" => 0.001,
            "" | "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            _ => return Err(not_a(text, "duration", DURATION_HINT)),
        };
        let Some(number) = number else {
            return Err(not_a(text, "duration", DURATION_HINT));
        };
        let longest = LONGEST_DAYS * 86_400.0;
        let duration = Duration::try_from_secs_f64((number * seconds).min(longest + 1.0));
        match duration {
            Ok(duration) if duration.as_secs_f64() > longest => Err(Fault::new(format!(
                "{} is too long: at most {LONGEST_DAYS}d",
                cut(text)
            ))
            .hint(DURATION_HINT)),
            Ok(duration) if duration < Duration::from_millis(MIN) => {
                let fault = Fault::new(format!("{} is too short: at least {MIN}ms", cut(text)));
                Err(fault.hint(DURATION_HINT))
            }
            Ok(duration) => Ok(duration),
            Err(_) => Err(not_a(text, "duration", DURATION_HINT)),
        }
    }

    fn schema() -> Schema {
        let digits = match MIN {
            0 => r"[0-9]+(\.[0-9]+)?",
            _ => r"(0*[1-9][0-9]*(\.[0-9]+)?|[0-9]+\.[0-9]*[1-9][0-9]*)",
        };
        json_schema!({ "anyOf": [
            { "type": "string", "pattern": format!(r"^{digits}\s*(ms|s|m|h|d)?$") },
            {
                "type": "number",
                "minimum": Duration::from_millis(MIN).as_secs_f64(),
                "maximum": LONGEST_DAYS * 86_400.0,
            },
        ]})
    }
}

/// A size of `MIN` to `MAX` bytes: `8KiB`, `1MiB`, `8KB` (8000 bytes), or a number of bytes.
pub(crate) enum Size<const MIN: u64, const MAX: u64> {}

const SIZE_HINT: &str =
    "sizes are written 8KiB, 1MiB, 2GiB (or 8KB = 8000 bytes); a bare number is bytes";

impl<const MIN: u64, const MAX: u64> Kind for Size<MIN, MAX> {
    type Value = u64;

    fn read(text: &str) -> Result<u64, Fault> {
        let (number, unit) = number_and_unit(text);
        let bytes = match unit.to_ascii_lowercase().as_str() {
            "" | "b" => 1.0,
            "kib" => 1024.0,
            "mib" => 1_048_576.0,
            "gib" => 1_073_741_824.0,
            "kb" => 1e3,
            "mb" => 1e6,
            "gb" => 1e9,
            _ => return Err(not_a(text, "size", SIZE_HINT)),
        };
        let Some(number) = number else {
            return Err(not_a(text, "size", SIZE_HINT));
        };
        let size = number * bytes;
        // The cast saturates; the range is checked next.
        let whole = size as u64;
        match (MIN..=MAX).contains(&whole) {
            true if size.fract() == 0.0 => Ok(whole),
            true => {
                let fault = Fault::new(format!("{} is not a whole number of bytes", cut(text)));
                Err(fault.hint(SIZE_HINT))
            }
            false => {
                let fault = Fault::new(format!(
                    "{} is not a size from {MIN} to {MAX} bytes",
                    cut(text)
                ));
                Err(fault.hint(SIZE_HINT))
            }
        }
    }

    fn schema() -> Schema {
        json_schema!({ "anyOf": [
            { "type": "integer", "minimum": MIN, "maximum": MAX },
            { "type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?\s*([KMGkmg][Ii]?)?[Bb]?$" },
        ]})
    }
}

fn not_a(text: &str, what: &str, hint: &str) -> Fault {
    Fault::new(format!("{} is not a {what}", quoted(text))).hint(hint)
}

/// Whether a text is a number (digits, perhaps with a sign and decimals): then the message is about its range.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.chars().all(|c| c.is_ascii_digit() || c == '.')
}

/// A number as it was written, cut where it is too long for a message.
fn cut(text: &str) -> &str {
    const LONGEST: usize = 40;
    text.char_indices()
        .nth(LONGEST)
        .and_then(|(end, _)| text.get(..end))
        .unwrap_or(text)
}

/// `5.0` → `5`: programs that have only floating-point numbers write whole numbers with a point.
fn without_zeros(text: &str) -> &str {
    match text.split_once('.') {
        Some((whole, decimals)) if !decimals.is_empty() && decimals.bytes().all(|b| b == b'0') => {
            whole
        }
        _ => text,
    }
}

/// `1.5 MiB` → 1.5 and `MiB`.
fn number_and_unit(text: &str) -> (Option<f64>, &str) {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let number = text.strip_suffix(unit).unwrap_or_default();
    let decimals = number.starts_with(|c: char| c.is_ascii_digit()) && !number.ends_with('.');
    let number = number.parse().ok().filter(|_| decimals);
    (number, unit.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, millis) in [
            ("0", 0),
            ("0s", 0),
            ("5", 5000),
            ("5s", 5000),
            ("250ms", 250),
            ("1ms", 1),
            ("2m", 120_000),
            ("1.5m", 90_000),
            ("0.1", 100),
            ("1h", 3_600_000),
            ("1d", 86_400_000),
            ("3650d", 315_360_000_000),
            ("5 s", 5000),
        ] {
            let read = Period::<0>::read(text);
            assert_eq!(read, Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in [
            "", "s", "-5s", "5x", "1m30s", ".5s", "5.s", "1e3", "0x10", "nan", "inf", "5min",
            "1.2.3s",
        ] {
            let fault = Period::<0>::read(text).expect_err(text);
            assert_eq!(fault.hint.as_deref(), Some(DURATION_HINT), "{text}");
        }
        assert!(Period::<0>::read("3651d").is_err());
        assert!(Period::<0>::read(&"9".repeat(400)).is_err());
        assert!(Period::<1>::read("0s").is_err());
        assert!(Period::<100>::read("99ms").is_err());
    }

    #[test]
    fn sizes() {
        type Any = Size<0, { 1 << 40 }>;
        for (text, bytes) in [
            ("0", 0),
            ("8192", 8192),
            ("8KiB", 8192),
            ("8kib", 8192),
            ("1 MiB", 1 << 20),
            ("1.5MiB", 3 << 19),
            ("2GiB", 2 << 30),
            ("8KB", 8000),
            ("1MB", 1_000_000),
            ("1GB", 1_000_000_000),
            ("100B", 100),
        ] {
            assert_eq!(Any::read(text), Ok(bytes), "{text}");
        }
        for text in [
            "", "8k", "8K", "KiB", "-1", "1TiB", "8KiBs", "0.5", "99999GiB",
        ] {
            assert!(Any::read(text).is_err(), "{text}");
        }
        assert!(Size::<8192, 65_536>::read("8191").is_err());
        assert_eq!(Size::<8192, 65_536>::read("64KiB"), Ok(65_536));
    }

    #[test]
    fn weights() {
        for (text, hundredths) in [
            ("1", 100),
            ("1.0", 100),
            ("2.5", 250),
            ("33.33", 3333),
            ("33.330", 3333),
            ("100", 10_000),
        ] {
            let factor = Factor::read(text).map(LoadFactor::hundredths);
            assert_eq!(factor, Ok(hundredths), "{text}");
        }
        for text in [
            "0", "0.99", "100.01", "1.234", "-1", "x", "", "1e2", "1.2.3",
        ] {
            let read = Factor::read(text).map(LoadFactor::hundredths);
            assert!(read.is_err(), "{text}");
        }
    }

    #[test]
    fn whole_numbers() {
        assert_eq!(Whole::<1, 9>::read("9"), Ok(9));
        assert_eq!(Whole::<1, 9>::read("9.0"), Ok(9));
        for text in [
            "0",
            "10",
            "-1",
            "1.5",
            "x",
            "",
            "9.",
            "9.0.0",
            "99999999999999999999999",
        ] {
            assert!(Whole::<1, 9>::read(text).is_err(), "{text}");
        }
        assert!(StatusCode::read("99").is_err());
        assert_eq!(StatusCode::read("503"), Ok(503));
    }
}
