//! What a request wants of a file that is there: conditions (RFC 9110 section 13) and ranges (section 14).

use std::time::UNIX_EPOCH;

use super::facts::Version;
use crate::head::{Fields, Known, Part, part};

/// What becomes of a request for a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judged {
    /// 200, or 206 with a part of it, or 416 when the file has no such part.
    Send(Part),
    /// 304: the client has it.
    Unchanged,
    /// 412: it is not what the client takes it for.
    Failed,
}

/// Looks at the conditions in the order of RFC 9110 section 13.2.2, then at the range.
///
/// `size` is that of the file in bytes, `now` the time in seconds since 1970. A range of anything but GET is ignored
/// (section 14.2).
pub(super) fn judge(
    is_get: bool,
    fields: &Fields,
    version: &Version,
    size: u64,
    now: u64,
) -> Judged {
    let tag = &version.tag[..];
    let modified = version.modified;
    let date = |name| only_date(fields, name);
    if fields.get(Known::IfMatch).is_some() {
        if !names(fields.all(Known::IfMatch), tag, Comparison::Strong) {
            return Judged::Failed;
        }
    } else if let (Some(modified), Some(since)) = (modified, date(Known::IfUnmodifiedSince))
        && modified > since
    {
        return Judged::Failed;
    }
    if fields.get(Known::IfNoneMatch).is_some() {
        if names(fields.all(Known::IfNoneMatch), tag, Comparison::Weak) {
            return Judged::Unchanged;
        }
    } else if let (Some(modified), Some(since)) = (modified, date(Known::IfModifiedSince))
        && modified <= since
    {
        return Judged::Unchanged;
    }
    // An empty file has no parts: it is sent as it is, as nginx and httpd do, for there is nothing to miss.
    let range = only(fields, Known::Range).filter(|_| is_get && size > 0);
    Judged::Send(match range {
        Some(range) if is_current(fields, version, now) => part(range, size),
        _ => Part::Whole,
    })
}

/// Whether `If-Range` allows a part (RFC 9110 section 13.1.5). A date counts when it is that of the file, and its second
/// is over: within it the file could change once more and keep the date (section 8.8.2.2).
fn is_current(fields: &Fields, version: &Version, now: u64) -> bool {
    let mut seen = fields.all(Known::IfRange);
    let (Some(seen), None) = (seen.next(), seen.next()) else {
        return fields.get(Known::IfRange).is_none();
    };
    match seen.trim_ascii() {
        tag @ [b'"', ..] => tag == version.tag,
        date => seconds(date).is_some_and(|date| version.modified == Some(date) && date < now),
    }
}

/// How entity tags are compared (RFC 9110 section 8.8.3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    /// A weak tag is equal to none.
    Strong,
    /// `W/` makes no difference.
    Weak,
}

/// Whether lists of entity tags name this strong one, or say `*`. Behind an element that is no tag, a list is not read.
fn names<'a>(
    mut lists: impl Iterator<Item = &'a [u8]>,
    tag: &[u8],
    comparison: Comparison,
) -> bool {
    lists.any(|list| {
        let mut rest = list.trim_ascii();
        if rest == b"*" {
            return true;
        }
        // A tag may have commas in it.
        while let Some((found, is_weak, behind)) = next_tag(rest) {
            if found == tag && !(is_weak && comparison == Comparison::Strong) {
                return true;
            }
            rest = behind;
        }
        false
    })
}

/// The first entity tag of a list, whether it is weak, and what stands behind it.
fn next_tag(list: &[u8]) -> Option<(&[u8], bool, &[u8])> {
    let start = list
        .iter()
        .position(|byte| !matches!(byte, b',' | b' ' | b'\t'))?;
    let list = list.get(start..)?;
    let (is_weak, list) = match list.strip_prefix(b"W/") {
        Some(list) => (true, list),
        None => (false, list),
    };
    let opaque = list.strip_prefix(b"\"")?;
    let length = opaque.iter().position(|byte| *byte == b'"')?;
    let (tag, behind) = list.split_at_checked(length + 2)?;
    Some((tag, is_weak, behind))
}

/// The date of the only field of this name, in seconds since 1970. Several fields, and what is no date, are ignored
/// (RFC 9110 sections 13.1.3 and 13.1.4).
fn only_date(fields: &Fields, name: Known) -> Option<u64> {
    seconds(only(fields, name)?)
}

/// The only field of this name; `None` where there are several, which say nothing together.
fn only(fields: &Fields, name: Known) -> Option<&[u8]> {
    let mut values = fields.all(name);
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

/// A date of HTTP in any of its three forms (RFC 9110 section 5.6.7), in seconds since 1970.
fn seconds(date: &[u8]) -> Option<u64> {
    let time = httpdate::parse_http_date(std::str::from_utf8(date).ok()?).ok()?;
    Some(time.duration_since(UNIX_EPOCH).ok()?.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAG: &str = "\"0123456789abcdef\"";
    /// When the file was changed: `Tue, 24 Nov 2026 00:00:00 GMT`.
    const MODIFIED: u64 = 1_795_478_400;

    fn judged(is_get: bool, fields: &[(&str, &str)]) -> Judged {
        let fields: Fields = fields
            .iter()
            .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
            .collect();
        let version = Version {
            tag: TAG.as_bytes().try_into().unwrap(),
            modified: Some(MODIFIED),
        };
        judge(is_get, &fields, &version, 10, MODIFIED + 1)
    }

    const WHOLE: Judged = Judged::Send(Part::Whole);
    const FIRST_TWO: Judged = Judged::Send(Part::Bytes { first: 0, last: 1 });

    #[test]
    fn entity_tags_are_compared_strongly_by_if_match_and_weakly_by_if_none_match() {
        for (tags, if_match, if_none_match) in [
            (TAG, WHOLE, Judged::Unchanged),
            ("*", WHOLE, Judged::Unchanged),
            (" * ", WHOLE, Judged::Unchanged),
            ("W/\"0123456789abcdef\"", Judged::Failed, Judged::Unchanged),
            ("w/\"0123456789abcdef\"", Judged::Failed, WHOLE),
            ("\"other\"", Judged::Failed, WHOLE),
            ("\"a,b\",\"0123456789abcdef\"", WHOLE, Judged::Unchanged),
            (
                ", ,\t\"a\" , \"0123456789abcdef\"",
                WHOLE,
                Judged::Unchanged,
            ),
            ("\"\", \"0123456789abcdef\"", WHOLE, Judged::Unchanged),
            ("0123456789abcdef", Judged::Failed, WHOLE),
            ("a, \"0123456789abcdef\"", Judged::Failed, WHOLE),
            ("\"0123456789abcdef", Judged::Failed, WHOLE),
            ("\"0123456789ABCDEF\"", Judged::Failed, WHOLE),
            ("\"\\\"0123456789abcdef\"", Judged::Failed, WHOLE),
            ("\"a\", *", Judged::Failed, WHOLE),
            ("", Judged::Failed, WHOLE),
        ] {
            assert_eq!(judged(true, &[("If-Match", tags)]), if_match, "{tags}");
            let found = judged(true, &[("If-None-Match", tags)]);
            assert_eq!(found, if_none_match, "{tags}");
        }
        let several = [("If-None-Match", "\"a\""), ("if-none-match", TAG)];
        assert_eq!(judged(true, &several), Judged::Unchanged);
    }

    #[test]
    fn dates_are_compared_by_their_seconds() {
        for (date, unmodified, modified) in [
            ("Tue, 24 Nov 2026 00:00:00 GMT", WHOLE, Judged::Unchanged),
            ("Tuesday, 24-Nov-26 00:00:00 GMT", WHOLE, Judged::Unchanged),
            ("Tue Nov 24 00:00:00 2026", WHOLE, Judged::Unchanged),
            ("Tue, 24 Nov 2026 00:00:01 GMT", WHOLE, Judged::Unchanged),
            ("Mon, 23 Nov 2026 23:59:59 GMT", Judged::Failed, WHOLE),
            ("yesterday", WHOLE, WHOLE),
            ("", WHOLE, WHOLE),
        ] {
            let found = judged(true, &[("If-Unmodified-Since", date)]);
            assert_eq!(found, unmodified, "{date}");
            let found = judged(true, &[("If-Modified-Since", date)]);
            assert_eq!(found, modified, "{date}");
        }
        let date = ("If-Modified-Since", "Tue, 24 Nov 2026 00:00:00 GMT");
        assert_eq!(judged(true, &[date, date]), WHOLE);
    }

    #[test]
    fn tags_count_before_dates_and_preconditions_before_validators() {
        let new = "Tue, 24 Nov 2026 00:00:00 GMT";
        let old = "Mon, 23 Nov 2026 00:00:00 GMT";
        for (fields, expected) in [
            (
                &[("If-Match", TAG), ("If-Unmodified-Since", old)][..],
                WHOLE,
            ),
            (
                &[("If-None-Match", "\"a\""), ("If-Modified-Since", new)],
                WHOLE,
            ),
            (
                &[("If-None-Match", TAG), ("If-Modified-Since", old)],
                Judged::Unchanged,
            ),
            (
                &[("If-Match", "\"a\""), ("If-None-Match", TAG)],
                Judged::Failed,
            ),
            (
                &[("If-Match", TAG), ("If-None-Match", TAG)],
                Judged::Unchanged,
            ),
            (
                &[("If-Unmodified-Since", old), ("If-None-Match", TAG)],
                Judged::Failed,
            ),
            (
                &[("If-None-Match", TAG), ("Range", "bytes=0-1")],
                Judged::Unchanged,
            ),
            (
                &[("If-Match", "\"a\""), ("Range", "bytes=99-")],
                Judged::Failed,
            ),
        ] {
            assert_eq!(judged(true, fields), expected, "{fields:?}");
            assert_eq!(judged(false, fields), expected, "{fields:?}");
        }
    }

    #[test]
    fn a_part_is_sent_of_the_version_that_the_client_has() {
        for (if_range, expected) in [
            (TAG, FIRST_TWO),
            ("W/\"0123456789abcdef\"", WHOLE),
            ("\"other\"", WHOLE),
            ("Tue, 24 Nov 2026 00:00:00 GMT", FIRST_TWO),
            ("Tue, 24 Nov 2026 00:00:01 GMT", WHOLE),
            ("Mon, 23 Nov 2026 00:00:00 GMT", WHOLE),
            ("*", WHOLE),
            ("", WHOLE),
        ] {
            let fields = [("Range", "bytes=0-1"), ("If-Range", if_range)];
            assert_eq!(judged(true, &fields), expected, "{if_range}");
        }
        let fields = [("Range", "bytes=0-1"), ("If-Range", TAG), ("If-Range", TAG)];
        assert_eq!(judged(true, &fields), WHOLE);
        // Nothing is outside of a part that is not allowed.
        let fields = [("Range", "bytes=99-"), ("If-Range", "\"other\"")];
        assert_eq!(judged(true, &fields), WHOLE);
        let fields = [("Range", "bytes=99-"), ("If-Range", TAG)];
        assert_eq!(judged(true, &fields), Judged::Send(Part::Outside));
    }

    #[test]
    fn the_date_of_a_second_that_is_not_over_allows_no_part() {
        let fields: Fields = [
            (&b"Range"[..], &b"bytes=0-1"[..]),
            (b"If-Range", b"Tue, 24 Nov 2026 00:00:00 GMT"),
        ]
        .into_iter()
        .collect();
        let version = Version {
            tag: TAG.as_bytes().try_into().unwrap(),
            modified: Some(MODIFIED),
        };
        assert_eq!(judge(true, &fields, &version, 10, MODIFIED), WHOLE);
    }

    #[test]
    fn an_empty_file_is_sent_whatever_part_is_asked_for() {
        for range in ["bytes=0-", "bytes=-1", "bytes=5-"] {
            let mut fields = Fields::default();
            fields.push(b"Range", range.as_bytes());
            let version = Version {
                tag: TAG.as_bytes().try_into().unwrap(),
                modified: Some(MODIFIED),
            };
            assert_eq!(
                judge(true, &fields, &version, 0, MODIFIED),
                WHOLE,
                "{range}"
            );
        }
    }

    #[test]
    fn ranges_of_head_are_ignored() {
        assert_eq!(judged(true, &[("Range", "bytes=0-1")]), FIRST_TWO);
        assert_eq!(judged(false, &[("Range", "bytes=0-1")]), WHOLE);
        assert_eq!(judged(false, &[("Range", "bytes=99-")]), WHOLE);
    }

    #[test]
    fn several_fields_name_no_range() {
        let fields = [("Range", "bytes=0-1"), ("Range", "bytes=2-3")];
        assert_eq!(judged(true, &fields), WHOLE);
    }
}
