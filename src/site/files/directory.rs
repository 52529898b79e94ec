//! A directory whose files are served, and nothing outside it.
//!
//! The directory is opened once, when the configuration is read, and every name is opened beneath that handle: the kernel
//! resolves it with `openat2` and RESOLVE_BENEATH, which refuses each step that would leave the directory, whatever
//! changes meanwhile (openat2(2)). Links that stay inside are followed. Facts come from the opened handle only.
//!
//! Where there is no `openat2` (before Linux 5.6, or where a sandbox forbids it), names are walked folder by folder, and
//! links are not followed at all.
//!
//! A directory that is renamed is still the one that is served, and what stands at its old path is not, until the
//! configuration is read again.

use std::fmt;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{self, CWD, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::{Errno, Result};
use tokio::task::spawn_blocking;

use super::facts::Facts;
use crate::telemetry::WarnLimit;

/// A directory; see the [module](self).
pub(crate) struct Directory {
    path: PathBuf,
    handle: OwnedFd,
    way: Way,
    pub(super) medium: Medium,
    pub(super) warnings: WarnLimit<Trouble>,
}

/// How names are opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// With `openat2`.
    Beneath {
        /// Whether the kernel can be asked for names that it has in its memory (RESOLVE_CACHED, Linux 5.12).
        from_memory: bool,
    },
    /// Folder by folder, without links.
    Walk,
}

/// Where a file system has its files, as far as waiting for it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Medium {
    /// Nothing has to be waited for.
    Memory,
    /// The kernel can say whether a read would wait for the disk.
    Disk,
    /// Anything else, such as the network: everything may wait.
    Other,
}

/// An open file or folder.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) file: OwnedFd,
    pub(super) facts: Facts,
    pub(super) is_folder: bool,
}

/// Why a name is not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotOpened {
    /// There is no file of this name inside the directory.
    Missing,
    /// This program may not read it.
    Forbidden,
    /// Another try may succeed: there are too many open files, or a folder was renamed again and again.
    Busy(Errno),
    /// The system cannot read it.
    Broken(Errno),
}

/// What an operator has to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    Forbidden,
    Busy,
    Broken,
    Shorter,
}

/// `openat2` may have to be asked again when folders are renamed meanwhile (openat2(2), EAGAIN).
const TRIES: usize = 64;

const INSIDE: ResolveFlags = ResolveFlags::BENEATH.union(ResolveFlags::NO_MAGICLINKS);

/// A pipe is not waited for, and a terminal does not become the program's own.
const READ: OFlags = OFlags::RDONLY
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

const FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

impl Directory {
    /// Opens a directory.
    ///
    /// # Errors
    /// When it is none, or may not be entered.
    pub(crate) fn open(path: &Path) -> std::io::Result<Self> {
        let handle = fs::openat(CWD, path, FOLDER, Mode::empty())?;
        Ok(Self {
            way: Way::of(&handle)?,
            medium: Medium::of(&handle),
            path: path.to_owned(),
            handle,
            warnings: WarnLimit::per_minute(),
        })
    }

    /// Its path, as configured.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether links inside it are followed.
    pub(crate) const fn follows_links(&self) -> bool {
        matches!(self.way, Way::Beneath { .. })
    }

    /// Opens a file or folder, without waiting for a disk on this thread.
    ///
    /// `name` is relative, and none of its parts is empty or `..`.
    pub(super) async fn find(
        self: &Arc<Self>,
        name: &[u8],
    ) -> std::result::Result<Opened, NotOpened> {
        let found = match self.find_now(name) {
            Some(found) => found,
            None => {
                let (directory, name) = (Arc::clone(self), name.to_vec());
                let found = spawn_blocking(move || directory.find_patiently(&name)).await;
                // The runtime ends.
                found.unwrap_or(Err(Errno::CANCELED))
            }
        };
        found.map_err(NotOpened::of)
    }

    /// The same for names that the kernel has in its memory; `None` for the others.
    fn find_now(&self, name: &[u8]) -> Option<Result<Opened>> {
        let resolve = match (self.medium, self.way) {
            (Medium::Memory, Way::Beneath { .. }) => INSIDE,
            (Medium::Disk, Way::Beneath { from_memory: true }) => {
                INSIDE.union(ResolveFlags::CACHED)
            }
            _ => return None,
        };
        match fs::openat2(&self.handle, name, READ, Mode::empty(), resolve) {
            Err(Errno::AGAIN) => None,
            found => Some(found.and_then(Opened::new)),
        }
    }

    /// The same, with all the time that it takes.
    fn find_patiently(&self, name: &[u8]) -> Result<Opened> {
        match self.way {
            Way::Beneath { .. } => {
                let open = || fs::openat2(&self.handle, name, READ, Mode::empty(), INSIDE);
                let mut tries = std::iter::repeat_with(open).take(TRIES);
                let found = tries.find(|found| !matches!(found, Err(Errno::AGAIN)));
                found.unwrap_or(Err(Errno::AGAIN))
            }
            Way::Walk => self.walk(name),
        }
        .and_then(Opened::new)
    }

    /// Opens folder by folder. A link is neither entered (O_DIRECTORY) nor opened (O_NOFOLLOW).
    fn walk(&self, name: &[u8]) -> Result<OwnedFd> {
        let mut parts = name.split(|byte| *byte == b'/');
        let last = parts.next_back().unwrap_or_default();
        let mut inside: Option<OwnedFd> = None;
        for folder in parts {
            let at = inside.as_ref().unwrap_or(&self.handle);
            let flags = FOLDER.union(OFlags::NOFOLLOW);
            inside = Some(fs::openat(at, folder, flags, Mode::empty())?);
        }
        let at = inside.as_ref().unwrap_or(&self.handle);
        fs::openat(at, last, READ.union(OFlags::NOFOLLOW), Mode::empty())
    }
}

impl fmt::Debug for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Directory")
            .field("path", &self.path)
            .field("way", &self.way)
            .field("medium", &self.medium)
            .finish_non_exhaustive()
    }
}

impl Way {
    /// How names can be opened below this directory.
    fn of(directory: &OwnedFd) -> Result<Self> {
        let open = |resolve| fs::openat2(directory, ".", FOLDER, Mode::empty(), resolve);
        match open(INSIDE) {
            Ok(_) => Ok(Self::Beneath {
                from_memory: !matches!(open(INSIDE.union(ResolveFlags::CACHED)), Err(Errno::INVAL)),
            }),
            // Sandboxes say EPERM for calls that they do not know.
            Err(Errno::NOSYS | Errno::PERM | Errno::INVAL) => {
                fs::openat(directory, ".", FOLDER, Mode::empty())?;
                Ok(Self::Walk)
            }
            Err(error) => Err(error),
        }
    }
}

impl Medium {
    /// The numbers are those of Linux (statfs(2)): tmpfs and ramfs; ext2 to ext4, XFS, Btrfs, F2FS, overlayfs, SquashFS,
    /// EROFS and ZFS.
    fn of(directory: &OwnedFd) -> Self {
        let number = fs::fstatfs(directory).map(|it| it.f_type);
        match number.map(|number| number & 0xffff_ffff) {
            Ok(0x0102_1994 | 0x8584_58f6) => Self::Memory,
            Ok(
                0xef53 | 0x5846_5342 | 0x9123_683e | 0xf2f5_2010 | 0x794c_7630 | 0x7371_7368
                | 0xe0f5_e1e2 | 0x2fc1_2fc1,
            ) => Self::Disk,
            _ => Self::Other,
        }
    }
}

impl Opened {
    /// Sockets cannot be opened; pipes and devices are no files to serve, and nothing is read from them.
    fn new(file: OwnedFd) -> Result<Self> {
        let found = fs::fstat(file.as_fd())?;
        let is_folder = match FileType::from_raw_mode(found.st_mode) {
            FileType::RegularFile => false,
            FileType::Directory => true,
            _ => return Err(Errno::NOENT),
        };
        Ok(Self {
            file,
            facts: Facts {
                size: u64::try_from(found.st_size).unwrap_or_default(),
                inode: found.st_ino,
                modified: (
                    found.st_mtime,
                    u32::try_from(found.st_mtime_nsec).unwrap_or_default(),
                ),
            },
            is_folder,
        })
    }
}

impl NotOpened {
    fn of(error: Errno) -> Self {
        match error {
            // XDEV: it leads out of the directory. LOOP: a link that is not followed, or too many. NXIO, NODEV: a socket,
            // or a device without a driver. INVAL, ILSEQ: a name that the file system cannot have.
            Errno::NOENT
            | Errno::NOTDIR
            | Errno::XDEV
            | Errno::LOOP
            | Errno::NAMETOOLONG
            | Errno::NXIO
            | Errno::NODEV
            | Errno::INVAL
            | Errno::ILSEQ => Self::Missing,
            Errno::ACCESS | Errno::PERM => Self::Forbidden,
            Errno::MFILE
            | Errno::NFILE
            | Errno::NOMEM
            | Errno::AGAIN
            | Errno::INTR
            | Errno::CANCELED => Self::Busy(error),
            _ => Self::Broken(error),
        }
    }

    /// What an operator has to know of it.
    pub(super) const fn trouble(self) -> Option<(Trouble, Errno)> {
        match self {
            Self::Missing => None,
            Self::Forbidden => Some((Trouble::Forbidden, Errno::ACCESS)),
            Self::Busy(error) => Some((Trouble::Busy, error)),
            Self::Broken(error) => Some((Trouble::Broken, error)),
        }
    }
}

#[cfg(test)]
impl Directory {
    /// The same directory as a system without `openat2` serves it.
    pub(super) fn that_walks(path: &Path) -> std::io::Result<Self> {
        let mut directory = Self::open(path)?;
        directory.way = Way::Walk;
        Ok(directory)
    }

    /// The same directory as if it were on the network.
    pub(super) fn that_waits(path: &Path) -> std::io::Result<Self> {
        let mut directory = Self::open(path)?;
        directory.medium = Medium::Other;
        Ok(directory)
    }
}
