//! What was changed by hand. It lies over the file: it survives a reload, and with a state file a restart.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use ajpgate_config::{
    Balancer, BalancerChange, Config, LbMethod, Member, MemberChange, MemberSource, Problems,
    parse_balancer_change, parse_member, parse_member_change, place_of,
};
use serde_json::{Map, Value, json};
use tracing::warn;

use super::changes::{balancer_json, change_member, member_json, over};
use super::discovered::{is_discovered, said_by_source};
use crate::discovery::{MOST_MEMBERS, Room};

/// How many members of a balancer may be gone whose changes are kept, should they return. A rollout replaces at most as many.
const MOST_GONE: usize = MOST_MEMBERS;

/// All changes that were made by hand and not taken back, by balancer.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Overrides(BTreeMap<String, OfBalancer>);

/// Those of one balancer; members are known by the places of their urls, see [`MemberUrl::place`](ajpgate_config::MemberUrl::place).
#[derive(Debug, Clone, Default, PartialEq)]
struct OfBalancer {
    settings: BalancerChange,
    members: BTreeMap<String, MemberChange>,
    /// The routes that changed members had from their sources, where sources name them.
    routes: BTreeMap<String, String>,
    /// In the order in which they came.
    added: Vec<Added>,
    /// The keys of members that were added and cannot be read now, for example because their `secret_file` is missing. They
    /// are left out until they can be read.
    unreadable: Vec<Value>,
    removed: Vec<String>,
    /// The routes that members were seen to have, where their sources name none.
    learned: BTreeMap<String, String>,
    /// Changed members that nobody names any more, the last one last.
    gone: Vec<String>,
}

/// A member that the file does not have.
#[derive(Debug, Clone, PartialEq)]
struct Added {
    member: Member,
    /// What it was added with.
    keys: Value,
}

impl Overrides {
    /// A member's settings were changed. `route` is the one that it has from its source, where one names it: a change lasts
    /// as long as the url comes with this route.
    pub(super) fn change_member(
        &mut self,
        balancer: &str,
        url: &str,
        change: &MemberChange,
        route: Option<&str>,
    ) {
        let (of, place) = (self.of(balancer), place_of(url));
        let before = of.routes.get(&place).map(String::as_str);
        if before != route {
            // What was changed of another backend at this place is over.
            if before.is_some() {
                of.members.remove(&place);
            }
            of.routes.remove(&place);
        }
        if let Some(route) = route {
            of.routes.insert(place.clone(), route.to_owned());
        }
        let earlier = of.members.entry(place).or_default();
        *earlier = over(change, earlier);
    }

    /// A balancer's settings were changed.
    pub(super) fn change_balancer(&mut self, balancer: &str, change: &BalancerChange) {
        let earlier = &mut self.of(balancer).settings;
        let later = change.clone();
        *earlier = {
            let mut both = BalancerChange::default();
            both.lbmethod = later.lbmethod.or(earlier.lbmethod);
            both.stickysession = later.stickysession.or_else(|| earlier.stickysession.take());
            both.nofailover = later.nofailover.or(earlier.nofailover);
            both.timeout = later.timeout.or(earlier.timeout);
            both.maxattempts = later.maxattempts.or(earlier.maxattempts);
            both
        };
    }

    /// A member was added, with these keys.
    pub(super) fn add_member(&mut self, balancer: &str, member: Member, keys: Value) {
        let (of, place) = (self.of(balancer), member.url.place());
        // What was changed of one at this place before it was removed is over.
        of.members.remove(&place);
        of.routes.remove(&place);
        of.unreadable.retain(|keys| !is_at(keys, &place));
        of.added.retain(|added| added.member.url.place() != place);
        of.added.push(Added::new(member, keys));
    }

    /// A member was removed. Only what the file has, or a source names, is remembered: one that was added by hand may come
    /// with the file some day, and nobody would know why it does not appear. `below` is the file with what was discovered.
    pub(super) fn remove_member(&mut self, balancer: &str, url: &str, below: &Config) {
        let place = place_of(url);
        let mut members = below
            .balancer(balancer)
            .into_iter()
            .flat_map(|it| &it.members);
        let is_below = members.any(|member| member.url.place() == place);
        let of = self.of(balancer);
        of.members.remove(&place);
        of.routes.remove(&place);
        of.learned.remove(&place);
        of.added.retain(|added| added.member.url.place() != place);
        of.unreadable.retain(|keys| !is_at(keys, &place));
        if is_below && !of.removed.contains(&place) {
            of.removed.push(place);
        }
    }

    /// The url of a member that was added and is left out because it cannot be read now. `key` is its url or its route.
    pub(super) fn left_out(&self, balancer: &str, key: &str) -> Option<&str> {
        let unreadable = &self.0.get(balancer)?.unreadable;
        let route = |keys: &Value| keys.get("route").and_then(Value::as_str) == Some(key);
        let place = place_of(key);
        let found = unreadable.iter().find(|keys| is_at(keys, &place));
        url_of(found.or_else(|| unreadable.iter().find(|keys| route(keys)))?)
    }

    /// Forgets the members with this url that were added and are left out.
    pub(super) fn forget_left_out(&mut self, balancer: &str, url: &str) {
        let place = place_of(url);
        let of = self.of(balancer);
        of.unreadable.retain(|keys| !is_at(keys, &place));
        of.added.retain(|added| added.member.url.place() != place);
    }

    /// A member has issued a session with this route.
    pub(super) fn learn(&mut self, balancer: &str, url: &str, route: &str) {
        let (of, place) = (self.of(balancer), place_of(url));
        // What was changed before the route was known goes on.
        let before = of.routes.get_mut(&place);
        if let Some(before) = before.filter(|before| before.is_empty()) {
            route.clone_into(before);
        }
        of.learned.insert(place, route.to_owned());
    }

    /// Notes which changed members of a balancer are gone: not `there`, and not added by hand. Returns whether there are more
    /// than are kept.
    pub(super) fn note_gone(&mut self, balancer: &str, there: &HashSet<String>) -> bool {
        let Some(of) = self.0.get_mut(balancer) else {
            return false;
        };
        let added: HashSet<String> = of.added.iter().map(|it| it.member.url.place()).collect();
        let is_gone = |place: &&String| !there.contains(*place) && !added.contains(*place);
        let before: HashSet<String> = of.gone.iter().cloned().collect();
        let new = of.members.keys().filter(is_gone);
        let new: Vec<String> = new.filter(|url| !before.contains(*url)).cloned().collect();
        of.gone
            .retain(|url| of.members.contains_key(url) && is_gone(&url));
        of.gone.extend(new);
        of.gone.len() > MOST_GONE
    }

    /// Forgets what was changed of members that are gone for longest, where there are more than are kept. What was removed by
    /// hand stays away all the same.
    pub(super) fn forget_gone(&mut self, balancer: &str) {
        if let Some(of) = self.0.get_mut(balancer) {
            let surplus = of.gone.len().saturating_sub(MOST_GONE);
            for url in of.gone.drain(..surplus) {
                of.members.remove(&url);
                of.routes.remove(&url);
            }
        }
    }

    /// The same changes, with what this gateway alone has noted in `before`: learned routes, and who is gone.
    pub(super) fn with_own(mut self, before: &Self) -> Self {
        for of in self.0.values_mut() {
            of.learned.clear();
            of.gone.clear();
        }
        for (balancer, of) in &before.0 {
            if let Some(after) = self.0.get_mut(balancer) {
                let changed = of
                    .gone
                    .iter()
                    .filter(|url| after.members.contains_key(*url));
                after.gone = changed.cloned().collect();
            }
        }
        for (balancer, of) in &before.0 {
            for (url, route) in &of.learned {
                self.learn(balancer, url, route);
            }
        }
        self
    }

    /// Forgets the learned routes of members that are gone.
    pub(super) fn forget_learned(&mut self, balancer: &str, is_gone: impl Fn(&str) -> bool) {
        if let Some(of) = self.0.get_mut(balancer) {
            of.learned.retain(|url, _| !is_gone(url));
        }
    }

    /// The route that was learned of a member.
    pub(super) fn learned(&self, balancer: &str, url: &str) -> Option<&str> {
        let learned = self.0.get(balancer)?.learned.get(&place_of(url))?;
        Some(learned)
    }

    /// The room that the members of a balancer leave: those of the file, but for removed ones, and those that were added.
    pub(super) fn room(&self, of_file: &Balancer) -> Room {
        let changes = self.0.get(&of_file.name);
        let is_removed =
            |member: &&Member| changes.is_some_and(|it| it.removed.contains(&member.url.place()));
        let stay = of_file.members.iter().filter(|it| !is_removed(it));
        let added = changes.into_iter().flat_map(|it| &it.added);
        let mut room = Room::default();
        for member in stay.chain(added.map(|it| &it.member)) {
            room.take(&member.url);
        }
        room
    }

    fn of(&mut self, balancer: &str) -> &mut OfBalancer {
        self.0.entry(balancer.to_owned()).or_default()
    }

    /// The file and what was discovered with these changes over it. What concerns a balancer or member that is no longer there
    /// waits until it is there again.
    pub(super) fn over(&self, below: &Config) -> Config {
        let mut config = below.clone();
        for balancer in &mut config.balancers {
            if let Some(changes) = self.0.get(&balancer.name) {
                changes.make(balancer);
            }
        }
        config
    }

    /// The same changes, with the members that were added read again from their keys: a file that they name, such as
    /// `secret_file`, may hold something else by now. File names are relative to `folder`.
    ///
    /// # Errors
    /// What is wrong with such a member.
    pub(super) fn read_again(&self, folder: &Path) -> Result<Self, String> {
        let mut again = self.clone();
        for added in again.0.values_mut().flat_map(|of| &mut of.added) {
            let url = &added.member.url;
            let read = Added::read(added.keys.clone(), folder);
            *added = read.map_err(|why| {
                format!(
                    "{url}, which was added by hand, cannot be read any more: {why} (mend that, or remove the member by hand)"
                )
            })?;
        }
        for (name, of) in &mut again.0 {
            for keys in std::mem::take(&mut of.unreadable) {
                of.read_or_leave_out(name, keys, folder)?;
            }
        }
        Ok(again)
    }

    /// As JSON, for the state file.
    pub(super) fn to_json(&self) -> Value {
        let balancers: Map<String, Value> = self
            .0
            .iter()
            .map(|(name, changes)| (name.clone(), changes.to_json()))
            .collect();
        Value::Object(balancers)
    }

    /// What [`to_json`](Self::to_json) has written, checked as if it came over the network. Files that members name are
    /// relative to `folder`.
    pub(super) fn from_json(value: &Value, folder: &Path) -> Result<Self, String> {
        let balancers = value.as_object().ok_or("there are no balancers")?;
        let read = |(name, changes): (&String, &Value)| {
            let changes = OfBalancer::from_json(name, changes, folder)
                .map_err(|why| format!("balancer {name}: {why}"))?;
            Ok((name.clone(), changes))
        };
        balancers
            .iter()
            .map(read)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl Added {
    fn read(keys: Value, folder: &Path) -> Result<Self, String> {
        let member = parse_member(&keys.to_string(), &folder.join("added"));
        let member = member.map_err(lines)?;
        Ok(Self::new(member, keys))
    }

    fn new(mut member: Member, keys: Value) -> Self {
        member.origin.source = MemberSource::Hand;
        Self { member, keys }
    }
}

impl OfBalancer {
    fn make(&self, balancer: &mut Balancer) {
        balancer
            .members
            .retain(|member| !self.removed.contains(&member.url.place()));
        for added in &self.added {
            // A member of the file wins over one that was added by hand; that one wins over a discovered one.
            let here = |member: &Member| member.url.is_same_place(&added.member.url);
            balancer
                .members
                .retain(|member| !is_discovered(member) || !here(member));
            if !balancer.members.iter().any(here) {
                balancer.members.push(added.member.clone());
            }
        }
        for member in &mut balancer.members {
            let learns = member.origin.learns_route && member.route.is_empty();
            if let Some(route) = self.learned.get(&member.url.place()).filter(|_| learns) {
                member.route.clone_from(route);
            }
            if let Some(change) = self.change_of(member) {
                change_member(member, change);
                member.status = said_by_source(member);
            }
        }
        let change = &self.settings;
        // Without `heartbeat` in the file, this method waits until the file has it again.
        let method = change.lbmethod.filter(|_| !self.lacks_heartbeat(balancer));
        balancer.lbmethod = method.unwrap_or(balancer.lbmethod);
        let rule = &mut balancer.sticky_rule;
        if change.stickysession.is_some() {
            rule.names.clone_from(&change.stickysession);
        }
        // The members may have changed too.
        balancer.settle_stickiness();
        balancer.nofailover = change.nofailover.unwrap_or(balancer.nofailover);
        balancer.timeout = change.timeout.unwrap_or(balancer.timeout);
        balancer.maxattempts = change.maxattempts.unwrap_or(balancer.maxattempts);
    }

    /// What was changed of a member by hand.
    fn change_of(&self, member: &Member) -> Option<&MemberChange> {
        let place = member.url.place();
        let change = self.members.get(&place)?;
        let route = self.routes.get(&place);
        let is_another = is_discovered(member) && route.is_some_and(|route| *route != member.route);
        (!is_another).then_some(change)
    }

    /// Whether the method that was set by hand needs what the file does not have.
    fn lacks_heartbeat(&self, balancer: &Balancer) -> bool {
        self.settings.lbmethod == Some(LbMethod::Heartbeat) && balancer.heartbeat.is_none()
    }

    fn to_json(&self) -> Value {
        let members: Map<String, Value> = self
            .members
            .iter()
            .map(|(url, change)| (url.clone(), member_json(change)))
            .collect();
        let added = self.added.iter().map(|added| &added.keys);
        let added: Vec<&Value> = added.chain(&self.unreadable).collect();
        json!({
            "settings": balancer_json(&self.settings),
            "members": members,
            "routes": self.routes,
            "learned": self.learned,
            "added": added,
            "removed": self.removed,
            "gone": self.gone,
        })
    }

    fn from_json(name: &str, value: &Value, folder: &Path) -> Result<Self, String> {
        let part = |key: &str| value.get(key).cloned().unwrap_or_default();
        let members = part("members");
        let members = members.as_object().cloned().unwrap_or_default();
        let members = members.into_iter().map(|(url, change)| {
            let change = parse_member_change(&change.to_string(), Path::new(&url));
            Ok((url, change.map_err(lines)?))
        });
        let settings = part("settings");
        let mut all = Self {
            settings: parse_balancer_change(&settings.to_string(), Path::new("settings"))
                .map_err(lines)?,
            members: by_place(members.collect::<Result<Vec<_>, String>>()?),
            routes: routes(part("routes"))?,
            learned: routes(part("learned"))?,
            added: Vec::new(),
            unreadable: Vec::new(),
            removed: places(part("removed"))?,
            gone: places(part("gone"))?,
        };
        for keys in part("added").as_array().cloned().unwrap_or_default() {
            all.read_or_leave_out(name, keys, folder)?;
        }
        Ok(all)
    }

    /// Reads a member that was added. One that cannot be read is named in the log and left out. It was accepted when it was
    /// added, so something else has changed since then: a file that it names, or a variable of the environment.
    ///
    /// # Errors
    /// When it is no member at all: it has no url.
    fn read_or_leave_out(
        &mut self,
        balancer: &str,
        keys: Value,
        folder: &Path,
    ) -> Result<(), String> {
        match (Added::read(keys.clone(), folder), url_of(&keys)) {
            (Ok(added), _) => self.added.push(added),
            (Err(reason), Some(member)) => {
                warn!(
                    balancer,
                    member,
                    reason,
                    "a member that was added by hand cannot be used: it is left out until a reload can read it or it is removed by hand"
                );
                self.unreadable.push(keys);
            }
            (Err(reason), None) => return Err(reason),
        }
        Ok(())
    }
}

/// Routes by place. Files of earlier versions have none.
fn routes(value: Value) -> Result<BTreeMap<String, String>, String> {
    let routes: Option<BTreeMap<String, String>> =
        serde_json::from_value(value).map_err(|why| why.to_string())?;
    Ok(by_place(routes.unwrap_or_default()))
}

/// What is said of members, by place. Earlier versions have written urls as they were in the file: of several for one place,
/// the one counts that is written as the place is.
fn by_place<T>(said: impl IntoIterator<Item = (String, T)>) -> BTreeMap<String, T> {
    let mut all = BTreeMap::new();
    for (url, value) in said {
        let place = place_of(&url);
        if url == place {
            all.insert(place, value);
        } else {
            all.entry(place).or_insert(value);
        }
    }
    all
}

/// A list of places, each once. Files of earlier versions have urls as they were written, or no list.
fn places(value: Value) -> Result<Vec<String>, String> {
    let urls: Option<Vec<String>> = serde_json::from_value(value).map_err(|why| why.to_string())?;
    let mut places = Vec::new();
    let mut seen = HashSet::new();
    for url in urls.unwrap_or_default() {
        let place = place_of(&url);
        if seen.insert(place.clone()) {
            places.push(place);
        }
    }
    Ok(places)
}

/// Whether the keys of a member have a url of this place.
fn is_at(keys: &Value, place: &str) -> bool {
    url_of(keys).is_some_and(|url| place_of(url) == place)
}

/// The url in the keys of a member.
fn url_of(keys: &Value) -> Option<&str> {
    keys.get("url")?.as_str()
}

fn lines(problems: Problems) -> String {
    // What was changed by hand stands in no file that anybody could look into.
    let lines: Vec<String> = problems
        .into_iter()
        .map(|problem| problem.message)
        .collect();
    lines.join("; ")
}
