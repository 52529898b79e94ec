//! Redirects and rewritten paths: the stages before that of ProxyPass.

use super::addresses::{is_secure, only_port};
use super::balancers::{Usual, bare_name};
use super::part::Part;
use super::passes::Pass;
use super::rewrites::{Front, LeftAlone, Own, Upgrade};
use super::servers::Builder;
use crate::convert::note::Notes;
use crate::convert::overlap::meet;
use crate::convert::site::{Action, Overlay, Rule, Takes};

/// Redirects and rewritten paths, in the order in which they are asked.
#[derive(Default)]
pub(super) struct Stages {
    pub(super) first: Vec<Rule>,
    /// What stands behind a rule that does not count for some of its paths.
    pub(super) further: Vec<Vec<Rule>>,
    /// Those of sections.
    pub(super) redirects: Vec<Rule>,
    /// Those of sections that answer behind the redirects of the server.
    pub(super) late: Vec<Rule>,
    /// From the first rule on that sends requests on.
    pub(super) behind: Vec<Vec<Rule>>,
    /// Whether nothing may be added to the last stage.
    is_over: bool,
    /// Whom rules keep out.
    pub(super) guards: Vec<Overlay>,
    /// What their variables keep away from modules.
    pub(super) left: Vec<LeftAlone>,
    /// Where WebSocket requests go.
    pub(super) upgrades: Vec<Upgrade>,
}

impl Stages {
    /// The stage to which the next rule is added. `is_sent`: it sends requests on; `is_alone`: it needs a stage of its own;
    /// `passing`: the rules that end the list for their paths.
    fn open(&mut self, is_sent: bool, is_alone: bool, passing: &[Rule]) -> &mut Vec<Rule> {
        let is_behind = is_sent || !self.behind.is_empty();
        let is_new = is_alone || self.is_over || is_behind && self.behind.is_empty();
        let list = match is_behind {
            true => &mut self.behind,
            false => &mut self.further,
        };
        if is_new {
            list.push(passing.to_vec());
        }
        list.last_mut().unwrap_or(&mut self.first)
    }

    /// The stage of a rule that stands behind some that send requests on, and comes before the redirects of sections: it does not
    /// count for what the others send on.
    fn before_sections(&mut self, passing: &[Rule]) -> &mut Vec<Rule> {
        let sent = self.behind.iter().flatten();
        let sent = sent.filter(|it| matches!(it.action, Action::To(_)));
        let leave = |rule: &Rule| Rule {
            hosts: rule.hosts.clone(),
            early: true,
            ..Rule::new(rule.takes.clone(), Action::Pass, rule.origin.clone())
        };
        let stage = passing.iter().cloned().chain(sent.map(leave)).collect();
        self.further.push(stage);
        self.further.last_mut().unwrap_or(&mut self.first)
    }
}

impl Builder<'_> {
    /// Redirects and rewritten paths, which come before ProxyPass, and whom rules keep out.
    pub(super) fn rewrites(
        &mut self,
        parts: &[&Part],
        host: Option<&Part>,
        usual: &Usual,
        (preserve, overlays): (bool, &[Overlay]),
    ) -> Stages {
        let own = host.unwrap_or(self.main);
        let front = Front {
            secure: is_secure(own, self.main),
            port: only_port(own, self.main),
        };
        let main = host.map(|_| &self.main.rewrites);
        let rewritten = own
            .rewrites
            .of_server(main, front, &itself(own, self.main), self.notes);
        let mut stages = Stages {
            first: rewritten.closed,
            guards: rewritten.guards,
            left: rewritten.left,
            upgrades: rewritten.upgrades,
            ..Stages::default()
        };
        // What ends the list ends it for what stands in later stages too.
        let mut passing: Vec<Rule> = Vec::new();
        let of_sections = || parts.iter().flat_map(|part| &part.redirects.first);
        for rule in rewritten.rules {
            let except = rewritten.excepted.iter();
            let except = except.filter(|it| it.0 == rule.origin).flat_map(|it| &it.1);
            let except: Vec<Rule> = except.cloned().collect();
            let is_alone = !except.is_empty();
            let is_sent = matches!(rule.action, Action::To(_));
            let rule = match &rule.action {
                Action::To(url) => {
                    let pass = Pass::rewritten(rule.takes.clone(), url, &rule.origin);
                    let pass = pass.beside(overlays, self.notes);
                    Rule {
                        lifted: rule.lifted,
                        hosts: rule.hosts,
                        ..self.rule(&pass, host, usual, preserve)
                    }
                }
                _ => rule,
            };
            let is_crossed = !is_sent && of_sections().any(|it| meet(&it.takes, &rule.takes));
            let stage = match is_crossed && !stages.behind.is_empty() {
                true => stages.before_sections(&passing),
                false => stages.open(is_sent, is_alone, &passing),
            };
            stage.extend(except);
            if rule.action == Action::Pass {
                passing.push(rule.clone());
            }
            stage.push(rule);
            stages.is_over = is_alone;
        }
        (stages.redirects, stages.late) = redirects(parts, &stages.behind);
        name_crossed(parts, &stages.redirects, self.notes);
        stages
    }
}

/// Names redirects of sections that come before the server's own: for paths that are not sent on, httpd asks those first.
fn name_crossed(parts: &[&Part], redirects: &[Rule], notes: &mut Notes) {
    let own = || parts.iter().flat_map(|part| &part.redirects.last);
    for redirect in redirects {
        if own().any(|it| meet(&it.takes, &redirect.takes)) {
            let text = "comes before the redirects outside of sections here, also for paths that nothing sends on";
            notes.name(&redirect.origin, text);
        }
    }
}

/// How a server names itself: by its own names, else by those of the main server.
fn itself(own: &Part, main: &Part) -> Own {
    let part = if own.names.is_empty() { main } else { own };
    let names = part.names.iter().map(|it| it.0.to_ascii_lowercase());
    let names: Vec<String> = names.collect();
    Own {
        port: names
            .first()
            .and_then(|it| it.rsplit_once(':')?.1.parse().ok()),
        names: names.iter().map(|it| bare_name(it).to_owned()).collect(),
    }
}

/// Redirects in sections. They come behind what is answered at once, and before what is sent on. The second ones are about no path
/// that is sent on: the server's own redirects are asked before them, as they have paths of their own.
fn redirects(parts: &[&Part], behind: &[Vec<Rule>]) -> (Vec<Rule>, Vec<Rule>) {
    let redirects = parts.iter().rev().flat_map(|part| &part.redirects.first);
    let passes = parts
        .iter()
        .flat_map(|part| part.located.iter().chain(&part.passes));
    let sent: Vec<&Takes> = passes
        .filter(|pass| pass.url.is_some())
        .map(|pass| &pass.takes)
        .chain(behind.iter().flatten().map(|rule| &rule.takes))
        .collect();
    let by_mod_jk = parts.iter().any(|part| part.jk.sends_on());
    let (mut first, mut late) = (Vec::new(), Vec::new());
    for redirect in redirects {
        let is_sent = sent.iter().any(|takes| meet(takes, &redirect.takes));
        let list = match redirect.early || is_sent {
            true => &mut first,
            false => &mut late,
        };
        list.push(Rule {
            // Where mod_proxy or mod_jk takes the path, mod_alias answers behind the rules of access (`mod_alias.c: fixup_redir()`).
            early: redirect.early && !by_mod_jk && !is_sent,
            ..redirect.clone()
        });
    }
    (first, late)
}
