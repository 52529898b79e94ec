//! What is known of an open file, and the ETag and Last-Modified that are made from it.

use std::hash::{DefaultHasher, Hasher as _};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What the system says of an open file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Facts {
    /// In bytes.
    pub(super) size: u64,
    pub(super) inode: u64,
    /// When it was changed last: seconds since 1970, and nanoseconds.
    pub(super) modified: (i64, u32),
}

/// A version of a file, as clients name it in conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Version {
    /// With its quotation marks.
    pub(super) tag: [u8; TAG],
    /// Whole seconds since 1970; `None` before that.
    pub(super) modified: Option<u64>,
}

/// Bytes of an entity tag: 64 bits in hexadecimal digits, and two quotation marks.
const TAG: usize = 18;

impl Facts {
    /// The version that clients get now, in seconds since 1970.
    pub(super) fn version(&self, now: u64) -> Version {
        let seconds = u64::try_from(self.modified.0).ok();
        Version {
            tag: self.tag(),
            // A file from the future was changed now (RFC 9110 section 8.8.2.1).
            modified: seconds.map(|seconds| seconds.min(now)),
        }
    }

    /// A strong entity tag (RFC 9110 section 8.8.3): another inode, size or time of the last change, in nanoseconds, makes
    /// another one. It is a hash, for the number of the inode is nobody's business (CVE-2003-1418).
    fn tag(&self) -> [u8; TAG] {
        let mut hash = DefaultHasher::new();
        hash.write_u64(self.inode);
        hash.write_u64(self.size);
        hash.write_i64(self.modified.0);
        hash.write_u32(self.modified.1);
        let mut tag = [b'"'; TAG];
        let digits = hash.finish().to_be_bytes().into_iter();
        let digits = digits.flat_map(|byte| [byte >> 4, byte & 15]);
        for (place, digit) in tag.iter_mut().skip(1).zip(digits) {
            *place = match digit {
                0..=9 => b'0' + digit,
                _ => b'a' + digit - 10,
            };
        }
        tag
    }
}

impl Version {
    /// `Last-Modified` (RFC 9110 section 8.8.2); `None` before 1970.
    pub(super) fn last_modified(&self) -> Option<String> {
        let time = UNIX_EPOCH.checked_add(Duration::from_secs(self.modified?))?;
        Some(httpdate::fmt_http_date(time))
    }
}

/// The time in seconds since 1970.
pub(super) fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| now.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACTS: Facts = Facts {
        size: 10,
        inode: 7,
        modified: (1_795_478_400, 5),
    };

    #[test]
    fn each_fact_makes_another_tag() {
        let tags = [
            FACTS,
            Facts { size: 11, ..FACTS },
            Facts { inode: 8, ..FACTS },
            Facts {
                modified: (1_795_478_401, 5),
                ..FACTS
            },
            Facts {
                modified: (1_795_478_400, 6),
                ..FACTS
            },
        ]
        .map(|facts| String::from_utf8(facts.version(u64::MAX).tag.to_vec()).unwrap());
        for (at, tag) in tags.iter().enumerate() {
            assert!(!tags[at + 1..].contains(tag), "{tags:?}");
            let digits = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
            let digits = digits.unwrap();
            assert_eq!(digits.len(), 16);
            assert!(
                digits.bytes().all(|digit| digit.is_ascii_hexdigit()),
                "{tag}"
            );
        }
        assert_eq!(FACTS.version(1).tag, FACTS.version(2).tag);
    }

    #[test]
    fn no_file_was_changed_in_the_future_or_before_1970() {
        let text = |facts: Facts, now| facts.version(now).last_modified();
        let date = Some("Tue, 24 Nov 2026 00:00:00 GMT".to_owned());
        assert_eq!(text(FACTS, 1_795_478_401), date);
        assert_eq!(text(FACTS, 1_795_478_400), date);
        assert_eq!(
            text(FACTS, 1_795_478_399).as_deref(),
            Some("Mon, 23 Nov 2026 23:59:59 GMT")
        );
        let old = Facts {
            modified: (-1, 0),
            ..FACTS
        };
        assert_eq!(text(old, 1_795_478_400), None);
    }
}
