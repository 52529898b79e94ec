//! The file that this process was started from, with its arguments.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How this process was started.
#[derive(Debug)]
pub(crate) struct Program {
    file: PathBuf,
    /// The name under which it was started (`argv[0]`), then the arguments.
    arguments: Vec<OsString>,
}

impl Program {
    /// To be called when the process starts: the file may be replaced later.
    ///
    /// # Errors
    /// When the file cannot be found.
    pub(crate) fn of_this_process() -> io::Result<Self> {
        let arguments: Vec<OsString> = env::args_os().collect();
        // The path of `/proc/self/exe` has no links in it: a link that leads to a new version later would not count.
        let path = env::var_os("PATH");
        let named = arguments
            .first()
            .and_then(|name| find(name, path.as_deref()));
        let running = Path::new("/proc/self/exe");
        let file = match named.filter(|named| is_same(named, running)) {
            Some(named) => named,
            None => env::current_exe()?,
        };
        Ok(Self { file, arguments })
    }

    /// The file.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// Starts what the file holds now, under the same name and with the same arguments.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.file);
        let mut arguments = self.arguments.iter();
        if let Some(name) = arguments.next() {
            command.arg0(name);
        }
        command.args(arguments);
        command
    }
}

/// The absolute path of a program of this name; links in it are kept.
fn find(name: &OsStr, path: Option<&OsStr>) -> Option<PathBuf> {
    if name.as_bytes().contains(&b'/') {
        return std::path::absolute(name).ok();
    }
    let mut folders = env::split_paths(path?);
    let found = folders.find_map(|folder| {
        let file = folder.join(name);
        file.is_file().then_some(file)
    });
    found.and_then(|found| std::path::absolute(found).ok())
}

fn is_same(one: &Path, other: &Path) -> bool {
    match (fs::metadata(one), fs::metadata(other)) {
        (Ok(one), Ok(other)) => (one.dev(), one.ino()) == (other.dev(), other.ino()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_a_slash_is_a_path_and_another_is_looked_for() {
        let here = env::current_dir().unwrap();
        let find = |name: &str, path: &str| find(name.as_ref(), Some(path.as_ref()));
        assert_eq!(find("/a/b", ""), Some("/a/b".into()));
        assert_eq!(find("./a/b", ""), Some(here.join("a/b")));
        assert_eq!(find("sh", "/nowhere:/bin"), Some("/bin/sh".into()));
        assert_eq!(find("sh", "/nowhere"), None);
    }

    /// `/bin` is a link to `/usr/bin`, or `/bin/sh` is a link to a shell: both are followed when files are compared only.
    #[test]
    fn links_are_kept() {
        let found = find("sh".as_ref(), Some("/bin".as_ref())).unwrap();
        assert!(is_same(&found, &fs::canonicalize(&found).unwrap()));
        assert_ne!(found, fs::canonicalize(&found).unwrap());
    }
}
