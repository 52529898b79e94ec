//! From a host and a path to a mapping that lets the path through.

use std::borrow::Cow;

use ajpgate_config::EncodedSlash;

use super::refusal::Refusal;
use crate::mount::{BadPath, Filled, Match, Normal, Site, normalize, rewrite};
use crate::state::{LiveAction, LiveMapping, Made, Snapshot};

/// A path that a mapping takes.
#[derive(Debug)]
pub(crate) struct Located<'a> {
    /// The raw path.
    pub(crate) path: &'a str,
    /// The path that the mapping was decided on.
    pub(crate) normal: Normal<'a>,
    /// The mapping's place in the configuration.
    pub(crate) index: usize,
    pub(crate) mapping: &'a LiveMapping,
    /// Whether the client's scheme is https.
    secure: bool,
    /// What is made of captures.
    pub(crate) made: Option<Box<Made>>,
}

impl<'a> Located<'a> {
    /// Finds the mapping of a raw path.
    ///
    /// # Errors
    /// A path that no server is asked for, that is excluded, or that no mapping takes.
    pub(super) fn of(
        snapshot: &'a Snapshot,
        site: Site<'_>,
        path: &'a str,
    ) -> Result<Self, Refusal> {
        let normal = normalize(path)?;
        if normal.has_encoded_slash() || normal.has_encoded_backslash() {
            passes(snapshot, site, &normal)?;
        }
        let index = match snapshot.mounts.find(site, &normal) {
            Some(Match::Mapping(index)) => index,
            Some(Match::Exclusion(index)) => return Err(Refusal::Excluded { index }),
            Some(Match::Guarded(index)) => return Err(Refusal::Guarded { index }),
            None => return Err(Refusal::Unmapped),
        };
        let mapping = snapshot.mappings.get(index).ok_or(Refusal::Unmapped)?;
        Ok(Self {
            made: mapping.made(path, &normal)?,
            secure: site.secure,
            path,
            normal,
            index,
            mapping,
        })
    }
}

impl Located<'_> {
    /// Whether another path under this host belongs to the same mapping, and is not excluded.
    pub(super) fn is_mapping_of(&self, snapshot: &Snapshot, host: &str, path: &Normal<'_>) -> bool {
        let secure = self.secure;
        snapshot.mounts.find(Site { host, secure }, path) == Some(Match::Mapping(self.index))
    }

    /// The path that is made of captures.
    pub(crate) fn filled(&self) -> Option<&Filled> {
        self.made.as_ref()?.path.as_ref()
    }

    /// The path that a backend gets, which sees `back` in place of the mapping's path, or in front of a path that is made
    /// of captures.
    pub(super) fn path_sent(&self, back: &str) -> Cow<'_, str> {
        match self.filled() {
            Some(filled) if back.is_empty() => Cow::Borrowed(&filled.path),
            Some(filled) => Cow::Owned(format!("{back}{}", filled.path)),
            None => rewrite(&self.mapping.front, back, self.path, &self.normal),
        }
    }

    /// The query in front of the client's.
    pub(crate) fn own_query(&self) -> Option<&str> {
        self.made.as_ref()?.query.as_deref()
    }

    /// What stands behind `#` in a redirect.
    pub(crate) fn fragment(&self) -> Option<&str> {
        self.made.as_ref()?.fragment.as_deref()
    }
}

/// Whether the mapping lets encoded slashes and backslashes through. Without `encoded_slash: pass` a backslash is a
/// letter of a name where the target does not speak AJP13.
fn passes(snapshot: &Snapshot, site: Site<'_>, normal: &Normal<'_>) -> Result<(), BadPath> {
    let mapping = snapshot.mounts.mapping(site, normal);
    let mapping = mapping.and_then(|index| snapshot.mappings.get(index));
    if mapping.is_some_and(|mapping| mapping.encoded_slash == EncodedSlash::Pass) {
        return Ok(());
    }
    match mapping.map(|mapping| &mapping.action) {
        _ if normal.has_encoded_slash() => Err(BadPath::EncodedSlash),
        Some(LiveAction::Forward(target)) if !target.speaks_ajp13() => Ok(()),
        Some(LiveAction::Files(_)) => Ok(()),
        _ => Err(BadPath::EncodedBackslash),
    }
}
