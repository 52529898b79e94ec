//! Who may come in: `Require`, `Order`, `Allow`, `Deny`, `Satisfy`, `AuthType`. What cannot be said here closes the path.

mod networks;

use std::path::Path;

use self::networks::{network, old_network};
use super::super::tree::Node;
use super::access_names::lets_all_in;
use super::keeps_out::restricts;
use crate::convert::networks::Networks;
use crate::convert::note::{Closed, Notes, Origin};
use crate::convert::site::{Access, Admission, Satisfy, Users};

/// The rules of a section.
#[derive(Debug, Clone, Default)]
pub(super) struct Rules {
    access: Access,
    /// `Require` and its sections, outside any `<RequireAll>`.
    requires: Vec<Rule>,
    /// `Order`: whether `Deny` comes first.
    deny_first: Option<bool>,
    /// `Allow from` and `Deny from`, and where they stand.
    allow: Vec<(String, Origin)>,
    deny: Vec<(String, Origin)>,
    /// `Satisfy`
    satisfy: Option<Satisfy>,
    /// `SSLRequireSSL`
    tls_only: Option<Origin>,
    /// A rule that neither the rest of the section nor a section below takes back.
    sealed: Option<Closed>,
    /// Where the first rule stands.
    origin: Option<Origin>,
}

/// Whom a rule lets in.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Rule {
    All,
    None,
    Those(Those),
    /// What has no counterpart, and what has to hold beside it.
    Other(String, Origin, Those),
}

/// Those for whom everything holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Those {
    /// Empty: every address.
    allow: Vec<String>,
    deny: Vec<String>,
    user: Option<Users>,
}

impl Rule {
    fn allow(allow: Vec<String>) -> Self {
        Self::Those(Those {
            allow,
            ..Those::default()
        })
    }

    fn users(users: Users) -> Self {
        Self::Those(Those {
            user: Some(users),
            ..Those::default()
        })
    }

    fn deny(deny: Vec<String>) -> Self {
        Self::Those(Those {
            deny,
            ..Those::default()
        })
    }
}

impl Rules {
    /// Takes a directive that [is about access](super::access_names::is_about_access).
    pub(super) fn directive(&mut self, node: &Node, root: &Path) {
        let words = node.words();
        let first = words
            .first()
            .map(|word| word.to_ascii_lowercase())
            .unwrap_or_default();
        let given = words.first().cloned();
        let origin = node.origin.clone();
        match &*node.name {
            "require" => {
                self.begin(&origin);
                self.requires.push(require(&words, &origin));
            }
            "order" => {
                self.begin(&origin);
                let order = words.concat().to_ascii_lowercase();
                self.deny_first = Some(order.starts_with("deny"));
            }
            "allow" | "deny" => {
                self.begin(&origin);
                let from = words.into_iter().skip(usize::from(first == "from"));
                let list = match &*node.name {
                    "allow" => &mut self.allow,
                    _ => &mut self.deny,
                };
                list.extend(from.map(|word| (word, origin.clone())));
            }
            "satisfy" if first == "any" => self.satisfy = Some(Satisfy::Any(origin)),
            "satisfy" => self.satisfy = Some(Satisfy::All),
            "authbasicauthoritative" => {}
            "authtype" => self.access.kind = Some(first),
            "authname" => self.access.realm = given,
            "authuserfile" => {
                let file = given.map(|file| crate::convert::files::below(root, &file));
                self.access.users = file.map(|file| file.to_string_lossy().into_owned());
            }
            "authgroupfile" => {
                let file = given.map(|file| crate::convert::files::below(root, &file));
                self.access.groups = file.map(|file| file.to_string_lossy().into_owned());
            }
            "authbasicprovider" if words.iter().all(|word| word == "file") => {}
            "authmerging" if first == "off" => {}
            "allowmethods" if first == "reset" => {}
            "sslrequiressl" => self.tls_only = Some(origin),
            "sslverifyclient" if first == "none" => {}
            // Groups, providers and modules of identity: whatever they let in or keep out is not known here.
            // `Require all granted` beside them lets nobody in whom they keep out.
            _ => self.seal(&format!("{} has no counterpart", node.written), &origin),
        }
    }

    /// Closes the paths of the section, whatever else it or a later section says. Each reason is kept: who deals with one of them
    /// has to know of the others.
    pub(super) fn seal(&mut self, why: &str, origin: &Origin) {
        seal(&mut self.sealed, why, origin);
    }

    /// Where `SSLRequireSSL` stands.
    pub(super) const fn tls_only(&self) -> Option<&Origin> {
        self.tls_only.as_ref()
    }

    fn begin(&mut self, origin: &Origin) {
        self.origin.get_or_insert_with(|| origin.clone());
    }

    /// Takes `<RequireAll>` and the like, and `<Limit>`.
    pub(super) fn section(&mut self, node: &Node, notes: &mut Notes) {
        match &*node.name {
            "limit" | "limitexcept" if restricts(node) => {
                let why = format!("<{}>: methods are not told apart here", node.written);
                self.seal(&why, &node.origin);
            }
            "limit" | "limitexcept" => {
                let text = "left out: methods are not told apart here, and the other rules count for all of them";
                notes.name(&node.origin, text);
            }
            _ => {
                self.begin(&node.origin);
                self.requires.push(group(node));
            }
        }
    }

    /// What the section says, with the names of what cannot be turned.
    pub(super) fn access(&self, notes: &mut Notes, secure: bool) -> Access {
        let mut access = self.access.clone();
        let mut sealed = self.sealed.clone();
        if let Some(origin) = self.tls_only.as_ref().filter(|_| !secure) {
            let why = "SSLRequireSSL, where nothing comes over TLS";
            seal(&mut sealed, why, origin);
        }
        access.sealed = sealed.into_iter().collect();
        if let Some(closed) = &self.sealed {
            name(closed, notes);
        }
        access.satisfy.clone_from(&self.satisfy);
        let Some(origin) = &self.origin else {
            return access;
        };
        let new = (!self.requires.is_empty()).then(|| any_of(&self.requires, origin));
        let old = self.old_rules(origin);
        access.admission = new.map(|rule| admission(rule, notes));
        access.older = old.map(|rule| admission(rule, notes));
        access
    }

    /// `Order`, `Allow` and `Deny` of httpd 2.2.
    fn old_rules(&self, origin: &Origin) -> Option<Rule> {
        if self.deny_first.is_none() && self.allow.is_empty() && self.deny.is_empty() {
            return None;
        }
        let mut found = Vec::new();
        let mut networks = |list: &[(String, Origin)]| -> (bool, Vec<String>) {
            let mut every = false;
            let mut own = Vec::new();
            for (word, origin) in list {
                if word.eq_ignore_ascii_case("none") {
                    // It would be the name of a host, which nobody has.
                    continue;
                }
                match old_network(word) {
                    Some(_) if word.eq_ignore_ascii_case("all") => every = true,
                    Some(network) => own.push(network),
                    None => found.push((word.clone(), origin.clone())),
                }
            }
            (every, own)
        };
        let (allow_all, allow) = networks(&self.allow);
        let (deny_all, deny) = networks(&self.deny);
        if let Some((word, origin)) = found.into_iter().next() {
            return Some(other(&format!("`from {word}` is no network"), &origin));
        }
        let deny_first = self.deny_first.unwrap_or(true);
        Some(match (deny_first, allow_all, deny_all) {
            // Deny is looked at first, and Allow overrides it; who is in neither comes in.
            (true, true, _) => Rule::All,
            (true, false, true) if allow.is_empty() => Rule::None,
            (true, false, true) => Rule::allow(allow),
            (true, false, false) if deny.is_empty() => Rule::All,
            (true, false, false) if allow.is_empty() => Rule::deny(deny),
            (true, false, false) => other("Allow takes back a part of Deny", origin),
            // Allow is looked at first, and Deny overrides it; who is in neither stays out.
            (false, _, true) => Rule::None,
            (false, true, false) if deny.is_empty() => Rule::All,
            (false, true, false) => Rule::deny(deny),
            (false, false, false) if allow.is_empty() => Rule::None,
            (false, false, false) if deny.is_empty() => Rule::allow(allow),
            (false, false, false) => Rule::Those(Those {
                allow,
                deny,
                user: None,
            }),
        })
    }
}

fn admission(rule: Rule, notes: &mut Notes) -> Admission {
    match rule {
        Rule::All => Admission::All,
        Rule::None => Admission::Those {
            allow: Vec::new(),
            deny: ["0.0.0.0/0", "::/0"].map(str::to_owned).to_vec(),
            user: None,
        },
        Rule::Those(Those { allow, deny, user }) => Admission::Those { allow, deny, user },
        Rule::Other(why, origin, rest) => {
            let closed = Closed::by(&origin, why);
            name(&closed, notes);
            let rest = match rest == Those::default() {
                true => Admission::All,
                false => admission(Rule::Those(rest), notes),
            };
            Admission::Nobody(closed, Box::new(rest))
        }
    }
}

fn name(closed: &Closed, notes: &mut Notes) {
    if let Some(origin) = &closed.origin {
        notes.close("the paths that it guards are", closed, origin);
    }
}

/// Adds a reason to close a section.
fn seal(sealed: &mut Option<Closed>, why: &str, origin: &Origin) {
    match sealed {
        None => *sealed = Some(Closed::by(origin, why)),
        Some(sealed) => {
            let line = origin.line;
            sealed.why.push_str(&format!("; line {line}: {why}"));
        }
    }
}

fn other_users(origin: &Origin) -> Rule {
    other(
        "users who are in several lists at once have no counterpart",
        origin,
    )
}

fn other(why: &str, origin: &Origin) -> Rule {
    Rule::Other(why.to_owned(), origin.clone(), Those::default())
}

/// One `Require`.
fn require(words: &[String], origin: &Origin) -> Rule {
    let lower: Vec<String> = words.iter().map(|word| word.to_ascii_lowercase()).collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    let networks =
        |words: &[&str]| -> Option<Vec<String>> { words.iter().map(|it| network(it)).collect() };
    let whole = || {
        other(
            &format!("Require {} has no counterpart", words.join(" ")),
            origin,
        )
    };
    match lower.as_slice() {
        _ if lets_all_in(words) => Rule::All,
        ["all", "denied"] | ["not", "all", "granted"] => Rule::None,
        ["ip", list @ ..] => networks(list).map_or_else(whole, Rule::allow),
        ["not", "ip", list @ ..] => networks(list).map_or_else(whole, Rule::deny),
        ["local"] => Rule::allow(vec!["127.0.0.0/8".to_owned(), "::1/128".to_owned()]),
        ["valid-user"] => Rule::users(Users::default()),
        ["user", _, ..] => Rule::users(Users {
            names: words.iter().skip(1).cloned().collect(),
            ..Users::default()
        }),
        ["group", _, ..] => Rule::users(Users {
            groups: words.iter().skip(1).cloned().collect(),
            ..Users::default()
        }),
        _ => whole(),
    }
}

/// `<RequireAny>`, `<RequireAll>` and `<RequireNone>`.
fn group(node: &Node) -> Rule {
    let rules: Vec<Rule> = node
        .inner()
        .iter()
        .map(|inner| match &*inner.name {
            "require" => require(&inner.words(), &inner.origin),
            "requireall" | "requireany" | "requirenone" => group(inner),
            _ => other(
                &format!("{} has no counterpart", inner.written),
                &inner.origin,
            ),
        })
        .collect();
    match &*node.name {
        "requireall" => all_of(&rules, &node.origin),
        "requireany" => any_of(&rules, &node.origin),
        _ => match any_of(&rules, &node.origin) {
            Rule::Those(Those {
                allow,
                deny,
                user: None,
            }) if deny.is_empty() => Rule::deny(allow),
            _ => other("<RequireNone> has no counterpart", &node.origin),
        },
    }
}

/// Whom one of the rules lets in.
fn any_of(rules: &[Rule], origin: &Origin) -> Rule {
    if rules.contains(&Rule::All) {
        return Rule::All;
    }
    let mut left: Vec<&Rule> = rules.iter().filter(|rule| **rule != Rule::None).collect();
    left.dedup();
    match left.as_slice() {
        [] => return Rule::None,
        [one] => return (*one).clone(),
        _ => {}
    }
    if let Some(users) = any_user(&left) {
        return Rule::users(users);
    }
    let mut all = Vec::new();
    for rule in left {
        match rule {
            Rule::Those(Those {
                allow,
                deny,
                user: None,
            }) if deny.is_empty() => {
                all.extend(allow.iter().cloned());
            }
            Rule::Other(why, origin, _) => return other(why, origin),
            _ => return other("either a network or a user is enough there", origin),
        }
    }
    Rule::allow(all)
}

/// The users of rules of which each lets users in, whatever their address; `None`: one of them is of another kind.
fn any_user(rules: &[&Rule]) -> Option<Users> {
    let mut all = Users::default();
    let mut is_any = false;
    for rule in rules {
        let Rule::Those(Those { allow, deny, user }) = rule else {
            return None;
        };
        let users = user.as_ref()?;
        if !allow.is_empty() || !deny.is_empty() {
            return None;
        }
        is_any |= *users == Users::default();
        all.names.extend(users.names.iter().cloned());
        all.groups.extend(users.groups.iter().cloned());
    }
    Some(if is_any { Users::default() } else { all })
}

/// The users who are among both; `None`: it cannot be said.
fn both(one: &Users, other: &Users) -> Option<Users> {
    let every = Users::default();
    match () {
        () if *one == every || one == other => Some(other.clone()),
        () if *other == every => Some(one.clone()),
        () if !one.groups.is_empty() || !other.groups.is_empty() => None,
        () => {
            let mut names = one.names.clone();
            names.retain(|name| other.names.contains(name));
            (!names.is_empty()).then(|| Users {
                names,
                ..Users::default()
            })
        }
    }
}

/// Whom all of the rules let in.
fn all_of(rules: &[Rule], origin: &Origin) -> Rule {
    if rules.is_empty() || rules.contains(&Rule::None) {
        return Rule::None;
    }
    let (mut networks, mut user) = (Networks::default(), None::<Users>);
    let mut closed: Option<(String, Origin)> = None;
    for rule in rules {
        let those = match rule {
            Rule::Those(those) => those,
            Rule::Other(why, origin, rest) => {
                closed.get_or_insert_with(|| (why.clone(), origin.clone()));
                rest
            }
            Rule::All | Rule::None => continue,
        };
        networks.and(Some(&those.allow).filter(|it| !it.is_empty()), &those.deny);
        user = match (user, &those.user) {
            (Some(one), Some(other)) => match both(&one, other) {
                Some(both) => Some(both),
                None => return other_users(origin),
            },
            (user, other) => user.or_else(|| other.clone()),
        };
    }
    let Networks { allow, deny } = networks;
    if allow.as_ref().is_some_and(Vec::is_empty) {
        return Rule::None;
    }
    let allow = allow.unwrap_or_default();
    let all = Those { allow, deny, user };
    match closed {
        Some((why, origin)) => Rule::Other(why, origin, all),
        None if all == Those::default() => Rule::All,
        None => Rule::Those(all),
    }
}
