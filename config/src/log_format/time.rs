//! `%t` and `%{…}t`.

use super::format::{TimeFormat, TimeOf, Token};
use crate::fault::{Fault, quoted};

/// The directives of strftime that are the same everywhere: those of ISO C, with `e`, `k`, `l`, `P` and `s` of the usual systems.
/// Those of the locale (`%c`, `%x`, `%X`, `%r`) are left out: a log should not depend on it.
const DIRECTIVES: &str = "aAbBCdDeFgGhHIjklmMnpPRsStTuUVwWyYzZ%";

/// Signs between `%` and the directive: no padding, blanks, zeros, capitals.
const FLAGS: [char; 4] = ['-', '_', '0', '^'];

/// The token of what stands in the braces, if any.
pub(super) fn token(format: Option<&str>) -> Result<Token, Fault> {
    let Some(format) = format.filter(|format| !format.is_empty()) else {
        return Ok(Token::Time(TimeOf::Begin, TimeFormat::Common));
    };
    let (of, format) = match (format.strip_prefix("begin:"), format.strip_prefix("end:")) {
        (Some(rest), _) => (TimeOf::Begin, rest),
        (None, Some(rest)) => (TimeOf::End, rest),
        (None, None) => (TimeOf::Begin, format),
    };
    let format = match format {
        "" => TimeFormat::Common,
        "sec" => TimeFormat::Seconds,
        "msec" => TimeFormat::Milliseconds,
        "usec" => TimeFormat::Microseconds,
        "msec_frac" => TimeFormat::MillisecondFraction,
        "usec_frac" => TimeFormat::MicrosecondFraction,
        format => TimeFormat::Strftime(strftime(format)?),
    };
    Ok(Token::Time(of, format))
}

/// Refuses what would fail, or be written differently, line by line.
fn strftime(format: &str) -> Result<String, Fault> {
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            continue;
        }
        let mut next = chars.next();
        let flag = next.filter(|c| FLAGS.contains(c));
        if flag.is_some() {
            next = chars.next();
        }
        if !next.is_some_and(|directive| DIRECTIVES.contains(directive)) {
            let written: String = std::iter::once('%').chain(flag).chain(next).collect();
            let fault = Fault::new(format!(
                "{} is not a directive of strftime",
                quoted(&written)
            ));
            return Err(fault.hint(
                "write %{%Y-%m-%dT%H:%M:%S%z}t, or one of sec, msec, usec, msec_frac, usec_frac",
            ));
        }
    }
    Ok(format.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_of_time() {
        let strftime = |format: &str| TimeFormat::Strftime(format.to_owned());
        for (format, of, expected) in [
            ("", TimeOf::Begin, TimeFormat::Common),
            ("sec", TimeOf::Begin, TimeFormat::Seconds),
            ("end:msec", TimeOf::End, TimeFormat::Milliseconds),
            ("begin:usec", TimeOf::Begin, TimeFormat::Microseconds),
            ("msec_frac", TimeOf::Begin, TimeFormat::MillisecondFraction),
            (
                "end:usec_frac",
                TimeOf::End,
                TimeFormat::MicrosecondFraction,
            ),
            ("end:", TimeOf::End, TimeFormat::Common),
            ("%d/%b/%Y %T", TimeOf::Begin, strftime("%d/%b/%Y %T")),
            ("end:%-H", TimeOf::End, strftime("%-H")),
        ] {
            let token = token(Some(format)).expect(format);
            assert_eq!(token, Token::Time(of, expected), "{format}");
        }
        for format in ["%Q", "%", "%-", "%E", "%c", "%é"] {
            assert!(token(Some(format)).is_err(), "{format}");
        }
    }

    #[test]
    fn the_formatter_knows_every_directive() {
        let time = jiff::Timestamp::UNIX_EPOCH.to_zoned_datetime(jiff::tz::TimeZone::UTC);
        for directive in DIRECTIVES.chars() {
            let format = format!("%{directive}");
            jiff::fmt::strtime::format(&format, &time).expect(&format);
            if directive.is_ascii_alphabetic() && !"nt".contains(directive) {
                for flag in FLAGS {
                    let format = format!("%{flag}{directive}");
                    jiff::fmt::strtime::format(&format, &time).expect(&format);
                }
            }
        }
    }
}
