//! Sections that let nobody in, or open what an earlier one closes.

use super::entry::{Answer, Outcome};
use crate::convert::note::{Closed, Notes};
use crate::convert::overlap::{meet, takes_all};
use crate::convert::site::{Access, Admission, Overlay, Rule, Server, Takes};

/// Whether a section lets everybody in whom one before it keeps out of some of its paths.
pub(super) fn opens(server: &Server, overlay: &Overlay) -> bool {
    let all = Some(Admission::All);
    let Access {
        admission, older, ..
    } = &overlay.access;
    let keeps_out = |it: &Option<Admission>| it.is_some() && *it != all;
    let earlier = server.overlays.iter();
    let mut earlier = earlier.take_while(|it| !std::ptr::eq(*it, overlay));
    earlier.any(|it| {
        let (new, old) = (&it.access.admission, &it.access.older);
        let is_opened = *admission == all && keeps_out(new) || *older == all && keeps_out(old);
        is_opened && it.target.is_none() && meet(&it.takes, &overlay.takes)
    })
}

/// Whether all paths of a section are answered before it is asked who comes in.
pub(super) fn is_answered_early(server: &Server, overlay: &Overlay) -> bool {
    let mut rules = server.stages.iter().flatten();
    let first = rules.find(|rule| meet(&rule.takes, &overlay.takes));
    let is_whole = |rule: &&Rule| match &rule.takes {
        Takes::Path(path) => takes_all(path, &overlay.takes),
        takes => *takes == overlay.takes,
    };
    overlay.access.beside.is_empty() && first.filter(is_whole).is_some_and(|rule| rule.early)
}

/// What nobody may use; `closed`: why, where the old server lets some in.
pub(super) fn forbidden(overlay: &Overlay, closed: Vec<Closed>) -> Outcome {
    let comments = match closed.is_empty() {
        false => Vec::new(),
        true => vec!["nobody may come in here".to_owned()],
    };
    Outcome {
        answer: Answer::Respond(403),
        keys: crate::convert::value::Keys::default(),
        lost: Vec::new(),
        guards: Vec::new(),
        closed,
        origins: vec![overlay.origin.clone()],
        comments,
    }
}

/// Whether a section by itself lets nobody in.
pub(super) fn shuts(overlay: &Overlay) -> bool {
    let (keys, closed) = overlay.access.keys();
    !closed.is_empty() || keys.get("deny") == Access::closed().get("deny")
}

/// What becomes of the paths of a section that lets nobody in.
pub(super) fn shut(server: &Server, overlay: &Overlay, notes: &mut Notes) -> Outcome {
    let (_, closed) = overlay.access.keys();
    if !closed.is_empty() {
        for why in &closed {
            notes.close("its paths are", why, &overlay.origin);
        }
        return forbidden(overlay, closed);
    }
    let later = server
        .overlays
        .iter()
        .skip_while(|it| !std::ptr::eq(*it, overlay));
    let opens = |later: &Overlay| {
        let access = &later.access;
        let says = access.admission.is_some() || access.older.is_some();
        says || access.satisfy.is_some() || !access.lifted.is_empty()
    };
    if later
        .skip(1)
        .any(|it| opens(it) && meet(&it.takes, &overlay.takes))
    {
        let text = "its paths are closed for everybody (403), those of later sections too, which may open them in httpd";
        notes.name(&overlay.origin, text);
    }
    forbidden(overlay, Vec::new())
}
