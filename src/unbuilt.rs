//! Keys that a configuration may have and this program does not act on, because it is built without what they need.
//!
//! They are refused before a port is bound: nothing is ignored in silence.

use ajpgate_config::{Config, Loaded, Member, Problem, Problems, Scheme, Target};

/// Every key that `run` refuses, at its line.
pub(crate) fn problems(loaded: &Loaded) -> Option<Problems> {
    let found = found(&loaded.config, cfg!(feature = "ftp"));
    let problem = |it: &Unbuilt| loaded.problem(&it.path, it.message(), Some(HINT.to_owned()));
    Problems::new(found.iter().map(problem).collect())
}

/// The same for `check`, which does not fail for them.
pub(crate) fn warnings(loaded: &Loaded) -> Vec<Problem> {
    let found = found(&loaded.config, cfg!(feature = "ftp"));
    let warning = |it: &Unbuilt| {
        let hint = format!("`run` refuses this file: {HINT}");
        let problem = loaded.problem(&it.path, it.message(), Some(hint));
        problem.into_warning()
    };
    found.iter().map(warning).collect()
}

const HINT: &str = "build it with the feature `ftp`, which is on by default";

/// One of these keys.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Unbuilt {
    /// Such as `proxy_pass[1].to`.
    path: String,
}

impl Unbuilt {
    fn message(&self) -> String {
        let key = self.path.rsplit('.').next().unwrap_or(&self.path);
        format!("{key}: this program is built without FTP")
    }
}

/// `ftp` is whether this program speaks FTP.
fn found(config: &Config, ftp: bool) -> Vec<Unbuilt> {
    match ftp {
        true => Vec::new(),
        false => ftp_urls(config),
    }
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
        let sources = balancer.discover.iter().enumerate();
        let ftp = sources.filter(|(_, source)| source.template().is_some_and(is_ftp));
        paths.extend(ftp.map(|(index, source)| {
            let kind = source.source().name();
            format!("balancers.{}.discover[{index}].{kind}", balancer.name)
        }));
    }
    for (index, mapping) in config.mappings.iter().enumerate() {
        if matches!(mapping.target(), Some(Target::Member(member)) if is_ftp(member)) {
            paths.push(format!("proxy_pass[{index}].to"));
        }
    }
    let paths = paths.into_iter();
    paths.map(|path| Unbuilt { path }).collect()
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
            let problem = loaded.problem(&it.path, it.message(), Some(HINT.to_owned()));
            (problem.headline(), HINT)
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
