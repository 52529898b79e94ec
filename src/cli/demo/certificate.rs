//! The certificate of `ajpgate demo --tls`, made on the spot.

use std::fs::{self, DirBuilder};
use std::net::IpAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::random;

/// A certificate for this machine that nobody trusts, with its key, in a folder that only this user can read. The folder
/// goes with this value.
#[derive(Debug)]
pub(super) struct Certificate {
    folder: PathBuf,
}

impl Certificate {
    /// For `localhost`, the loopback addresses and the address that is listened on.
    pub(super) fn new(bind: IpAddr) -> anyhow::Result<Self> {
        let mut names = ["localhost", "127.0.0.1", "::1"]
            .map(str::to_owned)
            .to_vec();
        let bind = bind.to_string();
        if !names.contains(&bind) {
            names.push(bind);
        }
        let made =
            rcgen::generate_simple_self_signed(names).context("cannot make a certificate")?;
        let name = format!("ajpgate-demo-{:016x}", random::seed());
        let folder = std::env::temp_dir().join(name);
        let cannot = || format!("cannot write to {}", folder.display());
        DirBuilder::new()
            .mode(0o700)
            .create(&folder)
            .with_context(cannot)?;
        let this = Self { folder };
        fs::write(this.certificate(), made.cert.pem())?;
        fs::write(this.private_key(), made.signing_key.serialize_pem())?;
        Ok(this)
    }

    /// The file of the certificate.
    pub(super) fn certificate(&self) -> PathBuf {
        self.file("demo.crt")
    }

    /// The file of its key.
    pub(super) fn private_key(&self) -> PathBuf {
        self.file("demo.key")
    }

    fn file(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.join(name)
    }
}

impl Drop for Certificate {
    fn drop(&mut self) {
        // The system empties its folder for temporary files anyway.
        let _ = fs::remove_dir_all(&self.folder);
    }
}
