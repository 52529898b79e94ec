//! Writes a report as a whole, and over nothing but another report.

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};

/// How each report begins.
const START: &[u8] = b"<!DOCTYPE html>";

/// Writes a report. The file is what it was, or holds all of it.
///
/// # Errors
///
/// With the name of the file: it is one of those that were read, it holds something else, or what the system says.
pub(super) fn write(path: &Path, page: &str, read: &[PathBuf]) -> anyhow::Result<()> {
    let shown = path.display();
    may_be_written(path, read).with_context(|| format!("{shown}: the report is not written"))?;
    let new = beside(path);
    let done = write_new(&new, page).and_then(|()| fs::rename(&new, path));
    if done.is_err() {
        // It may never have been made.
        let _ = fs::remove_file(&new);
    }
    done.with_context(|| format!("{shown}: the report cannot be written"))
}

fn may_be_written(path: &Path, read: &[PathBuf]) -> anyhow::Result<()> {
    ensure!(path.file_name().is_some(), "it is no name of a file");
    let Ok(about) = fs::metadata(path) else {
        return Ok(());
    };
    ensure!(about.is_file(), "it is no file");
    let own = fs::canonicalize(path)?;
    let mut read = read.iter().filter_map(|it| fs::canonicalize(it).ok());
    if read.any(|it| it == own) {
        bail!("it is one of the files that were read");
    }
    let mut start = Vec::new();
    File::open(path)?
        .take(START.len() as u64)
        .read_to_end(&mut start)?;
    ensure!(
        start.is_empty() || start == START,
        "it is there, and is no report"
    );
    Ok(())
}

fn write_new(new: &Path, page: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(new)?;
    file.write_all(page.as_bytes())?;
    file.sync_all()
}

/// A name in the same folder, which no other process uses.
fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}.new", std::process::id()))
}
