//! The arguments that say where the admin listener is.

use std::path::PathBuf;

use crate::cli::arguments::ConfigArgument;

#[derive(Debug, clap::Args)]
pub(crate) struct ApiArgument {
    #[command(flatten)]
    pub(super) config: ConfigArgument,
    /// URL of the admin listener, in place of the address in the configuration; with a path where it is behind one. The token for it is taken from
    /// $AJPGATE_ADMIN_TOKEN
    #[arg(long, value_name = "URL")]
    pub(super) admin: Option<String>,
    /// Certificates in PEM that verify the server of an https URL [default: those of the system]
    #[arg(long, value_name = "FILE", requires = "admin")]
    pub(super) ca: Option<PathBuf>,
}
