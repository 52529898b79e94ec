//! Turns the configuration of httpd and mod_jk into this program's YAML.
//!
//! Three steps, each of which hands a value to the next one:
//!
//! 1. **A front part** reads the files of an old server through [`Files`] and says what that server does: it returns a
//!    [`site::Site`]. `httpd` has the parts `lex` (bytes to lines and words), `read` (files to a tree of directives, with
//!    includes, definitions and conditions followed) and `model` (directives to the site). `modjk` reads the files of mod_jk, and
//!    adds its rules to those of an httpd, or makes a site of them alone.
//! 2. **`arrange`** turns the rules of the site, of which the first one that fits counts, into mappings, of which the longest
//!    path counts. It knows nothing of the old server.
//! 3. **`write`** makes text of it, and knows which line of the YAML comes from which line of the old files.
//!
//! What a front part has to produce stands at [`site::Site`]. Every directive of the old files has one of three fates, which
//! the front part tells [`Notes`]: it is turned (nothing is said), named ([`Notes::name`]), or counted as no business of a
//! gateway's ([`Notes::count`]). A line about access is never counted.

mod arrange;
mod defaults;
mod files;
mod httpd;
mod modjk;
mod note;
mod overlap;
pub mod site;
mod value;
mod write;

use std::path::PathBuf;

pub use files::Files;
pub use note::{Failure, Notes, Origin, Remark};
pub use value::{Keys, Value};
pub use write::Written;

/// What is to be turned.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// The main file of an httpd.
    pub httpd: Option<PathBuf>,
    /// mod_jk's workers.properties; `None`: what httpd's files name.
    pub workers: Option<PathBuf>,
    /// mod_jk's uriworkermap.properties; `None`: what httpd's files name.
    pub uriworkermap: Option<PathBuf>,
    /// The folder that relative names of httpd's files start from; `None`: its `ServerRoot`, else the folder of the file.
    pub server_root: Option<PathBuf>,
    /// Names that are defined as if `-D NAME` were given to httpd.
    pub defined: Vec<String>,
    /// Whether secrets are written as `${NAME}`; else as they stand in the old file.
    pub secrets_from_environment: bool,
}

/// The YAML, and what has to be said about it.
#[derive(Debug)]
pub struct Converted {
    /// The text, which `check` accepts, with the lines of the old files that its lines come from.
    pub written: Written,
    /// What could not be turned, in the order of the files.
    pub remarks: Vec<Remark>,
    /// How many lines are no business of a gateway's.
    pub counted: usize,
    /// The names of the environment variables that stand for secrets, with the places of the secrets.
    pub secrets: Vec<(String, Origin)>,
}

/// Turns the files that `wanted` names. `files` reads them, and `env` looks up environment variables.
///
/// # Errors
///
/// A file cannot be read or parsed: its place, and why.
pub fn convert(
    wanted: &Wanted,
    files: &dyn Files,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Converted, Failure> {
    let mut notes = Notes::default();
    let mut site = site::Site::default();
    if let Some(file) = &wanted.httpd {
        let options = httpd::Options {
            server_root: wanted.server_root.as_deref(),
            defined: &wanted.defined,
            workers: wanted.workers.as_deref(),
            uriworkermap: wanted.uriworkermap.as_deref(),
            files,
            env,
        };
        site = httpd::site(file, &options, &mut notes)?;
    } else if let Some(workers) = &wanted.workers {
        let options = modjk::Options { files, env };
        site = modjk::alone(
            workers,
            wanted.uriworkermap.as_deref(),
            &options,
            &mut notes,
        )?;
    }
    let mappings = arrange::arrange(&site, &mut notes);
    let written = write::write(&site, &mappings, wanted.secrets_from_environment);
    let (remarks, counted) = notes.finish();
    Ok(Converted {
        remarks,
        counted,
        secrets: written.secrets.clone(),
        written,
    })
}
