//! Keys that a configuration may have and this program does not act on: not yet, or because it is built without them.
//!
//! Their defaults are accepted, for they ask for nothing. Any other value is refused before a port is bound: nothing is
//! ignored in silence.

use ajpgate_config::{Config, Loaded, Member, Problem, Problems, Scheme, Target};

/// Every key that `run` refuses, at its line.
pub(crate) fn problems(loaded: &Loaded) -> Option<Problems> {
    let found = found(&loaded.config, cfg!(feature = "ftp"));
    let problem = |it: &Unbuilt| loaded.problem(&it.path, it.message(), Some(it.hint().to_owned()));
    Problems::new(found.iter().map(problem).collect())
}

/// The same for `check`, which does not fail for them.
pub(crate) fn warnings(loaded: &Loaded) -> Vec<Problem> {
    let found = found(&loaded.config, cfg!(feature = "ftp"));
    let warning = |it: &Unbuilt| {
        let hint = format!("`run` refuses this file: {}", it.hint());
        let problem = loaded.problem(&it.path, it.message(), Some(hint));
        problem.into_warning()
    };
    found.iter().map(warning).collect()
}

/// One of these keys.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Unbuilt {
    /// Such as `listeners[0].tls`.
    path: String,
    reason: Reason,
}

/// Why this program does not act on a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    NotYet,
    /// The feature `ftp` of the package is off.
    WithoutFtp,
}

impl Unbuilt {
    fn message(&self) -> String {
        let key = self.path.rsplit('.').next().unwrap_or(&self.path);
        match self.reason {
            Reason::NotYet => format!("{key}: not built yet"),
            Reason::WithoutFtp => format!("{key}: this program is built without FTP"),
        }
    }

    const fn hint(&self) -> &'static str {
        match self.reason {
            Reason::NotYet => "leave it out, or see CHANGELOG.md for the version that has it",
            Reason::WithoutFtp => "build it with the feature `ftp`, which is on by default",
        }
    }
}

/// `ftp` is whether this program speaks FTP.
fn found(config: &Config, ftp: bool) -> Vec<Unbuilt> {
    let mut found = not_yet(config);
    if !ftp {
        found.extend(ftp_urls(config));
    }
    found
}

fn not_yet(config: &Config) -> Vec<Unbuilt> {
    let mut found = Vec::new();
    let mut add = |is_set: bool, path: String| {
        if is_set {
            let reason = Reason::NotYet;
            found.push(Unbuilt { path, reason });
        }
    };
    for (index, listener) in config.listeners.iter().enumerate() {
        let key = |key: &str| format!("listeners[{index}].{key}");
        add(listener.tls.is_some(), key("tls"));
    }
    let admin_tls = config.admin.as_ref().and_then(|admin| admin.tls.as_ref());
    add(admin_tls.is_some(), "admin.tls".to_owned());
    found
}

/// The urls of FTP members.
fn ftp_urls(config: &Config) -> Vec<Unbuilt> {
    let is_ftp = |member: &Member| matches!(member.url.scheme, Scheme::Ftp | Scheme::Ftps);
    let mut paths = Vec::new();
    for balancer in &config.balancers {
        let members = balancer.members.iter().enumerate();
        let ftp = members.filter(|(_, member)| is_ftp(member));
        paths.extend(
            ftp.map(|(index, _)| format!("balancers.{}.members[{index}].url", balancer.name)),
        );
    }
    for (index, mapping) in config.mappings.iter().enumerate() {
        if matches!(&mapping.to, Some(Target::Member(member)) if is_ftp(member)) {
            paths.push(format!("proxy_pass[{index}].to"));
        }
    }
    let reason = Reason::WithoutFtp;
    let paths = paths.into_iter();
    paths.map(|path| Unbuilt { path, reason }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "listeners: [{ bind: \"[::1]:0\" }]
balancers:
  files:
    members:
      - { url: \"http://localhost\" }
      - { url: \"ftp://localhost\" }
proxy_pass:
  - { path: /, to: \"balancer://files/\" }
  - { path: /pub, to: \"ftps://localhost/pub\" }
";

    #[test]
    fn a_program_without_ftp_names_each_ftp_url_with_line_and_hint() {
        let path = std::path::Path::new("ajpgate.yaml");
        let loaded = ajpgate_config::parse(FILE, path, &|_| None).unwrap();
        assert_eq!(found(&loaded.config, true), []);
        let shown = found(&loaded.config, false).into_iter().map(|it| {
            let problem = loaded.problem(&it.path, it.message(), Some(it.hint().to_owned()));
            (problem.headline(), it.hint())
        });
        let hint = "build it with the feature `ftp`, which is on by default";
        assert_eq!(
            shown.collect::<Vec<_>>(),
            [
                (
                    "ajpgate.yaml:6:11: url: this program is built without FTP".to_owned(),
                    hint
                ),
                (
                    "ajpgate.yaml:9:19: to: this program is built without FTP".to_owned(),
                    hint
                ),
            ]
        );
    }
}
