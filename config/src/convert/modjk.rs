//! The configuration of mod_jk 1.2: workers.properties, uriworkermap.properties, and the `Jk…` directives of an httpd.
//!
//! `lex` makes properties of bytes; `read` has their lists, variables and references; `worker` looks at one worker, which
//! `member` and `balancer` turn. `mount` has the rules in mod_jk's order, and `rules` makes rules of them of which the first
//! one counts. `connector` puts both together, and `leftover` says what became of no property.

mod balancer;
mod connector;
mod directives;
mod extension;
mod glob;
mod leftover;
mod lex;
mod member;
mod mount;
mod old;
mod options;
mod read;
mod rules;
mod silent;
mod worker;

use std::path::Path;
use std::sync::Arc;

use self::connector::Connector;
pub(super) use self::directives::{Directive, Directives};
pub(super) use self::glob::takes as takes_glob;
pub(super) use self::lex::property;
use self::mount::{Mounts, Written};
use self::old::Rules;
pub(super) use self::old::{Old, told, told_alone};
pub(super) use self::options::Options;
use self::read::Properties;
use super::note::{Failure, Notes, Origin};
use super::site::{Action, Listener, Rule, Server, Site, Takes};
use super::value::{Keys, Value};
use crate::field::Kind as _;
use crate::value::AttributeName;

/// What mod_jk does behind a web server whose own files are not known: its rules count for every host.
///
/// # Errors
///
/// A file cannot be read, or is too long.
pub(super) fn alone(
    workers: &Path,
    map: Option<&Path>,
    options: &Options<'_>,
    notes: &mut Notes,
) -> Result<(Site, Old), Failure> {
    let mut properties = Properties::default();
    let place = place_of(workers);
    properties.read(workers, &place, options, notes)?;
    if !properties.iter().any(|(key, _)| key.starts_with("worker.")) {
        let text = "there is no property of a worker (worker.NAME.host) in it: it is not read as a file of mod_jk";
        return Err(Failure {
            origin: place,
            text: text.to_owned(),
        });
    }
    properties.resolve(notes)?;
    let start = Origin { line: 1, ..place };
    let mut connector = Connector::new(&properties, &start, Vec::new());
    let mut lines = connector.own_mounts();
    if let Some(map) = map {
        lines.extend(map_lines(map, &place_of(map), options, notes)?);
    }
    let mut mounts = Mounts::default();
    mounts.add(&lines, notes);
    mounts.sort();
    let rules = connector.rules(&mounts, &Keys::default(), notes);
    if lines.is_empty() {
        connector.all(notes);
        let text = "no rule says which paths go to its workers: give --uriworkermap FILE, or --httpd FILE with JkMount";
        notes.name(&start, text);
    }
    let balancers = connector.finish();
    leftover::leftover(&properties, notes);
    let site = Site {
        listeners: vec![any_address()],
        balancers,
        servers: vec![Server {
            stages: vec![rules],
            ..Server::default()
        }],
        ..Site::default()
    };
    let servers = vec![Rules {
        mounts,
        excluded: Vec::new(),
        silent: Vec::new(),
        unparsed: false,
    }];
    let old = Old {
        properties,
        servers,
    };
    Ok((site, old))
}

fn any_address() -> Listener {
    Listener {
        bind: "0.0.0.0:80".to_owned(),
        keys: Keys::default(),
        origin: None,
        comments: vec!["the address stands in no file of mod_jk".to_owned()],
    }
}

/// What is given beside the files of an httpd.
#[derive(Clone, Copy)]
pub(super) struct Given<'a> {
    /// In place of `JkWorkersFile`.
    pub(super) workers: Option<&'a Path>,
    /// In place of the main server's `JkMountFile`.
    pub(super) map: Option<&'a Path>,
    /// Where relative names start from.
    pub(super) root: &'a Path,
    pub(super) options: Options<'a>,
}

/// Adds what mod_jk does to the servers of an httpd. `servers` are the directives of each server of the site; `None` stands
/// for the main server, whose directives are `main`. Returns what is asked about single requests; `None`: there is no mod_jk.
///
/// # Errors
///
/// A file cannot be read, or is too long.
pub(super) fn add(
    site: &mut Site,
    main: &Directives,
    servers: &[Option<&Directives>],
    given: &Given<'_>,
    notes: &mut Notes,
) -> Result<Option<Old>, Failure> {
    if !has_mod_jk(main, servers, given) {
        return Ok(None);
    }
    let properties = properties(main, servers, given, notes)?;
    let place = place_of_workers(main, given);
    let taken = site.balancers.iter().map(|it| it.name.clone()).collect();
    let mut connector = Connector::new(&properties, &place, taken);
    let mut own = main.mounts.clone();
    own.extend(connector.own_mounts());
    let file = main_map(main, given, notes)?;
    let mut is_used = false;
    let mut rules = Vec::new();
    for (server, directives) in site.servers.iter_mut().zip(servers) {
        let host = directives.unwrap_or(main);
        let copies = directives.is_none() || host.copy.unwrap_or(main.copy_all);
        is_used |= copies;
        let mut mounts = Mounts::default();
        mounts.add(&joined(host, directives.is_some(), copies, &own), notes);
        let map = match (&host.map, directives) {
            (Some((name, origin)), Some(_)) => {
                map_lines(&given.root.join(name), origin, &given.options, notes)?
            }
            _ if copies => file.clone(),
            _ => Vec::new(),
        };
        mounts.add(&map, notes);
        mounts.sort();
        let keys = attributes(main, host, notes);
        let mut excluding: Vec<(String, Origin)> = excluding(main, host).cloned().collect();
        excluding.append(&mut server.kept_from_mod_jk);
        let mut stage = excluded(&excluding);
        let silent = silent::of_server(main, host);
        let mounted = connector.rules(&mounts, &keys, notes);
        stage.extend(silent::silence(mounted, &silent, notes));
        insert(server, stage);
        rules.push(Rules {
            mounts,
            excluded: excluding,
            silent,
            unparsed: host.unparsed.or(main.unparsed).unwrap_or(false),
        });
    }
    if !is_used {
        unused(own.iter().chain(&file).map(|it| &it.2), notes);
    }
    site.balancers.extend(connector.finish());
    leftover::leftover(&properties, notes);
    Ok(Some(Old {
        properties,
        servers: rules,
    }))
}

/// Whether a server uses mod_jk, or a file of its workers is given.
fn has_mod_jk(main: &Directives, servers: &[Option<&Directives>], given: &Given<'_>) -> bool {
    let hosts = servers.iter().filter_map(|it| *it);
    let mut all = std::iter::once(main).chain(hosts);
    given.workers.is_some() || all.any(|it| it.sends_on() || it.workers.is_some())
}

/// Where the workers are defined.
fn place_of_workers(main: &Directives, given: &Given<'_>) -> Origin {
    main.workers.as_ref().map_or_else(
        || given.workers.map_or_else(|| place_of(given.root), place_of),
        |it| it.1.clone(),
    )
}

/// Names the rules of the main server where no virtual host has them.
fn unused<'a>(rules: impl Iterator<Item = &'a Origin>, notes: &mut Notes) {
    for origin in rules {
        let text = "left out, as in mod_jk: virtual hosts have the rules of the main server only with JkMountCopy";
        notes.name(origin, text);
    }
}

/// The properties of the workers' file and of `JkWorkerProperty`.
fn properties(
    main: &Directives,
    servers: &[Option<&Directives>],
    given: &Given<'_>,
    notes: &mut Notes,
) -> Result<Properties, Failure> {
    let mut properties = Properties::default();
    let hosts = servers.iter().filter_map(|it| *it);
    for (text, origin) in std::iter::once(main)
        .chain(hosts)
        .flat_map(|it| &it.properties)
    {
        match property(text) {
            Some((key, value)) => {
                properties.set(&key, &value, origin.clone(), &given.options, notes)?;
            }
            None => notes.name(
                origin,
                "left out: mod_jk does not read it, it is no `key=value`",
            ),
        }
    }
    match (given.workers, &main.workers) {
        (Some(file), _) => properties.read(file, &place_of(file), &given.options, notes)?,
        (None, Some((name, origin))) => {
            properties.read(&given.root.join(name), origin, &given.options, notes)?;
        }
        (None, None) => {}
    }
    properties.resolve(notes)?;
    Ok(properties)
}

/// The mounts of a server with those of the main server, if it copies them. Its own ones replace the same patterns.
fn joined(host: &Directives, is_host: bool, copies: bool, own: &[Written]) -> Vec<Written> {
    if !is_host {
        return own.to_vec();
    }
    let mut lines = host.mounts.clone();
    if copies {
        let new = own
            .iter()
            .filter(|it| !host.mounts.iter().any(|known| known.0 == it.0));
        lines.extend(new.cloned());
    }
    lines
}

/// The lines of the main server's uriworkermap, or of the one that stands in its place.
fn main_map(
    main: &Directives,
    given: &Given<'_>,
    notes: &mut Notes,
) -> Result<Vec<Written>, Failure> {
    match (given.map, &main.map) {
        (Some(map), _) => map_lines(map, &place_of(map), &given.options, notes),
        (None, Some((name, origin))) => {
            map_lines(&given.root.join(name), origin, &given.options, notes)
        }
        (None, None) => Ok(Vec::new()),
    }
}

/// The lines of a uriworkermap.
fn map_lines(
    file: &Path,
    place: &Origin,
    options: &Options<'_>,
    notes: &mut Notes,
) -> Result<Vec<Written>, Failure> {
    let (name, lines) = read::open(file, place, options, notes)?;
    let line = |line: lex::Line| {
        let origin = Origin {
            file: Arc::clone(&name),
            line: line.number,
        };
        (line.key, line.value, origin)
    };
    Ok(lines.said.into_iter().map(line).collect())
}

/// `JkEnvVar`: request attributes, where `SetEnv` or the default tells the value.
fn attributes(main: &Directives, host: &Directives, notes: &mut Notes) -> Keys {
    let mut attributes = Keys::default();
    let same = std::ptr::eq(main, host);
    let own = if same { &[][..] } else { &host.variables };
    for (name, default, origin) in main.variables.iter().chain(own) {
        // What `SetEnv` says comes last in httpd, and counts.
        let set = host.value(name).or_else(|| main.value(name));
        if set.is_none() && (host.is_conditional(name) || main.is_conditional(name)) {
            let text = format!(
                "JkEnvVar {name} is left out: another line sets it for some requests; see `request_attributes`"
            );
            notes.name(origin, text);
            continue;
        }
        match set.or(default.as_deref()) {
            Some(text) if AttributeName::read(name).is_ok() && !text.contains(['%', '$']) => {
                attributes.set(name, Value::text(text));
            }
            _ => {
                let text = format!(
                    "JkEnvVar {name} is left out: its value is not known here; see `request_attributes`"
                );
                notes.name(origin, text);
            }
        }
    }
    match attributes.is_empty() {
        true => attributes,
        false => Keys::from([("request_attributes", Value::Map(attributes))]),
    }
}

/// The expressions of `no-jk` that count for a server.
fn excluding<'a>(
    main: &'a Directives,
    host: &'a Directives,
) -> impl Iterator<Item = &'a (String, Origin)> {
    let own = if std::ptr::eq(main, host) {
        &[][..]
    } else {
        &host.excluded
    };
    main.excluded.iter().chain(own)
}

/// What `no-jk` takes away from all rules.
fn excluded(excluding: &[(String, Origin)]) -> Vec<Rule> {
    let rule = |(pattern, origin): &(String, Origin)| {
        let takes = Takes::Pattern(pattern.clone());
        Rule::new(takes, Action::Pass, origin.clone())
    };
    excluding.iter().map(rule).collect()
}

/// Puts the rules behind those of mod_proxy and the redirects, and before the server's own files.
fn insert(server: &mut Server, stage: Vec<Rule>) {
    if stage.is_empty() {
        return;
    }
    let is_files = |rules: &Vec<Rule>| {
        let mut rules = rules.iter();
        rules.len() > 0
            && rules.all(|rule| rule.in_folder || matches!(rule.action, Action::Files(_)))
    };
    let at = server.stages.iter().position(is_files);
    server
        .stages
        .insert(at.unwrap_or(server.stages.len()), stage);
}

/// A file as a whole.
fn place_of(file: &Path) -> Origin {
    Origin {
        file: Arc::from(&*file.to_string_lossy()),
        line: 0,
    }
}
