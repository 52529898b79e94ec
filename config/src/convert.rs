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
//!    `here` looks at the files and folders that they name.
//! 3. **`write`** makes text of it, and knows which line of the YAML comes from which line of the old files. `accepted` closes
//!    what the configuration parser would refuse.
//!
//! What a front part has to produce stands at [`site::Site`]. Every directive of the old files has one of three fates, which
//! the front part tells [`Notes`]: it is turned (nothing is said), named ([`Notes::name`]), or counted as no business of a
//! gateway's ([`Notes::count`]). A line about access to what is sent on or served is never counted.

mod accepted;
mod account;
mod arrange;
mod ask;
mod converted;
mod defaults;
mod files;
mod here;
mod host_names;
mod httpd;
mod lifting;
mod modjk;
mod networks;
mod note;
mod overlap;
mod quote;
mod request_path;
mod seam;
mod secrecy;
pub mod site;
mod told;
mod value;
mod write;

use std::path::PathBuf;

pub use account::{Account, Fate, Line, OldFile};
pub use ask::Old;
pub use converted::Converted;
pub use files::{BadUser, Files};
pub use note::{Closed, Failure, Notes, Origin, Remark};
pub use secrecy::{HIDDEN, Secrecy};
pub use told::{Asked, Backend, Deed, Step, Told};
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
    let recorder = files::Recorder::new(files);
    let files: &dyn Files = &recorder;
    let mut notes = Notes::default();
    let mut site = site::Site::default();
    let mut old = ask::Kind::None;
    if let Some(file) = &wanted.httpd {
        let options = httpd::Options {
            server_root: wanted.server_root.as_deref(),
            defined: &wanted.defined,
            workers: wanted.workers.as_deref(),
            uriworkermap: wanted.uriworkermap.as_deref(),
            files,
            env,
        };
        let (found, httpd) = httpd::site(file, &options, &mut notes)?;
        (site, old) = (found, ask::Kind::Httpd(Box::new(httpd)));
    } else if let Some(workers) = &wanted.workers {
        let options = modjk::Options { files, env };
        let map = wanted.uriworkermap.as_deref();
        let (found, jk) = modjk::alone(workers, map, &options, &mut notes)?;
        (site, old) = (found, ask::Kind::ModJk(jk));
    }
    seam::keep_closed(&mut site);
    lifting::lift(&mut site);
    let mut mappings = arrange::arrange(&site, &mut notes);
    here::settle(&mut mappings, files, &mut notes);
    arrange::sort(&mut mappings);
    let by_variables = wanted.secrets_from_environment;
    let written = accepted::written(&site, &mut mappings, by_variables, &mut notes);
    let sources = recorder.texts(notes.files());
    let secrecy = Secrecy::of(&site, &mappings, &sources);
    let (mut remarks, counted_lines) = notes.finish();
    quote::add(&mut remarks, &sources, &secrecy);
    Ok(Converted {
        remarks,
        counted: counted_lines.len(),
        counted_lines,
        sources,
        secrets: written.secrets.clone(),
        secrecy,
        written,
        old: Old(old),
    })
}
