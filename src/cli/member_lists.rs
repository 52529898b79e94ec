//! Warnings of `check` about lists of members (`discover` with `file`). At run time such a list names nobody, and the members
//! that it named before stay.

use ajpgate_config::{DiscoverFrom, Loaded, MemberFiles, Problem};

/// A warning for each list that cannot be read.
pub(super) fn doubts(loaded: &Loaded) -> Vec<Problem> {
    let mut doubts = Vec::new();
    for balancer in &loaded.config.balancers {
        for (index, source) in balancer.discover.iter().enumerate() {
            let DiscoverFrom::File(files) = &source.from else {
                continue;
            };
            let at = format!("balancers.{}.discover[{index}].file", balancer.name);
            let warning = |why| {
                let hint = "until it can be read, the members that it named before stay";
                let problem = loaded.problem(&at, format!("file: {why}"), Some(hint.to_owned()));
                problem.into_warning()
            };
            doubts.extend(unreadable(files).into_iter().map(warning));
        }
    }
    doubts
}

/// Why files cannot be read.
fn unreadable(files: &MemberFiles) -> Vec<String> {
    let now = match files.now() {
        Ok(now) => now,
        Err(why) => return vec![why],
    };
    let variable = |name: &str| std::env::var(name).ok();
    let read = now.iter().map(|file| files.read(&file.path, &variable));
    read.filter_map(Result::err).collect()
}
