//! What was discovered. It lies over the file, and what was changed by hand lies over it.

mod kept;

use std::borrow::Borrow;
use std::collections::{BTreeMap, HashSet};

use ajpgate_config::{
    Balancer, Config, Discover, DiscoverFrom, ListedMember, Member, MemberSource, MemberUrl,
    Origin, RouteRule, Status, is_route,
};

use crate::discovery::{Found, Room, SourceAnswer, forget, look_into_files, reconcile};

/// The members that sources have named, by balancer.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Discovered(BTreeMap<String, Vec<OfSource>>);

/// The members that one source has named, or that the file had before it asked sources in place of them.
#[derive(Debug, Clone, PartialEq)]
struct OfSource {
    /// The source as the file has it now, or had it last; `None` for members that the file had itself.
    source: Option<Discover>,
    /// See [`Discover::subject`].
    subject: String,
    known: Vec<Found>,
    /// `None` where the file has it. Else the subjects of the sources that take its place and have not answered yet: until they
    /// have, its members are as it has named them.
    awaited: Option<HashSet<String>>,
}

/// The sources whose files are looked into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    /// All: at a start.
    All,
    /// Those of which nothing is known: a reload has brought them.
    New,
}

/// Who named members before a file is taken up.
#[derive(Debug)]
pub(super) struct Before<'f> {
    /// The sources that were asked: balancer and subject.
    asked: HashSet<(String, String)>,
    /// The file, where this program had it.
    file: Option<&'f Config>,
}

impl<'f> Before<'f> {
    /// What this file says.
    pub(super) fn of(file: &'f Config) -> Self {
        let balancers = file.balancers.iter();
        let sources = balancers.flat_map(|balancer| {
            let sources = balancer.discover.iter();
            sources.map(|source| (balancer.name.clone(), source.subject()))
        });
        Self {
            asked: sources.collect(),
            file: Some(file),
        }
    }

    /// The members that the file had in this balancer and that it has no longer.
    fn unlisted(&self, balancer: &Balancer) -> Vec<Found> {
        let before = self.file.and_then(|file| file.balancer(&balancer.name));
        let before = before.into_iter().flat_map(|it| &it.members);
        let listed: HashSet<String> = balancer.members.iter().map(|it| it.url.place()).collect();
        let unlisted = before.filter(|member| !listed.contains(&member.url.place()));
        let whole = |member: &Member| ListedMember::of_configuration(member.clone());
        unlisted.map(|it| Found::whole(whole(it), "")).collect()
    }
}

impl OfSource {
    /// Members that the file had itself, before it asked these sources.
    const fn of_file(known: Vec<Found>, awaited: HashSet<String>) -> Self {
        Self {
            source: None,
            subject: String::new(),
            known,
            awaited: Some(awaited),
        }
    }

    /// The file of this balancer no longer has it. `new` are the sources that the file before did not have.
    fn is_replaced(&mut self, balancer: &Balancer, new: &HashSet<String>) {
        let awaited = self.awaited.get_or_insert_with(|| new.clone());
        if !awaited.is_empty() {
            let asked: HashSet<String> = balancer.discover.iter().map(Discover::subject).collect();
            awaited.retain(|subject| asked.contains(subject));
            awaited.extend(new.iter().cloned());
        }
        if awaited.is_empty() {
            self.known.iter_mut().for_each(vanish);
        }
    }

    /// A source has named members.
    fn has_answered(&mut self, subject: &str) {
        let Some(awaited) = &mut self.awaited else {
            return;
        };
        if awaited.remove(subject) && awaited.is_empty() {
            self.known.iter_mut().for_each(vanish);
        }
    }
}

impl Discovered {
    /// What is known from a source of a balancer.
    pub(super) fn known(&self, balancer: &str, subject: &str) -> &[Found] {
        let sources = self.0.get(balancer).into_iter().flatten();
        let mut known = sources.filter(|it| it.subject == subject);
        known.next().map_or(&[], |it| &it.known)
    }

    /// Whether something is known from each source of this balancer.
    pub(super) fn is_complete(&self, balancer: &Balancer) -> bool {
        let mut sources = balancer.discover.iter();
        sources.all(|it| !self.known(&balancer.name, &it.subject()).is_empty())
    }

    /// Whether a member of this balancer is known, by the place of its url.
    pub(super) fn knows(&self, balancer: &str, place: &str) -> bool {
        self.places(balancer).any(|known| known == place)
    }

    /// The places of the members of this balancer that are known, those that drain among them.
    pub(super) fn places(&self, balancer: &str) -> impl Iterator<Item = String> {
        let sources = self.0.get(balancer).into_iter().flatten();
        let known = sources.flat_map(|of| &of.known);
        known.map(|found| found.url.place())
    }

    /// Notes what is known from a source from now on.
    pub(super) fn set(&mut self, balancer: &str, source: &Discover, known: Vec<Found>) {
        let sources = self.0.entry(balancer.to_owned()).or_default();
        let subject = source.subject();
        match sources.iter_mut().find(|it| it.subject == subject) {
            Some(of) => of.known = known,
            None => sources.push(OfSource {
                source: Some(source.clone()),
                subject,
                known,
                awaited: None,
            }),
        }
        forget_older(sources);
    }

    /// Notes that a source has named members: those of sources that it has replaced drain, where no other new one is awaited.
    pub(super) fn answered(&mut self, balancer: &str, subject: &str) {
        let Some(sources) = self.0.get_mut(balancer) else {
            return;
        };
        for of in &mut *sources {
            of.has_answered(subject);
        }
        forget_older(sources);
    }

    /// The room that a balancer has beside its other members, for a source. `room` is what the members of the file and those
    /// that were added by hand leave; the other sources have theirs too.
    pub(super) fn room_of(&self, balancer: &str, subject: &str, mut room: Room) -> Room {
        let sources = self.0.get(balancer).into_iter().flatten();
        for found in sources
            .filter(|it| it.subject != subject)
            .flat_map(|it| &it.known)
        {
            if has_vanished(found) {
                room.drain(1);
            } else {
                room.take(&found.url);
            }
        }
        room
    }

    /// Looks into the files of sources. `room` is what a balancer's other members leave. Blocks.
    pub(super) fn look_into_files(
        &mut self,
        file: &Config,
        which: Which,
        room: impl Fn(&Balancer) -> Room,
    ) {
        for balancer in &file.balancers {
            for source in &balancer.discover {
                let DiscoverFrom::File(files) = &source.from else {
                    continue;
                };
                let subject = source.subject();
                let known = self.known(&balancer.name, &subject);
                if which == Which::All || known.is_empty() {
                    let answer = look_into_files(files);
                    if matches!(answer, SourceAnswer::Named { .. }) {
                        self.answered(&balancer.name, &subject);
                    }
                    let known = self.known(&balancer.name, &subject);
                    let room = self.room_of(&balancer.name, &subject, room(balancer));
                    let found = reconcile(known, &answer, room).members;
                    self.set(&balancer.name, source, found);
                }
            }
        }
    }

    /// Forgets members of a balancer that have vanished.
    pub(super) fn forget(&mut self, balancer: &str, gone: &[MemberUrl]) {
        let Some(sources) = self.0.get_mut(balancer) else {
            return;
        };
        for of in &mut *sources {
            of.known = forget(&of.known, gone);
        }
        // What the file no longer has goes with its last member.
        sources.retain(|of| of.awaited.is_none() || !of.known.is_empty());
    }

    /// The sources that the file of the program before had, as far as something is known from them.
    pub(super) fn asked_before(&self) -> Before<'static> {
        let sources = self.sources().filter(|(_, of)| of.awaited.is_none());
        let sources = sources.map(|(balancer, of)| (balancer.clone(), of.subject.clone()));
        Before {
            asked: sources.collect(),
            file: None,
        }
    }

    /// Takes up another file in place of the one before: keys of a source count at once, and members for which it leaves no room
    /// drain. What it no longer asks has vanished, and what it no longer has itself is gone; but where it asks new sources in place
    /// of them, these members serve until each of the new sources has named members, and drain then. `room` is what a balancer's other members leave.
    pub(super) fn follow(
        &mut self,
        before: &Before<'_>,
        file: &Config,
        room: impl Fn(&Balancer) -> Room,
    ) {
        self.0.retain(|name, _| file.balancer(name).is_some());
        for balancer in &file.balancers {
            if balancer.discover.is_empty() && !self.0.contains_key(&balancer.name) {
                continue;
            }
            let sources = self.0.entry(balancer.name.clone()).or_default();
            let new = new_sources(before, balancer, sources);
            leave_out_listed(sources, balancer);
            for of in &mut *sources {
                let mut asked = balancer.discover.iter();
                if let Some(source) = asked.find(|source| source.subject() == of.subject) {
                    of.source = Some(source.clone());
                    of.awaited = None;
                } else {
                    of.is_replaced(balancer, &new);
                }
            }
            if !new.is_empty() {
                sources.push(OfSource::of_file(before.unlisted(balancer), new));
            }
            sources.retain(|of| of.awaited.is_none() || !of.known.is_empty());
            forget_older(sources);
            self.fit(balancer, room(balancer));
        }
        self.0.retain(|_, sources| !sources.is_empty());
    }

    /// Lets members drain for which the file has left no room, and forgets those that drain beyond the bound: of the last
    /// sources first, which the file no longer names.
    fn fit(&mut self, balancer: &Balancer, mut room: Room) {
        let Some(sources) = self.0.get_mut(&balancer.name) else {
            return;
        };
        in_order(sources, balancer);
        for of in sources {
            for found in &mut of.known {
                if !has_vanished(found) && !room.take(&found.url) {
                    vanish(found);
                }
            }
            of.known
                .retain(|it| !has_vanished(it) || room.drain(1) == 0);
        }
    }

    /// The file with what was discovered.
    pub(super) fn over(&self, file: &Config) -> Config {
        let mut config = file.clone();
        for balancer in &mut config.balancers {
            if let Some(sources) = self.0.get(&balancer.name) {
                add(balancer, sources);
                balancer.settle_stickiness();
            }
        }
        config
    }
}

/// The subjects of the sources that a balancer did not have in the file before, and from which no living member is known.
fn new_sources(before: &Before<'_>, balancer: &Balancer, sources: &[OfSource]) -> HashSet<String> {
    let is_known = |subject: &str| {
        let mut of_subject = sources.iter().filter(|of| of.subject == subject);
        of_subject.any(|of| of.known.iter().any(|it| !has_vanished(it)))
    };
    let subjects = balancer.discover.iter().map(Discover::subject);
    let was_asked = |subject: &str| {
        let asked = (balancer.name.clone(), subject.to_owned());
        before.asked.contains(&asked)
    };
    subjects
        .filter(|subject| !was_asked(subject) && !is_known(subject))
        .collect()
}

/// Members that the file had before, and has again, are its own.
fn leave_out_listed(sources: &mut [OfSource], balancer: &Balancer) {
    let listed: HashSet<String> = balancer.members.iter().map(|it| it.url.place()).collect();
    for of in sources.iter_mut().filter(|of| of.source.is_none()) {
        of.known.retain(|it| !listed.contains(&it.url.place()));
    }
}

fn vanish(found: &mut Found) {
    found.standing = found.standing.vanished();
}

fn has_vanished(found: &Found) -> bool {
    found.standing.has_vanished()
}

/// Forgets that members have vanished from sources where another source names them: once they vanish from that one too, they drain
/// as they were last.
fn forget_older(sources: &mut [OfSource]) {
    let known = sources.iter().flat_map(|of| &of.known);
    let living = known.filter(|it| !has_vanished(it));
    let living: HashSet<String> = living.map(|it| it.url.place()).collect();
    for of in sources {
        of.known
            .retain(|it| !has_vanished(it) || !living.contains(&it.url.place()));
    }
}

/// Brings sources into the order of the file; those that it no longer has come last.
fn in_order(sources: &mut [impl Borrow<OfSource>], balancer: &Balancer) {
    let subjects: Vec<String> = balancer.discover.iter().map(Discover::subject).collect();
    let rank = |of: &OfSource| subjects.iter().position(|it| *it == of.subject);
    sources.sort_by_key(|of| rank(of.borrow()).unwrap_or(usize::MAX));
}

/// Adds the members of the sources: in the order of the file, each place once, and those that have vanished last. All that are
/// known have room.
fn add(balancer: &mut Balancer, sources: &[OfSource]) {
    let mut taken: HashSet<String> = balancer.members.iter().map(|it| it.url.place()).collect();
    let mut sources: Vec<&OfSource> = sources.iter().collect();
    in_order(&mut sources, balancer);
    for vanished in [false, true] {
        for of in &sources {
            for found in &of.known {
                if has_vanished(found) == vanished && taken.insert(found.url.place()) {
                    balancer.members.extend(member(of.source.as_ref(), found));
                }
            }
        }
    }
}

/// The member that was found: its own keys, or those of the source. Members that the file had itself have no source.
fn member(source: Option<&Discover>, found: &Found) -> Option<Member> {
    let mut member = match &found.member {
        Some(listed) => listed.member.clone(),
        None => source?.member_at(&found.url, name_of(source?, found))?,
    };
    if let Some(route) = found.route.as_ref().filter(|route| is_route(route)) {
        member.route.clone_from(route);
    }
    member.loadfactor = found.loadfactor.unwrap_or(member.loadfactor);
    member.lbset = found.lbset.unwrap_or(member.lbset);
    member.origin = Origin {
        source: source.map_or(MemberSource::Config, Discover::source),
        standing: found.standing,
        learns_route: found.member.is_none()
            && source.is_some_and(|it| it.route == RouteRule::Learn),
    };
    member.status = said_by_source(&member);
    Some(member)
}

/// The name that the certificate of a member has: the host that was asked for.
fn name_of<'a>(source: &'a Discover, found: &'a Found) -> &'a str {
    match &source.from {
        DiscoverFrom::Dns(name) => &name.url.host,
        DiscoverFrom::Kubernetes(service) => &service.url.host,
        DiscoverFrom::Srv(_) | DiscoverFrom::File(_) => &found.part,
    }
}

/// The flags of a member, with those that follow from what its source says of it: nobody can take them back by hand.
pub(super) fn said_by_source(member: &Member) -> Status {
    let standing = member.origin.standing;
    Status {
        disabled: member.status.disabled || standing.takes_nothing(),
        drain: member.status.drain || standing.drains(),
        ..member.status
    }
}

/// Whether a source names this member, so that it may return when it was removed.
pub(super) const fn is_discovered(member: &Member) -> bool {
    !matches!(
        member.origin.source,
        MemberSource::Config | MemberSource::Hand
    )
}

#[cfg(test)]
mod tests;
