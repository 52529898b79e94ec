//! The state file: what was changed by hand and what was discovered, so that it survives a restart. The program that takes over from
//! this one is told the same.
//!
//! It is written beside itself and renamed, and both the file and its folder are on the disk before a change is
//! answered: what was answered with success is there after kill -9 and after a power cut.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Once;

use ajpgate_config::{InputError, read_file};
use serde_json::{Map, Value, json};
use tracing::{info, warn};

use super::layers::Layers;
use super::overrides::Overrides;
use crate::cluster::{Cells, Version};

/// The version that the file must have. Others are refused.
const VERSION: u64 = 1;

/// Largest file that is written and read, in bytes.
const LARGEST: u64 = 16 << 20;

/// Whether the log says that members have no room in the file: it does once.
static NO_ROOM_SAID: Once = Once::new();

/// The key of the members that were discovered. Files of earlier versions have none.
const DISCOVERED: &str = "discovered";

/// The key of the sources that have named them. Files of earlier versions have none.
const SOURCES: &str = "sources";

/// A state file, which need not exist yet.
#[derive(Debug)]
pub(super) struct Store {
    path: PathBuf,
    /// What the files that it names are relative to: where the configuration is.
    folder: PathBuf,
}

impl Store {
    pub(super) const fn new(path: PathBuf, folder: PathBuf) -> Self {
        Self { path, folder }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What it says; nothing when it does not exist. A file that is damaged, or is something else, is renamed within
    /// its folder and named in the log.
    pub(super) fn load(&self) -> Kept {
        let file = self.path.display();
        match read(&self.path, &self.folder) {
            Ok(kept) => {
                info!(%file, "what was changed by hand is in force again");
                kept
            }
            Err(Unreadable::Absent) => Kept::default(),
            Err(Unreadable::Bad(reason)) => {
                let aside = self.set_aside();
                warn!(
                    %file, %reason, aside = %aside.display(),
                    "the state file cannot be used: it was set aside, and the configuration alone counts"
                );
                Kept::default()
            }
        }
    }

    /// Writes it as a whole. In a cluster of this name, with the versions of its cells.
    ///
    /// # Errors
    /// What the system says; then the file is what it was.
    pub(super) fn save(&self, layers: &Layers, cluster: Option<(&str, &Cells)>) -> io::Result<()> {
        let text = written(layers, cluster)?;
        let new = beside(&self.path, "new");
        let folder = self.path.parent().filter(|it| !it.as_os_str().is_empty());
        let folder = File::open(folder.unwrap_or(Path::new(".")))?;
        // It may hold secrets of members that were added.
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, &self.path)?;
        // From here on the change is in the file, and so it must be made.
        if let Err(error) = folder.sync_all() {
            warn!(file = %self.path.display(), %error, "the state file may not survive a power cut");
        }
        Ok(())
    }

    /// Renames the file to a name that is free, and returns that.
    fn set_aside(&self) -> PathBuf {
        let names = (1..).map(|number| beside(&self.path, &format!("damaged-{number}")));
        for name in names.take(1000) {
            if !name.exists() {
                if let Err(error) = fs::rename(&self.path, &name) {
                    warn!(file = %self.path.display(), %error, "the state file cannot be renamed");
                }
                return name;
            }
        }
        self.path.clone()
    }
}

/// What a state file has. In a cluster of this name, with the versions of its cells. Where it would be too large it has no members
/// that were discovered: no change by hand is refused because of them.
///
/// # Errors
/// It would be too large all the same.
pub(super) fn written(layers: &Layers, cluster: Option<(&str, &Cells)>) -> io::Result<String> {
    let mut state = json!({
        "program": "ajpgate",
        "version": VERSION,
        "balancers": layers.overrides.to_json(),
        DISCOVERED: layers.discovered.to_json(),
        SOURCES: layers.discovered.sources_to_json(),
    });
    if let (Some((name, cells)), Some(state)) = (cluster, state.as_object_mut()) {
        let versions = cells.iter();
        let versions = versions.map(|(key, cell)| (key.clone(), cell.version.into()));
        let versions: Map<String, Value> = versions.collect();
        let cluster = json!({ "name": name, "versions": versions });
        state.insert("cluster".to_owned(), cluster);
    }
    let text = format!("{state:#}\n");
    if fits(&text) {
        return Ok(text);
    }
    if let Some(state) = state.as_object_mut() {
        state.remove(DISCOVERED);
        state.remove(SOURCES);
    }
    NO_ROOM_SAID.call_once(|| {
        warn!(
            "the state file has no room for the members that were discovered: they are not known after a restart until a source names them"
        );
    });
    let text = format!("{state:#}\n");
    let why = format!("it would have more than {} MiB", LARGEST >> 20);
    match fits(&text) {
        true => Ok(text),
        false => Err(io::Error::new(io::ErrorKind::FileTooLarge, why)),
    }
}

const fn fits(text: &str) -> bool {
    text.len() as u64 <= LARGEST
}

/// What a state file has.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) overrides: Overrides,
    /// As `Discovered::from_json` reads it.
    pub(super) discovered: Value,
    /// The sources that have named them.
    pub(super) sources: Value,
    /// The cluster in which this was changed, with the versions of its cells.
    pub(super) cluster: Option<(String, Vec<(String, Version)>)>,
}

impl Kept {
    /// What the program before has told. What cannot be read is named in the log.
    pub(super) fn of_program_before(state: &[u8], folder: &Path) -> Option<Self> {
        let kept = read_state(state, folder);
        let told = |reason: &String| {
            warn!(%reason, "what the program before has told cannot be used: the state file counts, if there is one");
        };
        kept.inspect_err(told).ok()
    }
}

enum Unreadable {
    Absent,
    Bad(String),
}

fn read(path: &Path, folder: &Path) -> Result<Kept, Unreadable> {
    let content = read_file(path, LARGEST).map_err(|error| match error {
        InputError::System(error) if error.kind() == io::ErrorKind::NotFound => Unreadable::Absent,
        error => Unreadable::Bad(error.to_string()),
    })?;
    read_state(&content, folder).map_err(Unreadable::Bad)
}

fn read_state(content: &[u8], folder: &Path) -> Result<Kept, String> {
    let state: Value = serde_json::from_slice(content).map_err(|error| error.to_string())?;
    let says = |key: &str, value: Value| state.get(key) == Some(&value);
    if !says("program", Value::from("ajpgate")) || !says("version", Value::from(VERSION)) {
        return Err("it is not a state file of this version".to_owned());
    }
    let balancers = state.get("balancers").unwrap_or(&Value::Null);
    Ok(Kept {
        overrides: Overrides::from_json(balancers, folder)?,
        discovered: state.get(DISCOVERED).cloned().unwrap_or_default(),
        sources: state.get(SOURCES).cloned().unwrap_or_default(),
        cluster: state.get("cluster").and_then(cluster),
    })
}

/// The name of a cluster, and the versions of its cells.
fn cluster(cluster: &Value) -> Option<(String, Vec<(String, Version)>)> {
    let name = cluster.get("name")?.as_str()?;
    let versions = cluster.get("versions")?.as_object()?.iter();
    let versions = versions.filter_map(|(key, version)| Some((key.clone(), version.as_u64()?)));
    Some((name.to_owned(), versions.collect()))
}

/// `state.json` becomes `state.json.new`.
fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(end);
    path.with_file_name(name)
}
