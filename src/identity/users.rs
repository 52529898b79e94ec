//! A file of users while the gateway runs: read again when it changes, with the passwords that were found right.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;
use tracing::{info, warn};

use super::credentials::Credentials;
use super::good::Good;
use super::hashing::{Busy, Hashing};
use super::htpasswd::{BadLine, LARGEST, Users};
use crate::clock;

/// The interval between two looks at the file.
const LOOK: Duration = Duration::from_secs(1);

/// Why a file of users cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UsersError {
    #[error("cannot read {}: {reason}", path.display())]
    Unreadable { path: PathBuf, reason: io::Error },
    #[error("{}: larger than {LARGEST} bytes", .0.display())]
    TooLarge(PathBuf),
    /// One line of the message for each line of the file that cannot be used.
    #[error("{}", lines(path, bad))]
    Bad { path: PathBuf, bad: Vec<BadLine> },
}

impl UsersError {
    /// Whether the file is not there or may not be read.
    pub(crate) const fn is_missing(&self) -> bool {
        matches!(self, Self::Unreadable { .. })
    }

    /// What is wrong, each thing on its own: `users.htpasswd:3: …`.
    pub(crate) fn lines(&self) -> Vec<String> {
        match self {
            Self::Bad { path, bad } => {
                let line = |bad: &BadLine| format!("{}:{}: {}", path.display(), bad.line, bad.why);
                bad.iter().map(line).collect()
            }
            other => vec![other.to_string()],
        }
    }
}

fn lines(path: &Path, bad: &[BadLine]) -> String {
    let line = |bad: &BadLine| format!("{}:{}: {}", path.display(), bad.line, bad.why);
    bad.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A file of users. Mappings that name the same file share one.
#[derive(Debug)]
pub(crate) struct LiveUsers {
    path: PathBuf,
    current: Mutex<Arc<Current>>,
    looked: Mutex<Looked>,
}

/// What was read last.
#[derive(Debug)]
struct Current {
    users: Users,
    good: Good,
}

/// What is known of the file on the disk.
#[derive(Debug)]
struct Looked {
    at: Instant,
    seen: Option<Seen>,
}

/// What changes when somebody writes a file.
type Seen = (SystemTime, u64, u64);

fn seen(path: &Path) -> Option<Seen> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len(), metadata.ino()))
}

/// Reads a file of users.
///
/// # Errors
/// It cannot be read, is too large, or has lines that cannot be used.
pub(crate) fn read(path: &Path) -> Result<Users, UsersError> {
    let unreadable = |reason| UsersError::Unreadable {
        path: path.to_owned(),
        reason,
    };
    let file = fs::File::open(path).map_err(unreadable)?;
    let mut text = Vec::new();
    let mut bounded = file.take(LARGEST + 1);
    bounded.read_to_end(&mut text).map_err(unreadable)?;
    if text.len() as u64 > LARGEST {
        return Err(UsersError::TooLarge(path.to_owned()));
    }
    Users::parse(&text).map_err(|bad| UsersError::Bad {
        path: path.to_owned(),
        bad,
    })
}

impl LiveUsers {
    /// # Errors
    /// As [`read`].
    pub(crate) fn new(path: &Path) -> Result<Self, UsersError> {
        // The look comes before the reading, so that a change in between is noticed next time.
        let looked = Looked {
            at: clock::now(),
            seen: seen(path),
        };
        Ok(Self {
            current: Mutex::new(Arc::new(current(path)?)),
            path: path.to_owned(),
            looked: Mutex::new(looked),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Arc<Current>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the credentials are those of a user.
    ///
    /// # Errors
    /// Too many passwords wait to be checked.
    pub(super) async fn verify(
        self: &Arc<Self>,
        credentials: &Credentials,
        hashing: &Hashing,
    ) -> Result<bool, Busy> {
        if self.is_look_due() {
            let this = Arc::clone(self);
            // A look that fails has left everything as it was.
            let _ = tokio::task::spawn_blocking(move || this.look()).await;
        }
        let current = Arc::clone(&self.lock());
        let tag = current.good.tag(credentials);
        if current.good.knows(&tag) {
            return Ok(true);
        }
        let Credentials { user, password } = credentials.clone();
        let (now, later) = (Arc::clone(&current), current);
        let again = || now.good.knows(&tag).then_some(true);
        let work = move || {
            let right = later.users.verify(&user, &password);
            if right {
                later.good.remember(tag);
            }
            right
        };
        hashing.run(again, work).await
    }

    /// Whether it is time to look at the file. Then nobody else is told so for a while.
    fn is_look_due(&self) -> bool {
        let now = clock::now();
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let due = now.saturating_duration_since(looked.at) >= LOOK;
        if due {
            looked.at = now;
        }
        due
    }

    /// Reads the file again if it has changed. One that cannot be used changes nothing.
    pub(crate) fn look(&self) {
        let now = seen(&self.path);
        let before = {
            let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut looked.seen, now)
        };
        if before == now {
            return;
        }
        let file = self.path.display();
        match current(&self.path) {
            Ok(current) => {
                let users = current.users.count();
                *self.lock() = Arc::new(current);
                info!(%file, users, "the file of users has changed");
            }
            Err(error) => {
                for problem in error.lines() {
                    warn!("{problem}");
                }
                warn!(%file, "the file of users has changed and cannot be used: those before stay");
            }
        }
    }
}

fn current(path: &Path) -> Result<Current, UsersError> {
    let unreadable = |reason| UsersError::Unreadable {
        path: path.to_owned(),
        reason,
    };
    Ok(Current {
        users: read(path)?,
        good: Good::new().map_err(unreadable)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANNA: &str = "anna:$2y$04$Op6C1pTlDFfZeKh67qGrc.gOGq/stAT4iUoIfK/XOiesuw9FiBZ42\n";

    /// A file that is not there yet.
    fn file(name: &str) -> PathBuf {
        let name = format!("ajpgate-users-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let _ = fs::remove_file(&path);
        path
    }

    fn credentials(user: &str, password: &str) -> Credentials {
        Credentials {
            user: user.to_owned(),
            password: password.as_bytes().to_vec(),
        }
    }

    #[tokio::test]
    async fn a_changed_file_counts_and_a_broken_one_does_not() {
        let path = file("changed");
        fs::write(&path, ANNA).unwrap();
        let users = Arc::new(LiveUsers::new(&path).unwrap());
        let hashing = Hashing::new(1);
        let (anna, bert) = (credentials("anna", "s3cret"), credentials("bert", "s3cret"));
        assert_eq!(users.verify(&anna, &hashing).await, Ok(true));
        assert_eq!(users.verify(&bert, &hashing).await, Ok(false));
        assert_eq!(
            users.verify(&credentials("anna", "x"), &hashing).await,
            Ok(false)
        );
        // Somebody has made a mistake.
        fs::write(&path, "bert:secret\n").unwrap();
        users.look();
        assert_eq!(users.verify(&anna, &hashing).await, Ok(true));
        // Bert in place of Anna, whose right password was remembered.
        fs::write(&path, ANNA.replace("anna", "# bert was anna\nbert")).unwrap();
        users.look();
        assert_eq!(users.verify(&anna, &hashing).await, Ok(false));
        assert_eq!(users.verify(&bert, &hashing).await, Ok(true));
    }

    #[test]
    fn what_is_wrong_with_a_file_is_told_line_by_line() {
        let path = file("bad");
        let error = read(&path).unwrap_err();
        assert!(error.is_missing() && error.lines().len() == 1);
        fs::write(&path, "a:x\n\nb\n").unwrap();
        let lines = read(&path).unwrap_err().lines();
        assert_eq!(lines.len(), 2);
        assert!(
            lines[0].contains(":1: ") && lines[1].contains(":3: "),
            "{lines:?}"
        );
    }
}
