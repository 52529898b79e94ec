//! What a change starts from: the file, and what was changed by hand.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use ajpgate_config::{Config, is_route};
use tracing::warn;

use super::cells;
use super::directories::NoDirectory;
use super::discovered::{Discovered, Which};
use super::guard::GuardError;
use super::layers::Layers;
use super::overrides::Overrides;
use super::store::{Kept, Store, written};
use crate::balancer::Refused;
use crate::cluster::{Cell, Cells, First, Known, Link, Machine, ToldMembers};
use crate::discovery::MOST_MEMBERS;
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
    /// Whether the state file lacks something of what runs: it is to be written soon, or could not be written.
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

impl Shares {
    /// Takes up what the cluster has, where it can be used. Changes by hand that are this gateway's own stay.
    fn take_up(&mut self, overrides: &mut Overrides, folder: &Path) {
        let state = cells::state(&self.known.cells);
        match Overrides::from_json(&state, folder) {
            Ok(all) => {
                *overrides = all.with_own(overrides);
                self.taken_up.clone_from(&self.known.cells);
            }
            Err(reason) => {
                warn!(
                    reason,
                    "what other gateways have changed cannot be taken up"
                );
            }
        }
    }
}

impl Editing {
    /// Reads what was changed by hand, and what was discovered, before the last end: in `before`, which the program has that this one
    /// takes over from, else in the state file. What cannot be read is set aside, and the file alone counts. `folder` is where that
    /// is.
    pub(crate) fn new(
        file: &Config,
        folder: &Path,
        cluster: Option<(Link, Option<First>)>,
        before: Option<&[u8]>,
    ) -> Self {
        let path = file.admin.as_ref().and_then(|it| it.state_file.clone());
        let store = path.map(|path| Store::new(path, folder.to_owned()));
        let before = before.and_then(|state| Kept::of_program_before(state, folder));
        // The state file may lack something of it.
        let unwritten = before.is_some();
        let kept = before.or_else(|| store.as_ref().map(Store::load));
        let kept = kept.unwrap_or_default();
        let shares = file.cluster.as_ref().zip(cluster);
        let first = shares.as_ref().and_then(|(_, (_, first))| first.as_ref());
        let told = first.map(|first| (first.routes.clone(), first.members.clone()));
        let (learned, members) = told.unwrap_or_default();
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
            shares.take_up(&mut overrides, folder);
        }
        for ((balancer, url), route) in &learned {
            if is_route(route) && file.balancer(balancer).is_some() {
                overrides.learn(balancer, url, route);
            }
        }
        let mut discovered = Discovered::from_json(&kept.discovered, &kept.sources, file, folder);
        let asked = discovered.asked_before();
        discovered.join(&members, file, folder);
        let mut layers = Layers {
            discovered,
            overrides,
        };
        layers.follow(&asked, file);
        layers.look_into_files(file, Which::All);
        warn_of_taken_cookies(&layers.over(file));
        Self {
            file: file.clone(),
            layers,
            store,
            unwritten,
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
    pub(super) fn write_first(&mut self, layers: &Layers) -> Result<(), EditError> {
        let written = self.write_down(layers, "the change was not made");
        self.unwritten &= written.is_err();
        written
    }

    /// Writes what runs to the state file, if there is one. Where it cannot be written, it is written again later. Returns whether
    /// it was written.
    pub(super) fn write_what_runs(&mut self) -> bool {
        let lost = match self.cluster {
            Some(_) => "what runs counts, and the cluster has what was changed by hand",
            None => "what runs counts, and is lost at a restart",
        };
        let written = self.write_down(&self.layers, lost);
        self.unwritten = written.is_err();
        written.is_ok()
    }

    /// Whether the state file, if there is one, lacks something of what runs.
    pub(crate) const fn is_unwritten(&self) -> bool {
        self.unwritten && self.store.is_some()
    }

    /// The log names a file that cannot be written, once a minute.
    fn write_down(&self, layers: &Layers, lost: &str) -> Result<(), EditError> {
        let Some(store) = &self.store else {
            return Ok(());
        };
        store.save(layers, self.taken_up()).map_err(|error| {
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

    /// Of a cluster its name and the cells that run here.
    fn taken_up(&self) -> Option<(&str, &Cells)> {
        let cluster = self.cluster.as_ref();
        cluster.map(|it| (it.name.as_str(), &it.taken_up))
    }

    /// What the program after this one must know of these layers: what the state file has, or would have. Nothing where they are
    /// empty.
    pub(super) fn for_next_program(&self, layers: &Layers) -> Option<Vec<u8>> {
        let is_empty = *layers == Layers::default();
        let state = (!is_empty).then(|| written(layers, self.taken_up()));
        let state = state.transpose().unwrap_or_else(|error| {
            warn!(%error, "what was changed by hand, and what was discovered, cannot be handed over");
            None
        });
        state.map(String::into_bytes)
    }

    /// The members that were discovered, for gateways that join the cluster; nothing without one.
    pub(crate) fn told_members(&self) -> ToldMembers {
        let cluster = self.cluster.as_ref();
        cluster
            .map(|_| self.layers.discovered.told())
            .unwrap_or_default()
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

/// The balancers whose session cookie, by what was changed by hand, has the name of their `sticky_cookie`.
pub(super) fn taken_cookies(effective: &Config) -> impl Iterator<Item = String> {
    let balancers = effective.balancers.iter();
    balancers.filter_map(|balancer| {
        let cookie = balancer.taken_session_cookie()?;
        Some(format!(
            "balancer {}: by what was changed by hand its sessions are found by the cookie {cookie}, and its sticky_cookie has this name and would overwrite the sessions of the backends",
            balancer.name
        ))
    })
}

/// Warns where what was changed by hand before, or elsewhere, finds no sessions with this file.
pub(super) fn warn_of_taken_cookies(effective: &Config) {
    for why in taken_cookies(effective) {
        warn!("{why}: it is sticky by its sticky_cookie alone");
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
    #[error(
        "{0}: change stickysession by hand or the name of sticky_cookie in the file, or remove the member that was added"
    )]
    TakenByFile(String),
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
