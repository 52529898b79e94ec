//! A configuration file, or one member, from its text to its meaning.

use std::collections::HashMap;
use std::fmt;
use std::iter::successors;
use std::path::Path;

use serde_json::Value;

use crate::build::{self, Numbers};
use crate::document::{read_document, read_key, read_tree, unread};
use crate::environment::Lookup;
use crate::include::include;
use crate::model::{Admin, Config, Discover, Keys, Member};
use crate::node::{self, Node, Shape};
use crate::problem::{Problem, Problems, Severity};
use crate::read::read;
use crate::report::{Place, Report, Source, Sources};
use crate::text::{ReadError, read_text};

/// A configuration that can be used.
#[non_exhaustive]
pub struct Loaded {
    /// What the file means.
    pub config: Config,
    /// What is allowed and still worth a look, in the order of the file.
    pub warnings: Vec<Problem>,
    sources: Sources,
    places: HashMap<String, Place>,
    numbers: Numbers,
}

/// A configuration as far as it could be read.
#[derive(Debug)]
#[non_exhaustive]
pub struct Examined {
    /// What could be read; `None` when that is nothing. With errors it is only good for finding more of them: items of lists may be
    /// missing, and other values may stand where the bad ones do.
    pub loaded: Option<Loaded>,
    /// Why the configuration is refused, in the order of the file.
    pub errors: Vec<Problem>,
}

impl Examined {
    fn into_loaded(self) -> Result<Loaded, Problems> {
        match (Problems::new(self.errors), self.loaded) {
            (None, Some(loaded)) => Ok(loaded),
            (Some(problems), _) => Err(problems),
            // A file of which nothing could be read has an error.
            (None, None) => Err(unread(&Source::new(Path::new(""), ""))),
        }
    }
}

impl Loaded {
    /// Where a key stands that is not in the main file: `conf.d/shop.yaml:3`.
    #[must_use]
    pub fn included(&self, path: &str) -> Option<String> {
        let place = self.places.get(path).filter(|place| place.file > 0)?;
        let file = self.sources.of(*place).file().display();
        Some(format!("{file}:{}", place.line))
    }

    /// Whether a list of the file has no more items than the model, which leaves out those that could not be read: the items of
    /// the others have other numbers.
    #[must_use]
    pub fn is_whole(&self, list: &str, items: usize) -> bool {
        !self.places.contains_key(&format!("{list}[{items}]"))
    }

    /// A problem that the caller has with a key, such as `listeners[1].tls` or
    /// `balancers.shop.members[0].upgrade_url`. A key that is not in the file is shown at the nearest one above it.
    #[must_use]
    pub fn problem(&self, path: &str, message: impl Into<String>, hint: Option<String>) -> Problem {
        let path = self.numbers.in_the_file(path);
        let place = successors(Some(&*path), |path| above(path))
            .find_map(|path| self.places.get(path))
            .or(self.places.get(""))
            .copied();
        let place = place.unwrap_or(Place::START);
        self.sources
            .of(place)
            .problem(Severity::Error, place, message.into(), hint)
    }
}

/// The path without its last key or index.
fn above(path: &str) -> Option<&str> {
    path.rfind(['.', '[']).and_then(|end| path.get(..end))
}

impl fmt::Debug for Loaded {
    /// Without the text: it may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loaded")
            .field("config", &self.config)
            .field("warnings", &self.warnings.len())
            .finish_non_exhaustive()
    }
}

/// Reads and checks a configuration file.
///
/// # Errors
///
/// All problems of the file; a file that cannot be read is one.
pub fn load(file: &Path, env: &dyn Fn(&str) -> Option<String>) -> Result<Loaded, Problems> {
    examine(file, env).into_loaded()
}

/// Reads and checks a configuration file, and hands out what could be read where there are errors, too.
pub fn examine(file: &Path, env: &dyn Fn(&str) -> Option<String>) -> Examined {
    match text_of(file) {
        Ok(text) => examine_text(&text, file, env),
        Err(problems) => Examined {
            loaded: None,
            errors: problems.into_iter().collect(),
        },
    }
}

/// Reads the admin listener of a configuration file, for who asks the gateway that runs with it; `None`: it has none. Only
/// the key `admin` is looked at. The rest of the file may be under work, or want variables of the environment that only the
/// gateway has.
///
/// # Errors
///
/// All problems of the key, and those that keep the file from being read.
pub fn load_admin(
    file: &Path,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<Admin>, Problems> {
    let text = text_of(file)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let report = Report::new(Source::new(file, text));
    let built = read_key(text, "admin", env, &report).and_then(|tree| {
        let (place, file) = read(&tree, &report).given()?;
        Some(build::build_admin(file, place, &report))
    });
    let (sources, _) = report.finish()?;
    built.ok_or_else(|| unread(sources.main()))
}

fn text_of(file: &Path) -> Result<String, Problems> {
    let source = |text: &str| Source::new(file, text);
    read_text(file).map_err(|error| match error {
        ReadError::Io(why) => {
            let message = format!("cannot read the file: {why}");
            let hint = "name it with -c or $AJPGATE_CONFIG".to_owned();
            let source = source("");
            let problem = source.problem(Severity::Error, Place::START, message, Some(hint));
            problem.into()
        }
        ReadError::NotUtf8(place, text) => {
            let hint = "save the file as UTF-8".to_owned();
            let message = "this byte is not UTF-8".to_owned();
            let source = source(&text);
            let problem = source.problem(Severity::Error, place, message, Some(hint));
            problem.into()
        }
    })
}

/// Checks the text of a configuration file. `file` is its name in problems, and relative file names start from its
/// folder, those of `include` among them, which are read; `env` looks up environment variables.
///
/// # Errors
///
/// All problems of the text.
pub fn parse(
    text: &str,
    file: &Path,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Loaded, Problems> {
    examine_text(text, file, env).into_loaded()
}

fn examine_text(text: &str, file: &Path, env: Lookup<'_>) -> Examined {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut report = Report::new(Source::new(file, text));
    let built = read_tree(text, 0, env, &report).and_then(|mut tree| {
        let include = include(&mut tree, env, &mut report);
        let (place, file) = read(&tree, &report).given()?;
        let mut built = build::build(file, include, place, &report);
        note_keys(&mut built.config, &tree);
        Some((built, tree))
    });
    let (sources, mut errors, warnings) = report.end();
    let Some((built, tree)) = built else {
        if errors.is_empty() {
            errors.extend(unread(sources.main()));
        }
        return Examined {
            loaded: None,
            errors,
        };
    };
    let loaded = Loaded {
        config: built.config,
        warnings,
        sources,
        places: node::paths(&tree).into_iter().collect(),
        numbers: built.numbers,
    };
    Examined {
        loaded: Some(loaded),
        errors,
    }
}

/// Notes the keys of the sources of members as they are written.
fn note_keys(config: &mut Config, tree: &Node) {
    for balancer in &mut config.balancers {
        let of_file = tree
            .value_of("balancers")
            .and_then(|all| all.value_of(&balancer.name))
            .and_then(|of| of.value_of("discover"));
        if let Some(Shape::List(items)) = of_file.map(|it| &it.shape)
            && items.len() == balancer.discover.len()
        {
            for (source, item) in balancer.discover.iter_mut().zip(items) {
                source.keys = Keys(item.json());
            }
        }
    }
}

/// Checks the keys of a source of members, as [`Discover::keys`] has them. Names of files start from `folder`.
///
/// # Errors
///
/// All problems of the keys.
pub fn parse_source(keys: &Value, folder: &Path) -> Result<Discover, Problems> {
    let text = keys.to_string();
    let report = Report::new(Source::new(&folder.join("source"), &text));
    let built = read_document(&text, &|_| None, &report)
        .and_then(|(place, source, _)| build::build_source(source, place, &report));
    let (sources, _) = report.finish()?;
    let mut source = built.ok_or_else(|| unread(sources.main()))?;
    source.keys = Keys(keys.clone());
    Ok(source)
}

/// Checks the text of one member of a balancer: YAML or JSON with the keys of a member, `url` among them. Nothing is
/// taken from the environment: whoever sends a member over the network has no right to it.
///
/// # Errors
///
/// All problems of the text; `file` is its name in them.
pub fn parse_member(text: &str, file: &Path) -> Result<Member, Problems> {
    let report = Report::new(Source::new(file, text));
    let built = read_document(text, &|_| None, &report)
        .and_then(|(place, member, _)| build::build_member(member, place, &report));
    let (sources, _) = report.finish()?;
    built.ok_or_else(|| unread(sources.main()))
}
