//! `Range` of one range of bytes (RFC 9110 section 14). Pure.

/// What a request for a part comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All of it: there is no Range, or one that is not acted on, such as several at once.
    Whole,
    /// From the first of these bytes to the second, that one included.
    Part(u64, u64),
    /// There are no such bytes.
    Outside,
}

/// What a `Range` wants of a file of so many bytes.
pub(super) fn wanted(range: &[u8], size: u64) -> Wanted {
    parse(range, size).unwrap_or(Wanted::Whole)
}

/// `None` for what is no range of bytes.
fn parse(range: &[u8], size: u64) -> Option<Wanted> {
    let text = std::str::from_utf8(range).ok()?;
    let (unit, range) = text.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = range.trim().split_once('-')?;
    let number = |text: &str| -> Option<u64> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        // A number beyond all files is beyond this one.
        digits.then(|| text.parse().unwrap_or(u64::MAX))
    };
    let end = size.checked_sub(1);
    if first.is_empty() {
        let count = number(last)?;
        return Some(match end {
            Some(end) if count > 0 => Wanted::Part(size.saturating_sub(count), end),
            _ => Wanted::Outside,
        });
    }
    let first = number(first)?;
    let last = match last {
        "" => u64::MAX,
        last => number(last).filter(|last| *last >= first)?,
    };
    Some(match end {
        Some(end) if first <= end => Wanted::Part(first, last.min(end)),
        _ => Wanted::Outside,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_ten_bytes() {
        use Wanted::{Outside, Part, Whole};
        for (range, expected) in [
            ("bytes=0-0", Part(0, 0)),
            ("bytes=2-5", Part(2, 5)),
            ("Bytes = 2-5", Part(2, 5)),
            ("bytes=2-", Part(2, 9)),
            ("bytes=2-99999999999999999999", Part(2, 9)),
            ("bytes=-3", Part(7, 9)),
            ("bytes=-30", Part(0, 9)),
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
            assert_eq!(wanted(range.as_bytes(), 10), expected, "{range}");
        }
        assert_eq!(wanted(b"bytes=0-", 0), Outside);
        assert_eq!(wanted(b"bytes=-1", 0), Outside);
    }
}
