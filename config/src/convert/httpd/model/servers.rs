//! From what the directives say to the site: which virtual host answers, and with which rules.

use std::collections::HashMap;

use super::addresses::is_secure;
use super::always;
use super::balancer_names::{self, allowed_name, stem};
use super::balancers::{
    self, Defined, Proxies, Usual, Worker, balancer_name, bare_name, built, serves,
};
use super::endpoints::Kept;
use super::excluding;
use super::listeners;
use super::local;
use super::of_all;
use super::params;
use super::part::Part;
use super::passes::Pass;
use super::proxied;
use super::remote;
use super::rewrites::LeftAlone;
use super::sections;
use super::spoken::Spoken;
use super::targets;
use super::tls;
use super::upgrades;
use crate::convert::files::Files;
use crate::convert::note::Notes;
use crate::convert::site::{Action, Balancer, Overlay, Rule, Server, Site, Takes};
use crate::convert::value::{Keys, Value};
use crate::field::Kind as _;
use crate::model::Scheme;
use crate::value::{HostName, TargetUrl};

/// The site of a main server and those of its virtual hosts that are kept.
pub(super) fn site(
    main: &Part,
    hosts: &[&Part],
    kept: &Kept,
    files: &dyn Files,
    notes: &mut Notes,
) -> Site {
    let mut site = Site {
        listeners: listeners::listeners(main, hosts, &kept.listens, notes),
        ..Site::default()
    };
    let secure = hosts.iter().any(|host| is_secure(host, main));
    let mut builder = Builder {
        main,
        many: hosts.len() > 1,
        files,
        notes,
        balancers: Vec::new(),
        names: HashMap::new(),
        always: Vec::new(),
    };
    for host in hosts.iter().copied() {
        let mut server = builder.server(Some(host));
        if let Some(why) = listeners::unasked(host, main, hosts) {
            server
                .overlays
                .push(always::closed(why, host.origin.clone()));
        }
        server.secure = secure.then(|| is_secure(host, main));
        site.servers.push(server);
    }
    if !kept.main {
        let own: Vec<_> = hosts.iter().map(|host| &host.rewrites).collect();
        main.rewrites.name_lost(&own, builder.notes);
    }
    if kept.main {
        let mut server = builder.server(None);
        server.secure = secure.then_some(false);
        site.servers.push(server);
    }
    let parts = || hosts.iter().copied().chain([main]);
    balancer_names::unused(parts(), &builder.names, builder.notes);
    proxied::unused(parts(), &site.servers, builder.notes);
    let is_used = parts().any(|part| balancers::limit_members(&part.proxies));
    if let Some((_, origin)) = main.children.as_ref().filter(|_| !is_used) {
        builder.notes.count(origin);
    }
    local::unserved(main, hosts, kept.main, builder.notes);
    listeners::without_tls(main, hosts, builder.notes);
    listeners::not_https(main, hosts, &kept.listens, builder.notes);
    site.balancers = builder.balancers;
    let always = builder.always;
    site.keys = of_all::keys(main, hosts, files, notes);
    site.comments
        .extend(main.whole.connections(&mut site.keys, notes));
    let remotes: Vec<_> = hosts.iter().map(|host| &host.whole.remote).collect();
    remote::add(&main.whole.remote, &remotes, &mut site, notes);
    always::headers(&mut site, &always, main, hosts, notes);
    site
}

pub(super) struct Builder<'a> {
    pub(super) main: &'a Part,
    /// Whether there are several virtual hosts.
    many: bool,
    files: &'a dyn Files,
    pub(super) notes: &'a mut Notes,
    /// Those of all servers.
    balancers: Vec<Balancer>,
    /// The name in the YAML of what a server defines; `None`: no member is left.
    names: HashMap<(String, usize), Option<String>>,
    /// What `Header always` says, of each server.
    always: Vec<Keys>,
}

impl Builder<'_> {
    /// A server: the main one (`None`), or a virtual host, which has the rules of the main one before its own.
    fn server(&mut self, host: Option<&Part>) -> Server {
        let main = self.main;
        let parts: Vec<&Part> = std::iter::once(main).chain(host).collect();
        let (hosts, others) = self.hosts(host);
        let mut server = Server {
            hosts,
            others,
            ..Server::default()
        };
        let usual = self.usual(&parts);
        let preserve = parts.iter().rev().find_map(|part| part.preserve_host);
        server.overlays.extend(self.keys(&parts, host));
        self.always.push(always::of_server(&parts));
        let own = host.unwrap_or(main);
        let secure = is_secure(own, main);
        sections::name_cookies(&parts, self.notes);
        let (files, directories) = local::files(&parts, secure, self.files, self.notes);
        server.overlays.extend(directories);
        let mut first = sections::add(&parts, secure, &mut server, self.notes);
        let closed = parts.iter().flat_map(|part| &part.redirects.closed);
        first.extend(closed.cloned());
        let preserve = preserve.unwrap_or(false);
        let rewritten = self.rewrites(&parts, host, &usual, (preserve, &server.overlays));
        first.extend(rewritten.first);
        server.overlays.extend(rewritten.guards);
        let kept = rewritten.left.iter().filter(|it| it.excludes.jk);
        let kept = kept.map(|it| (it.pattern.clone(), it.origin.clone()));
        server.kept_from_mod_jk.extend(kept);
        sections::close_everything(&mut first, &mut server);
        let stage = self.sent(&parts, &server, host, (&usual, preserve), &rewritten.left);
        let last = parts.iter().rev().flat_map(|part| &part.redirects.last);
        let last: Vec<Rule> = last.cloned().chain(rewritten.late).collect();
        let mut of_folders = local::redirects(&parts, self.notes);
        of_folders.extend(files);
        let of_modules = [stage, last, of_folders];
        server.stages = std::iter::once(first)
            .chain(rewritten.further)
            .chain([rewritten.redirects])
            .chain(rewritten.behind)
            .chain(of_modules)
            .filter(|it| !it.is_empty())
            .collect();
        upgrades::add(
            &rewritten.upgrades,
            &mut server,
            &mut self.balancers,
            preserve,
            self.notes,
        );
        for overlay in &mut server.overlays {
            if let Some(target) = &mut overlay.target {
                self.rename(target, host);
                targets::as_sent(target);
            }
        }
        proxied::add_parts(&mut server, self.notes);
        server
    }

    /// The rules of all ProxyPass of a server in the order in which they are asked. `left`: what variables keep away from them.
    fn sent(
        &mut self,
        parts: &[&Part],
        server: &Server,
        host: Option<&Part>,
        said: (&Usual, bool),
        left: &[LeftAlone],
    ) -> Vec<Rule> {
        let left = excluding::passes(left);
        let excluded = parts.iter().flat_map(|part| &part.excluded);
        let excluded: Vec<&Pass> = left.iter().chain(excluded).collect();
        let passes: Vec<&Pass> = parts.iter().flat_map(|part| &part.passes).collect();
        let mut stage = self.rules(&excluded, server, host, said);
        stage.extend(self.located(parts, server, host, said));
        stage.extend(self.rules(&passes, server, host, said));
        stage
    }

    /// The rules of some ProxyPass, in their order.
    fn rules(
        &mut self,
        passes: &[&Pass],
        server: &Server,
        host: Option<&Part>,
        (usual, preserve): (&Usual, bool),
    ) -> Vec<Rule> {
        let rule = |pass: &&Pass| {
            let pass = pass.beside(&server.overlays, self.notes);
            self.rule(&pass, host, usual, preserve)
        };
        passes.iter().map(rule).collect()
    }

    /// The rules of sections: of several the last one counts, so it comes first here.
    fn located(
        &mut self,
        parts: &[&Part],
        server: &Server,
        host: Option<&Part>,
        said: (&Usual, bool),
    ) -> Vec<Rule> {
        let hidden = sections::hidden(parts, self.notes);
        let mut rules = Vec::new();
        for (at, part) in parts.iter().enumerate() {
            let own: Vec<&Pass> = part.located.iter().collect();
            let mut own = self.rules(&own, server, host, said).into_iter();
            for before in 0..=part.located.len() {
                let here = hidden
                    .iter()
                    .filter(|it| (it.part, it.before) == (at, before));
                rules.extend(here.map(|it| it.rule.clone()));
                rules.extend(own.next());
            }
        }
        rules.reverse();
        rules
    }

    /// Gives the balancer in the url of a section the name that it has here.
    fn rename(&self, url: &mut String, host: Option<&Part>) {
        let Some(name) = balancer_name(url) else {
            return;
        };
        let path = url.get(11 + name.len()..).unwrap_or_default();
        let own = || host.and_then(|host| defined(&host.proxies, &name));
        let defined = defined(&self.main.proxies, &name).or_else(own);
        let known = defined.and_then(|defined| {
            let key = (name.clone(), std::ptr::from_ref(defined).addr());
            self.names.get(&key).cloned().flatten()
        });
        let known = known.unwrap_or_else(|| allowed_name(&name));
        *url = format!("balancer://{known}{path}");
    }

    /// The keys of every mapping.
    fn keys(&mut self, parts: &[&Part], host: Option<&Part>) -> Option<Overlay> {
        let mut keys = Keys::default();
        for part in parts {
            keys.merge(&part.keys);
        }
        if let Some(host) = host.filter(|_| self.many) {
            let pages = local::error_pages(&[host], self.files, self.notes);
            if !pages.is_empty() {
                keys.set("error_pages", Value::Map(pages));
            }
        }
        let origin = parts.last()?.origin.clone();
        (!keys.is_empty()).then(|| always::every_path(keys, origin))
    }

    /// The names of a virtual host that can be hosts here, and the others.
    fn hosts(&mut self, host: Option<&Part>) -> (Vec<String>, Vec<String>) {
        let mut hosts: Vec<String> = Vec::new();
        let mut others = Vec::new();
        for (name, origin) in host.into_iter().flat_map(|host| &host.names) {
            let name = name.to_ascii_lowercase();
            match HostName::read(bare_name(&name)) {
                Ok(name) if hosts.contains(&name) => {}
                Ok(name) => hosts.push(name),
                Err(fault) => {
                    let text = format!(
                        "the name is left out ({}): unless it is a name of the first virtual host, requests for names that no \
                         virtual host has are 404 here; names that a later virtual host has and this one takes stay with this one, \
                         and a wildcard of a later one that may take the same names is 404",
                        fault.message
                    );
                    self.notes.name(origin, text);
                    others.push(name);
                }
            }
        }
        (hosts, others)
    }

    /// What members have whose parameters do not say it.
    fn usual(&mut self, parts: &[&Part]) -> Usual {
        let parts_in_order = parts;
        let mut parts = parts.iter().rev();
        let mut usual = Usual::default();
        let timeout = parts.clone().find_map(|part| part.proxy_timeout);
        let timeout = timeout.or_else(|| parts.clone().find_map(|part| part.timeout));
        if let Some(timeout) = timeout {
            usual.keys.set("timeout", Value::duration(timeout));
        }
        if let Some(size) = parts.find_map(|part| part.packet_size) {
            usual.keys.set("packet_size", Value::number(size));
        }
        let members = parts_in_order.iter().map(|part| &part.member_tls);
        usual.tls = tls::Members::together(members, self.notes);
        for part in parts_in_order {
            usual.heartbeat.merge(&part.heartbeat);
        }
        usual.children = self.main.children.as_ref().map(|it| it.0);
        usual
    }

    /// The rule of a ProxyPass.
    pub(super) fn rule(
        &mut self,
        pass: &Pass,
        host: Option<&Part>,
        usual: &Usual,
        preserve: bool,
    ) -> Rule {
        let mut rule = Rule::new(pass.takes.clone(), Action::Pass, pass.origin.clone());
        rule.comments.clone_from(&pass.comments);
        rule.below = pass.below;
        let Some(url) = &pass.url else {
            return rule;
        };
        let url = &match targets::sent(url, !matches!(pass.takes, Takes::Path(_))) {
            Ok(url) => url,
            Err(why) => {
                let text = format!("it answers 503 here: {why}");
                self.notes.name(&pass.origin, text);
                rule.action = Action::Respond(503);
                return rule;
            }
        };
        let spoken = match balancer_name(url) {
            Some(name) => {
                let Some((to, spoken)) = self.balancer(&name, url, host, usual) else {
                    let text = format!("httpd answers 503: balancer://{name} has no members");
                    self.notes.name(&pass.origin, text);
                    rule.action = Action::Respond(503);
                    return rule;
                };
                rule.action = Action::To(to);
                spoken
            }
            None => match self.direct(url, pass, host, usual, &mut rule) {
                Some(spoken) => spoken,
                None => return rule,
            },
        };
        if let Action::To(to) = &rule.action
            && let Err(fault) = TargetUrl::read(to)
        {
            let text = format!("it answers 503 here: {}", fault.message);
            self.notes.name(&pass.origin, text);
            return Rule {
                action: Action::Respond(503),
                ..Rule::new(pass.takes.clone(), Action::Pass, pass.origin.clone())
            };
        }
        if !preserve {
            spoken.own_host(&mut rule, self.notes);
        }
        rule
    }

    /// The target of a balancer's url, and what its members speak; `None`: it has no members.
    fn balancer(
        &mut self,
        name: &str,
        url: &str,
        host: Option<&Part>,
        usual: &Usual,
    ) -> Option<(String, Spoken)> {
        // A balancer of the main server hides that of a virtual host (`mod_proxy.c: merge_proxy_config()`).
        let own = || host.and_then(|host| defined(&host.proxies, name));
        let defined = defined(&self.main.proxies, name).or_else(own)?;
        let key = (name.to_owned(), std::ptr::from_ref(defined).addr());
        let known = match self.names.get(&key) {
            Some(known) => known.clone(),
            None => {
                let built = built(defined, self.free_name(name), usual, self.notes);
                let built_name = built.map(|built| self.keep(built));
                self.names.insert(key, built_name.clone());
                built_name
            }
        }?;
        let balancer = self.balancers.iter().find(|it| it.name == known)?;
        let spoken = Spoken::of(balancer);
        let path = url.get(11 + name.len()..).unwrap_or_default();
        Some((format!("balancer://{known}{path}"), spoken))
    }

    /// Keeps a balancer; the same one of another virtual host is kept once.
    fn keep(&mut self, built: Balancer) -> String {
        let same = self.balancers.iter().find(|known| {
            known.keys == built.keys
                && known.members.len() == built.members.len()
                && known
                    .members
                    .iter()
                    .zip(&built.members)
                    .all(|(one, other)| one.url == other.url && one.keys == other.keys)
                && stem(&known.name) == stem(&built.name)
        });
        match same {
            Some(known) => known.name.clone(),
            None => {
                let name = built.name.clone();
                self.balancers.push(built);
                name
            }
        }
    }

    /// A name that no other balancer has, of the letters that a name may have.
    fn free_name(&self, name: &str) -> String {
        let name = allowed_name(name);
        let name = if name.is_empty() {
            "balancer".to_owned()
        } else {
            name
        };
        let is_free = |name: &String| !self.balancers.iter().any(|it| it.name == *name);
        let mut names = std::iter::once(name.clone()).chain((2..).map(|n| format!("{name}_{n}")));
        names.find(is_free).unwrap_or(name)
    }

    /// The target of a url without a balancer. Returns what it speaks; `None`: it cannot be sent on.
    fn direct(
        &mut self,
        url: &str,
        pass: &Pass,
        host: Option<&Part>,
        usual: &Usual,
        rule: &mut Rule,
    ) -> Option<Spoken> {
        let worker_url = pass.worker_url(url);
        let url = &*targets::as_http(url);
        let member = match balancers::member_url(&pass.address(url)) {
            Ok(member) => member,
            Err(why) => {
                self.notes
                    .name(&pass.origin, format!("it answers 503 here: {why}"));
                rule.action = Action::Respond(503);
                return None;
            }
        };
        // The longest url counts, and of equals the first one (`proxy_util.c: ap_proxy_get_worker()`).
        let parts = host.into_iter().rev().chain(Some(self.main));
        let workers = parts.flat_map(|part| part.proxies.workers.iter().rev());
        let worker: Option<&Worker> = workers
            .filter(|worker| serves(&worker.url, &worker_url))
            .max_by_key(|worker| worker.url.trim_end_matches('/').len());
        let is_ajp = member.scheme == Scheme::Ajp;
        let params = worker.map_or(&pass.params, |worker| &worker.params);
        let turned = params::member(params, is_ajp, usual.children, self.notes);
        let mut keys = turned.keys;
        for (key, value) in usual.keys.iter() {
            keys.set_default(key, value.clone());
        }
        if member.scheme == Scheme::Https && !usual.tls.is_empty() {
            keys.set("tls", Value::Map(usual.tls.clone()));
        }
        // Nothing is chosen where there is one member.
        for key in ["route", "redirect", "loadfactor", "lbset"] {
            keys.remove(key);
        }
        for param in turned.health {
            let text = format!(
                "{} is left out: a single backend has no health check",
                param.key
            );
            self.notes.name(&param.origin, text);
        }
        rule.comments.extend(turned.comments);
        if !crate::convert::defaults::is_all_default(&keys) {
            rule.keys.set("member", Value::Map(keys));
        }
        rule.action = Action::To(url.to_owned());
        Some(if is_ajp { Spoken::Ajp } else { Spoken::Http })
    }
}

/// The balancer of a name that has members.
pub(super) fn defined<'a>(proxies: &'a Proxies, name: &str) -> Option<&'a Defined> {
    let mut balancers = proxies.balancers.iter();
    balancers.find(|it| it.name == name && !it.members.is_empty())
}
