//! Checks of files with certificates and keys before anything starts. A problem is reported at the line that names
//! the file.

use ajpgate_config::{Loaded, Member, Problem, Scheme, Target};

use crate::backend::Tls;

/// The problems of the files of members.
pub(super) fn problems(loaded: &Loaded) -> Vec<Problem> {
    let mut found = Vec::new();
    for balancer in &loaded.config.balancers {
        for (index, member) in balancer.members.iter().enumerate() {
            let at = format!("balancers.{}.members[{index}]", balancer.name);
            found.extend(problem(loaded, member, &at, "url"));
        }
    }
    for (index, mapping) in loaded.config.mappings.iter().enumerate() {
        if let Some(Target::Member(member)) = &mapping.to {
            let at = format!("proxy_pass[{index}]");
            found.extend(problem(loaded, member, &format!("{at}.member"), ""));
        }
    }
    found
}

fn problem(loaded: &Loaded, member: &Member, at: &str, url: &str) -> Option<Problem> {
    let upgrades = member.upgrade_url.iter();
    let mut urls = [&member.url].into_iter().chain(upgrades);
    let error = urls.find_map(|url| match url.scheme {
        Scheme::Https | Scheme::Ftps => Tls::new(url, member.tls.as_ref(), b"").err(),
        _ => None,
    })?;
    let key = match member.tls {
        Some(_) => "tls",
        None => url,
    };
    let dot = if key.is_empty() { "" } else { "." };
    let hint = "file names are relative to the folder of the configuration file";
    let message = format!("tls: {error:#}");
    Some(loaded.problem(&format!("{at}{dot}{key}"), message, Some(hint.to_owned())))
}
