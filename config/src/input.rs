//! Files that a configuration names: opened without waiting for anybody, and read as a whole.
//!
//! A pipe or a device could block for ever whoever opens it, and has no content that can be read a second time. So every
//! file but the configuration file itself must be a regular one.

use std::fmt;
use std::fs::{File, Metadata, OpenOptions};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{self, ErrorKind, Read as _};
use std::path::Path;

/// Why a file cannot be read.
#[derive(Debug)]
#[non_exhaustive]
pub enum InputError {
    /// What the system says.
    System(io::Error),
    /// It is a directory, a pipe, a socket or a device.
    NotAFile,
    /// It has more than so many bytes.
    TooLarge(u64),
}

impl InputError {
    /// Whether the file is not there, or may not be read: on another machine, or for another user, it may be fine.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        let Self::System(error) = self else {
            return false;
        };
        matches!(
            error.kind(),
            ErrorKind::NotFound | ErrorKind::PermissionDenied | ErrorKind::NotADirectory
        )
    }
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System(error) => error.fmt(f),
            Self::NotAFile => f.write_str("it is not a file"),
            Self::TooLarge(most) if most.is_multiple_of(1 << 20) => {
                write!(f, "it is larger than {}MiB", most >> 20)
            }
            Self::TooLarge(most) if most.is_multiple_of(1 << 10) => {
                write!(f, "it is larger than {}KiB", most >> 10)
            }
            Self::TooLarge(most) => write!(f, "it is larger than {most} bytes"),
        }
    }
}

impl std::error::Error for InputError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::System(error) => Some(error),
            Self::NotAFile | Self::TooLarge(_) => None,
        }
    }
}

impl From<io::Error> for InputError {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

/// A regular file that is open for reading.
#[derive(Debug)]
pub struct Input {
    file: File,
    metadata: Metadata,
}

impl Input {
    /// Opens a file.
    ///
    /// # Errors
    /// The system does not open it, or it is not a regular file.
    pub fn open(path: &Path) -> Result<Self, InputError> {
        // Some devices do something when they are opened.
        if !std::fs::metadata(path)?.is_file() {
            return Err(InputError::NotAFile);
        }
        // Another file may have taken the name since: a pipe is not waited for, and is refused.
        let file = options().open(path)?;
        let metadata = file.metadata()?;
        match metadata.is_file() {
            true => Ok(Self { file, metadata }),
            false => Err(InputError::NotAFile),
        }
    }

    /// What the system said of the file when it was opened.
    #[must_use]
    pub const fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The content, which has at most `most` bytes.
    ///
    /// # Errors
    /// The system does not read it, or it is larger.
    pub fn read(self, most: u64) -> Result<Vec<u8>, InputError> {
        let content = self.first(most.saturating_add(1))?;
        match u64::try_from(content.len()) {
            Ok(length) if length <= most => Ok(content),
            _ => Err(InputError::TooLarge(most)),
        }
    }

    /// The first `most` bytes of the content.
    pub(crate) fn first(self, most: u64) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        self.file.take(most).read_to_end(&mut content)?;
        Ok(content)
    }
}

/// The content of a regular file, at most `most` bytes.
///
/// # Errors
/// It cannot be opened or read, is not a regular file, or is larger.
pub fn read_file(path: &Path, most: u64) -> Result<Vec<u8>, InputError> {
    Input::open(path)?.read(most)
}

/// A hash of a file's content; `None` when [`read_file`] cannot read it. Two calls tell whether the content has changed.
#[must_use]
pub fn fingerprint(path: &Path, most: u64) -> Option<u64> {
    let content = read_file(path, most).ok()?;
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    Some(hasher.finish())
}

/// Opens for reading, without waiting for the other end of a pipe.
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        let flags = rustix::fs::OFlags::NONBLOCK.bits();
        options.custom_flags(flags.cast_signed());
    }
    options
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// Without O_NONBLOCK the opening of a pipe would wait for a writer.
    #[test]
    fn pipes_and_directories_are_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        for path in [pipe.as_path(), folder.path(), Path::new("/dev/zero")] {
            let error = read_file(path, 10).unwrap_err();
            assert_eq!(error.to_string(), "it is not a file", "{}", path.display());
            assert!(!error.is_missing());
            assert_eq!(fingerprint(path, 10), None);
        }
        // The name may become that of a pipe behind the first look.
        assert!(options().open(&pipe).is_ok());
    }

    #[test]
    fn a_file_is_read_up_to_its_bound() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        let error = read_file(&file, 4).unwrap_err();
        assert!(error.is_missing(), "{error}");
        std::fs::write(&file, "1234").unwrap();
        assert_eq!(read_file(&file, 4).unwrap(), b"1234");
        let error = read_file(&file, 3).unwrap_err();
        assert_eq!(error.to_string(), "it is larger than 3 bytes");
        let before = fingerprint(&file, 4);
        std::fs::write(&file, "1235").unwrap();
        assert_ne!(fingerprint(&file, 4), before);
    }

    #[test]
    fn bounds_are_shown_in_their_unit() {
        for (most, text) in [(1 << 16, "64KiB"), (1 << 24, "16MiB"), (1000, "1000 bytes")] {
            let shown = InputError::TooLarge(most).to_string();
            assert_eq!(shown, format!("it is larger than {text}"));
        }
    }
}
