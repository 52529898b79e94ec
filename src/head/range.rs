//! `Range` with one range of bytes (RFC 9110 section 14).

/// Which part of a file a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// All of it: `Range` is absent or ignored, as for several ranges, other units and bad syntax.
    Whole,
    /// From the first byte number to the last, both included.
    Bytes {
        /// Number of the first byte, from 0.
        first: u64,
        /// Number of the last byte.
        last: u64,
    },
    /// The file has no such bytes (416).
    Outside,
}

/// The part that the value of `Range` names of a file of `size` bytes.
pub(crate) fn part(range: &[u8], size: u64) -> Part {
    parse(range, size).unwrap_or(Part::Whole)
}

/// `None` for anything that is not one range of bytes.
fn parse(range: &[u8], size: u64) -> Option<Part> {
    let text = std::str::from_utf8(range).ok()?;
    let (unit, range) = text.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = range.trim().split_once('-')?;
    let end = size.checked_sub(1);
    if first.is_empty() {
        let count = number(last)?;
        return Some(match end {
            Some(last) if count > 0 => {
                let first = size.saturating_sub(count);
                Part::Bytes { first, last }
            }
            _ => Part::Outside,
        });
    }
    let first = number(first)?;
    let last = match last {
        "" => u64::MAX,
        last => number(last).filter(|last| *last >= first)?,
    };
    Some(match end {
        Some(end) if first <= end => {
            let last = last.min(end);
            Part::Bytes { first, last }
        }
        _ => Part::Outside,
    })
}

/// A decimal number. One that does not fit is as good as the largest: no file is that long.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_range_of_bytes_names_a_part_of_ten_bytes() {
        use Part::{Outside, Whole};
        let bytes = |first, last| Part::Bytes { first, last };
        for (range, expected) in [
            ("bytes=0-0", bytes(0, 0)),
            ("bytes=2-5", bytes(2, 5)),
            ("Bytes = 2-5", bytes(2, 5)),
            ("bytes=2-", bytes(2, 9)),
            ("bytes=2-99999999999999999999", bytes(2, 9)),
            ("bytes=-3", bytes(7, 9)),
            ("bytes=-30", bytes(0, 9)),
            ("bytes=10-", Outside),
            ("bytes=99999999999999999999-", Outside),
            ("bytes=-0", Outside),
            ("bytes=5-2", Whole),
            ("bytes=0-1,3-4", Whole),
            ("bytes=a-b", Whole),
            ("bytes=-", Whole),
            ("bytes=+1-2", Whole),
            ("lines=1-2", Whole),
            ("", Whole),
        ] {
            assert_eq!(part(range.as_bytes(), 10), expected, "{range}");
        }
    }

    #[test]
    fn an_empty_file_has_no_bytes_to_ask_for() {
        assert_eq!(part(b"bytes=0-", 0), Part::Outside);
        assert_eq!(part(b"bytes=-1", 0), Part::Outside);
    }

    proptest! {
        #[test]
        fn a_part_is_within_the_file(range in prop::collection::vec(any::<u8>(), 0..40), size: u64) {
            prop_assert!(is_within(part(&range, size), size));
        }

        #[test]
        fn a_part_that_looks_like_one_is_within_the_file(range in "bytes=[0-9]{0,21}-[0-9]{0,21}", size: u64) {
            prop_assert!(is_within(part(range.as_bytes(), size), size));
        }
    }

    fn is_within(part: Part, size: u64) -> bool {
        match part {
            Part::Bytes { first, last } => first <= last && last < size,
            Part::Whole | Part::Outside => true,
        }
    }
}
