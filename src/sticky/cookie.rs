//! Cookies of a name, read as `mod_proxy_balancer.c: get_cookie_param()` reads them.

/// The values of the cookies of this name in one `Cookie` field, in order, without blanks and quotes around them.
///
/// A name stands at the beginning of the field or behind `;`, `,` or white space. White space may stand between the
/// name and its `=`. A value ends at `;` or `,`. A value that is empty or not UTF-8 is skipped.
pub(super) fn values<'a>(field: &'a [u8], name: &'a str) -> impl Iterator<Item = &'a str> {
    Cookies {
        rest: field,
        before: b';',
        name: name.as_bytes(),
    }
    .filter_map(unquoted)
}

/// The raw values.
struct Cookies<'a> {
    rest: &'a [u8],
    /// The byte before `rest`.
    before: u8,
    name: &'a [u8],
}

impl<'a> Iterator for Cookies<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let first = *self.name.first()?;
        loop {
            let at = memchr::memchr(first, self.rest)?;
            let (skipped, here) = self.rest.split_at_checked(at)?;
            let before = skipped.last().copied().unwrap_or(self.before);
            let behind = here.strip_prefix(self.name);
            let value = behind.and_then(|behind| behind.trim_ascii_start().strip_prefix(b"="));
            match value {
                Some(value) if begins_a_name(before) => {
                    let end = value.iter().position(|byte| matches!(byte, b';' | b','));
                    let (value, rest) = value.split_at_checked(end.unwrap_or(value.len()))?;
                    self.rest = rest;
                    self.before = b'=';
                    return Some(value);
                }
                // Not a cookie of this name. A name may overlap itself, so the search goes on with the next byte.
                _ => {
                    let (&first, rest) = here.split_first()?;
                    self.rest = rest;
                    self.before = first;
                }
            }
        }
    }
}

fn begins_a_name(before: u8) -> bool {
    matches!(before, b';' | b',') || before.is_ascii_whitespace()
}

/// A value as text, without blanks around it and without the quotes around that; `None` when nothing is left.
///
/// Blanks are spaces and tabs. Tomcat cuts them too, in front of the value and behind it
/// (`org.apache.tomcat.util.http.parser.Cookie: parseCookieRfc6265()`); httpd keeps them.
pub(super) fn unquoted(value: &[u8]) -> Option<&str> {
    let value = std::str::from_utf8(value).ok()?.trim_ascii();
    let value = match value.strip_prefix('"') {
        Some(quoted) => quoted.strip_suffix('"').unwrap_or(quoted),
        None => value,
    };
    (!value.is_empty()).then_some(value)
}
