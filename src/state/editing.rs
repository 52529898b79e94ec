//! What a change starts from: the file, and what was changed by hand.

use std::io;
use std::path::{Path, PathBuf};

use ajpgate_config::Config;

use super::directories::NoDirectory;
use super::discovered::Discovered;
use super::guard::GuardError;
use super::overrides::Overrides;
use super::store::Store;
use crate::balancer::Refused;
use crate::discovery::MOST_MEMBERS;
use crate::traces::TracingError;

/// What whoever changes something has to know.
#[derive(Debug)]
pub(crate) struct Editing {
    /// The configuration as the file has it.
    pub(super) file: Config,
    pub(super) layers: Layers,
    /// Where the changes by hand are written down, if anywhere.
    pub(super) store: Option<Store>,
}

impl Editing {
    /// Reads what was changed by hand before the last end. What cannot be read is set aside, and the file alone
    /// counts. `folder` is where that is.
    pub(crate) fn new(file: &Config, folder: &Path) -> Self {
        let mut discovered = Discovered::default();
        discovered.look_into_files(file);
        let path = file.admin.as_ref().and_then(|it| it.state_file.clone());
        let store = path.map(|path| Store::new(path, folder.to_owned()));
        Self {
            file: file.clone(),
            layers: Layers {
                discovered,
                overrides: store.as_ref().map(Store::load).unwrap_or_default(),
            },
            store,
        }
    }

    /// Forgets what was discovered. Returns whether there was any.
    pub(crate) fn forget_discovered(&mut self) -> bool {
        let forgotten = std::mem::take(&mut self.layers.discovered);
        forgotten != Discovered::default()
    }

    /// The file with what was discovered and what was changed by hand over it.
    pub(crate) fn effective(&self) -> Config {
        self.layers.over(&self.file)
    }
}

/// What lies over the file: what was discovered, and over that what was changed by hand.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Layers {
    pub(super) discovered: Discovered,
    pub(super) overrides: Overrides,
}

impl Layers {
    pub(super) fn over(&self, file: &Config) -> Config {
        self.overrides.over(&self.discovered.over(file))
    }
}

/// Why a change was not made. Then nothing of it was.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EditError {
    #[error("{0}")]
    Refused(#[from] Refused),
    #[error("{key}: the source that named this member {says}: this cannot be taken back by hand")]
    SaidBySource {
        key: &'static str,
        says: &'static str,
    },
    #[error("url: a balancer has at most {MOST_MEMBERS} members")]
    TooMany,
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
    Tracing(#[from] TracingError),
    #[error("{0}")]
    Directory(#[from] NoDirectory),
    #[error("{0}")]
    Added(String),
    #[error("a new program is taking over: ask it")]
    Replaced,
    #[error("the state file {} cannot be written: {error}", file.display())]
    Store { file: PathBuf, error: io::Error },
}
