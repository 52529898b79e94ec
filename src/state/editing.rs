//! What a change starts from: the file, and what was changed by hand.

use std::io;
use std::path::{Path, PathBuf};

use ajpgate_config::Config;

use super::directories::NoDirectory;
use super::guard::GuardError;
use super::overrides::Overrides;
use super::store::Store;
use crate::balancer::Refused;

/// What whoever changes something has to know.
#[derive(Debug)]
pub(crate) struct Editing {
    /// The configuration as the file has it.
    pub(super) file: Config,
    pub(super) overrides: Overrides,
    /// Where `overrides` are written down, if anywhere.
    pub(super) store: Option<Store>,
}

impl Editing {
    /// Reads what was changed by hand before the last end. What cannot be read is set aside, and the file alone
    /// counts. `folder` is where that is.
    pub(crate) fn new(file: &Config, folder: &Path) -> Self {
        let path = file.admin.as_ref().and_then(|it| it.state_file.clone());
        let store = path.map(|path| Store::new(path, folder.to_owned()));
        Self {
            file: file.clone(),
            overrides: store.as_ref().map(Store::load).unwrap_or_default(),
            store,
        }
    }

    /// The file with what was changed by hand over it.
    pub(crate) fn effective(&self) -> Config {
        self.overrides.over(&self.file)
    }
}

/// Why a change was not made. Then nothing of it was.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EditError {
    #[error("{0}")]
    Refused(#[from] Refused),
    #[error("url: there is a member with this url already")]
    Exists,
    #[error(
        "stickysession: sticky_cookie has this name, and would overwrite the sessions of the backends"
    )]
    TakenByName,
    #[error(
        "url: an AJP member makes the balancer sticky by the cookie JSESSIONID, which is the name of its sticky_cookie"
    )]
    TakenByUrl,
    #[error("{0}")]
    Impossible(#[from] GuardError),
    #[error("{0}")]
    Directory(#[from] NoDirectory),
    #[error("{0}")]
    Added(String),
    #[error("a new program is taking over: ask it")]
    Replaced,
    #[error("the state file {} cannot be written: {error}", file.display())]
    Store { file: PathBuf, error: io::Error },
}
