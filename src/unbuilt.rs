//! Keys that a configuration may have and this program does not act on yet.
//!
//! Their defaults are accepted, for they mean what happens anyway. Any other value is refused before anything
//! is bound: nothing is ignored in silence.

use ajpgate_config::{Config, Loaded, Member, Problem, Problems, Scheme, Target};

/// Every key that `run` refuses, at its line.
pub(crate) fn problems(loaded: &Loaded) -> Option<Problems> {
    let hint = "leave it out, or see CHANGELOG.md for the version that has it";
    let problem = |path: String| loaded.problem(&path, message(&path), Some(hint.to_owned()));
    Problems::new(paths(&loaded.config).into_iter().map(problem).collect())
}

/// The same for `check`, which does not fail for them.
pub(crate) fn warnings(loaded: &Loaded) -> Vec<Problem> {
    let hint = "`run` refuses this file until it is";
    let warning = |path: String| {
        let problem = loaded.problem(&path, message(&path), Some(hint.to_owned()));
        problem.into_warning()
    };
    paths(&loaded.config).into_iter().map(warning).collect()
}

/// The first key of a member alone that is not built yet.
pub(crate) fn key_of(member: &Member) -> Option<String> {
    let mut found = Found::default();
    member_keys(member, "", "url", &mut found);
    found.0.into_iter().next()
}

/// `tls: not built yet`
fn message(path: &str) -> String {
    let key = path.rsplit('.').next().unwrap_or(path);
    format!("{key}: not built yet")
}

fn paths(config: &Config) -> Vec<String> {
    let mut found = Found::default();
    for (index, listener) in config.listeners.iter().enumerate() {
        let at = format!("listeners[{index}]");
        found.when(listener.proxy_protocol, &at, "proxy_protocol");
        found.when(listener.tls.is_some(), &at, "tls");
        found.when(listener.http2, &at, "http2");
    }
    for balancer in &config.balancers {
        let at = format!("balancers.{}", balancer.name);
        for (index, member) in balancer.members.iter().enumerate() {
            member_keys(member, &format!("{at}.members[{index}]"), "url", &mut found);
        }
    }
    for (index, mapping) in config.mappings.iter().enumerate() {
        if let Some(Target::Member(member)) = &mapping.to {
            let at = format!("proxy_pass[{index}]");
            found.when(is_unbuilt(member.url.scheme), &at, "to");
            member_keys(member, &format!("{at}.member"), "", &mut found);
        }
    }
    found.when(!config.trusted_proxies.is_empty(), "", "trusted_proxies");
    found.0
}

fn member_keys(member: &Member, at: &str, url: &str, found: &mut Found) {
    if !url.is_empty() {
        found.when(is_unbuilt(member.url.scheme), at, url);
    }
    found.when(
        member.tls.is_some() && is_unbuilt(member.url.scheme),
        at,
        "tls",
    );
}

const fn is_unbuilt(scheme: Scheme) -> bool {
    matches!(scheme, Scheme::Ftp | Scheme::Ftps)
}

#[derive(Default)]
struct Found(Vec<String>);

impl Found {
    fn when(&mut self, set: bool, parent: &str, key: &str) {
        if set {
            let dot = if parent.is_empty() { "" } else { "." };
            self.0.push(format!("{parent}{dot}{key}"));
        }
    }
}
