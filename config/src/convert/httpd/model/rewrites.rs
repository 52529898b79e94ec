//! `RewriteRule` and what belongs to it. Rules are kept until the server is known whose requests they see: the engine may be
//! switched on behind them, virtual hosts may inherit them (`RewriteOptions`), and some conditions ask for TLS.

mod absolute;
mod addresses;
mod clients;
mod conditions;
mod exceptions;
mod flags;
mod forbidding;
mod front;
mod guards;
mod hosts;
mod language;
mod leading;
mod patterns;
mod trace;
mod upgrades;
mod words;

pub(super) use self::clients::asks;
pub(super) use self::flags::Flags;
use self::front::holds;
pub(super) use self::front::{Front, Own};
use self::patterns::{is_every, prefix, whole_path};
pub(super) use self::trace::TRACE_GOES_ON;
pub(super) use self::upgrades::Upgrade;
pub(super) use self::words::words;
use super::super::tree::Node;
use super::environment::{Excludes, Flagged, flagged, is_turnable};
use super::passes::has_group;
use super::place::{Kind, Place};
use super::redirects::{Redirects, checked, closing};
use super::time::switch;
use crate::convert::note::{Notes, Origin};
use crate::convert::site::{Action, Overlay, Rule, Takes};

/// What a server says about rewriting, in no section.
#[derive(Debug, Default)]
pub(super) struct Rewrites {
    /// Whether a directive of mod_rewrite stands there at all. A virtual host without one has no rules, whatever the main
    /// server says (`mod_rewrite.c: hook_uri2file()` compares the servers).
    is_used: bool,
    /// `RewriteEngine`; `None`: as the main server has it.
    engine: Option<bool>,
    /// `RewriteOptions`, in lower case; `None`: as the main server has them.
    options: Option<Vec<String>>,
    rules: Vec<Rewrite>,
    /// `RewriteCond` before the next rule of the server.
    conditions: Vec<Vec<String>>,
    /// The same of sections.
    in_section: Vec<Vec<String>>,
    /// Variables that say who the client is.
    of_clients: Vec<String>,
}

/// One `RewriteRule`.
#[derive(Debug, Clone)]
struct Rewrite {
    pattern: String,
    to: String,
    flags: Flags,
    set: Flagged,
    conditions: Vec<Vec<String>>,
    origin: Origin,
}

/// What the rules around a rule say of it.
#[derive(Debug, Default)]
struct Among {
    /// Whether it belongs to the rule before it.
    in_chain: bool,
    /// The paths of the first rule of its chain.
    head: Option<Takes>,
    /// Whether the path is another one since then.
    is_changed: bool,
    /// Whether its conditions ask who the client is, or those of the rules that it belongs to.
    asks: bool,
    /// Whether a rule behind it sends requests on.
    before_sent: bool,
}

/// What the rules of a server come to.
#[derive(Debug, Default)]
pub(super) struct Rewritten {
    /// What they forbid under conditions that cannot be turned.
    pub(super) closed: Vec<Rule>,
    /// The other rules in their order; [`Action::To`] has a url of httpd.
    pub(super) rules: Vec<Rule>,
    /// What they forbid to some clients.
    pub(super) guards: Vec<Overlay>,
    /// The redirects behind which further rules are looked at: those without `[L]`.
    open: Vec<Origin>,
    /// What their variables keep away from modules.
    pub(super) left: Vec<LeftAlone>,
    /// For the rules that do not count for some of the paths that they take: the rules that leave these paths to the rest of
    /// the list.
    pub(super) excepted: Vec<(Origin, Vec<Rule>)>,
    /// Where WebSocket requests go.
    pub(super) upgrades: Vec<Upgrade>,
}

/// Paths that a variable keeps away from modules.
#[derive(Debug)]
pub(super) struct LeftAlone {
    pub(super) pattern: String,
    pub(super) excludes: Excludes,
    pub(super) origin: Origin,
}

impl Rewrites {
    /// Takes a directive. Returns whether it is one of these. What stands in a section is kept by `redirects`.
    pub(super) fn take(
        &mut self,
        node: &Node,
        place: &Place,
        redirects: &mut Redirects,
        notes: &mut Notes,
    ) -> bool {
        let words = match &*node.name {
            "rewritecond" | "rewriterule" => words(&node.arguments),
            _ => node.words(),
        };
        let first = words.first().map_or("", String::as_str);
        self.is_used |= node.name.starts_with("rewrite");
        self.of_clients.extend(clients::told(node));
        match (&*node.name, place) {
            ("rewriteengine", Place::Server) => self.engine = Some(switch(first).unwrap_or(false)),
            // A rule in a section counts as if the engine were on there.
            ("rewriteengine" | "rewritebase", _) => {}
            ("rewriteoptions", Place::Server) => {
                let options = words.iter().map(|word| word.to_ascii_lowercase());
                let options: Vec<String> = options.collect();
                if !options.iter().any(|it| it.starts_with("inherit")) {
                    notes.count(&node.origin);
                }
                self.options.get_or_insert_default().extend(options);
            }
            ("rewriteoptions", _) => notes.count(&node.origin),
            ("rewritecond", _) => self.conditions_of(place).push(words),
            ("rewriterule", _) => {
                let conditions = std::mem::take(self.conditions_of(place));
                let [pattern, to, rest @ ..] = words.as_slice() else {
                    let text = "left out: a pattern and a substitution are wanted";
                    notes.name(&node.origin, text);
                    return true;
                };
                let rule = Rewrite {
                    pattern: pattern.clone(),
                    to: to.clone(),
                    flags: Flags::of(rest.first().map_or("", String::as_str)),
                    set: flagged(rest.first().map_or("", String::as_str)),
                    conditions,
                    origin: node.origin.clone(),
                };
                match place {
                    Place::Server => self.rules.push(rule),
                    Place::Section(kind) => {
                        let asks = clients::are_asked(&rule.conditions, &self.of_clients);
                        rule.in_section(kind, asks, redirects, notes);
                    }
                }
            }
            _ => return false,
        }
        true
    }

    /// The conditions that belong to the next rule in the same place.
    const fn conditions_of(&mut self, place: &Place) -> &mut Vec<Vec<String>> {
        match place {
            Place::Server => &mut self.conditions,
            Place::Section(_) => &mut self.in_section,
        }
    }

    /// The rules that a server has, in order: a virtual host (`self`) with those that it inherits from the main server, or the
    /// main server itself (`main` is `None`). `own` is how it names itself.
    pub(super) fn of_server(
        &self,
        main: Option<&Self>,
        front: Front,
        own: &Own,
        notes: &mut Notes,
    ) -> Rewritten {
        let is_on = self.engine.or_else(|| main?.engine).unwrap_or(false);
        let all = self.with_inherited(main);
        let mut rewritten = Rewritten::default();
        let variables: Vec<String> = main
            .into_iter()
            .chain([self])
            .flat_map(|it| it.of_clients.iter().cloned())
            .collect();
        let mut among = Among::default();
        for (at, rule) in all.iter().enumerate() {
            if !is_on {
                notes.count(&rule.origin);
                continue;
            }
            let rule = rule.as_redirect(front, own);
            among.asks |= clients::are_asked(&rule.conditions, &variables);
            among.before_sent = all.iter().skip(at + 1).any(|it| it.flags.is_proxied);
            rule.turned(front, &among, &mut rewritten, notes);
            among = rule.chained(among);
        }
        rewritten
    }

    /// Names the rules of a main server that answers nothing itself, where no virtual host inherits them.
    pub(super) fn name_lost(&self, hosts: &[&Self], notes: &mut Notes) {
        let inherits = |host: &&&Self| !self.rules.is_empty() && host.has_inherited(self);
        if self.engine == Some(true) && !hosts.iter().any(|host| inherits(&host)) {
            for rule in &self.rules {
                let text = "left out, as in httpd: no virtual host inherits it (RewriteOptions)";
                notes.name(&rule.origin, text);
            }
        }
    }

    fn has_inherited(&self, main: &Self) -> bool {
        self.with_inherited(Some(main)).len() > self.rules.len()
    }

    /// `mod_rewrite.c: config_server_merge()`
    fn with_inherited<'a>(&'a self, main: Option<&'a Self>) -> Vec<&'a Rewrite> {
        let own: Vec<&Rewrite> = self.rules.iter().collect();
        let Some(main) = main.filter(|_| self.is_used) else {
            return own;
        };
        let all = self.options.as_ref().or(main.options.as_ref());
        let has = |options: Option<&Vec<String>>, name: &str| {
            options.is_some_and(|options| options.iter().any(|option| option == name))
        };
        let down = |name: &str| has(main.options.as_ref(), name) && !has(all, "ignoreinherit");
        if has(all, "inherit") || down("inheritdown") {
            own.into_iter().chain(&main.rules).collect()
        } else if has(all, "inheritbefore") || down("inheritdownbefore") {
            main.rules.iter().chain(own).collect()
        } else {
            own
        }
    }
}

impl Rewrite {
    /// A rule in a section compares what is left of a path.
    fn in_section(&self, kind: &Kind, asks: bool, redirects: &mut Redirects, notes: &mut Notes) {
        let why = "rules in sections compare what is left of a path";
        let takes = match kind {
            Kind::Location(takes) | Kind::Text(takes) => takes.clone(),
            // Nothing that is sent on is in a folder.
            Kind::Directory(_) | Kind::Files(_) => {
                return notes.name(&self.origin, format!("left out: {why}"));
            }
            Kind::Proxy(_) => every(),
        };
        match self.flags.refuses() || asks && self.leads_elsewhere(false) {
            true if self.is_about_trace() => self.name_trace(notes),
            true => redirects
                .closed
                .push(closing(takes, &self.origin, why, notes)),
            false => notes.name(&self.origin, format!("left out: {why}")),
        }
    }

    /// Adds what a rule of a server does.
    fn turned(&self, front: Front, among: &Among, to: &mut Rewritten, notes: &mut Notes) {
        if self.is_about_trace() {
            return self.name_trace(notes);
        }
        let in_chain = among.in_chain;
        self.sets(front, in_chain, to, notes);
        let is_conditional = !self.conditions.is_empty() || self.pattern.starts_with('!');
        if self.flags.refuses() && !self.flags.chains && !in_chain && is_conditional {
            return self.forbid(front, to, notes);
        }
        if among.asks && self.leads_elsewhere(among.before_sent) {
            return self.keep_out(front, among, to, notes);
        }
        if is_conditional && !in_chain && self.leads(front, to, notes) {
            return;
        }
        let why = match self.holds(front) {
            Some(false) if !self.flags.chains => return notes.count(&self.origin),
            _ if in_chain => Some("it belongs to the rule before it ([C])"),
            Some(true) if self.pattern.starts_with('!') => Some("its pattern is negated (!)"),
            Some(true) => None,
            Some(false) | None => Some("it has conditions (RewriteCond)"),
        };
        let action = match why {
            None => self.flags.action(&self.pattern, &self.to),
            Some(why) => Err(why),
        };
        match action {
            Ok(Some(action)) => match self.rule(action, notes) {
                Some(rule) => {
                    if !self.flags.ends() {
                        to.open.push(self.origin.clone());
                    }
                    to.rules.push(rule);
                }
                None if self.flags.refuses() => {
                    let why = "its pattern has no counterpart";
                    to.closed.push(closing(every(), &self.origin, why, notes));
                }
                None => {}
            },
            Ok(None) if self.set != Flagged::default() => {}
            Ok(None) => notes.count(&self.origin),
            // What is rewritten inside goes on with another path, for which other rules and sections count.
            Err(why)
                if self.flags.refuses()
                    || self.holds(front) == Some(true) && self.stays_inside() =>
            {
                let takes = self.guarded_in(among);
                to.closed.push(closing(takes, &self.origin, why, notes));
            }
            Err(why) => notes.name(&self.origin, format!("left out: {why}")),
        }
    }

    /// Takes up the variables and cookies that it sets, whatever becomes of the path.
    fn sets(&self, front: Front, in_chain: bool, to: &mut Rewritten, notes: &mut Notes) {
        let holds = self.holds(front);
        if holds == Some(false) && !in_chain {
            return;
        }
        let lost = [
            (
                self.set.tells,
                "E: the attribute of requests is left out; see `request_attributes`",
            ),
            (
                self.set.cookie,
                "CO: the cookie is left out; see `response_headers`",
            ),
            (
                self.set.runs || self.set.answers,
                "H, T: the handler is left out, and no file is served here; for what it sends on, write a mapping with `match`",
            ),
            (
                self.set.stays_plain,
                "E: no-gzip is left out: answers are compressed there as elsewhere; see `compress`",
            ),
        ];
        for (_, text) in lost.iter().filter(|(is_set, _)| *is_set) {
            notes.name(&self.origin, *text);
        }
        let excludes = self.set.excludes;
        if !excludes.any() {
            return;
        }
        let is_plain = !self.pattern.starts_with('!') && is_turnable(&self.pattern);
        if holds == Some(true) && !in_chain && is_plain {
            let any_case = if self.flags.any_case { "(?i)" } else { "" };
            to.left.push(LeftAlone {
                pattern: format!("{any_case}{}", self.pattern),
                excludes,
                origin: self.origin.clone(),
            });
        } else {
            let why = "it keeps requests away from what is sent on, by more than a path";
            to.closed
                .push(closing(self.guarded(), &self.origin, why, notes));
        }
    }

    fn rule(&self, action: Action, notes: &mut Notes) -> Option<Rule> {
        let https = matches!(&action, Action::Redirect { to, .. } if to == "https");
        let is_plain = https || matches!(action, Action::Respond(_));
        if action == Action::Pass {
            let Some(path) = prefix(&self.pattern).filter(|_| !self.flags.any_case) else {
                let text = "left out: the rules behind it count for its paths too; write their mappings by hand";
                notes.name(&self.origin, text);
                return None;
            };
            let below = whole_path(&self.pattern).is_none();
            let rule = checked(Takes::Path(path), action, &self.origin, notes);
            return rule.map(|rule| Rule { below, ..rule });
        }
        let has_query = match &action {
            Action::Redirect { to, .. } => self.to.contains('?') && to != "https",
            Action::To(_) => self.to.contains('?'),
            _ => false,
        };
        let goes_on = matches!(action, Action::Redirect { .. } | Action::To(_));
        if goes_on && (has_query && !self.flags.adds_query || self.flags.drops_query) {
            let text = "the client's query goes along here; httpd drops it";
            notes.name(&self.origin, text);
        }
        let mut action = action;
        let mut pattern = self.pattern.clone();
        if let Action::To(url) = &mut action
            && !has_group(url)
        {
            // Here the path is appended to a target without a group. An empty group keeps it away.
            let groups = regex::Regex::new(&pattern).map_or(0, |it| it.captures_len());
            pattern = format!("(?:{pattern})()");
            url.push_str(&format!("${groups}"));
        }
        let takes = match (is_every(&self.pattern) && is_plain, self.flags.any_case) {
            (true, _) => every(),
            (false, true) => Takes::Pattern(format!("(?i){pattern}")),
            (false, false) => Takes::Pattern(pattern),
        };
        checked(takes, action, &self.origin, notes)
    }

    fn stays_inside(&self) -> bool {
        self.flags.stays_inside(&self.to)
    }

    /// What a rule that forbids something at times forbids always: nobody comes in who was kept out.
    fn guarded(&self) -> Takes {
        let pattern = &self.pattern;
        match is_every(pattern) || pattern.starts_with('!') {
            true => every(),
            false if self.flags.any_case => Takes::Pattern(format!("(?i){pattern}")),
            false => Takes::Pattern(pattern.clone()),
        }
    }

    /// Whether its conditions hold for every request, or for none; `None`: that depends on the request.
    fn holds(&self, front: Front) -> Option<bool> {
        let any = |condition: &[String]| {
            let flags = condition.get(2).map_or("", String::as_str);
            let flags = flags.trim_matches(['[', ']']).to_ascii_uppercase();
            flags
                .split(',')
                .any(|it| matches!(it.trim(), "OR" | "ORNEXT"))
        };
        let held: Vec<Option<bool>> = self
            .conditions
            .iter()
            .map(|it| if any(it) { None } else { holds(it, front) })
            .collect();
        match held.iter().all(|it| *it == Some(true)) {
            true => Some(true),
            // One that never holds is enough, where none is an alternative of another.
            false if held.contains(&Some(false)) && !self.conditions.iter().any(|it| any(it)) => {
                Some(false)
            }
            false => None,
        }
    }

    /// Closing everything would keep out more than the rule does.
    fn name_trace(&self, notes: &mut Notes) {
        notes.name(&self.origin, TRACE_GOES_ON);
    }

    /// Whether it refuses TRACE and nothing else.
    fn is_about_trace(&self) -> bool {
        self.flags.refuses() && trace::are_about_it(&self.conditions)
    }
}

/// Whether a `RewriteRule` forbids something, by whatever status.
pub(super) fn forbids(node: &Node) -> bool {
    let words = words(&node.arguments);
    words.get(2).is_some_and(|flags| Flags::of(flags).refuses())
}

/// What a `RewriteRule` sets beside what becomes of the path.
pub(super) fn sets(node: &Node) -> Flagged {
    let words = words(&node.arguments);
    flagged(words.get(2).map_or("", String::as_str))
}

fn every() -> Takes {
    Takes::Path("/".to_owned())
}
