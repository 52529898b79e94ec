//! Sources of members.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::origin::MemberSource;

/// One entry of `discover`: a source that names members while the gateway runs.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Discover {
    /// Where it asks.
    pub from: DiscoverFrom,
    /// The time from one question to the next.
    pub interval: Duration,
}

/// Where a source asks for members.
#[derive(Debug, Clone, PartialEq)]
pub enum DiscoverFrom {
    /// Files with lists of members.
    File(MemberFiles),
}

impl Discover {
    /// The kind of the source.
    #[must_use]
    pub const fn source(&self) -> MemberSource {
        match self.from {
            DiscoverFrom::File(_) => MemberSource::File,
        }
    }

    /// What is asked: the same text is the same source, also when another key of it has changed.
    #[must_use]
    pub fn subject(&self) -> String {
        match &self.from {
            DiscoverFrom::File(files) => format!("file {}", files.pattern),
        }
    }
}

/// The files that a pattern names, each with a list of members.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemberFiles {
    /// The pattern of their names, from the folder of the configuration file on.
    pub(crate) pattern: String,
    /// The folder of the configuration file: what the files that members name are relative to.
    pub(crate) folder: PathBuf,
}

impl MemberFiles {
    /// The folder of the configuration file.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}
