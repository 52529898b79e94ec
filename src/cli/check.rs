//! `ajpgate check` and `ajpgate schema`.

use std::path::Path;
use std::process::ExitCode;

use ajpgate_config::{Loaded, Problem, Problems};

use super::process::BAD_USAGE;
use super::{account_files, directories, tls_files, user_files};
use crate::unbuilt;

/// Prints every problem; exit code 0 if the file can be used.
pub(super) fn run(path: &Path) -> ExitCode {
    match read(path) {
        Ok(loaded) => {
            let (found, doubts) = files(&loaded);
            let (missing, bad): (Vec<_>, Vec<_>) =
                found.into_iter().partition(|found| found.is_missing);
            if let Some(problems) = Problems::new(problems_of(bad)) {
                println!("{problems}");
                return ExitCode::from(BAD_USAGE);
            }
            let unbuilt = unbuilt::warnings(&loaded);
            // The file may be checked on another machine than the one with the keys.
            let missing = problems_of(missing).into_iter();
            let missing = missing.map(Problem::into_warning);
            let reminders = user_files::reminders(&loaded);
            let warnings = loaded
                .warnings
                .iter()
                .chain(&unbuilt)
                .chain(&doubts)
                .chain(&reminders)
                .cloned();
            if let Some(warnings) = Problems::new(warnings.chain(missing).collect()) {
                println!("{warnings}\n");
            }
            println!("{}: fine", path.display());
            ExitCode::SUCCESS
        }
        Err(problems) => {
            println!("{problems}");
            ExitCode::from(BAD_USAGE)
        }
    }
}

/// The problems of the files that the configuration names, and warnings about those that can be used.
fn files(loaded: &Loaded) -> (Vec<tls_files::Found>, Vec<Problem>) {
    let (mut found, doubts) = tls_files::look(loaded);
    found.extend(user_files::problems(loaded));
    found.extend(account_files::problems(loaded));
    found.extend(directories::problems(loaded));
    (found, doubts)
}

fn problems_of(found: Vec<tls_files::Found>) -> Vec<Problem> {
    found.into_iter().map(|found| found.problem).collect()
}

/// Reads a configuration with this process's environment.
fn read(path: &Path) -> Result<Loaded, Problems> {
    ajpgate_config::load(path, &|name| std::env::var(name).ok())
}

/// Reads a configuration that is to be run here: the files that it names must exist too.
pub(super) fn load(path: &Path) -> Result<Loaded, Problems> {
    let loaded = read(path)?;
    match Problems::new(problems_of(files(&loaded).0)) {
        Some(problems) => Err(problems),
        None => Ok(loaded),
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
        eprintln!("{problems}");
        ExitCode::from(BAD_USAGE)
    })
}

/// The JSON Schema of the file.
pub(super) fn schema() -> String {
    format!("{:#}\n", ajpgate_config::schema())
}
