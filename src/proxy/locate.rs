//! From a host and a path to a mapping that lets the path through.

use ajpgate_config::EncodedSlash;

use super::refusal::Refusal;
use crate::mount::{BadPath, Match, Normal, normalize};
use crate::state::{LiveAction, LiveMapping, Snapshot};

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
}

impl<'a> Located<'a> {
    /// Finds the mapping of a raw path.
    ///
    /// # Errors
    /// A path that no server is asked for, that is excluded, or that no mapping takes.
    pub(super) fn of(snapshot: &'a Snapshot, host: &str, path: &'a str) -> Result<Self, Refusal> {
        let normal = normalize(path)?;
        if normal.has_encoded_slash() || normal.has_encoded_backslash() {
            passes(snapshot, host, &normal)?;
        }
        let index = match snapshot.mounts.find(host, &normal) {
            Some(Match::Mapping(index)) => index,
            Some(Match::Exclusion(index)) => return Err(Refusal::Excluded { index }),
            None => return Err(Refusal::Unmapped),
        };
        let mapping = snapshot.mappings.get(index).ok_or(Refusal::Unmapped)?;
        Ok(Self {
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
        snapshot.mounts.find(host, path) == Some(Match::Mapping(self.index))
    }
}

/// Whether the mapping lets encoded slashes and backslashes through. Without `encoded_slash: pass` a backslash is a
/// letter of a name where the target does not speak AJP13.
fn passes(snapshot: &Snapshot, host: &str, normal: &Normal<'_>) -> Result<(), BadPath> {
    let mapping = snapshot.mounts.mapping(host, normal);
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
