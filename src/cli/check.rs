//! `ajpgate check` and `ajpgate schema`.

use std::path::Path;
use std::process::ExitCode;

use ajpgate_config::{Loaded, Problem, Problems};

use super::process::{BAD_USAGE, complain, print, show};
use super::tls_files::Found;
use super::{
    account_files, directories, member_lists, tls_files, tomcat_reminders, user_files,
    written_files,
};
use crate::unbuilt;

/// Prints every problem; exit code 0 if the file can be used, whoever reads what is printed.
///
/// # Errors
/// The file can be used, and this cannot be written.
pub(super) fn run(path: &Path) -> anyhow::Result<ExitCode> {
    let sorted = Checked::new(path).sorted();
    let (loaded, missing, doubts) = match sorted {
        Ok(sorted) => (sorted.loaded, sorted.missing, sorted.doubts),
        Err(problems) => {
            if let Some(problems) = problems {
                // That the file is refused outweighs that somebody cannot read why.
                let _ = show(&format!("{problems}\n"));
            }
            return Ok(ExitCode::from(BAD_USAGE));
        }
    };
    let unbuilt = unbuilt::warnings(&loaded);
    let reminders = tomcat_reminders::of(&loaded);
    let warnings = loaded
        .warnings
        .iter()
        .chain(&unbuilt)
        .chain(&doubts)
        .chain(&reminders)
        .cloned();
    if let Some(warnings) = Problems::new(warnings.chain(missing).collect()) {
        show(&format!("{warnings}\n\n"))?;
    }
    print(&format!("{}: fine\n", path.display()))
}

/// The warning about a file that is not here.
fn elsewhere(found: Found) -> Problem {
    let mut problem = found.problem.into_warning();
    let hint = problem.hint.unwrap_or_default();
    problem.hint = Some(format!(
        "{hint}; where this file is not there, the gateway does not start"
    ));
    problem
}

/// A configuration with everything that is wrong with it and with the files that it names.
struct Checked {
    /// As far as it could be read.
    loaded: Option<Loaded>,
    /// Why the configuration is refused.
    errors: Vec<Problem>,
    /// The problems of the files.
    found: Vec<Found>,
    /// Warnings about files that can be used.
    doubts: Vec<Problem>,
}

impl Checked {
    /// Reads a configuration with this process's environment.
    fn new(path: &Path) -> Self {
        let examined = ajpgate_config::examine(path, &|name| std::env::var(name).ok());
        let mut checked = Self {
            loaded: examined.loaded,
            errors: examined.errors,
            found: Vec::new(),
            doubts: Vec::new(),
        };
        if let Some(loaded) = &checked.loaded {
            let is_whole = checked.errors.is_empty();
            for (found, doubts) in [
                tls_files::look(loaded, is_whole),
                user_files::look(loaded),
                (account_files::problems(loaded), Vec::new()),
                (directories::problems(loaded), Vec::new()),
                (Vec::new(), member_lists::doubts(loaded)),
                (Vec::new(), written_files::doubts(loaded)),
            ] {
                checked.found.extend(found);
                checked.doubts.extend(doubts);
            }
        }
        checked
    }

    /// Tells files that are not on this machine from what is wrong wherever the gateway runs.
    ///
    /// # Errors
    /// What is wrong; the warnings about such files are among it.
    fn sorted(self) -> Result<Sorted, Option<Problems>> {
        let (missing, bad): (Vec<_>, Vec<_>) =
            self.found.into_iter().partition(|found| found.is_missing);
        let mut errors = self.errors;
        errors.extend(problems_of(bad));
        // The file may be checked on another machine than the one with the keys.
        let missing = missing.into_iter().map(elsewhere);
        match self.loaded {
            Some(loaded) if errors.is_empty() => Ok(Sorted {
                loaded,
                missing: missing.collect(),
                doubts: self.doubts,
            }),
            _ => Err(Problems::new(errors.into_iter().chain(missing).collect())),
        }
    }
}

/// A configuration that can be used where the files that it names are.
struct Sorted {
    loaded: Loaded,
    /// Warnings about the files that are not here.
    missing: Vec<Problem>,
    /// Warnings about files that can be used.
    doubts: Vec<Problem>,
}

fn problems_of(found: Vec<Found>) -> Vec<Problem> {
    found.into_iter().map(|found| found.problem).collect()
}

/// Reads a configuration that is to be run here: the files that it names must exist too.
pub(super) fn load(path: &Path) -> Result<Loaded, Problems> {
    let checked = Checked::new(path);
    let mut errors = checked.errors;
    errors.extend(problems_of(checked.found));
    match (Problems::new(errors), checked.loaded) {
        (None, Some(mut loaded)) => {
            let doubts = written_files::doubts(&loaded);
            loaded.warnings.extend(doubts);
            Ok(loaded)
        }
        (Some(problems), _) => Err(problems),
        // A file of which nothing could be read has an error.
        (None, None) => ajpgate_config::load(path, &|_| None),
    }
}

/// Reads a configuration that this program is to act on.
///
/// # Errors
/// The exit code, when the file has problems; they have been printed to stderr.
pub(super) fn load_or_complain(path: &Path) -> Result<Loaded, ExitCode> {
    let checked = load(path).and_then(|loaded| match unbuilt::problems(&loaded) {
        Some(problems) => Err(problems),
        None => Ok(loaded),
    });
    checked.map_err(|problems| {
        complain(&problems);
        ExitCode::from(BAD_USAGE)
    })
}

/// Reads a configuration that is only asked about: files with certificates, keys and users may be on another machine.
///
/// # Errors
/// The exit code, when the file has problems; they have been printed to stderr.
pub(super) fn load_to_ask(path: &Path) -> Result<Loaded, ExitCode> {
    let sorted =
        Checked::new(path)
            .sorted()
            .and_then(|sorted| match unbuilt::problems(&sorted.loaded) {
                Some(problems) => Err(Some(problems)),
                None => Ok(sorted),
            });
    match sorted {
        Ok(sorted) => {
            if let Some(missing) = Problems::new(sorted.missing) {
                complain(missing);
            }
            Ok(sorted.loaded)
        }
        Err(problems) => {
            if let Some(problems) = problems {
                complain(problems);
            }
            Err(ExitCode::from(BAD_USAGE))
        }
    }
}

/// The JSON Schema of the file.
pub(super) fn schema() -> String {
    format!("{:#}\n", ajpgate_config::schema())
}
