//! Checks of the files that a gateway writes, before anything starts.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};

use ajpgate_config::{Loaded, Problem, Sink};
use rustix::fs::{Access, access};

/// Warnings about files that cannot be written here: the file may be checked on another machine, or by another user.
pub(super) fn doubts(loaded: &Loaded) -> Vec<Problem> {
    let config = &loaded.config;
    let log = match &config.access_log.sink {
        Sink::File(log) => Some(log),
        Sink::Stdout | Sink::Stderr => None,
    };
    let state_file = config.admin.as_ref().and_then(|it| it.state_file.as_ref());
    let written = [
        (
            "access_log",
            log,
            "where it cannot be opened, the gateway does not start",
        ),
        (
            "admin.state_file",
            state_file,
            "where it cannot be written, changes by hand are refused",
        ),
    ];
    let doubt = |(at, file, hint): (&str, Option<&PathBuf>, &str)| {
        let (file, key) = (file?, at.trim_start_matches("admin."));
        let why = why_not_written(file)?;
        let message = format!("{key}: {} cannot be written: {why}", file.display());
        let problem = loaded.problem(at, message, Some(hint.to_owned()));
        Some(problem.into_warning())
    };
    written.into_iter().filter_map(doubt).collect()
}

/// Why a file cannot be written.
fn why_not_written(file: &Path) -> Option<&'static str> {
    let folder = file.parent().filter(|it| !it.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    if file.is_dir() {
        return Some("it is a folder");
    }
    if !folder.is_dir() {
        return Some("its folder is not there");
    }
    let is_allowed = match file.exists() {
        true => OpenOptions::new().append(true).open(file).is_ok(),
        false => access(folder, Access::WRITE_OK).is_ok(),
    };
    (!is_allowed).then_some("this user may not write there")
}
