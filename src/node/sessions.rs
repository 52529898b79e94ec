//! Sessions in memory: an id that ends with the node's route, and the number of requests.

use std::collections::HashMap;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::random;

/// How long a session lives after its last request.
const LIFETIME: Duration = Duration::from_secs(30 * 60);

/// The largest number of sessions. When there are more, the older half is removed.
const MAX_SESSIONS: usize = 100_000;

/// The sessions of a node.
#[derive(Debug)]
pub(super) struct Sessions {
    /// The end of an id: empty, or a dot and the route.
    suffix: String,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    by_id: HashMap<String, Session>,
}

#[derive(Debug)]
struct Session {
    hits: u64,
    used: Instant,
}

/// The session of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Visit {
    pub(super) id: String,
    pub(super) hits: u64,
    pub(super) is_new: bool,
}

impl Sessions {
    pub(super) fn new(route: &str) -> Self {
        let suffix = if route.is_empty() {
            String::new()
        } else {
            format!(".{route}")
        };
        Self {
            suffix,
            state: Mutex::default(),
        }
    }

    /// Counts a request for the session with this id, or for a new one.
    ///
    /// # Errors
    /// When the system has no random numbers for a new id.
    pub(super) fn visit(&self, id: Option<&str>, now: Instant) -> io::Result<Visit> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(id) = id
            && let Some(session) = state.by_id.get_mut(id)
            && now.duration_since(session.used) < LIFETIME
        {
            session.hits += 1;
            session.used = now;
            return Ok(Visit {
                id: id.to_owned(),
                hits: session.hits,
                is_new: false,
            });
        }
        if state.by_id.len() >= MAX_SESSIONS {
            state.forget_older_half();
        }
        let id = self.new_id()?;
        state
            .by_id
            .insert(id.clone(), Session { hits: 1, used: now });
        Ok(Visit {
            id,
            hits: 1,
            is_new: true,
        })
    }

    /// 128 random bits in the form of Tomcat's ids, which cannot be guessed from other ids.
    fn new_id(&self) -> io::Result<String> {
        Ok(format!("{:032X}{}", random::bits128()?, self.suffix))
    }
}

impl State {
    fn forget_older_half(&mut self) {
        let mut times: Vec<Instant> = self.by_id.values().map(|session| session.used).collect();
        times.sort_unstable();
        if let Some(middle) = times.get(times.len() / 2).copied() {
            self.by_id.retain(|_, session| session.used > middle);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_counts_its_requests_until_it_expires() {
        let sessions = Sessions::new("node1");
        let start = Instant::now();
        let first = sessions.visit(None, start).unwrap();
        assert!(first.is_new && first.id.ends_with(".node1") && first.id.len() == 32 + 6);
        let second = sessions
            .visit(Some(&first.id), start + Duration::from_secs(1))
            .unwrap();
        assert_eq!(
            second,
            Visit {
                hits: 2,
                is_new: false,
                ..first.clone()
            }
        );
        let foreign = sessions.visit(Some("0123.node2"), start).unwrap();
        assert!(foreign.is_new && foreign.id != first.id);
        let late = sessions
            .visit(Some(&first.id), start + Duration::from_secs(1) + LIFETIME)
            .unwrap();
        assert!(late.is_new);
    }
}
