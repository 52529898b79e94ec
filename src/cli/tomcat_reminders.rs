//! What an administrator of Tomcat has to do, so that Tomcat believes the gateway who the user is.

use ajpgate_config::{Config, Identity, Loaded, Mapping, Problem, Scheme, Target};
use regex::escape;

/// A reminder for each balancer of AJP members whose users the gateway knows: Tomcat has to be told to believe it. A connector
/// has one list of attributes, so a reminder has those of every mapping that leads there.
pub(super) fn of(loaded: &Loaded) -> Vec<Problem> {
    let config = &loaded.config;
    let mut reminders: Vec<Reminder> = Vec::new();
    for (index, mapping) in config.mappings.iter().enumerate() {
        let target = mapping.target();
        let Some(name) = target.and_then(|target| ajp_target(config, target)) else {
            continue;
        };
        let known = reminders.iter().position(|it| it.name == name);
        let at = known.unwrap_or(reminders.len());
        if known.is_none() {
            reminders.push(Reminder::new(name));
        }
        if let Some(reminder) = reminders.get_mut(at) {
            reminder.add(index, mapping);
        }
    }
    let problems = reminders.iter().filter_map(|it| it.problem(loaded));
    problems.collect()
}

/// What the connectors of one target have to be told.
struct Reminder {
    /// The name of the target.
    name: String,
    /// The first of its mappings with `auth`, from 0; `None` as long as there is none.
    first: Option<usize>,
    /// The names of the request attributes that its mappings send, each once.
    attributes: Vec<String>,
}

impl Reminder {
    const fn new(name: String) -> Self {
        Self {
            name,
            first: None,
            attributes: Vec::new(),
        }
    }

    fn add(&mut self, index: usize, mapping: &Mapping) {
        if mapping.identity.is_some() {
            self.first.get_or_insert(index);
        }
        let of_users = mapping.identity.iter().flat_map(Identity::attributes);
        let of_users = of_users.map(|attribute| &attribute.name);
        let own = mapping.request_attributes.iter().map(|(name, _)| name);
        for name in of_users.chain(own) {
            if !self.attributes.contains(name) {
                self.attributes.push(name.clone());
            }
        }
    }

    /// `None` where no mapping with `auth` leads to the target.
    fn problem(&self, loaded: &Loaded) -> Option<Problem> {
        let at = format!("proxy_pass[{}].auth", self.first?);
        let name = &self.name;
        let message = format!(
            "auth: Tomcat asks for users itself unless the AJP connectors of {name} say otherwise"
        );
        let names: Vec<String> = self.attributes.iter().map(|it| escape(it)).collect();
        let pattern = match names.is_empty() {
            true => String::new(),
            false => format!(
                ", and allowedRequestAttributesPattern=\"{}\"",
                names.join("|")
            ),
        };
        let hint =
            format!("set tomcatAuthentication=\"false\" on them in conf/server.xml{pattern}");
        Some(loaded.problem(&at, message, Some(hint)).into_warning())
    }
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
