//! Where data waits: the port in the replies to EPSV and PASV. Pure.
//!
//! An address in them is read over: data comes from where the control connection goes, or a server could have the
//! gateway connect to others (semantics 17.2).

/// The port in the text of a 229 (RFC 2428 section 3): `(|||6446|)`, with any delimiter and in any words.
pub(super) fn extended_port(text: &[u8]) -> Option<u16> {
    text.windows(3).enumerate().find_map(|(at, window)| {
        let delimiter = *window.first()?;
        let same = window.iter().all(|byte| *byte == delimiter);
        if !same || !delimiter.is_ascii_graphic() || delimiter.is_ascii_digit() {
            return None;
        }
        let rest = text.get(at + 3..)?;
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = rest.split_at_checked(digits)?;
        if rest.first() != Some(&delimiter) {
            return None;
        }
        std::str::from_utf8(digits)
            .ok()?
            .parse()
            .ok()
            .filter(|port| *port != 0)
    })
}

/// The port in the text of a 227 (RFC 959 section 4.1.2). The six numbers count, whatever words surround them: with
/// parentheses, `=`, or nothing; should other numbers stand there too, those count that commas join.
pub(super) fn port(text: &[u8]) -> Option<u16> {
    let numbers = numbers(text);
    let mut joined = numbers.chunk_by(|_, next| next.joined);
    let six = joined
        .find(|run| run.len() == 6)
        .or((numbers.len() == 6).then_some(numbers.as_slice()))?;
    let values: Vec<u8> = six
        .iter()
        .map(|number| number.value)
        .collect::<Option<_>>()?;
    match values.as_slice() {
        [_, _, _, _, high, low] => {
            Some(u16::from_be_bytes([*high, *low])).filter(|port| *port != 0)
        }
        _ => None,
    }
}

struct Number {
    /// `None` when it is more than 255.
    value: Option<u8>,
    /// Whether nothing but a comma stands before it, and spaces.
    joined: bool,
}

fn numbers(text: &[u8]) -> Vec<Number> {
    let mut numbers = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.iter().position(u8::is_ascii_digit) {
        let (between, from) = rest.split_at(start);
        let length = from.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, behind) = from.split_at(length);
        numbers.push(Number {
            value: std::str::from_utf8(digits)
                .ok()
                .and_then(|digits| digits.parse().ok()),
            joined: !numbers.is_empty() && between.trim_ascii() == b",",
        });
        rest = behind;
    }
    numbers
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ports_of_extended_replies() {
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
    fn six_numbers_count_whatever_surrounds_them() {
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
            assert_eq!(port(text.as_bytes()), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_them_panic(text in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = (port(&text), extended_port(&text));
        }

        #[test]
        fn a_port_in_words_is_found(
            before in "[a-zA-Z (=.]{0,20}", after in "[a-zA-Z ).]{0,20}",
            host in any::<[u8; 4]>(), wanted in 1_u16..,
        ) {
            let [a, b, c, d] = host;
            let [high, low] = wanted.to_be_bytes();
            let text = format!("{before}{a},{b},{c},{d},{high},{low}{after}");
            prop_assert_eq!(port(text.as_bytes()), Some(wanted));
            let text = format!("{before}|||{wanted}|{after}");
            prop_assert_eq!(extended_port(text.as_bytes()), Some(wanted));
        }
    }
}
