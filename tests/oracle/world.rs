//! The history of a world, as far as the rows need it.

use crate::configuration::Configuration;
use crate::node::Mode;

/// The history of a balancer since its start, as httpd keeps it.
#[derive(Debug, Clone)]
pub(crate) struct World {
    members: Vec<Member>,
    forcerecovery: bool,
    failonstatus: Vec<u16>,
    /// Most attempts of a request.
    tries: usize,
    /// Number of pauses so far.
    pauses: usize,
    modes: Vec<Mode>,
    /// Members in error before the current request.
    before: Vec<bool>,
}

#[derive(Debug, Clone, Default)]
struct Member {
    in_error: bool,
    ignores_errors: bool,
    /// The numbers of pauses after which it failed, since it last answered.
    failed_after: Vec<usize>,
}

impl World {
    /// A world without history.
    pub(crate) fn new(configuration: &Configuration) -> Self {
        let member = |index| Member {
            ignores_errors: configuration.has_status(index, "ignore_errors"),
            ..Member::default()
        };
        let size = configuration.size();
        let statuses = configuration.key("failonstatus").unwrap_or_default();
        Self {
            members: (0..size).map(member).collect(),
            forcerecovery: configuration.key("forcerecovery") != Some("off"),
            failonstatus: statuses.split(',').flat_map(str::parse).collect(),
            tries: configuration.tries(),
            pauses: 0,
            modes: vec![Mode::Up; size],
            before: vec![false; size],
        }
    }

    /// `retry` has passed.
    pub(crate) fn pause(&mut self) {
        self.pauses += 1;
        for member in &mut self.members {
            member.in_error = false;
        }
    }

    /// A request begins, with the nodes in these modes.
    pub(crate) fn begin(&mut self, modes: Vec<Mode>) {
        if self.forcerecovery && self.members.iter().all(|member| member.in_error) {
            for member in &mut self.members {
                member.in_error = false;
            }
        }
        self.modes = modes;
        self.before = self.members.iter().map(|member| member.in_error).collect();
    }

    /// A request has failed on the members in `trail` and then been answered, with this status, by `served`.
    pub(crate) fn end(&mut self, trail: &[usize], served: Option<usize>, status: u16) {
        let pauses = self.pauses;
        for &failed in trail {
            let member = &mut self.members[failed];
            member.in_error = !member.ignores_errors;
            if member.failed_after.last() != Some(&pauses) {
                member.failed_after.push(pauses);
            }
        }
        if let Some(served) = served {
            let member = &mut self.members[served];
            member.in_error = self.failonstatus.contains(&status) && !member.ignores_errors;
            member.failed_after.clear();
        }
    }

    /// Whether a node closed connections without an answer while the current request was tried.
    pub(crate) fn is_dropping(&self, member: usize) -> bool {
        self.modes[member] == Mode::Dropping
    }

    /// Whether all members were in error after the request had failed on one of these and before it was tried again.
    pub(crate) fn was_forced_while_trying(&self, trail: &[usize]) -> bool {
        let mut in_error = self.before.clone();
        self.forcerecovery
            && trail.iter().take(self.tries - 1).any(|&failed| {
                in_error[failed] = true;
                in_error.iter().all(|&error| error)
            })
    }

    /// Whether httpd tries a member that has failed repeatedly earlier than ajpgate: after another `retry`, where ajpgate waits
    /// longer.
    pub(crate) fn waits_differ(&self) -> bool {
        self.members.iter().any(|member| {
            member.failed_after.len() > 1
                && member
                    .failed_after
                    .last()
                    .is_some_and(|&last| last < self.pauses)
        })
    }
}
