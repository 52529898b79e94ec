//! The header fields of one message.

use std::ops::Range;

use http::header::HeaderMap;

use super::names::{Known, KnownSet, Name};

/// The fields of one message, in their order, with names as their sender wrote them. Names are compared without regard
/// to upper and lower case (RFC 9110 section 5.1).
#[derive(Debug, Clone, Default)]
pub(crate) struct Fields {
    /// Names and values. What is replaced or removed stays here, and no field points to it.
    text: Vec<u8>,
    fields: Vec<Field>,
    /// Names that fields have or had: a search for another one is over at once.
    names: KnownSet,
}

/// Where name and value of a field stand in a text.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub(crate) name: Range<usize>,
    pub(crate) value: Range<usize>,
    /// What the name is.
    pub(crate) known: Known,
}

impl Fields {
    /// Room for this number of fields with this number of bytes in all.
    pub(crate) fn with_capacity(fields: usize, bytes: usize) -> Self {
        Self {
            text: Vec::with_capacity(bytes),
            fields: Vec::with_capacity(fields),
            names: KnownSet::default(),
        }
    }

    /// Fields that stand in a text.
    pub(crate) fn within(text: &[u8], fields: Vec<Field>) -> Self {
        let names = fields
            .iter()
            .fold(KnownSet::default(), |names, field| names.with(field.known));
        Self {
            text: text.to_vec(),
            fields,
            names,
        }
    }

    /// The number of fields.
    pub(crate) const fn len(&self) -> usize {
        self.fields.len()
    }

    /// Bytes that names and values take at most.
    pub(crate) const fn bytes(&self) -> usize {
        self.text.len()
    }

    /// Whether a field may have one of these names.
    pub(crate) const fn may_have(&self, names: KnownSet) -> bool {
        self.names.meets(names)
    }

    fn text(&self, range: &Range<usize>) -> &[u8] {
        self.text.get(range.clone()).unwrap_or_default()
    }

    fn store(&mut self, text: &[u8]) -> Range<usize> {
        let start = self.text.len();
        self.text.extend_from_slice(text);
        start..self.text.len()
    }

    /// Names and values in their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.entries().map(|(_, name, value)| (name, value))
    }

    /// The same, and what each name is.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (Known, &[u8], &[u8])> {
        let fields = self.fields.iter();
        fields.map(|field| (field.known, self.text(&field.name), self.text(&field.value)))
    }

    fn is(&self, field: &Field, name: &Name<'_>) -> bool {
        name.is(field.known, self.text(&field.name))
    }

    /// The values of all fields of this name.
    pub(crate) fn all<'a>(
        &'a self,
        name: impl Into<Name<'a>>,
    ) -> impl DoubleEndedIterator<Item = &'a [u8]> {
        let name = name.into();
        let fields = match self.names.has(name.known()) {
            true => self.fields.as_slice(),
            false => &[],
        };
        let named = fields.iter().filter(move |field| self.is(field, &name));
        named.map(|field| self.text(&field.value))
    }

    /// The value of the first field of this name.
    pub(crate) fn get<'a>(&'a self, name: impl Into<Name<'a>>) -> Option<&'a [u8]> {
        self.all(name).next()
    }

    /// Whether the elements of the lists in the fields of this name have this one, in any case (RFC 9110 section 5.6.1).
    pub(crate) fn lists(&self, name: Known, wanted: &str) -> bool {
        elements(self.all(name)).any(|element| element.eq_ignore_ascii_case(wanted.as_bytes()))
    }

    /// Adds a field behind the others.
    pub(crate) fn push(&mut self, name: &[u8], value: &[u8]) {
        self.push_known(Known::of(name), name, value);
    }

    /// The same for a name that has been looked up.
    pub(crate) fn push_known(&mut self, known: Known, name: &[u8], value: &[u8]) {
        let (name, value) = (self.store(name), self.store(value));
        self.names = self.names.with(known);
        self.fields.push(Field { name, value, known });
    }

    /// Adds a field of a name that is known, or appends to the value of the last field, behind a separator, where that has the
    /// same name.
    pub(crate) fn push_or_append(
        &mut self,
        known: Known,
        name: &[u8],
        separator: &[u8],
        value: &[u8],
    ) {
        match self.fields.last_mut() {
            Some(last) if last.known == known && last.value.end == self.text.len() => {
                self.text.extend_from_slice(separator);
                self.text.extend_from_slice(value);
                last.value.end = self.text.len();
            }
            _ => self.push_known(known, name, value),
        }
    }

    /// Gives the first field of this name another value and removes the others; without one, adds it.
    pub(crate) fn set(&mut self, name: &str, value: &[u8]) {
        let text = name;
        let name = Name::from(name);
        let Some(first) = self.fields.iter().position(|field| self.is(field, &name)) else {
            return self.push(text.as_bytes(), value);
        };
        self.set_at(first, value);
        let mut at = 0;
        self.retain(|known, found| {
            at += 1;
            at <= first + 1 || !name.is(known, found)
        });
    }

    fn set_at(&mut self, at: usize, value: &[u8]) {
        let value = self.store(value);
        if let Some(field) = self.fields.get_mut(at) {
            field.value = value;
        }
    }

    /// Removes all fields of this name.
    pub(crate) fn remove<'a>(&mut self, name: impl Into<Name<'a>>) {
        let name = name.into();
        self.retain(|known, found| !name.is(known, found));
    }

    /// Keeps the fields for whose names this is true.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(Known, &[u8]) -> bool) {
        let Self { text, fields, .. } = self;
        let slice = |range: &Range<usize>| text.get(range.clone()).unwrap_or_default();
        fields.retain(|field| keep(field.known, slice(&field.name)));
    }

    /// Gives fields of this name other values, where there is one.
    pub(crate) fn map_named(&mut self, name: &str, mut map: impl FnMut(&[u8]) -> Option<Vec<u8>>) {
        let name = Name::from(name);
        for at in 0..self.fields.len() {
            let field = self.fields.get(at).filter(|field| self.is(field, &name));
            if let Some(value) = field.and_then(|field| map(self.text(&field.value))) {
                self.set_at(at, &value);
            }
        }
    }

    /// Gives fields of known names other values, where there is one.
    pub(crate) fn map_values(&mut self, mut map: impl FnMut(Known, &[u8]) -> Option<Vec<u8>>) {
        for at in 0..self.fields.len() {
            let Some(field) = self.fields.get(at) else {
                return;
            };
            if let Some(value) = map(field.known, self.text(&field.value)) {
                self.set_at(at, &value);
            }
        }
    }
}

/// The elements of lists with commas, without white space around them.
pub(crate) fn elements<'a>(
    lists: impl Iterator<Item = &'a [u8]>,
) -> impl Iterator<Item = &'a [u8]> {
    lists.flat_map(|list| list.split(|byte| *byte == b',').map(<[u8]>::trim_ascii))
}

impl<'a> FromIterator<(&'a [u8], &'a [u8])> for Fields {
    fn from_iter<I: IntoIterator<Item = (&'a [u8], &'a [u8])>>(list: I) -> Self {
        let mut fields = Self::default();
        for (name, value) in list {
            fields.push(name, value);
        }
        fields
    }
}

impl From<&HeaderMap> for Fields {
    fn from(map: &HeaderMap) -> Self {
        let bytes = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
            name.as_str().len() + value.len()
        };
        let mut fields = Self::with_capacity(map.len(), map.iter().map(bytes).sum());
        for (name, value) in map {
            fields.push(name.as_str().as_bytes(), value.as_bytes());
        }
        fields
    }
}

/// The bytes of a token (RFC 9110 section 5.6.2).
#[expect(
    clippy::indexing_slicing,
    reason = "evaluated by the compiler, and a byte is no larger than the table"
)]
static TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        table[byte as usize] = byte.is_ascii_alphanumeric()
            || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~');
        byte += 1;
    }
    table
};

/// Whether a byte may stand in a token.
pub(crate) fn is_token(byte: u8) -> bool {
    TOKEN.get(usize::from(byte)).copied().unwrap_or_default()
}

/// Whether this is a name of a field: a token.
pub(crate) fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|byte| is_token(*byte))
}

/// Whether this can stand as the value of a field: no control characters but tabs (RFC 9110 section 5.5).
///
/// Eight bytes at a time. What is found so is looked at byte by byte: it may be a tab.
pub(crate) fn is_value(value: &[u8]) -> bool {
    const HIGH_BITS: u64 = u64::from_ne_bytes([0x80; 8]);
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const SPACES: u64 = u64::from_ne_bytes([b' '; 8]);
    let allowed = |byte: &u8| (*byte >= b' ' && *byte != 0x7f) || *byte == b'\t';
    // The high bit of a byte changes from 0 to 1 where the byte is less than a space, and where it is 0x7f.
    let changed = |word: &[u8; 8]| {
        let word = u64::from_ne_bytes(*word);
        (word.wrapping_sub(SPACES) | word.wrapping_add(ONES)) & !word
    };
    let Some(last) = value.last_chunk() else {
        return value.iter().all(allowed);
    };
    // The last eight bytes may be some of those before them too.
    let (words, _) = value.as_chunks();
    let changed = words
        .iter()
        .fold(changed(last), |all, word| all | changed(word));
    changed & HIGH_BITS == 0 || value.iter().all(allowed)
}

#[cfg(test)]
mod tests {
    use http::header::{HeaderName, HeaderValue};
    use proptest::prelude::*;

    use super::*;

    fn fields(list: &[(&str, &str)]) -> Fields {
        let mut fields = Fields::default();
        for (name, value) in list {
            fields.push(name.as_bytes(), value.as_bytes());
        }
        fields
    }

    fn shown(fields: &Fields) -> String {
        let fields = fields.iter();
        let shown = fields
            .map(|(name, value)| format!("{}: {}", name.escape_ascii(), value.escape_ascii()));
        shown.collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn fields_are_found_in_any_case_and_keep_their_order() {
        let fields = fields(&[
            ("Set-Cookie", "a=1"),
            ("X-Node", "1"),
            ("set-cookie", "b=2"),
        ]);
        assert_eq!(fields.get("x-node"), Some(&b"1"[..]));
        assert_eq!(fields.get("x-nod"), None);
        assert_eq!(
            fields.all("SET-COOKIE").collect::<Vec<_>>(),
            [b"a=1", b"b=2"]
        );
        assert_eq!(
            shown(&fields),
            "Set-Cookie: a=1, X-Node: 1, set-cookie: b=2"
        );
    }

    #[test]
    fn a_field_is_set_where_its_first_one_stands() {
        let mut fields = fields(&[("A", "1"), ("B", "2"), ("a", "3"), ("Via", "4")]);
        fields.set("a", b"5");
        fields.set("d", b"6");
        assert_eq!(shown(&fields), "A: 5, B: 2, Via: 4, d: 6");
        fields.remove("b");
        fields.map_values(|name, value| (name == Known::Via).then(|| [value, b"!"].concat()));
        assert_eq!(shown(&fields), "A: 5, Via: 4!, d: 6");
    }

    #[test]
    fn elements_of_lists_are_found_without_their_white_space() {
        let fields = fields(&[
            ("Connection", "close,\t X-Hop ,"),
            ("connection", "keep-alive"),
        ]);
        for (wanted, found) in [
            ("CLOSE", true),
            ("x-hop", true),
            ("keep-alive", true),
            ("x", false),
        ] {
            assert_eq!(fields.lists(Known::Connection, wanted), found, "{wanted}");
        }
    }

    proptest! {
        /// What the crate `http` takes for a name and a value is taken here, and nothing else.
        #[test]
        fn names_and_values_are_those_of_the_crate_http(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            prop_assert_eq!(is_value(&bytes), HeaderValue::from_bytes(&bytes).is_ok());
            prop_assert_eq!(is_name(&bytes), HeaderName::from_bytes(&bytes).is_ok());
        }
    }

    #[test]
    fn each_byte_is_judged_as_the_crate_http_does() {
        for byte in 0..=255_u8 {
            assert_eq!(
                is_value(&[byte]),
                HeaderValue::from_bytes(&[byte]).is_ok(),
                "{byte}"
            );
            assert_eq!(
                is_name(&[byte]),
                HeaderName::from_bytes(&[byte]).is_ok(),
                "{byte}"
            );
        }
    }
}
