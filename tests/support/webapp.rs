//! Compiles the web applications under `testdata/webapps`, each at most once for all test runs.

use super::{process, scratch};
use std::ffi::OsString;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

const TOMCAT_JARS: &str = "/usr/share/tomcat10/lib";

/// The folder of a web application for Tomcat: the content of its folder `web` in `testdata/webapps`, with the classes compiled
/// from `src`. The first test that needs it compiles it.
pub(crate) fn compiled(name: &str) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("testdata/webapps")
        .join(name);
    build(name, &source).unwrap_or_else(|e| panic!("cannot build the web application {name}: {e}"))
}

fn build(name: &str, source: &Path) -> io::Result<PathBuf> {
    let files = files_below(source)?;
    let folder = scratch::root().join("webapps");
    fs::create_dir_all(&folder)?;
    let ready = folder.join(format!("{name}-{:016x}", fingerprint(source, &files)?));

    // Each test runs in a process of its own: the first one compiles, and the others wait for it here.
    let turn = File::create(folder.join(format!("{name}.lock")))?;
    turn.lock()?;
    if !ready.exists() {
        let unfinished = ready.with_extension("unfinished");
        let _ = fs::remove_dir_all(&unfinished);
        copy(&source.join("web"), &files, &unfinished)?;
        compile(
            &source.join("src"),
            &files,
            &unfinished.join("WEB-INF/classes"),
        )?;
        fs::rename(&unfinished, &ready)?;
    }
    Ok(ready)
}

fn files_below(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(files_below(&path)?);
        } else {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// A hash of the names and contents of the files.
fn fingerprint(source: &Path, files: &[PathBuf]) -> io::Result<u64> {
    let mut hasher = DefaultHasher::new();
    for file in files {
        file.strip_prefix(source).unwrap_or(file).hash(&mut hasher);
        fs::read(file)?.hash(&mut hasher);
    }
    Ok(hasher.finish())
}

fn copy(web: &Path, files: &[PathBuf], to: &Path) -> io::Result<()> {
    for file in files {
        if let Ok(name) = file.strip_prefix(web) {
            let copy = to.join(name);
            fs::create_dir_all(copy.parent().unwrap_or(to))?;
            fs::copy(file, copy)?;
        }
    }
    Ok(())
}

fn compile(src: &Path, files: &[PathBuf], to: &Path) -> io::Result<()> {
    let jars = process::require(TOMCAT_JARS, "tomcat10");
    let mut class_path = OsString::from(jars);
    class_path.push("/*");
    let output = Command::new(process::require("javac", "default-jdk-headless"))
        .args([
            "-Xlint:all,-path,-serial",
            "-Werror",
            "-encoding",
            "UTF-8",
            "-cp",
        ])
        .arg(class_path)
        .arg("-d")
        .arg(to)
        .args(files.iter().filter(|file| file.starts_with(src)))
        .output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(io::Error::other(
        String::from_utf8_lossy(&output.stderr).into_owned(),
    ))
}
