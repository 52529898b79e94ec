//! What the YAML that was just made does with a request. The same function decides as in `explain` and for real requests.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use ajpgate_config::convert::{Asked, Backend, Deed};
use ajpgate_config::{Action, Balancer, Config, Loaded, Member, MemberUrl, Target};
use anyhow::{Context as _, anyhow};

use crate::cli::explain::{self, End, Outcome};

/// The YAML, read, with what has to be put in place of files that are not on this machine.
pub(super) struct Trial {
    loaded: Loaded,
    /// For each mapping: the directory that it serves.
    directories: Vec<Option<PathBuf>>,
}

impl Trial {
    /// Reads the YAML. Files of users, directories and certificates need not be on this machine.
    pub(super) fn of(yaml: &str) -> anyhow::Result<Self> {
        let loaded = ajpgate_config::parse(yaml, Path::new("ajpgate.yaml"), &|_| None);
        let mut loaded = loaded.map_err(|problems| anyhow!("{problems}"))?;
        let mut directories = Vec::new();
        for mapping in &mut loaded.config.mappings {
            let directory = match &mut mapping.action {
                Action::Files(files) => {
                    let is_here = files.directory.is_dir();
                    let own = files.directory.clone();
                    if !is_here {
                        files.directory = PathBuf::from("/");
                    }
                    Some(own)
                }
                _ => None,
            };
            directories.push(directory);
        }
        Ok(Self {
            loaded,
            directories,
        })
    }

    /// What becomes of a request, and the index of the mapping that takes it.
    pub(super) fn told(
        &self,
        asked: &Asked,
        url: &str,
        from: IpAddr,
    ) -> anyhow::Result<(Deed, Option<usize>)> {
        if let Some(nobody) = self.unheard(asked) {
            return Ok((nobody, None));
        }
        let outcome = explain::outcome(&self.loaded, url, from);
        let Outcome { mapping, end } = outcome.context("the YAML cannot be tried here")?;
        let deed = match end {
            End::Answered { status, why } => Deed::Answered { status, why },
            End::Redirected { status, location } => Deed::Redirected {
                status,
                location: whole(&location, asked),
            },
            End::File(name) => {
                let directory = mapping.and_then(|at| self.directories.get(at)?.as_deref());
                let file = directory.unwrap_or(Path::new("/")).join(name);
                Deed::File(file.to_string_lossy().into_owned())
            }
            End::Forwarded(members) => self.sent(mapping, &members),
        };
        Ok((deed, mapping))
    }

    /// Whether a mapping is that of just this path, and of what is below it.
    pub(super) fn is_path(&self, mapping: usize, path: &str) -> bool {
        let Some(mapping) = self.loaded.config.mappings.get(mapping) else {
            return false;
        };
        match &mapping.pattern {
            None => mapping.path == path,
            // How `convert` writes a path that has to come before an expression.
            Some(pattern) => {
                let captures = pattern.letters().captures(path);
                let is_bare = captures.is_some_and(|it| it.get(1).is_none());
                is_bare && pattern.text().ends_with("(/.*)?$")
            }
        }
    }

    /// That no listener gets the request.
    fn unheard(&self, asked: &Asked) -> Option<Deed> {
        let listeners = &self.loaded.config.listeners;
        let mut speaking = listeners
            .iter()
            .filter(|it| it.tls.is_some() == asked.secure);
        let hears = match asked.port {
            Some(port) => speaking.any(|it| it.bind.port() == port),
            None => speaking.next().is_some(),
        };
        let scheme = asked.scheme();
        (!hears).then(|| {
            Deed::Nobody(match asked.port {
                Some(port) => format!("no listener speaks {scheme} on port {port}"),
                None => format!("no listener speaks {scheme}"),
            })
        })
    }

    /// All members that a mapping leads to, with the path that each one gets.
    fn sent(&self, mapping: Option<usize>, asked_first: &[(String, String)]) -> Deed {
        let config: &Config = &self.loaded.config;
        let action = mapping.and_then(|at| Some(&config.mappings.get(at)?.action));
        let (to, members): (String, Vec<&Member>) = match action {
            Some(Action::Forward(Target::Member(member))) => {
                (address(&member.url), vec![&**member])
            }
            Some(Action::Forward(Target::Balancer { index, .. })) => {
                let balancer: Option<&Balancer> = config.balancers.get(*index);
                let name = balancer.map_or("", |it| &it.name);
                let members = balancer.into_iter().flat_map(|it| &it.members);
                (format!("balancer://{name}"), members.collect())
            }
            _ => (String::new(), Vec::new()),
        };
        // A member that is disabled is not asked; it would get the same path behind that of its own url.
        let first = asked_first.first().and_then(|(url, path)| {
            let member = members.iter().find(|it| it.url.text == *url)?;
            Some(path.strip_prefix(&*member.url.path).unwrap_or(path))
        });
        let backends = members.iter().filter_map(|member| {
            let own = asked_first.iter().find(|(url, _)| *url == member.url.text);
            let path = match own {
                Some((_, path)) => path.clone(),
                None => format!("{}{}", member.url.path, first?),
            };
            let address = address(&member.url);
            Some(Backend { address, path })
        });
        let backends = backends.collect();
        Deed::Sent { to, backends }
    }
}

/// Scheme, host and port of a member.
fn address(url: &MemberUrl) -> String {
    let scheme = url.scheme.name();
    let host = match url.host.contains(':') {
        true => format!("[{}]", url.host),
        false => url.host.to_ascii_lowercase(),
    };
    format!("{scheme}://{host}:{}", url.port)
}

/// A `Location` as the client understands it.
fn whole(location: &str, asked: &Asked) -> String {
    match location.starts_with('/') {
        true => format!("{}{location}", asked.base()),
        false => location.to_owned(),
    }
}
