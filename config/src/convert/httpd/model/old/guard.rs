//! Who may come in: the sections about what is sent on, then those about paths; the later one counts, part by part.

use std::net::IpAddr;

use super::super::known::Old;
use super::super::part::Section;
use super::super::place::Kind;
use super::request::Request;
use super::section::Section as Here;
use super::target::answered;
use crate::convert::note::{Closed, Notes, Origin};
use crate::convert::overlap::covers;
use crate::convert::site::{Access, Admission, Satisfy};
use crate::convert::told::{Deed, Telling};
use crate::field::Kind as _;
use crate::value::Network;

/// What a request is for.
pub(super) enum Subject<'a> {
    /// It is sent to this url by mod_proxy.
    Url(&'a str),
    /// A file of httpd's own.
    File(&'a str),
    /// Something else.
    Path,
}

/// The answer to a client that may not come in; `None`: it comes in.
pub(super) fn refusal(
    old: &Old,
    host: Option<usize>,
    sections: &[Here<'_>],
    subject: &Subject<'_>,
    request: &Request<'_>,
    telling: &mut Telling,
) -> Option<Deed> {
    let own = host.and_then(|host| old.hosts.get(host));
    let parts = std::iter::once(&old.main).chain(own);
    let (mut access, mut origin) = (Access::default(), None);
    let all = || parts.clone().flat_map(|part| &part.sections);
    for section in counting(all().collect(), sections, subject) {
        // What cannot be turned is asked for below.
        let said = section
            .rules
            .access(&mut Notes::default(), request.asked.secure);
        if let Some(place) = section.rules.tls_only().filter(|_| !request.asked.secure) {
            telling.step(
                place,
                "SSLRequireSSL: this section lets nobody in without TLS",
            );
            return Some(answered(403, "SSLRequireSSL"));
        }
        if said.admission.is_some() || said.older.is_some() {
            origin = Some(&section.origin);
        }
        access = access.then(&said);
    }
    all().for_each(|section| name_files(section, subject, telling));
    for Closed { why, origin } in &access.sealed {
        if let Some(place) = origin {
            let text = format!("it says who comes in by what a URL does not say: {why}");
            telling.unknown(place, text);
        }
    }
    let origin = origin?;
    // Rules of both kinds have to let the client in; who is kept out by addresses is not asked for a password.
    let kinds = || [&access.admission, &access.older].into_iter().flatten();
    let refused = |status: u16| move |deed: &Deed| matches!(deed, Deed::Answered { status: own, .. } if *own == status);
    let mut answers: Vec<Deed> = Vec::new();
    for admission in kinds() {
        match judged(admission, &access, origin, request, telling) {
            Some(answer) => answers.push(answer),
            // One kind is enough.
            None if matches!(access.satisfy, Some(Satisfy::Any(_))) => return None,
            None => {}
        }
    }
    // Where one kind is enough, who has another address is asked for a password.
    let wanted = match access.satisfy {
        Some(Satisfy::Any(_)) => 401,
        Some(Satisfy::All) | None => 403,
    };
    let first = answers.iter().position(refused(wanted)).unwrap_or(0);
    (first < answers.len()).then(|| answers.swap_remove(first))
}

/// The sections that count for a request, in their order: those about what it is sent to, then those about its path.
fn counting<'a>(
    all: Vec<&'a Section>,
    here: &[Here<'_>],
    subject: &Subject<'_>,
) -> impl Iterator<Item = &'a Section> {
    let is_about_subject = |it: &&Section| match (&it.kind, subject) {
        (Kind::Proxy(start), Subject::Url(url)) => {
            url.starts_with(start.trim_end_matches(['*', '/']))
        }
        (Kind::Directory(folder), Subject::File(name)) => covers(folder, name),
        _ => false,
    };
    let is_here = |place: &Origin| here.iter().any(|it| it.node.origin == *place);
    let is_about_path =
        |it: &&Section| matches!(it.kind, Kind::Location(_) | Kind::Text(_)) && is_here(&it.origin);
    let about_paths: Vec<&Section> = all.iter().copied().filter(is_about_path).collect();
    let mut before: Vec<&Section> = all.into_iter().filter(is_about_subject).collect();
    // Sections about longer folders come later; those about urls keep their order.
    before.sort_by_key(|it| match &it.kind {
        Kind::Directory(folder) => folder.len(),
        _ => 0,
    });
    before.into_iter().chain(about_paths)
}

/// The answer of the rules of one kind to a client that may not come in; `None`: they let it in, or that is not known.
fn judged(
    admission: &Admission,
    access: &Access,
    origin: &Origin,
    request: &Request<'_>,
    telling: &mut Telling,
) -> Option<Deed> {
    match admission {
        Admission::All => None,
        Admission::Nobody(Closed { why, origin: own }, _) => {
            let text = format!("it says who comes in by what a URL does not say: {why}");
            telling.unknown(own.as_ref().unwrap_or(origin), text);
            None
        }
        Admission::Those { allow, deny, user } => {
            let from = request.from();
            let comes_in = (allow.is_empty() || is_in(allow, from)) && !is_in(deny, from);
            let (status, text) = match (comes_in, user.is_some()) {
                (false, _) => (403, format!("does not let {from} in")),
                (true, true) if !asks_for_password(access.kind.as_deref()) => {
                    let kind = access.kind.as_deref().unwrap_or("none");
                    let text = format!("AuthType {kind} says who comes in, and a URL says no user");
                    telling.unknown(origin, text);
                    return None;
                }
                (true, true) => (401, "asks for a password".to_owned()),
                (true, false) => return None,
            };
            telling.step(origin, format!("this section {text}"));
            Some(answered(status, text))
        }
    }
}

/// Whether a client without a user is asked for a password, and sent nowhere else.
fn asks_for_password(kind: Option<&str>) -> bool {
    matches!(kind, Some("basic" | "digest"))
}

/// Whether one of the networks has the address.
fn is_in(networks: &[String], address: IpAddr) -> bool {
    let mut networks = networks.iter().filter_map(|it| Network::read(it).ok());
    networks.any(|network| network.contains(&address.to_canonical()))
}

/// Says that a section about some files of a folder may be about this one.
fn name_files(section: &Section, subject: &Subject<'_>, telling: &mut Telling) {
    if let (Kind::Files(folder), Subject::File(name)) = (&section.kind, subject)
        && covers(folder, name)
    {
        telling.unknown(&section.origin, "it tells files apart by their names");
    }
}
