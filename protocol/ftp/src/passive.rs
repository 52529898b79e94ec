//! The port of a data connection, in the replies to EPSV and PASV.
//!
//! The address in a reply to PASV is ignored: the data connection goes to the host of the control connection. Otherwise a
//! server could make the gateway connect to any host (CVE-2020-8284).

use crate::reply::Reply;

/// The port in a reply with code 229 (RFC 2428 section 3): `(|||6446|)`. Any delimiter and any text around is accepted.
#[must_use]
pub fn epsv_port(reply: &Reply) -> Option<u16> {
    texts(reply).find_map(extended_port)
}

/// The port in a reply with code 227 (RFC 959 section 4.1.2). Any text around the six numbers is accepted: parentheses, `=`,
/// or nothing. Where the text has other numbers too, the six that commas join are taken.
#[must_use]
pub fn pasv_port(reply: &Reply) -> Option<u16> {
    texts(reply).find_map(port_of_six_numbers)
}

/// The texts that may contain the port, the last line first.
fn texts(reply: &Reply) -> impl Iterator<Item = &[u8]> {
    [reply.last.as_slice(), reply.first.as_slice()].into_iter()
}

fn extended_port(text: &[u8]) -> Option<u16> {
    text.windows(3).enumerate().find_map(|(at, window)| {
        let delimiter = *window.first()?;
        let same = window.iter().all(|byte| *byte == delimiter);
        if !same || !delimiter.is_ascii_graphic() || delimiter.is_ascii_digit() {
            return None;
        }
        let rest = text.get(at.saturating_add(3)..)?;
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = rest.split_at_checked(digits)?;
        let port: u16 = std::str::from_utf8(digits).ok()?.parse().ok()?;
        (port != 0 && rest.first() == Some(&delimiter)).then_some(port)
    })
}

fn port_of_six_numbers(text: &[u8]) -> Option<u16> {
    let numbers = numbers(text);
    let mut joined = numbers.chunk_by(|_, next| next.joined);
    let six = joined
        .find(|run| run.len() == 6)
        .or((numbers.len() == 6).then_some(numbers.as_slice()))?;
    let bytes: Option<Vec<u8>> = six.iter().map(|number| number.value).collect();
    match bytes?.as_slice() {
        [_, _, _, _, high, low] => {
            Some(u16::from_be_bytes([*high, *low])).filter(|port| *port != 0)
        }
        _ => None,
    }
}

/// A number in a text.
struct Number {
    /// `None` when it is greater than 255.
    value: Option<u8>,
    /// Whether a comma, and nothing else but spaces, stands between the number before and this one.
    joined: bool,
}

fn numbers(text: &[u8]) -> Vec<Number> {
    let mut numbers = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.iter().position(u8::is_ascii_digit) {
        let (between, from) = rest.split_at(start);
        let length = from.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, behind) = from.split_at(length);
        let value = std::str::from_utf8(digits).ok();
        numbers.push(Number {
            value: value.and_then(|digits| digits.parse().ok()),
            joined: !numbers.is_empty() && between.trim_ascii() == b",",
        });
        rest = behind;
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_of_epsv_stands_between_delimiters() {
        for (text, expected) in [
            ("Entering Extended Passive Mode (|||6446|)", Some(6446)),
            ("ok (!!!1!)", Some(1)),
            ("|||65535|", Some(65535)),
            ("... (|||20|) |||30|", Some(20)),
            ("(|||65536|)", None),
            ("(|||0|)", None),
            ("(|||12)", None),
            ("(||12|)", None),
            ("(||||)", None),
            ("", None),
        ] {
            assert_eq!(extended_port(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn six_numbers_of_pasv_count_in_any_words() {
        for (text, expected) in [
            ("Entering Passive Mode (10,1,2,3,4,5)", Some(1029)),
            ("Entering Passive Mode (10,1,2,3,4,5).", Some(1029)),
            ("Entering Passive Mode. 10,1,2,3,4,5", Some(1029)),
            ("=10,1,2,3,4,5", Some(1029)),
            ("10, 1, 2, 3, 4, 5", Some(1029)),
            ("Passive mode 2 of 3: 10,1,2,3,4,5 now", Some(1029)),
            ("(10.1.2.3:4,5)", Some(1029)),
            ("(10,1,2,3,256,5)", None),
            ("(10,1,2,3,0,0)", None),
            ("(10,1,2,3,4)", None),
            ("(10,1,2,3,4,5,6)", None),
            ("no", None),
        ] {
            assert_eq!(port_of_six_numbers(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn the_port_is_looked_for_in_the_last_line_and_then_in_the_first() {
        let reply = |first: &str, last: &str| Reply {
            code: 227,
            first: first.into(),
            last: last.into(),
        };
        let both = reply("(1,2,3,4,0,7) |||7|", "(1,2,3,4,0,8) |||8|");
        assert_eq!((pasv_port(&both), epsv_port(&both)), (Some(8), Some(8)));
        let first = reply("(1,2,3,4,0,7) |||7|", "End");
        assert_eq!((pasv_port(&first), epsv_port(&first)), (Some(7), Some(7)));
    }
}
