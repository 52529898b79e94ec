//! Which path clients know for a path of a backend: what httpd's list of ProxyPassReverse says.

use std::borrow::Cow;
use std::collections::HashMap;

use super::escape::Dots;
use super::prefix::{Front, strip};
use super::{Site, Table};

/// What the mappings of a configuration send where. It is made once per configuration.
#[derive(Debug, Clone, Default)]
pub struct PublicPaths {
    targets: Vec<Target>,
    /// The targets that have a member at an address, and the member's place in each.
    by_address: HashMap<String, Vec<(usize, usize)>>,
}

/// A balancer, or a backend that a mapping names itself.
#[derive(Debug, Clone, Default)]
pub struct Target {
    /// Address (host and port) and path of each member; the path is empty or `/app`, escaped.
    pub members: Vec<(String, String)>,
    /// The mappings that send to it, in the order of the file.
    pub mappings: Vec<Sending>,
}

/// A mapping, as far as it sends paths to a target.
#[derive(Debug, Clone)]
pub struct Sending {
    /// Its place among the rules of the [`Table`].
    pub rule: usize,
    /// Its own path.
    pub front: Front,
    /// What stands in place of that for the target, behind the path of the member: empty or `/app`, escaped.
    pub path: String,
}

/// A request that was answered: what decides how paths in the answer are mapped back.
#[derive(Debug, Clone, Copy)]
pub struct Answered<'a> {
    /// The rules of the configuration.
    pub table: &'a Table,
    /// What its mappings send where.
    pub paths: &'a PublicPaths,
    /// The host that the client asked for, and its scheme.
    pub site: Site<'a>,
    /// The host and port of the member that answered.
    pub address: &'a str,
    /// The path of the request's own mapping.
    pub front: &'a Front,
    /// What the member got in place of it: empty or `/app`, escaped.
    pub back: &'a str,
}

impl PublicPaths {
    /// Indexes these targets by the addresses of their members.
    #[must_use]
    pub fn new(targets: Vec<Target>) -> Self {
        let mut by_address: HashMap<String, Vec<(usize, usize)>> = HashMap::new();
        for (place, target) in targets.iter().enumerate() {
            for (member, (address, _)) in target.members.iter().enumerate() {
                let members = by_address.entry(address.clone()).or_default();
                members.push((place, member));
            }
        }
        Self {
            targets,
            by_address,
        }
    }

    /// Each mapping that sends to an address, with the path of the member there.
    fn sending_to(&self, address: &str) -> impl Iterator<Item = (&str, &Sending)> {
        let members = self.by_address.get(address).into_iter().flatten();
        members.flat_map(|&(target, member)| {
            let target = self.targets.get(target);
            let path = target.and_then(|target| target.members.get(member));
            let path = path.map_or("", |(_, path)| path);
            let mappings = target.map_or(&[][..], |target| &target.mappings);
            mappings.iter().map(move |mapping| (path, mapping))
        })
    }
}

impl Answered<'_> {
    /// The path that clients know for a path of the member; `None` when no mapping leads there.
    ///
    /// The request's own mapping counts when it leads there. Otherwise it is, of the mappings that send to the same
    /// address under the request's host, the one that sends the longest part of the path.
    ///
    /// `path` begins with a slash and has no query. It is compared by what its escapes stand for, without dot segments
    /// and, if need be, without empty segments. What stands behind the mapping's part keeps its bytes.
    #[must_use]
    pub fn public<'p>(&self, path: &'p [u8]) -> Option<Cow<'p, [u8]>> {
        let resolved = without_dots(path);
        if let Some(rest) = strip(self.back, &resolved) {
            return Some(match self.front.escaped() == self.back {
                true => Cow::Borrowed(path),
                false => Cow::Owned(behind(self.front, rest)),
            });
        }
        if let Some((front, rest)) = self.leading(self.address, &resolved) {
            return Some(Cow::Owned(behind(front, rest)));
        }
        let collapsed = without_empty(&resolved)?;
        let own = strip(self.back, &collapsed).map(|rest| (self.front, rest));
        let (front, rest) = own.or_else(|| self.leading(self.address, &collapsed))?;
        Some(Cow::Owned(behind(front, rest)))
    }

    /// The path that clients know for a path at an address of any backend, such as another member of the balancer; `None` when
    /// no mapping of the request's host leads there. The request's own mapping counts first.
    #[must_use]
    pub fn public_at(&self, address: &str, path: &[u8]) -> Option<Vec<u8>> {
        let resolved = without_dots(path);
        let found = self.leading(address, &resolved);
        if let Some((front, rest)) = found {
            return Some(behind(front, rest));
        }
        let collapsed = without_empty(&resolved)?;
        let (front, rest) = self.leading(address, &collapsed)?;
        Some(behind(front, rest))
    }

    /// The front of the mapping that leads to the path at this address, and the rest of the path.
    fn leading<'p>(&self, address: &str, path: &'p [u8]) -> Option<(&Front, &'p [u8])> {
        let mut best: Option<(&Sending, &[u8])> = None;
        let rank = |mapping: &Sending, rest: &[u8]| {
            let is_other = mapping.front.path() != self.front.path();
            (is_other, rest.len(), mapping.rule)
        };
        for (member, mapping) in self.paths.sending_to(address) {
            let rest = strip(member, path).and_then(|rest| strip(&mapping.path, rest));
            let Some(rest) = rest else { continue };
            let is_better =
                best.is_none_or(|(other, shortest)| rank(mapping, rest) < rank(other, shortest));
            let path = mapping.front.path().as_bytes();
            // Under this host another mapping may have taken the place of that one.
            if is_better && self.table.mapping_of(self.site, path) == Some(mapping.rule) {
                best = Some((mapping, rest));
            }
        }
        best.map(|(mapping, rest)| (&mapping.front, rest))
    }
}

/// The path of a mapping and what stands behind it, with one slash where they meet.
///
/// A path that began with two slashes, or with what browsers take for slashes, would be another host.
fn behind(front: &Front, rest: &[u8]) -> Vec<u8> {
    let is_slash = |byte: &u8| match front.escaped() {
        "" => matches!(byte, b'/' | b'\\' | b'\t'),
        _ => *byte == b'/',
    };
    let slashes = rest.iter().take_while(|byte| is_slash(byte)).count();
    let slash: &[u8] = match slashes > 0 || front.escaped().is_empty() {
        true => b"/",
        false => b"",
    };
    let rest = rest.get(slashes..).unwrap_or_default();
    [front.escaped().as_bytes(), slash, rest].concat()
}

/// Where a relative reference leads (RFC 3986 section 5.2): `base` is the path of the request, `reference` a path that
/// does not begin with a slash and is not empty.
#[must_use]
pub fn resolve_reference(base: &[u8], reference: &[u8]) -> Vec<u8> {
    let folder = base.iter().rposition(|&byte| byte == b'/');
    let folder = base.get(..=folder.unwrap_or_default()).unwrap_or_default();
    without_dots(&[folder, reference].concat()).into_owned()
}

/// A path without its dot segments, as clients resolve them (RFC 3986 section 5.2.4); `%2e` is a dot to them.
fn without_dots(path: &[u8]) -> Cow<'_, [u8]> {
    let segments = || path.split(|&byte| byte == b'/').skip(1);
    if segments().all(|segment| Dots::of(segment).is_none()) {
        return Cow::Borrowed(path);
    }
    let mut left: Vec<&[u8]> = Vec::new();
    let mut last_was_dots = false;
    for segment in segments() {
        let dots = Dots::of(segment);
        last_was_dots = dots.is_some();
        match dots {
            Some(Dots::One) => {}
            Some(Dots::Two) => drop(left.pop()),
            None => left.push(segment),
        }
    }
    if last_was_dots {
        left.push(b"");
    }
    Cow::Owned([b"/", left.join(&b'/').as_slice()].concat())
}

/// A path with one slash in place of several; `None` where there are not several.
fn without_empty(path: &[u8]) -> Option<Vec<u8>> {
    path.windows(2).any(|two| two == b"//").then(|| {
        let mut collapsed = path.to_vec();
        collapsed.dedup_by(|second, first| *second == b'/' && *first == b'/');
        collapsed
    })
}

#[cfg(test)]
mod tests;
