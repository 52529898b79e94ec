//! The names of fields that the gateway acts on. The name of a field is looked up once, when its head is read; whoever asks
//! for one of these names afterwards compares a number.

/// Makes [`Known`] of a table: a name in small letters for each variant.
macro_rules! known {
    ($($variant:ident $name:literal)*) => {
        /// A name that the gateway acts on, in any case.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[repr(u8)]
        pub(crate) enum Known {
            /// Any other name.
            Other,
            /// Any other name that begins with `x-forwarded-`.
            XForwarded,
            $(#[doc = concat!("`", $name, "`")] $variant,)*
        }

        /// Every name that has a variant of its own.
        const NAMES: &[(&str, Known)] = &[$(($name, Known::$variant)),*];
    };
}

known! {
    Accept "accept"
    AcceptCharset "accept-charset"
    AcceptEncoding "accept-encoding"
    AcceptLanguage "accept-language"
    Authorization "authorization"
    Connection "connection"
    ContentLanguage "content-language"
    ContentLength "content-length"
    ContentLocation "content-location"
    ContentType "content-type"
    Cookie "cookie"
    Cookie2 "cookie2"
    Date "date"
    Destination "destination"
    Expect "expect"
    Forwarded "forwarded"
    Host "host"
    Http2Settings "http2-settings"
    IfMatch "if-match"
    IfModifiedSince "if-modified-since"
    IfNoneMatch "if-none-match"
    IfRange "if-range"
    IfUnmodifiedSince "if-unmodified-since"
    KeepAlive "keep-alive"
    LastModified "last-modified"
    Location "location"
    Pragma "pragma"
    Proxy "proxy"
    ProxyConnection "proxy-connection"
    Range "range"
    Referer "referer"
    Refresh "refresh"
    ServletEngine "servlet-engine"
    SetCookie "set-cookie"
    SetCookie2 "set-cookie2"
    Status "status"
    Te "te"
    Trailer "trailer"
    TransferEncoding "transfer-encoding"
    Upgrade "upgrade"
    UserAgent "user-agent"
    Via "via"
    WwwAuthenticate "www-authenticate"
    XForwardedClientCert "x-forwarded-client-cert"
    XForwardedFor "x-forwarded-for"
    XRealIp "x-real-ip"
}

/// Names are shorter than this, in bytes.
const LENGTHS: usize = 32;

/// One more than a name can have: places of first letters, without their three highest bits.
const LETTERS: usize = 32;

/// Where the names stand that may be the one that is looked for: those of one length and one first letter are a list.
struct Lists {
    /// The first of each list, as a place in [`NAMES`] that begins with 1; 0 where there is none.
    first: [u8; LENGTHS * LETTERS],
    /// The next one of the same list, for each place.
    next: [u8; NAMES.len() + 1],
}

#[expect(
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "evaluated by the compiler, which stops at what does not fit"
)]
static LISTS: Lists = {
    assert!(NAMES.len() < 64, "a set of names has 64 bits");
    let mut lists = Lists {
        first: [0; LENGTHS * LETTERS],
        next: [0; NAMES.len() + 1],
    };
    let mut at = NAMES.len();
    while at > 0 {
        let name = NAMES[at - 1].0.as_bytes();
        let list = place(name.len(), name[0]);
        lists.next[at] = lists.first[list];
        lists.first[list] = at as u8;
        at -= 1;
    }
    lists
};

/// The place of a list, for names of less than [`LENGTHS`] bytes.
#[expect(clippy::as_conversions, reason = "evaluated by the compiler too")]
const fn place(length: usize, first: u8) -> usize {
    length * LETTERS + (first as usize) % LETTERS
}

const X_FORWARDED: &[u8] = b"x-forwarded-";

impl Known {
    /// What this name is.
    pub(crate) fn of(name: &[u8]) -> Self {
        let Some(letter) = name.first() else {
            return Self::Other;
        };
        let list = match name.len() {
            length if length < LENGTHS => LISTS.first.get(place(length, *letter)),
            _ => None,
        };
        let mut at = list.copied().unwrap_or_default();
        while let Some((text, known)) = usize::from(at).checked_sub(1).and_then(|at| NAMES.get(at))
        {
            if is_same(name, text.as_bytes()) {
                return *known;
            }
            at = LISTS.next.get(usize::from(at)).copied().unwrap_or_default();
        }
        let begins_so = matches!(letter, b'x' | b'X')
            && name
                .get(..X_FORWARDED.len())
                .is_some_and(|begin| is_same(begin, X_FORWARDED));
        if begins_so {
            return Self::XForwarded;
        }
        Self::Other
    }

    /// Whether all fields of this kind have the same name.
    pub(crate) const fn is_one_name(self) -> bool {
        !matches!(self, Self::Other | Self::XForwarded)
    }
}

/// Whether a text is this one, which is as long and in small letters, in any case.
///
/// Eight bytes at a time: a letter of the second text is found in both cases when the bit is set that tells them apart.
fn is_same(text: &[u8], small: &[u8]) -> bool {
    const CASE: u64 = u64::from_ne_bytes([0x20; 8]);
    let same = |text: &[u8; 8], small: &[u8; 8]| {
        let (text, small) = (u64::from_ne_bytes(*text), u64::from_ne_bytes(*small));
        // Of the bytes that names have, small letters alone have both bits.
        let letters = (small >> 1) & small & CASE;
        text | letters == small
    };
    let ends = text.last_chunk().zip(small.last_chunk());
    let begins = text.first_chunk().zip(small.first_chunk());
    let (Some((text_end, small_end)), Some((text_begin, small_begin))) = (ends, begins) else {
        return text.eq_ignore_ascii_case(small);
    };
    if !(same(text_begin, small_begin) && same(text_end, small_end)) {
        return false;
    }
    if text.len() <= 16 {
        return true;
    }
    let (words, _) = text.as_chunks();
    let (small_words, _) = small.as_chunks();
    let mut pairs = words.iter().zip(small_words);
    pairs.all(|(text, small)| same(text, small))
}

/// A set of known names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct KnownSet(u64);

impl KnownSet {
    /// The set of these names.
    #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
    pub(crate) const fn of(names: &[Known]) -> Self {
        let mut set = Self(0);
        let mut at = 0;
        while at < names.len() {
            set = set.with(names[at]);
            at += 1;
        }
        set
    }

    /// The names of both.
    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The set with one more name.
    #[expect(
        clippy::as_conversions,
        reason = "the number of a variant is less than 64"
    )]
    pub(crate) const fn with(self, name: Known) -> Self {
        Self(self.0 | 1 << (name as u8 % 64))
    }

    /// Whether it has this name.
    #[expect(
        clippy::as_conversions,
        reason = "the number of a variant is less than 64"
    )]
    pub(crate) const fn has(self, name: Known) -> bool {
        self.0 >> (name as u8 % 64) & 1 != 0
    }

    /// Whether both have a name in common.
    pub(crate) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// A name that fields are looked for by.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Name<'a> {
    Known(Known),
    /// Any other name, in any case.
    Text(&'a str),
}

impl Name<'_> {
    /// Whether it is this name, which is known as `known`.
    pub(crate) fn is(&self, known: Known, name: &[u8]) -> bool {
        match self {
            Self::Known(wanted) => known == *wanted,
            Self::Text(text) => !known.is_one_name() && name.eq_ignore_ascii_case(text.as_bytes()),
        }
    }

    /// What the fields of this name are known as.
    pub(crate) fn known(&self) -> Known {
        match self {
            Self::Known(known) => *known,
            Self::Text(text) => Known::of(text.as_bytes()),
        }
    }
}

impl From<Known> for Name<'_> {
    fn from(known: Known) -> Self {
        Self::Known(known)
    }
}

impl<'a> From<&'a str> for Name<'a> {
    fn from(text: &'a str) -> Self {
        match Known::of(text.as_bytes()) {
            known if known.is_one_name() => Self::Known(known),
            _ => Self::Text(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_name_is_found_in_any_case_and_no_other() {
        for (name, known) in NAMES {
            assert!(known.is_one_name());
            let capitals = name.to_ascii_uppercase();
            assert_eq!(Known::of(name.as_bytes()), *known, "{name}");
            assert_eq!(Known::of(capitals.as_bytes()), *known, "{name}");
            for at in 0..name.len() {
                for byte in 0..=255_u8 {
                    let mut text = name.as_bytes().to_vec();
                    text[at] = byte;
                    let same = text.eq_ignore_ascii_case(name.as_bytes());
                    assert_eq!(Known::of(&text) == *known, same, "{}", text.escape_ascii());
                }
            }
        }
    }

    #[test]
    fn names_of_forwarding_proxies_are_known_by_their_beginning() {
        for (name, known) in [
            ("x-forwarded-anything", Known::XForwarded),
            ("X-FORWARDED-", Known::XForwarded),
            (
                "x-forwarded-with-a-name-that-is-longer-than-all",
                Known::XForwarded,
            ),
            ("x-forwarded", Known::Other),
            ("x-real-ip", Known::XRealIp),
            ("", Known::Other),
        ] {
            assert_eq!(Known::of(name.as_bytes()), known, "{name}");
        }
    }

    #[test]
    fn a_set_has_the_names_that_it_was_made_of() {
        let set = KnownSet::of(&[Known::Te, Known::Host]);
        for (_, name) in NAMES {
            let expected = matches!(name, Known::Te | Known::Host);
            assert_eq!(set.has(*name), expected, "{name:?}");
        }
        assert!(set.meets(KnownSet::of(&[Known::Via, Known::Te])));
        assert!(!set.meets(KnownSet::of(&[Known::Via])));
    }

    proptest! {
        #[test]
        fn texts_are_compared_as_the_standard_library_does(
            text in "[a-zA-Z0-9_@`{.-]{0,20}",
            small in "[a-z0-9-]{0,20}",
        ) {
            if text.len() == small.len() {
                let same = text.eq_ignore_ascii_case(&small);
                prop_assert_eq!(is_same(text.as_bytes(), small.as_bytes()), same);
            }
            let capitals = small.to_ascii_uppercase();
            prop_assert!(is_same(capitals.as_bytes(), small.as_bytes()));
        }
    }
}
