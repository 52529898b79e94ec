//! The folder where account and certificates are kept. Two processes may share it.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use ajpgate_config::{Acme, InputError, read_file};
use instant_acme::AccountCredentials;
use serde_json::Value;
use tracing::warn;

use crate::tls::{FileError, Valid, file, folder, validity};

/// The largest file of an account, in bytes.
const LARGEST_ACCOUNT: u64 = 64 * 1024;

/// Why something cannot be kept.
#[derive(Debug, thiserror::Error)]
pub(super) enum StoreError {
    #[error("{}: {error}", path.display())]
    System { path: PathBuf, error: io::Error },
    #[error("the certificate cannot be used: {0}")]
    Certificate(#[from] FileError),
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Store {
    folder: PathBuf,
    /// The url of the authority's directory.
    directory: String,
}

/// No other process orders with this account while this lives.
#[derive(Debug)]
pub(super) struct Locked(#[expect(dead_code, reason = "closing it ends the lock")] File);

impl Store {
    /// Makes the folders where there are none, for the user of this process alone.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn open(acme: &Acme) -> Result<Self, StoreError> {
        let folder = folder(acme);
        let made = DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder);
        made.map_err(|error| system(&folder, error))?;
        Ok(Self {
            folder,
            directory: acme.directory.clone(),
        })
    }

    /// `None` while another process orders.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn lock(&self) -> Result<Option<Locked>, StoreError> {
        let path = self.folder.join("lock");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(&path).map_err(|error| system(&path, error))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Locked(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(system(&path, error)),
        }
    }

    /// The account. A file that cannot be used counts as none.
    pub(super) fn account(&self) -> Option<AccountCredentials> {
        let path = self.account_file();
        let account = match read_file(&path, LARGEST_ACCOUNT) {
            Ok(bytes) => self
                .parse(&bytes)
                .ok_or("it is no account of this authority".to_owned()),
            Err(InputError::System(error)) if error.kind() == ErrorKind::NotFound => return None,
            Err(error) => Err(error.to_string()),
        };
        account
            .inspect_err(|error| warn!(file = %path.display(), %error, "acme: the kept account counts as none"))
            .ok()
    }

    fn parse(&self, bytes: &[u8]) -> Option<AccountCredentials> {
        let value: Value = serde_json::from_slice(bytes).ok()?;
        match value.get("directory")?.as_str()? == self.directory {
            true => serde_json::from_value(value).ok(),
            false => None,
        }
    }

    /// # Errors
    /// What the system says.
    pub(super) fn keep_account(&self, account: &AccountCredentials) -> Result<(), StoreError> {
        let path = self.account_file();
        let text = serde_json::to_vec(account);
        let text = text.map_err(|error| system(&path, error.into()))?;
        let new = write_beside(&path, &text)?;
        self.put(&new, &path)
    }

    /// Keeps the private key and the chain of a name, both in PEM, where they can be used for it.
    ///
    /// # Errors
    /// They cannot be used, or what the system says; then the file is what it was.
    pub(super) fn keep(
        &self,
        acme: &Acme,
        name: &str,
        key: &str,
        chain: &str,
    ) -> Result<Valid, StoreError> {
        let path = file(acme, name);
        let new = write_beside(&path, format!("{key}{chain}").as_bytes())?;
        let valid = validity(&new, name).transpose();
        let valid = valid.ok_or_else(|| system(&new, ErrorKind::NotFound.into()))?;
        let valid = valid.inspect_err(|_| drop(fs::remove_file(&new)))?;
        self.put(&new, &path)?;
        Ok(valid)
    }

    fn put(&self, new: &Path, path: &Path) -> Result<(), StoreError> {
        fs::rename(new, path).map_err(|error| system(path, error))?;
        let folder = File::open(&self.folder).and_then(|folder| folder.sync_all());
        if let Err(error) = folder {
            warn!(file = %path.display(), %error, "acme: the file may not survive a power cut");
        }
        Ok(())
    }

    fn account_file(&self) -> PathBuf {
        self.folder.join("account.json")
    }
}

/// Writes a file for the user of this process alone, under the name with `.new` behind it.
fn write_beside(path: &Path, text: &[u8]) -> Result<PathBuf, StoreError> {
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let new = PathBuf::from(new);
    let write = || -> io::Result<()> {
        // What a process has left that was killed may have other rights.
        match fs::remove_file(&new) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&new)?;
        file.write_all(text)?;
        file.sync_all()
    };
    write().map_err(|error| system(&new, error))?;
    Ok(new)
}

fn system(path: &Path, error: io::Error) -> StoreError {
    StoreError::System {
        path: path.to_owned(),
        error,
    }
}
