//! Warnings of `check` about lists of members (`discover` with `file`). At run time a list that cannot be read names nobody, and the
//! members that it named before stay; a member that cannot be used is left out alone.

use ajpgate_config::{DiscoverFrom, Loaded, MemberFiles, Problem};

use crate::backend::backend;
use crate::telemetry::metrics::ConnectCounters;

/// A warning for each list that cannot be read, and for each member of them that cannot be used.
pub(super) fn doubts(loaded: &Loaded) -> Vec<Problem> {
    let mut doubts = Vec::new();
    for balancer in &loaded.config.balancers {
        for (index, source) in balancer.discover.iter().enumerate() {
            let DiscoverFrom::File(files) = &source.from else {
                continue;
            };
            let at = format!("balancers.{}.discover[{index}].file", balancer.name);
            let warning = |(why, hint): (String, &str)| {
                let problem = loaded.problem(&at, format!("file: {why}"), Some(hint.to_owned()));
                problem.into_warning()
            };
            doubts.extend(flaws(files).into_iter().map(warning));
        }
    }
    doubts
}

/// Why files cannot be read, and why members of them cannot be used; each with what follows.
fn flaws(files: &MemberFiles) -> Vec<(String, &'static str)> {
    const UNREAD: &str = "until it can be read, the members that it named before stay";
    const UNUSED: &str = "until it can be used, this member is left out";
    let now = match files.now() {
        Ok(now) => now,
        Err(why) => return vec![(why, UNREAD)],
    };
    let variable = |name: &str| std::env::var(name).ok();
    let mut flaws = Vec::new();
    for file in now {
        match files.read(&file.path, &variable) {
            Ok(members) => flaws.extend(members.iter().filter_map(|listed| {
                let unusable = backend(&listed.member, 1, &ConnectCounters::nowhere()).err()?;
                Some((format!("{}: {unusable}", file.path.display()), UNUSED))
            })),
            Err(why) => flaws.push((why, UNREAD)),
        }
    }
    flaws
}
