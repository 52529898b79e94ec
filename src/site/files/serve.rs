//! The answer to a request for a file.

use std::path::Path;
use std::sync::Arc;

use http::{Method, StatusCode};
use tracing::warn;

use super::answer::Form;
use super::conditions::{Judged, judge};
use super::contents::Contents;
use super::directory::{Directory, NotOpened, Opened, Trouble};
use super::facts::now;
use super::neighbour::{self, CODINGS};
use super::wanted::Wanted;
use crate::head::{AnswerHead, Part, RequestHead, is_value};
use crate::site::coding::{Coding, Likes};

/// The files of a mapping.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    directory: Arc<Directory>,
    /// The name of the file that stands for a folder.
    index: String,
    cache_control: Option<String>,
}

/// Why a request gets no file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) status: StatusCode,
    /// A field that the answer has, with its value.
    pub(crate) field: Option<(&'static str, String)>,
}

impl From<StatusCode> for Refused {
    fn from(status: StatusCode) -> Self {
        Self {
            status,
            field: None,
        }
    }
}

impl Refused {
    fn with(status: StatusCode, name: &'static str, value: impl Into<String>) -> Self {
        Self {
            status,
            field: Some((name, value.into())),
        }
    }
}

/// A file that was found, and what there is of it in other codings.
#[derive(Debug)]
struct Found {
    plain: Opened,
    /// In the order of [`CODINGS`].
    neighbours: [Option<Opened>; CODINGS.len()],
}

impl Files {
    pub(crate) const fn new(
        directory: Arc<Directory>,
        index: String,
        cache_control: Option<String>,
    ) -> Self {
        Self {
            directory,
            index,
            cache_control,
        }
    }

    /// The name that is opened for a path. `rest` is what stands behind the path of the mapping, decoded and in normal
    /// form. `None` for one that is never served.
    pub(crate) fn wanted(&self, rest: &[u8]) -> Option<Wanted> {
        Wanted::of(rest, &self.index)
    }

    /// The directory.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The file that stands for a folder.
    pub(crate) fn index(&self) -> &str {
        &self.index
    }

    /// Answers a request. `as_folder` is the URL of the request with a slash at the end of its path, for names that turn out
    /// to be folders.
    ///
    /// # Errors
    /// What the client is told in place of a file.
    pub(crate) async fn serve(
        &self,
        wanted: &Wanted,
        head: &RequestHead,
        as_folder: impl FnOnce() -> String,
    ) -> Result<(AnswerHead, Contents), Refused> {
        let is_get = head.method == Method::GET;
        if !is_get && head.method != Method::HEAD {
            let status = StatusCode::METHOD_NOT_ALLOWED;
            return Err(Refused::with(status, "Allow", "GET, HEAD"));
        }
        let found = self.find(&wanted.name).await?;
        let Some(found) = found else {
            return Err(match wanted.is_index {
                true => StatusCode::NOT_FOUND.into(),
                false => redirect(as_folder()),
            });
        };
        let varies = found.neighbours.iter().any(Option::is_some);
        let (opened, coding) = found.choose(Likes::of(&head.fields));
        let now = now();
        let version = opened.facts.version(now);
        let size = opened.facts.size;
        let form = Form {
            name: &wanted.name,
            version: &version,
            size,
            coding,
            varies,
            cache_control: self.cache_control.as_deref(),
        };
        let contents = |at, left| Contents::new(Arc::clone(&self.directory), opened.file, at, left);
        match judge(is_get, &head.fields, &version, size, now) {
            Judged::Failed => Err(StatusCode::PRECONDITION_FAILED.into()),
            Judged::Unchanged => Ok((form.unchanged(), contents(0, 0))),
            Judged::Send(Part::Outside) => {
                let status = StatusCode::RANGE_NOT_SATISFIABLE;
                let size = format!("bytes */{size}");
                Err(Refused::with(status, "Content-Range", size))
            }
            Judged::Send(part @ Part::Whole) => Ok((form.sent(part), contents(0, size))),
            Judged::Send(part @ Part::Bytes { first, last }) => {
                let length = last.saturating_sub(first).saturating_add(1);
                Ok((form.sent(part), contents(first, length)))
            }
        }
    }

    /// Opens a file and its compressed neighbours; `None` for a folder.
    async fn find(&self, name: &[u8]) -> Result<Option<Found>, Refused> {
        let opened = self.directory.find(name).await;
        let plain = opened.map_err(|why| self.refused(why))?;
        if plain.is_folder {
            return Ok(None);
        }
        let mut neighbours = [None, None];
        for (place, coding) in neighbours.iter_mut().zip(CODINGS) {
            let name = neighbour::name(name, coding);
            // One that cannot be read is as good as none.
            let opened = self.directory.find(&name).await.ok();
            *place = opened.filter(|opened| !opened.is_folder);
        }
        Ok(Some(Found { plain, neighbours }))
    }

    fn refused(&self, why: NotOpened) -> Refused {
        if let Some((trouble, error)) = why.trouble()
            && let Some(left_out) = self.directory.warnings.due(trouble)
        {
            let directory = self.directory.path().display();
            let left_out = left_out.field();
            match trouble {
                Trouble::Forbidden => warn!(
                    %directory, left_out,
                    "a file was asked for that the gateway may not read: see its permissions and those of its folders"
                ),
                _ => warn!(%directory, %error, left_out, "a file cannot be opened"),
            }
        }
        match why {
            NotOpened::Missing => StatusCode::NOT_FOUND.into(),
            NotOpened::Forbidden => StatusCode::FORBIDDEN.into(),
            NotOpened::Busy(_) => {
                Refused::with(StatusCode::SERVICE_UNAVAILABLE, "Retry-After", "1")
            }
            NotOpened::Broken(_) => StatusCode::INTERNAL_SERVER_ERROR.into(),
        }
    }
}

impl Found {
    /// The form that the client likes best.
    fn choose(self, likes: Likes) -> (Opened, Option<Coding>) {
        let there = self.neighbours.into_iter().zip(CODINGS);
        let mut there: Vec<(Opened, Coding)> = there
            .filter_map(|(opened, coding)| Some((opened?, coding)))
            .collect();
        let Some(best) = likes.best(there.iter().map(|(_, coding)| *coding)) else {
            return (self.plain, None);
        };
        match there.iter().position(|(_, coding)| *coding == best) {
            Some(at) => (there.swap_remove(at).0, Some(best)),
            None => (self.plain, None),
        }
    }
}

/// The redirect of a folder whose URL has no slash at its end, so that the links of its index lead into the folder.
fn redirect(url: String) -> Refused {
    match is_value(url.as_bytes()) {
        true => Refused::with(StatusCode::PERMANENT_REDIRECT, "Location", url),
        false => StatusCode::NOT_FOUND.into(),
    }
}
