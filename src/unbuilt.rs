//! Keys that a configuration may have and this program does not act on, because it is built without what they need.
//!
//! They are refused before a port is bound: nothing is ignored in silence.

use ajpgate_config::{Config, Loaded, Member, MemberSource, Problem, Problems, Scheme, Target};

/// Every key that `run` refuses, at its line.
pub(crate) fn problems(loaded: &Loaded) -> Option<Problems> {
    let found = found(&loaded.config, BUILT);
    let problem = |it: &Unbuilt| loaded.problem(&it.path, it.message(), Some(it.part.hint()));
    Problems::new(found.iter().map(problem).collect())
}

/// The same for `check`, which does not fail for them.
pub(crate) fn warnings(loaded: &Loaded) -> Vec<Problem> {
    let found = found(&loaded.config, BUILT);
    let warning = |it: &Unbuilt| {
        let hint = format!("`run` refuses this file: {}", it.part.hint());
        let problem = loaded.problem(&it.path, it.message(), Some(hint));
        problem.into_warning()
    };
    found.iter().map(warning).collect()
}

/// A part that a program may be built without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Ftp,
    Kubernetes,
}

/// The parts that this program has.
const BUILT: &[Part] = &[
    #[cfg(feature = "ftp")]
    Part::Ftp,
    #[cfg(feature = "kubernetes")]
    Part::Kubernetes,
];

impl Part {
    const fn name(self) -> &'static str {
        match self {
            Self::Ftp => "FTP",
            Self::Kubernetes => "Kubernetes",
        }
    }

    fn hint(self) -> String {
        let feature = self.name().to_lowercase();
        format!("build it with the feature `{feature}`, which is on by default")
    }
}

/// One of these keys.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Unbuilt {
    /// Such as `proxy_pass[1].to`.
    path: String,
    /// What it needs.
    part: Part,
}

impl Unbuilt {
    fn message(&self) -> String {
        let key = self.path.rsplit('.').next().unwrap_or(&self.path);
        format!("{key}: this program is built without {}", self.part.name())
    }
}

/// The keys that need a part other than those that are `built`.
fn found(config: &Config, built: &[Part]) -> Vec<Unbuilt> {
    let ftp = ftp_urls(config).into_iter();
    let ftp = ftp.map(|path| (path, Part::Ftp));
    let kubernetes = kubernetes_sources(config).into_iter();
    let kubernetes = kubernetes.map(|path| (path, Part::Kubernetes));
    let all = ftp.chain(kubernetes);
    all.filter(|(_, part)| !built.contains(part))
        .map(|(path, part)| Unbuilt { path, part })
        .collect()
}

/// The sources that ask Kubernetes.
fn kubernetes_sources(config: &Config) -> Vec<String> {
    let mut paths = Vec::new();
    for balancer in &config.balancers {
        let sources = balancer.discover.iter().enumerate();
        let asking = sources.filter(|(_, it)| it.source() == MemberSource::Kubernetes);
        paths.extend(
            asking.map(|(index, _)| {
                format!("balancers.{}.discover[{index}].kubernetes", balancer.name)
            }),
        );
    }
    paths
}

/// The urls of FTP members.
fn ftp_urls(config: &Config) -> Vec<String> {
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
    paths
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
    discover:
      - dns: \"http://pods.test\"
      - kubernetes: { service: pods, port: 80, scheme: http }
proxy_pass:
  - { path: /, to: \"balancer://files/\" }
  - { path: /pub, to: \"ftps://localhost/pub\" }
";

    #[test]
    fn a_program_without_a_part_names_each_key_that_needs_it_with_line_and_hint() {
        let path = std::path::Path::new("ajpgate.yaml");
        let loaded = ajpgate_config::parse(FILE, path, &|_| None).unwrap();
        assert_eq!(found(&loaded.config, &[Part::Ftp, Part::Kubernetes]), []);
        let shown = |built: &[Part]| -> Vec<String> {
            let found = found(&loaded.config, built).into_iter();
            let line = |it: Unbuilt| {
                let problem = loaded.problem(&it.path, it.message(), None);
                format!("{} | {}", problem.headline(), it.part.hint())
            };
            found.map(line).collect()
        };
        assert_eq!(
            shown(&[Part::Kubernetes]),
            [
                "ajpgate.yaml:6:11: url: this program is built without FTP | build it with the feature `ftp`, which is on by default",
                "ajpgate.yaml:12:19: to: this program is built without FTP | build it with the feature `ftp`, which is on by default",
            ]
        );
        assert_eq!(
            shown(&[Part::Ftp]),
            [
                "ajpgate.yaml:9:9: kubernetes: this program is built without Kubernetes | build it with the feature `kubernetes`, which is on by default",
            ]
        );
    }
}
