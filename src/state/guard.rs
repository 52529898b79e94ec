//! Who may use a mapping, while it runs: its access, and its ways to know a user.
//!
//! What was counted, the files of users and the connections to servers that are asked go on over a reload, as long as the
//! configuration says the same about them.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use ajpgate_config::{self as config, Config, Mapping, USER_FIELD};
use tracing::warn;

use super::bad_files::BadFiles;
use crate::access::Access;
use crate::backend::{self, Backend, BackendError, backend};
use crate::client::Claims;
use crate::identity::{Identity, LiveUsers, UsersError};
use crate::telemetry::WarnLimit;
use crate::telemetry::metrics::ConnectCounters;

/// See the [module](self).
#[derive(Debug, Clone, Default)]
pub(crate) struct Guard {
    /// What tells the mapping from others, over a reload.
    key: String,
    pub(crate) access: Access,
    pub(crate) identity: Option<Arc<LiveIdentity>>,
}

impl Guard {
    /// Whether members do not get the Authorization field of a client.
    pub(crate) fn keeps_authorization(&self) -> bool {
        let identity = self.identity.as_ref();
        identity.is_some_and(|live| !live.identity.passes_authorization())
    }
}

/// `auth` of mappings. Those that say the same share one.
#[derive(Debug)]
pub(crate) struct LiveIdentity {
    pub(crate) identity: Identity,
    users: Option<Arc<LiveUsers>>,
    /// The server of `forward`.
    pub(crate) server: Option<AuthServer>,
}

/// A server that says who the user is.
#[derive(Debug)]
pub(crate) struct AuthServer {
    pub(crate) backend: Backend,
    /// Its host and port.
    pub(crate) authority: String,
    /// Limits the warnings about its failures.
    pub(crate) failed: WarnLimit,
    /// Limits the warnings about its files.
    bad_files: WarnLimit,
}

/// Why a mapping cannot be guarded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GuardError {
    #[error("{0}")]
    Backend(#[from] BackendError),
    #[error("{0}")]
    Users(#[from] UsersError),
}

/// The guards of the mappings of a configuration, in its order. `before` are those that run.
///
/// # Errors
/// A file of users that was never read, or a file of TLS, that cannot be used; the latter only where `bad_files` are refused or
/// nobody has read it before. A file of users that was read before stays as it was.
pub(super) fn guards(
    config: &Config,
    before: &[&Guard],
    bad_files: BadFiles,
    cores: usize,
) -> Result<Vec<Guard>, GuardError> {
    let mut made = Identities {
        identities: before
            .iter()
            .filter_map(|guard| guard.identity.clone())
            .collect(),
        read: HashSet::new(),
        bad_files,
        cores,
    };
    let guards = config.mappings.iter().map(|mapping| {
        let key = key(mapping);
        let old = before.iter().find(|old| old.key == key);
        let old = old.map(|old| &old.access);
        let identity = mapping.identity.as_ref();
        Ok(Guard {
            access: Access::of(&mapping.access, old),
            identity: identity.map(|it| made.identity(it)).transpose()?,
            key,
        })
    });
    guards.collect()
}

/// Two mappings of a configuration never have the same.
fn key(mapping: &Mapping) -> String {
    let Mapping {
        path,
        pattern,
        hosts,
        scheme,
        ..
    } = mapping;
    format!("{path:?} {pattern:?} {hosts:?} {scheme:?}")
}

/// The identities that there are already: those that run, and those that were made for earlier mappings of the configuration.
struct Identities {
    identities: Vec<Arc<LiveIdentity>>,
    /// The files of users that were read.
    read: HashSet<PathBuf>,
    bad_files: BadFiles,
    cores: usize,
}

impl Identities {
    fn identity(&mut self, wanted: &config::Identity) -> Result<Arc<LiveIdentity>, GuardError> {
        let known = self.identities.iter();
        let same: Vec<_> = known
            .filter(|known| known.identity.settings() == wanted)
            .cloned()
            .collect();
        if let Some(current) = same.iter().find(|known| !known.is_out_of_date()) {
            if let Some(users) = &current.users {
                self.read_again(users);
            }
            return Ok(Arc::clone(current));
        }
        match (self.new_identity(wanted), same.first()) {
            (Err(error), Some(before)) if self.bad_files == BadFiles::LeftAsRead => {
                before.tell_that_files_are_bad(&error);
                Ok(Arc::clone(before))
            }
            (made, _) => made,
        }
    }

    fn new_identity(&mut self, wanted: &config::Identity) -> Result<Arc<LiveIdentity>, GuardError> {
        let users = wanted.basic.as_ref();
        let users = users.map(|basic| self.users(basic)).transpose()?;
        let server = wanted.forward.as_ref();
        let server = server.map(|forward| AuthServer::new(forward, self.cores));
        let made = Arc::new(LiveIdentity {
            identity: Identity::new(wanted, users.clone()),
            users,
            server: server.transpose()?,
        });
        self.identities.push(Arc::clone(&made));
        Ok(made)
    }

    fn users(&mut self, basic: &config::Basic) -> Result<Arc<LiveUsers>, UsersError> {
        let known = self.identities.iter().filter_map(|it| it.users.as_ref());
        let mut known = known.filter(|users| users.path() == basic.users);
        match known.next().map(Arc::clone) {
            Some(users) => {
                self.read_again(&users);
                Ok(users)
            }
            None => {
                self.read.insert(basic.users.clone());
                LiveUsers::new(&basic.users).map(Arc::new)
            }
        }
    }

    /// Reads a file of users again where the configuration is read again: once, whatever number of mappings name it.
    fn read_again(&mut self, users: &LiveUsers) {
        let is_reload = self.bad_files == BadFiles::Refused;
        if is_reload && self.read.insert(users.path().to_owned()) {
            users.read_again();
        }
    }
}

impl LiveIdentity {
    /// Whether the files of TLS of its server say something else by now.
    pub(super) fn is_out_of_date(&self) -> bool {
        let server = self.server.as_ref();
        server.is_some_and(|server| server.backend.is_out_of_date())
    }

    /// Logs why its files cannot be read again.
    fn tell_that_files_are_bad(&self, reason: &GuardError) {
        if let Some(server) = &self.server
            && let Some(left_out) = server.bad_files.due(())
        {
            warn!(
                %reason, left_out = left_out.field(),
                "the files of a server of auth.forward cannot be used any more: it goes on with what they held before"
            );
        }
    }
}

impl AuthServer {
    fn new(forward: &config::ForwardAuth, cores: usize) -> Result<Self, BackendError> {
        Ok(Self {
            backend: backend(&forward.server, cores, &ConnectCounters::nowhere())?,
            authority: backend::authority(&forward.server.url),
            failed: WarnLimit::per_second(),
            bad_files: WarnLimit::per_minute(),
        })
    }
}

/// The names of the fields that say who a user is, over all mappings.
pub(super) fn claims(config: &Config) -> Claims {
    let identities = || config.mappings.iter().filter_map(|it| it.identity.as_ref());
    let attributes = identities().flat_map(|it| it.attributes().map(|it| &*it.field));
    let asked = identities().filter_map(|it| it.forward.as_ref());
    let asked = asked.map(|forward| &*forward.user);
    let told = identities().filter_map(|it| it.header.as_ref());
    let told = told.map(|header| &*header.user);
    let never = std::iter::once(USER_FIELD).chain(attributes).chain(asked);
    Claims::new(never, told)
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::path::Path;

    use super::*;

    /// The guards of mappings that begin like this, each with one request an hour.
    fn guards_of(mappings: &[&str], before: &[Guard]) -> Vec<Guard> {
        let mappings = mappings.iter().map(|mapping| {
            format!("  - {{ {mapping}, to: \"ajp://a:1\", rate: {{ requests: 1/h, burst: 1 }} }}\n")
        });
        let text = format!(
            "listeners: [{{ bind: '127.0.0.1:0' }}]\nproxy_pass:\n{}",
            mappings.collect::<String>()
        );
        let loaded = ajpgate_config::parse(&text, Path::new("x"), &|_| None).unwrap();
        let before: Vec<&Guard> = before.iter().collect();
        guards(&loaded.config, &before, BadFiles::Refused, 1).unwrap()
    }

    fn lets_in(guard: &Guard) -> bool {
        let client = IpAddr::V4(Ipv4Addr::LOCALHOST);
        guard.access.count(client).is_ok()
    }

    #[test]
    fn what_was_counted_stays_with_its_mapping_over_a_reload() {
        let mappings = [
            "path: /a",
            "path: /a, scheme: https",
            "path: /a, hosts: [h.example]",
            "match: ^/a",
            "match: ^/b",
        ];
        let started = guards_of(&mappings, &[]);
        // Those of even places are used up.
        for guard in started.iter().step_by(2) {
            assert!(lets_in(guard));
        }
        let mut reordered = mappings;
        reordered.reverse();
        let changed = guards_of(&[&reordered[..], &["path: /new"]].concat(), &started);
        let free: Vec<bool> = changed.iter().map(lets_in).collect();
        assert_eq!(free, [false, true, false, true, false, true]);
    }
}
