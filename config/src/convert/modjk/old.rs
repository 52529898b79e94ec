//! What mod_jk does with one request, by its rules alone: nothing here knows of mappings.

use regex::Regex;

use super::member;
use super::mount::Mounts;
use super::read::Properties;
use super::silent;
use super::worker::{Kind, Worker, names};
use crate::convert::note::{Notes, Origin};
use crate::convert::request_path::{BadPath, normal, without_parameters};
use crate::convert::site::Takes;
use crate::convert::told::{Asked, Backend, Deed, Telling, Told};

/// The rules of the servers of a web server with mod_jk, and the workers that they lead to.
#[derive(Debug)]
pub(crate) struct Old {
    pub(super) properties: Properties,
    /// In the order of the virtual hosts, then the main server.
    pub(super) servers: Vec<Rules>,
}

/// The rules of a server.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) mounts: Mounts,
    /// Expressions of `SetEnvIf Request_URI … no-jk`.
    pub(super) excluded: Vec<(String, Origin)>,
    /// The paths that mod_jk takes and then leaves alone.
    pub(super) silent: Vec<(Takes, Origin)>,
    /// Whether paths are sent on as clients write them.
    pub(super) unparsed: bool,
}

/// What a mod_jk does behind a web server whose own files are not known.
pub(crate) fn told_alone(old: &Old, asked: &Asked) -> Told {
    let mut telling = Telling::default();
    let answered = |status: u16, why: &str| Deed::Answered {
        status,
        why: why.to_owned(),
    };
    let deed = match normal(&asked.path) {
        Ok(path) => told(old, 0, &path, &asked.path, &mut telling).unwrap_or_else(|| {
            answered(404, "no rule of mod_jk takes the path; what the web server does with it stands in other files")
        }),
        Err(BadPath::Bad) => answered(400, "it is no path"),
        Err(BadPath::EncodedSlash) => answered(404, "there is %2F in the path"),
    };
    telling.ends(deed)
}

/// What mod_jk does with a path of a server; `None`: it leaves the request to others. `path` is decoded and without dot segments;
/// `raw` is what the client has written.
pub(crate) fn told(
    old: &Old,
    server: usize,
    path: &str,
    raw: &str,
    telling: &mut Telling,
) -> Option<Deed> {
    let rules = old.servers.get(server)?;
    for (pattern, origin) in &rules.excluded {
        match Regex::new(pattern) {
            Ok(regex) if regex.is_match(path) => {
                telling.step(
                    origin,
                    format!("no-jk where {pattern} is found in the path"),
                );
                return None;
            }
            Ok(_) => {}
            Err(_) => telling.unknown(origin, "its expression cannot be compared here"),
        }
    }
    let sent = if rules.unparsed { raw } else { path };
    let path = without_parameters(path);
    let (rule, is_excluded) = rules.mounts.decide(&path)?;
    let text = format!("the rule {} for the worker {}", rule.pattern, rule.worker);
    telling.step(&rule.origin, text);
    if is_excluded {
        let taking = rules.mounts.taking_away(rule, &path);
        for exclusion in taking {
            let text = format!(
                "{} is taken away from {}",
                exclusion.pattern, exclusion.worker
            );
            telling.step(&exclusion.origin, text);
        }
        return None;
    }
    if let Some(origin) = silent::at(&rules.silent, &path) {
        telling.step(
            origin,
            "SetEnv no-jk: nothing answers what mod_jk has taken",
        );
        return Some(Deed::Answered {
            status: 404,
            why: "mod_jk leaves it alone".to_owned(),
        });
    }
    Some(deed(&old.properties, &rule.worker, sent))
}

/// What becomes of a request for a worker. `path` is what is sent on.
fn deed(properties: &Properties, name: &str, path: &str) -> Deed {
    let answered = |status: u16, why: String| Deed::Answered { status, why };
    let list = properties.get("worker.list");
    let listed = list.map_or_else(|| vec!["ajp13"], |it| names(&it.value));
    if !listed.contains(&name) {
        return answered(500, format!("{name} is not in worker.list"));
    }
    let worker = Worker::new(name, properties);
    let found = match worker.kind() {
        Kind::Status => return Deed::Own(format!("mod_jk's status, worker {name}")),
        Kind::Unknown => {
            return Deed::Nobody(format!(
                "the type of {name} is unknown, and mod_jk does not start"
            ));
        }
        Kind::Ajp => vec![worker],
        Kind::Balancer => {
            let members = match worker.get(&["balance_workers"]) {
                Some(_) => worker.list("balance_workers"),
                None => worker.list("balanced_workers"),
            };
            let members = members.into_iter().map(|it| Worker::new(it, properties));
            members.filter(|it| it.kind() == Kind::Ajp).collect()
        }
    };
    let mut backends: Vec<Backend> = Vec::new();
    for worker in found {
        if let Ok(address) = member::url(&worker, &mut Notes::default())
            && !backends.iter().any(|it| it.address == address)
        {
            let path = path.to_owned();
            backends.push(Backend { address, path });
        }
    }
    match backends.is_empty() {
        true => answered(503, format!("{name} has no members")),
        false => Deed::Sent {
            to: format!("the worker {name}"),
            backends,
        },
    }
}
