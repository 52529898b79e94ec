//! Files that the configuration includes.

use std::path::PathBuf;

/// `include`: the files with further balancers and mappings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Include {
    /// The patterns of their names, from the folder of the configuration file on.
    pub(crate) patterns: Vec<String>,
    /// The files that were read, in this order.
    pub files: Vec<IncludedFile>,
}

/// One of these files, as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct IncludedFile {
    /// Its name.
    pub path: PathBuf,
    /// A hash of its content; `None` when it could not be read.
    pub hash: Option<u64>,
}
