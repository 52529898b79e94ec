//! What a change starts from: the file, and what was changed by hand.

use std::collections::{BTreeSet, HashSet};
use std::io;
use std::path::{Path, PathBuf};

use ajpgate_config::{Config, is_route};
use tracing::warn;

use super::cells;
use super::directories::NoDirectory;
use super::discovered::Discovered;
use super::guard::GuardError;
use super::overrides::Overrides;
use super::store::{Kept, Store};
use crate::balancer::Refused;
use crate::cluster::{Cell, Cells, First, Known, Link, Machine};
use crate::discovery::{MOST_MEMBERS, Room};
use crate::telemetry::WarnLimit;
use crate::traces::TracingError;

/// What whoever changes something has to know.
#[derive(Debug)]
pub(crate) struct Editing {
    /// The configuration as the file has it.
    pub(super) file: Config,
    pub(super) layers: Layers,
    /// Where the changes by hand are written down, if anywhere.
    pub(super) store: Option<Store>,
    /// Whether the state file lacks something of what runs, because it could not be written.
    pub(super) unwritten: bool,
    /// Limits the warnings about that.
    unwritable: WarnLimit,
    /// Other gateways that share what was changed by hand, if there are any.
    pub(super) cluster: Option<Shares>,
}

/// What a gateway of a cluster shares with the others.
#[derive(Debug)]
pub(super) struct Shares {
    /// The cluster's name.
    pub(super) name: String,
    pub(super) link: Link,
    pub(super) known: Known,
    /// Of that, what runs here: the cells that were last taken up. The state file has their versions beside their values.
    pub(super) taken_up: Cells,
    /// The keys that this gateway is about to write.
    pub(super) own: BTreeSet<String>,
    /// Why what the cluster has cannot be used here.
    pub(super) unusable: Option<String>,
}

impl Editing {
    /// Reads what was changed by hand before the last end. What cannot be read is set aside, and the file alone
    /// counts. `folder` is where that is.
    pub(crate) fn new(
        file: &Config,
        folder: &Path,
        cluster: Option<(Link, Option<First>)>,
    ) -> Self {
        let path = file.admin.as_ref().and_then(|it| it.state_file.clone());
        let store = path.map(|path| Store::new(path, folder.to_owned()));
        let kept = store.as_ref().map(Store::load).unwrap_or_default();
        let shares = file.cluster.as_ref().zip(cluster);
        let learned = shares.as_ref().and_then(|(_, (_, first))| first.as_ref());
        let learned = learned.map(|first| first.routes.clone());
        let mut cluster = shares.map(|(config, (link, first))| Shares {
            name: config.name.clone(),
            link,
            taken_up: known(&config.name, &kept, None).cells,
            known: known(&config.name, &kept, first),
            own: BTreeSet::new(),
            unusable: None,
        });
        let mut overrides = kept.overrides;
        if let Some(shares) = &mut cluster {
            let state = cells::state(&shares.known.cells);
            match Overrides::from_json(&state, folder) {
                Ok(all) => {
                    overrides = all.with_own(&overrides);
                    shares.taken_up.clone_from(&shares.known.cells);
                }
                Err(reason) => {
                    warn!(
                        reason,
                        "what other gateways have changed cannot be taken up"
                    );
                }
            }
        }
        for ((balancer, url), route) in learned.iter().flatten() {
            let mut balancers = file.balancers.iter();
            if is_route(route) && balancers.any(|it| it.name == *balancer) {
                overrides.learn(balancer, url, route);
            }
        }
        let mut discovered = Discovered::default();
        discovered.look_into_files(file, |balancer| overrides.room(balancer));
        Self {
            file: file.clone(),
            layers: Layers {
                discovered,
                overrides,
            },
            store,
            unwritten: false,
            unwritable: WarnLimit::per_minute(),
            cluster,
        }
    }

    /// What the cluster is known to have.
    pub(super) fn known_cells(&self) -> Cells {
        let cluster = self.cluster.as_ref();
        cluster.map(|it| it.known.cells.clone()).unwrap_or_default()
    }

    /// Writes changes by hand to the state file, if there is one, before they are made.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn write_first(&mut self, overrides: &Overrides) -> Result<(), EditError> {
        let written = self.write_down(overrides, "the change was not made");
        self.unwritten &= written.is_err();
        written
    }

    /// Writes what runs to the state file, if there is one. Where it cannot be written, it is written again later.
    pub(super) fn write_what_runs(&mut self) {
        let lost = match self.cluster {
            Some(_) => "what runs counts, and the cluster has what was changed by hand",
            None => "what runs counts, and is lost at a restart",
        };
        let written = self.write_down(&self.layers.overrides, lost);
        self.unwritten = written.is_err();
    }

    /// The log names a file that cannot be written, once a minute.
    fn write_down(&self, overrides: &Overrides, lost: &str) -> Result<(), EditError> {
        let Some(store) = &self.store else {
            return Ok(());
        };
        let cluster = self.cluster.as_ref();
        let cluster = cluster.map(|it| (it.name.as_str(), &it.taken_up));
        store.save(overrides, cluster).map_err(|error| {
            let file = store.path().to_owned();
            if let Some(left_out) = self.unwritable.due(()) {
                warn!(
                    file = %file.display(), %error, left_out = left_out.field(),
                    "the state file cannot be written: {lost}"
                );
            }
            EditError::Store { file, error }
        })
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

    /// Notes which changed members of a balancer are gone, once each of its sources has named members. Returns whether there are
    /// more than are kept.
    pub(super) fn note_gone(&mut self, file: &Config, balancer: &str) -> bool {
        let mut balancers = file.balancers.iter();
        let Some(of_file) = balancers.find(|it| it.name == balancer) else {
            return false;
        };
        if !self.discovered.is_complete(of_file) {
            return false;
        }
        let named = of_file.members.iter().map(|it| it.url.text.as_str());
        let there: HashSet<&str> = named.chain(self.discovered.urls(balancer)).collect();
        self.overrides.note_gone(balancer, &there)
    }

    /// The room that a balancer of the file has beside all members but those of a source.
    pub(super) fn room(&self, file: &Config, balancer: &str, source: &str) -> Room {
        let mut balancers = file.balancers.iter();
        let of_file = balancers.find(|it| it.name == balancer);
        let room = of_file
            .map(|it| self.overrides.room(it))
            .unwrap_or_default();
        self.discovered.room_of(balancer, source, room)
    }
}

/// What the state file and the engine have together.
fn known(name: &str, kept: &Kept, first: Option<First>) -> Known {
    let mut all = Cells::new();
    // What was changed before there was a cluster counts less than what it has.
    for (key, value) in cells::values(&kept.overrides.to_json()) {
        let value = Some(value);
        all.insert(key, Cell { version: 0, value });
    }
    let versions = kept.cluster.iter().filter(|(of, _)| of == name);
    for (key, version) in versions.flat_map(|(_, versions)| versions) {
        let (version, value) = (*version, None);
        let cell = all.entry(key.clone()).or_insert(Cell { version, value });
        cell.version = version;
    }
    let mut machine = Machine::<()>::new(all);
    if let Some(first) = first {
        machine.connected();
        machine.read(first.revision, first.cells);
    }
    machine.known().clone()
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
    #[error("another gateway of the cluster has changed something meanwhile: try again")]
    Again,
    #[error(
        "the engine of the cluster cannot be reached or does not answer: the change was not made here, and counts only if the engine has it when it can be reached again"
    )]
    Unreachable,
    #[error("this gateway cannot take up what the cluster has, so the change was not made: {0}")]
    Behind(String),
    #[error("the change counts on the other gateways, and cannot be taken up here: {0}")]
    NotHere(String),
    #[error("the cluster has too many changes: at a time, or altogether")]
    TooMuch,
    #[error("the change was not completed: {0}")]
    Broken(String),
    #[error("the state file {} cannot be written: {error}", file.display())]
    Store { file: PathBuf, error: io::Error },
}
