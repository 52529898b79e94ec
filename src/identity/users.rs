//! A file of users while the gateway runs: read again when it changes, with the passwords that were found right.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use ajpgate_config::{Input, InputError};
use ring::digest::{Digest, SHA256, digest};
use tokio::time::Instant;
use tracing::{info, warn};

use super::credentials::Credentials;
use super::good::{Good, Tag};
use super::hashing::{Busy, Hashing};
use super::htpasswd::{BadLine, LARGEST, Users};
use super::under_way::UnderWay;
use crate::clock;

/// The interval between two looks at the file.
const LOOK: Duration = Duration::from_secs(1);

/// How long a request waits for a look at the file. Behind that it counts what was read before.
const WAIT: Duration = Duration::from_secs(5);

/// Why a file of users cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UsersError {
    #[error("cannot read {}: {reason}", path.display())]
    Unreadable { path: PathBuf, reason: InputError },
    /// One line of the message for each line of the file that cannot be used.
    #[error("{}", lines(path, bad))]
    Bad { path: PathBuf, bad: Vec<BadLine> },
}

impl UsersError {
    /// Whether the file is not there or may not be read.
    pub(crate) fn is_missing(&self) -> bool {
        match self {
            Self::Unreadable { reason, .. } => reason.is_missing(),
            Self::Bad { .. } => false,
        }
    }

    /// The lines that cannot be used; none where the file cannot be read.
    pub(crate) fn bad_lines(&self) -> &[BadLine] {
        match self {
            Self::Bad { bad, .. } => bad,
            Self::Unreadable { .. } => &[],
        }
    }

    /// What is wrong, each thing on its own: `users.htpasswd:3: …`.
    pub(crate) fn lines(&self) -> Vec<String> {
        match self {
            Self::Bad { path, bad } => bad.iter().map(|bad| line(path, bad)).collect(),
            other => vec![other.to_string()],
        }
    }
}

fn line(path: &Path, bad: &BadLine) -> String {
    format!("{}:{}: {}", path.display(), bad.line, bad.why)
}

fn lines(path: &Path, bad: &[BadLine]) -> String {
    let lines: Vec<String> = bad.iter().map(|bad| line(path, bad)).collect();
    lines.join("\n")
}

/// A file of users. Mappings that name the same file share one.
#[derive(Debug)]
pub(crate) struct LiveUsers {
    path: PathBuf,
    current: Mutex<Arc<Current>>,
    /// When somebody was told last to look at the file.
    looked: Mutex<Instant>,
    /// The version of the file that was read last. It is locked from the look at the file until `current` has what was
    /// read, so that an older content never takes the place of a newer one.
    seen: Mutex<Option<Seen>>,
}

/// What was read last.
#[derive(Debug)]
struct Current {
    /// What the file held, as its hash.
    content: Digest,
    users: Users,
    good: Good,
    under_way: UnderWay,
}

/// Credentials, and the content of the file that they are checked against.
#[derive(Debug)]
pub(super) struct Check {
    current: Arc<Current>,
    /// What stands for the credentials.
    tag: Tag,
}

impl Check {
    /// Whether the credentials were found right before.
    pub(super) fn is_known(&self) -> bool {
        self.current.good.knows(&self.tag)
    }

    /// Whether the credentials, which are those of this check and came from a client of this address, are a user's.
    ///
    /// # Errors
    /// Too many passwords wait to be checked.
    pub(super) async fn verify(
        self,
        credentials: &Credentials,
        client: IpAddr,
        hashing: &Hashing,
    ) -> Result<bool, Busy> {
        let Self { current, tag } = self;
        let Credentials { user, password } = credentials.clone();
        let later = Arc::clone(&current);
        let again = || current.good.knows(&tag).then_some(true);
        let work = move || {
            let right = later.users.verify(&user, &password);
            if right {
                later.good.remember(tag);
            }
            right
        };
        let check = || hashing.run(client, again, work);
        current.under_way.share(tag, check).await
    }
}

/// A version of the file: what changes when somebody writes it. The time of the last change of status (`ctime`) changes
/// even where a program sets the time of the last write back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    /// Device and inode.
    place: (u64, u64),
    size: u64,
    /// Seconds since 1970, and nanoseconds.
    written: (i64, i64),
    changed: (i64, i64),
}

impl Seen {
    fn of(input: &Input) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        let data = input.metadata();
        Self {
            place: (data.dev(), data.ino()),
            size: data.size(),
            written: (data.mtime(), data.mtime_nsec()),
            changed: (data.ctime(), data.ctime_nsec()),
        }
    }
}

fn unreadable(path: &Path, reason: InputError) -> UsersError {
    UsersError::Unreadable {
        path: path.to_owned(),
        reason,
    }
}

/// A file of users, opened: what [`LiveUsers`] knows of it before it is read.
struct Opened<'a> {
    path: &'a Path,
    input: Result<Input, InputError>,
}

impl<'a> Opened<'a> {
    fn new(path: &'a Path) -> Self {
        let input = Input::open(path);
        Self { path, input }
    }

    /// `None` for a file that cannot be opened.
    fn seen(&self) -> Option<Seen> {
        self.input.as_ref().ok().map(Seen::of)
    }

    /// The users, and the hash of the file.
    fn read(self) -> Result<(Users, Digest), UsersError> {
        let path = self.path;
        let content = self.input.and_then(|input| input.read(LARGEST));
        let content = content.map_err(|reason| unreadable(path, reason))?;
        let users = Users::parse(&content).map_err(|bad| UsersError::Bad {
            path: path.to_owned(),
            bad,
        })?;
        Ok((users, digest(&SHA256, &content)))
    }

    fn into_current(self) -> Result<Current, UsersError> {
        let path = self.path;
        let (users, content) = self.read()?;
        Ok(Current {
            content,
            users,
            good: Good::new().map_err(|error| unreadable(path, error.into()))?,
            under_way: UnderWay::default(),
        })
    }
}

/// Reads a file of users.
///
/// # Errors
/// It cannot be read, is too large, or has lines that cannot be used.
pub(crate) fn read(path: &Path) -> Result<Users, UsersError> {
    Ok(Opened::new(path).read()?.0)
}

impl LiveUsers {
    /// # Errors
    /// As [`read`].
    pub(crate) fn new(path: &Path) -> Result<Self, UsersError> {
        // The look comes before the reading, so that a change in between is noticed next time.
        let opened = Opened::new(path);
        Ok(Self {
            seen: Mutex::new(opened.seen()),
            current: Mutex::new(Arc::new(opened.into_current()?)),
            path: path.to_owned(),
            looked: Mutex::new(clock::now()),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Arc<Current>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What is needed to check these credentials against the file as it is now.
    pub(super) async fn check(self: &Arc<Self>, credentials: &Credentials) -> Check {
        if self.is_look_due() {
            let this = Arc::clone(self);
            let look = tokio::task::spawn_blocking(move || this.look());
            // A look that fails has left everything as it was.
            let _ = tokio::time::timeout(WAIT, look).await;
        }
        let current = Arc::clone(&self.lock());
        let tag = current.good.tag(credentials);
        Check { current, tag }
    }

    /// Whether it is time to look at the file. Then nobody else is told so for a while.
    fn is_look_due(&self) -> bool {
        let now = clock::now();
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let due = now.saturating_duration_since(*looked) >= LOOK;
        if due {
            *looked = now;
        }
        due
    }

    /// Reads the file again if it has changed, unless somebody else reads it just now. A file that cannot be used changes
    /// nothing.
    fn look(&self) {
        let seen = match self.seen.try_lock() {
            Ok(seen) => seen,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // What changes behind that look is noticed by a later one.
            Err(TryLockError::WouldBlock) => return,
        };
        let opened = Opened::new(&self.path);
        if *seen != opened.seen() {
            self.take_up(seen, opened.seen(), || opened.into_current());
        }
    }

    /// Reads the file again, whether or not it seems to have changed. One that cannot be used changes nothing.
    pub(crate) fn read_again(&self) {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let opened = Opened::new(&self.path);
        self.take_up(seen, opened.seen(), || opened.into_current());
    }

    /// Reads a version of the file, and holds `seen` meanwhile.
    fn take_up(
        &self,
        mut seen: MutexGuard<'_, Option<Seen>>,
        now: Option<Seen>,
        read: impl FnOnce() -> Result<Current, UsersError>,
    ) {
        let file = self.path.display();
        match read() {
            Ok(current) => {
                let users = current.users.count();
                let mut before = self.lock();
                // With the same content, the passwords that were found right stay so.
                if before.content.as_ref() != current.content.as_ref() {
                    *before = Arc::new(current);
                    info!(%file, users, "the file of users has changed");
                }
            }
            Err(error) => {
                for problem in error.lines() {
                    warn!("{problem}");
                }
                warn!(%file, "the file of users cannot be used: those before stay");
            }
        }
        *seen = now;
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::net::Ipv4Addr;

    use super::*;

    const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const ANNA: &str = "anna:$2y$04$Op6C1pTlDFfZeKh67qGrc.gOGq/stAT4iUoIfK/XOiesuw9FiBZ42\n";

    fn credentials(user: &str, password: &str) -> Credentials {
        Credentials {
            user: user.to_owned(),
            password: password.as_bytes().to_vec(),
        }
    }

    async fn verify(
        users: &Arc<LiveUsers>,
        credentials: &Credentials,
        hashing: &Hashing,
    ) -> Result<bool, Busy> {
        let check = users.check(credentials).await;
        check.verify(credentials, CLIENT, hashing).await
    }

    #[tokio::test]
    async fn a_changed_file_counts_and_a_broken_one_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users");
        fs::write(&path, ANNA).unwrap();
        let users = Arc::new(LiveUsers::new(&path).unwrap());
        let hashing = Hashing::new(1);
        let (anna, bert) = (credentials("anna", "s3cret"), credentials("bert", "s3cret"));
        assert_eq!(verify(&users, &anna, &hashing).await, Ok(true));
        assert_eq!(verify(&users, &bert, &hashing).await, Ok(false));
        assert_eq!(
            verify(&users, &credentials("anna", "x"), &hashing).await,
            Ok(false)
        );
        // Somebody has made a mistake.
        fs::write(&path, "bert:secret\n").unwrap();
        users.look();
        assert_eq!(verify(&users, &anna, &hashing).await, Ok(true));
        // Bert in place of Anna, whose right password was remembered.
        fs::write(&path, ANNA.replace("anna", "# bert was anna\nbert")).unwrap();
        users.look();
        assert_eq!(verify(&users, &anna, &hashing).await, Ok(false));
        assert_eq!(verify(&users, &bert, &hashing).await, Ok(true));
    }

    /// A look that is slow must not bring back what a later one has replaced.
    #[tokio::test]
    async fn looks_at_the_file_follow_one_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users");
        fs::write(&path, ANNA.replace("anna", "bert")).unwrap();
        let users = LiveUsers::new(&path).unwrap();
        fs::write(&path, ANNA).unwrap();
        let opened = Opened::new(&path);
        let seen = users.seen.lock().unwrap();
        users.take_up(seen, opened.seen(), || {
            let read = opened.into_current();
            // Meanwhile Anna is deleted, and another request looks at the file.
            fs::write(&path, "# nobody\n").unwrap();
            users.look();
            read
        });
        assert_eq!(users.lock().users.count(), 1);
        users.look();
        assert_eq!(users.lock().users.count(), 0);
    }

    /// As `touch -r` and `rsync --inplace --times` leave it.
    #[test]
    fn a_change_counts_that_leaves_size_inode_and_time_of_writing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users");
        fs::write(&path, ANNA).unwrap();
        let users = LiveUsers::new(&path).unwrap();
        let written = fs::metadata(&path).unwrap().modified().unwrap();
        let changed = ANNA.replace("anna", "bert");
        assert_eq!(changed.len(), ANNA.len());
        fs::write(&path, changed).unwrap();
        let open = fs::File::options().append(true).open(&path).unwrap();
        open.set_modified(written).unwrap();
        users.look();
        assert_eq!(users.lock().users.names(), ["bert"]);
    }

    #[test]
    fn a_reload_reads_the_file_whatever_was_seen_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users");
        fs::write(&path, ANNA).unwrap();
        let users = LiveUsers::new(&path).unwrap();
        fs::write(&path, ANNA.replace("anna", "bert")).unwrap();
        // A file system whose times say nothing.
        *users.seen.lock().unwrap() = Opened::new(&path).seen();
        users.look();
        assert_eq!(users.lock().users.names(), ["anna"]);
        users.read_again();
        assert_eq!(users.lock().users.names(), ["bert"]);
    }

    #[test]
    fn what_is_wrong_with_a_file_is_told_line_by_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users");
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
