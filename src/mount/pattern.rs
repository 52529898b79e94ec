//! Rules that look for a regular expression in the path (ProxyPassMatch), and what is made of their captures.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use super::escape::{Dots, ENCODED_SLASH, encode, without_parameters};
use super::prefix::Front;
use super::{BadPath, Normal};

/// What is escaped in a value of a query: all but unreserved characters (RFC 3986 section 2.3) and `/`.
const IN_QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

/// A path that no member has, in place of the path of a target that cannot be told from the path of the request.
const NOWHERE: &str = "/\0";

/// A regular expression that is found anywhere in a normalised path.
#[derive(Debug, Clone)]
pub struct Pattern {
    /// For bytes, as httpd looks.
    bytes: regex::bytes::Regex,
    /// For text, as a server reads the path.
    text: regex::Regex,
}

impl Pattern {
    /// Both are the same expression.
    #[must_use]
    pub const fn new(bytes: regex::bytes::Regex, text: regex::Regex) -> Self {
        Self { bytes, text }
    }

    /// Whether it is found in the bytes of a path.
    pub(super) fn is_in(&self, path: &[u8]) -> bool {
        self.bytes.is_match(path)
    }

    /// Whether it is found in a path as a server may read it: in UTF-8, in ISO-8859-1, or in ISO-8859-1 behind the first
    /// `front` bytes, which a mapping replaces.
    pub(super) fn is_read_in(&self, path: &[u8], front: usize) -> bool {
        if self.is_in(path) {
            return true;
        }
        if path.is_ascii() {
            return false;
        }
        let mut texts = texts(path, front).into_iter();
        texts.any(|text| self.is_in_text(&text))
    }

    /// Whether it is found in a path as a server has read its letters.
    pub(super) fn is_in_text(&self, path: &str) -> bool {
        self.text.is_match(path)
    }

    /// What its groups captured; group 0 is all of it.
    #[must_use]
    pub fn captured(&self, normal: &Normal<'_>) -> Captured {
        let path = normal.as_bytes();
        let Some(found) = self.bytes.captures(path) else {
            return Captured::default();
        };
        let groups = found.iter().take(10).map(|group| {
            let group = group?;
            Some((group.start(), group.as_bytes().to_vec()))
        });
        Captured {
            groups: groups.collect(),
            path: path.to_vec(),
        }
    }
}

/// A path as servers may read its letters: in UTF-8, in ISO-8859-1, and in ISO-8859-1 behind the first `front` bytes, which
/// a mapping replaces.
pub(super) fn texts(path: &[u8], front: usize) -> [Cow<'_, str>; 3] {
    let (first, rest) = path.split_at_checked(front).unwrap_or((path, b""));
    let mixed = String::from_utf8_lossy(first).into_owned() + &latin1(rest);
    [
        String::from_utf8_lossy(path),
        latin1(path).into(),
        mixed.into(),
    ]
}

/// Bytes read as ISO-8859-1.
fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| char::from(byte)).collect()
}

/// What the groups of a [`Pattern`] captured in a path.
#[derive(Debug, Clone, Default)]
pub struct Captured {
    /// Where each group starts, and its bytes; `None` for one that took no part.
    groups: Vec<Option<(usize, Vec<u8>)>>,
    path: Vec<u8>,
}

impl Captured {
    fn get(&self, group: usize) -> Option<&(usize, Vec<u8>)> {
        self.groups.get(group)?.as_ref()
    }

    /// Each group with what it captured, escaped as in a path; without group 0.
    pub fn shown(&self) -> impl Iterator<Item = (usize, Cow<'_, str>)> {
        let groups = self.groups.iter().enumerate().skip(1);
        groups.filter_map(|(number, group)| Some((number, encode(&group.as_ref()?.1))))
    }
}

/// A path or query with captures in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Template {
    /// The parts in order.
    pub parts: Vec<Part>,
}

/// A part of a [`Template`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Text as a URL has it.
    Text(String),
    /// What this group captured; nothing where it took no part.
    Group(usize),
}

/// A path that was made of captures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filled {
    /// The path, absolute, with its escapes.
    pub path: String,
    /// The part of the client's path that the same rest stands behind as behind `back`.
    pub front: Front,
    /// The part of `path` that stands for `front`: empty or `/app`, escaped. A path that nobody has where there is none.
    pub back: String,
}

impl Template {
    /// The path that is made of captures. What was captured is escaped, so that it adds neither a query nor parameters;
    /// several slashes at the start are one, so that it never becomes a host.
    ///
    /// Where the template ends with a group that reaches to the end of the client's path, what stands before it on either
    /// side stands for each other: paths of an answer are mapped back by it.
    ///
    /// # Errors
    /// Captures that make a dot segment.
    pub fn path(&self, captured: &Captured, normal: &Normal<'_>) -> Result<Filled, BadPath> {
        let (mut path, mut before_last) = (String::from("/"), 0);
        for part in &self.parts {
            before_last = path.len();
            match part {
                Part::Text(text) => push(&mut path, text),
                Part::Group(group) => {
                    let bytes = captured.get(*group).map_or(&[][..], |(_, bytes)| bytes);
                    push(&mut path, &encode(bytes));
                }
            }
        }
        let is_dots = |name: &str| Dots::of(without_parameters(name).as_bytes()).is_some();
        if path.split('/').any(is_dots) {
            return Err(BadPath::CapturedDots);
        }
        if normal.is_ambiguous() && path.split('/').any(super::normal::hides_dots) {
            return Err(BadPath::HiddenDots);
        }
        let (front, back) = self
            .ends(captured, path.get(..before_last).unwrap_or_default())
            .unwrap_or_else(|| (Front::new("/"), NOWHERE.to_owned()));
        Ok(Filled { path, front, back })
    }

    /// What stands before the last group in the client's path, and before it in the filled path.
    fn ends(&self, captured: &Captured, before: &str) -> Option<(Front, String)> {
        let Some(Part::Group(last)) = self.parts.last() else {
            return None;
        };
        let (start, bytes) = captured.get(*last)?;
        if start + bytes.len() != captured.path.len() {
            return None;
        }
        let front = std::str::from_utf8(captured.path.get(..*start)?).ok()?;
        if front.contains(char::from(ENCODED_SLASH)) {
            return None;
        }
        let starts_with_slash = bytes.first() == Some(&b'/');
        let whole = |text: &str| text.ends_with('/') != starts_with_slash || text == "/";
        // The text before the last group always has the first slash.
        let at_segment = whole(front) || front.is_empty();
        if !(at_segment && whole(before)) {
            return None;
        }
        let front = match front.trim_end_matches('/') {
            "" => "/",
            front => front,
        };
        Some((Front::new(front), before.trim_end_matches('/').to_owned()))
    }

    /// The query that is made of captures. What was captured is escaped, so that it adds no parameter.
    #[must_use]
    pub fn query(&self, captured: &Captured) -> String {
        let mut query = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => query.push_str(text),
                Part::Group(group) => {
                    let bytes = captured.get(*group).map_or(&[][..], |(_, bytes)| bytes);
                    let slash = |&byte: &u8| match byte {
                        ENCODED_SLASH => b'/',
                        byte => byte,
                    };
                    let bytes: Vec<u8> = bytes.iter().map(slash).collect();
                    query.extend(percent_encode(&bytes, IN_QUERY));
                }
            }
        }
        query
    }

    /// The folder that every path of the template is in: empty or `/pub`.
    #[must_use]
    pub fn folder(&self) -> &str {
        match self.parts.first() {
            Some(Part::Text(text)) => text.rsplit_once('/').map_or("", |(folder, _)| folder),
            _ => "",
        }
    }
}

/// Adds a part to a path that begins with a slash; no second slash stands behind that.
fn push(path: &mut String, part: &str) {
    match path.len() {
        1 => path.push_str(part.trim_start_matches('/')),
        _ => path.push_str(part),
    }
}

/// The path parameters of a raw path, `;` included, in order: `;jsessionid=5.n1`. A path that is made of captures has none
/// of them, and Tomcat looks for its session there. Where the path can be read in several ways, those with an escape are left
/// out: it may be a slash to the member.
#[must_use]
pub fn parameters(raw: &str, normal: &Normal<'_>) -> String {
    if !raw.contains(';') {
        return String::new();
    }
    let of_segment = |segment: &str| {
        segment
            .find(';')
            .and_then(|at| segment.get(at..))
            .map(str::to_owned)
    };
    let parameters = raw.split('/').filter_map(of_segment);
    parameters
        .filter(|parameters| !(normal.is_ambiguous() && parameters.contains(['%', '\\'])))
        .collect()
}
