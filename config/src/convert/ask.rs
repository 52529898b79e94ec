//! What the old server does with single requests. It is computed from the old files' own rules, not from the YAML.

use std::collections::BTreeMap;

use super::note::Origin;
use super::told::{Asked, Told};
use super::{httpd, modjk};

/// An old server that can be asked about requests.
#[derive(Debug)]
pub struct Old(pub(super) Kind);

/// Which server it is.
#[derive(Debug)]
pub(super) enum Kind {
    /// No file was named.
    None,
    /// An httpd, perhaps with mod_jk.
    Httpd(Box<httpd::Old>),
    /// A mod_jk behind a web server whose files are not known.
    ModJk(modjk::Old),
}

impl Old {
    /// The lines of an httpd's directives that count, each with that of the section it stands in.
    pub(super) fn lines(&self) -> BTreeMap<Origin, Option<Origin>> {
        match &self.0 {
            Kind::Httpd(old) => old.lines(),
            Kind::None | Kind::ModJk(_) => BTreeMap::new(),
        }
    }

    /// What becomes of a request; `None`: there is no old server.
    #[must_use]
    pub fn told(&self, asked: &Asked) -> Option<Told> {
        match &self.0 {
            Kind::None => None,
            Kind::Httpd(old) => Some(httpd::told(old, asked)),
            Kind::ModJk(old) => Some(modjk::told_alone(old, asked)),
        }
    }
}
