//! Checks of files of users before anything starts, and what an administrator of Tomcat has to know about users.

use ajpgate_config::{Config, Loaded, Problem, Scheme, Target};

use super::tls_files::Found;
use crate::identity;

const ADD: &str = "`htpasswd -B FILE USER` writes a line that can be used";

/// The problems of the files of users, one for each line that cannot be used, and warnings about files without users.
pub(super) fn look(loaded: &Loaded) -> (Vec<Found>, Vec<Problem>) {
    let (mut found, mut doubts) = (Vec::new(), Vec::new());
    for (index, mapping) in loaded.config.mappings.iter().enumerate() {
        let identity = mapping.identity.as_ref();
        let basic = identity.and_then(|identity| identity.basic.as_ref());
        // A name that could not be read is empty.
        let named = basic.filter(|basic| !basic.users.as_os_str().is_empty());
        let Some(basic) = named else {
            continue;
        };
        let at = format!("proxy_pass[{index}].auth.basic.users");
        match identity::read(&basic.users) {
            Ok(users) if users.count() == 0 => {
                let message = format!("users: {} has no users", basic.users.display());
                let problem = loaded.problem(&at, message, Some(ADD.to_owned()));
                doubts.push(problem.into_warning());
            }
            Ok(_) => {}
            Err(error) => {
                let hint = match error.is_missing() {
                    true => "file names are relative to the folder of the configuration file",
                    false => ADD,
                };
                found.extend(error.lines().into_iter().map(|line| Found {
                    is_missing: error.is_missing(),
                    problem: loaded.problem(&at, format!("users: {line}"), Some(hint.to_owned())),
                }));
            }
        }
    }
    (found, doubts)
}

/// A reminder for each balancer of AJP members whose users the gateway knows: Tomcat has to be told to believe it.
pub(super) fn reminders(loaded: &Loaded) -> Vec<Problem> {
    let config = &loaded.config;
    let mut known: Vec<String> = Vec::new();
    let mut reminders = Vec::new();
    for (index, mapping) in config.mappings.iter().enumerate() {
        let Some(identity) = &mapping.identity else {
            continue;
        };
        let Some(name) = mapping
            .target()
            .and_then(|target| ajp_target(config, target))
        else {
            continue;
        };
        if known.contains(&name) {
            continue;
        }
        let attributes: Vec<&str> = identity.attributes().map(|it| &*it.name).collect();
        let pattern = match attributes.is_empty() {
            true => String::new(),
            false => format!(
                ", and allowedRequestAttributesPattern=\"{}\"",
                attributes.join("|")
            ),
        };
        let message = format!(
            "auth: Tomcat asks for users itself unless the AJP connectors of {name} say otherwise"
        );
        let hint =
            format!("set tomcatAuthentication=\"false\" on them in conf/server.xml{pattern}");
        let at = format!("proxy_pass[{index}].auth");
        reminders.push(loaded.problem(&at, message, Some(hint)).into_warning());
        known.push(name);
    }
    reminders
}

/// The name of a target with AJP members.
fn ajp_target(config: &Config, target: &Target) -> Option<String> {
    match target {
        Target::Balancer { index, .. } => {
            let balancer = config.balancers.get(*index)?;
            let mut members = balancer.members.iter();
            let speaks = members.any(|member| member.url.scheme == Scheme::Ajp);
            speaks.then(|| format!("{:?}", balancer.name))
        }
        Target::Member(member) => {
            (member.url.scheme == Scheme::Ajp).then(|| member.url.to_string())
        }
    }
}
