//! The answer of a mapping to files.

use http::StatusCode;

use super::local::Local;
use super::mapped::Mapped;
use crate::head::{AnswerHead, RequestHead};
use crate::mount::Normal;
use crate::site::files::{Contents, Files, Refused, Wanted};
use crate::state::Snapshot;

impl Mapped<'_> {
    /// The name that a mapping to files opens; `None` when its path names none that is served.
    ///
    /// The index of a folder is served for the folder's path only where its own path belongs to the same mapping: an
    /// exclusion of it, or another mapping with other rules, counts for both paths. So it is with a compressed neighbour,
    /// which has the content of the file beside it.
    pub(crate) fn wanted_file(&self, snapshot: &Snapshot, files: &Files) -> Option<Wanted> {
        let path = &self.located.normal;
        let wanted = files.wanted(path.behind(&self.located.mapping.front))?;
        let stands_for = match wanted.ending_of_neighbour() {
            _ if wanted.is_index => Some(path.with_name(files.index())),
            Some(ending) => Some(path.without_ending(ending)),
            None => None,
        };
        let host = self.target.host.text;
        let is_ours = |path: &Normal<'_>| self.located.is_mapping_of(snapshot, host, path);
        stands_for.as_ref().is_none_or(is_ours).then_some(wanted)
    }

    /// The URL of the request with a slash at the end of its path. It is made of the path in normal form, which begins with
    /// one slash, so that it cannot be taken for one of another host.
    fn as_folder(&self) -> String {
        let mut url = self.located.normal.escaped().into_owned();
        url.push('/');
        if let Some(query) = self.target.query {
            url.push('?');
            url.push_str(query);
        }
        url
    }
}

/// Answers a request with a file.
pub(super) async fn answer(
    snapshot: &Snapshot,
    mapped: &Mapped<'_>,
    files: &Files,
    head: &RequestHead,
) -> Result<(AnswerHead, Contents), Local> {
    let Some(wanted) = mapped.wanted_file(snapshot, files) else {
        return Err(Local::new(StatusCode::NOT_FOUND));
    };
    let answer = files.serve(&wanted, head, || mapped.as_folder()).await;
    answer.map_err(|Refused { status, field }| match field {
        Some((name, value)) => Local::new(status).with(name, &value),
        None => Local::new(status),
    })
}
