//! Arguments of several commands.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The files that are tried when none is named and `AJPGATE_CONFIG` is not set.
const CONFIG_FILES: [&str; 2] = ["./ajpgate.yaml", "/etc/ajpgate/ajpgate.yaml"];

#[derive(Debug, Default, clap::Args)]
pub(crate) struct ConfigArgument {
    /// Configuration file [default: $AJPGATE_CONFIG, ./ajpgate.yaml, /etc/ajpgate/ajpgate.yaml]
    #[arg(short, long = "config", value_name = "FILE")]
    config: Option<PathBuf>,
}

impl ConfigArgument {
    /// The path of the file to read.
    pub(super) fn path(&self) -> PathBuf {
        self.found()
            .unwrap_or_else(|| PathBuf::from(CONFIG_FILES[0]))
    }

    /// The file that was named, or the first that is there; `None` where there is neither.
    pub(crate) fn found(&self) -> Option<PathBuf> {
        if let Some(path) = &self.config {
            return Some(path.clone());
        }
        if let Some(path) = std::env::var_os("AJPGATE_CONFIG").filter(|path| !path.is_empty()) {
            return Some(path.into());
        }
        let mut files = CONFIG_FILES.iter().map(PathBuf::from);
        files.find(|path| path.exists())
    }

    /// The file that `-c` names.
    pub(crate) fn named(&self) -> Option<&Path> {
        self.config.as_deref()
    }
}

/// An address, or a port alone.
pub(super) fn parse_bind(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .or_else(|_| format!("127.0.0.1:{}", text.trim_start_matches(':')).parse())
        .map_err(|_| "expected ADDRESS:PORT, for example 127.0.0.1:8009".to_owned())
}
