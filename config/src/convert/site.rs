//! What an old server does: the model between the front parts and the writer.
//!
//! A front part (`httpd`, and others to come) produces a [`Site`]:
//!
//! * **Balancers** with their members. Keys have the names and values of the YAML; a key whose value is
//!   the default is left out by the writer, so a front part sets what it knows. A secret is a [`Value::Secret`].
//! * **Servers**, the virtual hosts, the main one first. A server has *stages*: the old server's ways to decide, in the order
//!   in which they are asked (httpd: redirects, then ProxyPass; mod_jk: JkMount). In a stage the first rule that fits counts,
//!   so a front part that has another order (mod_jk: more slashes, then longer) sorts its rules. [`Action::Pass`] leaves a
//!   request to the next stages, and is the exclusion (`!`) where there is none.
//! * **Overlays**: what sections add to whatever serves a path, such as access and header fields; later ones win.
//! * **Origins**: everything has the line it comes from. Comments of a rule, member or balancer are written above it.
//!
//! Paths are decoded, and a path stands for itself and everything below it, as `path` does. `Takes::Exact` is one path alone
//! (mod_jk's `/app`). Nothing here depends on the order or length of paths: `arrange` finds out what has to be written.

use super::networks::Networks;
use super::note::{Closed, Origin};
use super::value::{Keys, Value};

/// What the old server does.
#[derive(Debug, Default)]
pub struct Site {
    /// Where it listens.
    pub listeners: Vec<Listener>,
    /// Its balancers; names are unique.
    pub balancers: Vec<Balancer>,
    /// Its virtual hosts. The first one of each scheme answers for every other host. One server without hosts is a server
    /// without virtual hosts.
    pub servers: Vec<Server>,
    /// Keys of the whole file, such as `limits`, `error_pages` and `access_log`.
    pub keys: Keys,
    /// Comments at the head of the file.
    pub comments: Vec<String>,
}

/// An address that clients connect to.
#[derive(Debug, Clone)]
pub struct Listener {
    /// `0.0.0.0:80`
    pub bind: String,
    /// `tls`, `proxy_protocol`, `http2`.
    pub keys: Keys,
    /// Where it stands.
    pub origin: Option<Origin>,
    /// What differs.
    pub comments: Vec<String>,
}

/// A balancer.
#[derive(Debug, Clone)]
pub struct Balancer {
    /// Its name: letters, digits, `.`, `_` and `-`.
    pub name: String,
    /// Its keys without `members`.
    pub keys: Keys,
    /// Its members.
    pub members: Vec<Member>,
    /// Where it stands.
    pub origin: Origin,
    /// What differs.
    pub comments: Vec<String>,
}

/// A member of a balancer.
#[derive(Debug, Clone)]
pub struct Member {
    /// `ajp://10.0.0.11:8009`
    pub url: String,
    /// Its keys without `url`.
    pub keys: Keys,
    /// Where it stands.
    pub origin: Origin,
    /// What differs.
    pub comments: Vec<String>,
}

/// A virtual host.
#[derive(Debug, Clone, Default)]
pub struct Server {
    /// Its names in lower case, `*.example.com` among them.
    pub hosts: Vec<String>,
    /// Its names that cannot be written, in lower case: `shop.*`.
    pub others: Vec<String>,
    /// Whether its clients come over TLS; `None`: it answers both.
    pub secure: Option<bool>,
    /// Its rules, in the order in which the stages are asked.
    pub stages: Vec<Vec<Rule>>,
    /// What is added to a path, whatever serves it, in the order of the file.
    pub overlays: Vec<Overlay>,
    /// Expressions of paths that mod_jk leaves alone, whatever its rules say, each with its line.
    pub kept_from_mod_jk: Vec<(String, Origin)>,
}

/// A rule: which paths it takes, and what becomes of them.
#[derive(Debug, Clone)]
pub struct Rule {
    /// The paths.
    pub takes: Takes,
    /// What becomes of them.
    pub action: Action,
    /// Keys of the mapping, without its target and its access.
    pub keys: Keys,
    /// Where it stands.
    pub origin: Origin,
    /// What differs.
    pub comments: Vec<String>,
    /// For which hosts of the server it counts: those of which all of this holds.
    pub hosts: Vec<HostTest>,
    /// Whether the old server answers before its sections say who may come in.
    pub early: bool,
    /// What does not count for it of what counts beside sections ([`Beside`]): the lines that it comes from.
    pub lifted: Vec<Origin>,
    /// Whether the old server does not take the path itself, but what is below it: `/app/`.
    pub below: bool,
    /// Whether mod_jk sends on, which no `<Proxy>` is about.
    pub by_mod_jk: bool,
    /// Whether it is about files of the old server's own, so that it is looked at when nothing else has taken the path.
    pub in_folder: bool,
}

impl Rule {
    /// A rule without keys.
    #[must_use]
    pub fn new(takes: Takes, action: Action, origin: Origin) -> Self {
        Self {
            takes,
            action,
            keys: Keys::default(),
            origin,
            comments: Vec::new(),
            hosts: Vec::new(),
            early: false,
            lifted: Vec::new(),
            below: false,
            by_mod_jk: false,
            in_folder: false,
        }
    }
}

/// Which paths a rule takes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Takes {
    /// This path and everything below it: `/`, or `/shop` without a slash at its end.
    Path(String),
    /// This path alone.
    Exact(String),
    /// Every path in which this regular expression is found.
    Pattern(String),
}

/// What an expression says of the name of a host, in lower case and without its port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostTest {
    /// The expression.
    pub pattern: String,
    /// All names in which it is found; `None`: they cannot be counted up.
    pub names: Option<Vec<String>>,
    /// Whether it holds for all other names.
    pub is_negated: bool,
}

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// This stage does not answer it; the next one is asked. When none answers, it is 404.
    Pass,
    /// It is sent on. For [`Takes::Path`] the url stands in place of the path, and what is behind the path is appended. For
    /// the others it is the whole target, with `$0` to `$9` for what was captured.
    To(String),
    /// The client is sent elsewhere, by the same rules.
    Redirect {
        /// `https`, a path, or a whole URL.
        to: String,
        /// 301, 302, 303, 307 or 308.
        status: u16,
    },
    /// A fixed answer.
    Respond(u16),
    /// Nobody comes in (403): an access rule of the old server stands there, and cannot be turned.
    Close(Closed),
    /// Files of this folder.
    Files(String),
}

/// What a section adds to a path.
#[derive(Debug, Clone)]
pub struct Overlay {
    /// The paths, whole or by expression.
    pub takes: Takes,
    /// Keys of a mapping.
    pub keys: Keys,
    /// Who may come in.
    pub access: Access,
    /// Only for what is sent on to a url that begins so (`<Proxy>`); `None`: for everything.
    pub target: Option<String>,
    /// For which hosts of the server it counts: those of which all of this holds.
    pub hosts: Vec<HostTest>,
    /// Where it stands.
    pub origin: Origin,
}

/// Who may come in. What a section says replaces what those before it say, part by part.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// Whom the rules let in; `None`: nothing is said.
    pub admission: Option<Admission>,
    /// Whom rules of an older kind (`Order`, `Allow`, `Deny`) let in. They count beside the others, and a section replaces each
    /// kind by itself.
    pub older: Option<Admission>,
    /// Whether the rules of one kind are enough (`Satisfy`). It belongs to those of the older kind, and is replaced with them.
    pub satisfy: Option<Satisfy>,
    /// Why nobody comes in, whatever a later section says.
    pub sealed: Vec<Closed>,
    /// What counts beside all of this. No later section replaces it.
    pub beside: Vec<Beside>,
    /// Which of those do not count here: the lines that they come from.
    pub lifted: Vec<Origin>,
    /// `basic`, in lower case.
    pub kind: Option<String>,
    /// What browsers show when they ask for a password.
    pub realm: Option<String>,
    /// The file of users and hashes.
    pub users: Option<String>,
    /// The file of groups.
    pub groups: Option<String>,
}

/// Whether the rules of both kinds have to let a client in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Satisfy {
    /// Those of both kinds.
    All,
    /// Those of one kind are enough; where that stands.
    Any(Origin),
}

/// Whom the old server lets in by another way than sections, before it looks at these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beside {
    /// Who comes in.
    pub who: Who,
    /// Where it stands.
    pub origin: Origin,
}

/// Who comes in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// Clients of these networks.
    In(Vec<String>),
    /// Clients of all other networks.
    NotIn(Vec<String>),
    /// Nobody: the old server lets some in, but whom cannot be said here, for this reason.
    Nobody(String),
}

/// Whom rules let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// Everybody.
    All,
    /// Those for whom everything here holds.
    Those {
        /// Networks; empty: every address.
        allow: Vec<String>,
        /// Networks that may not.
        deny: Vec<String>,
        /// Whose password is wanted; `None`: nobody's.
        user: Option<Users>,
    },
    /// Nobody comes in; what else is said counts when somebody has dealt with the reason.
    Nobody(Closed, Box<Self>),
}

/// The key that stands for the members of some groups until they are known: the file, then the groups.
pub(super) const GROUPS: &str = "groups";

/// Users who come in with their passwords; without names and groups all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Users {
    /// Their names.
    pub names: Vec<String>,
    /// Groups, whose members come in too.
    pub groups: Vec<String>,
}

/// The networks in which every address is.
const EVERY_NETWORK: [&str; 2] = ["0.0.0.0/0", "::/0"];

impl Access {
    /// What holds where a later section covers the same path.
    #[must_use]
    pub fn then(&self, later: &Self) -> Self {
        let later = later.clone();
        let is_kept = |it: &&Beside| !later.lifted.contains(&it.origin);
        let mut beside: Vec<Beside> = self.beside.iter().filter(is_kept).cloned().collect();
        beside.extend(later.beside);
        let satisfy = match later.older {
            Some(_) => later.satisfy,
            None => later.satisfy.or_else(|| self.satisfy.clone()),
        };
        Self {
            satisfy,
            admission: later.admission.or_else(|| self.admission.clone()),
            older: later.older.or_else(|| self.older.clone()),
            sealed: both(&self.sealed, later.sealed),
            beside,
            lifted: later.lifted,
            kind: later.kind.or_else(|| self.kind.clone()),
            realm: later.realm.or_else(|| self.realm.clone()),
            users: later.users.or_else(|| self.users.clone()),
            groups: later.groups.or_else(|| self.groups.clone()),
        }
    }

    /// Whether somebody may be kept out.
    #[must_use]
    pub fn restricts(&self) -> bool {
        let mut both = [&self.admission, &self.older].into_iter();
        !self.sealed.is_empty()
            || !self.beside.is_empty()
            || matches!(self.satisfy, Some(Satisfy::Any(_)))
            || both.any(|it| !matches!(it, None | Some(Admission::All)))
    }

    /// Whether somebody may be kept out, or let in by other passwords than elsewhere.
    #[must_use]
    pub fn matters(&self) -> bool {
        self.restricts()
            || self.satisfy.is_some()
            || !self.lifted.is_empty()
            || self.kind.is_some()
            || self.users.is_some()
            || self.groups.is_some()
    }

    /// Nobody may come in: the keys.
    #[must_use]
    pub fn closed() -> Keys {
        Keys::from([("deny", Value::texts(EVERY_NETWORK))])
    }

    /// The keys `allow`, `deny` and `auth`, with why nobody may come in: what cannot be said in keys. Where there is a reason,
    /// `deny` begins with every network, and the rest is what still counts when these two networks are taken away.
    #[must_use]
    pub fn keys(&self) -> (Keys, Vec<Closed>) {
        let mut whys = self.sealed.clone();
        let (mut networks, user) = self.said(&mut whys);
        for Beside { who, origin } in &self.beside {
            match who {
                Who::In(allow) => networks.and(Some(allow), &[]),
                Who::NotIn(deny) => networks.and(None, deny),
                Who::Nobody(why) => whys.push(Closed::by(origin, &**why)),
            }
        }
        let has_kind = self.kind.as_ref().is_some_and(|kind| kind != "none");
        // A rule that has sealed it may be one for some methods, which httpd asks.
        if has_kind && self.admission.is_none() && self.sealed.is_empty() {
            let why = "AuthType stands without Require, and httpd answers 500".to_owned();
            whys.push(Closed { why, origin: None });
        }
        let auth = user
            .map(|user| self.auth(user))
            .transpose()
            .unwrap_or_else(|why| {
                whys.push(Closed { why, origin: None });
                None
            });
        let is_shut = networks.is_empty();
        if is_shut && !whys.is_empty() {
            let why = "the old server lets nobody in here either".to_owned();
            whys.push(Closed { why, origin: None });
        }
        let unique = both(&[], whys);
        let keys = match networks.allow.as_ref().is_some_and(Vec::is_empty) {
            true if unique.is_empty() => Self::closed(),
            _ => guard(networks, auth, !unique.is_empty()),
        };
        (keys, unique)
    }

    /// The networks and users that the rules of both kinds let in.
    fn said(&self, whys: &mut Vec<Closed>) -> (Networks, Option<&Users>) {
        let (mut networks, mut user) = (Networks::default(), None);
        let kinds = [&self.admission, &self.older];
        let is_open = kinds.contains(&&Some(Admission::All));
        let counting = match &self.satisfy {
            Some(Satisfy::Any(_)) if is_open => &[][..],
            Some(Satisfy::Any(origin)) => {
                whys.push(Closed::by(origin, "Satisfy Any has no counterpart"));
                &[]
            }
            Some(Satisfy::All) | None => &kinds,
        };
        for admission in counting.iter().copied().flatten() {
            let admission = match admission {
                Admission::Nobody(closed, rest) => {
                    whys.push(closed.clone());
                    rest
                }
                admission => admission,
            };
            if let Admission::Those {
                allow,
                deny,
                user: wanted,
            } = admission
            {
                networks.and(Some(allow).filter(|it| !it.is_empty()), deny);
                user = user.or(wanted.as_ref());
            }
        }
        (networks, user)
    }

    fn auth(&self, wanted: &Users) -> Result<Keys, String> {
        match (self.kind.as_deref(), &self.users) {
            (Some("basic"), Some(users)) => {
                let mut basic = Keys::default();
                if let Some(realm) = &self.realm {
                    basic.set("realm", Value::text(realm));
                }
                basic.set("users", Value::text(users));
                if *wanted != Users::default() {
                    basic.set("only", Value::texts(&wanted.names));
                }
                if !wanted.groups.is_empty() {
                    let file = self.groups.as_ref();
                    let file = file.ok_or("the groups are in no AuthGroupFile")?;
                    // `here` puts the members of these groups beside the names.
                    let groups = [file].into_iter().chain(&wanted.groups);
                    basic.set(GROUPS, Value::texts(groups));
                }
                // httpd leaves the client's Authorization to the backend.
                basic.set("pass", Value::switch(true));
                Ok(Keys::from([("basic", Value::Map(basic))]))
            }
            (Some("basic"), None) => Err("the users are in no AuthUserFile".to_owned()),
            (Some(kind), _) => Err(format!("AuthType {kind} has no counterpart")),
            (None, _) => Err("a user is wanted, and no AuthType says which".to_owned()),
        }
    }
}

/// Reasons with further ones, each once.
fn both(before: &[Closed], further: Vec<Closed>) -> Vec<Closed> {
    let mut all = before.to_vec();
    for why in further {
        if !all.contains(&why) {
            all.push(why);
        }
    }
    all
}

/// The keys `allow`, `deny` and `auth`; `is_closed`: whether nobody comes in.
fn guard(networks: Networks, auth: Option<Keys>, is_closed: bool) -> Keys {
    let Networks { allow, deny } = networks;
    let mut keys = Keys::default();
    if let Some(allow) = allow.filter(|it| !it.is_empty()) {
        keys.set("allow", Value::texts(allow));
    }
    let mut all: Vec<String> = match is_closed {
        true => EVERY_NETWORK.map(str::to_owned).to_vec(),
        false => Vec::new(),
    };
    for network in deny {
        if !all.contains(&network) {
            all.push(network);
        }
    }
    if !all.is_empty() {
        keys.set("deny", Value::texts(all));
    }
    if let Some(auth) = auth {
        keys.set("auth", Value::Map(auth));
    }
    keys
}
