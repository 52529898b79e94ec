//! Passwords that were found right, so that they need not be hashed for each request.

use std::collections::{HashSet, VecDeque};
use std::io;
use std::sync::{Mutex, PoisonError};

use ring::hmac;

use super::credentials::Credentials;

/// Most answers that are remembered. Only passwords that are right are.
const MOST: usize = 10_000;

/// Right answers for one content of a file. Neither names nor passwords are kept, but a number that is made of both with a
/// secret of this process.
#[derive(Debug)]
pub(super) struct Good {
    key: hmac::Key,
    remembered: Mutex<Remembered>,
}

#[derive(Debug, Default)]
struct Remembered {
    tags: HashSet<Tag>,
    /// The oldest first.
    order: VecDeque<Tag>,
}

/// What stands for a user and a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Tag([u8; 32]);

impl Good {
    /// # Errors
    /// When the system has no random numbers for the secret.
    pub(super) fn new() -> io::Result<Self> {
        let secret = [crate::random::bits128()?, crate::random::bits128()?];
        let secret = secret.map(u128::to_ne_bytes);
        Ok(Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, secret.as_flattened()),
            remembered: Mutex::new(Remembered::default()),
        })
    }

    pub(super) fn tag(&self, credentials: &Credentials) -> Tag {
        let Credentials { user, password } = credentials;
        let mut context = hmac::Context::with_key(&self.key);
        // The length keeps `ab` and `c` apart from `a` and `bc`.
        context.update(&(user.len() as u64).to_le_bytes());
        context.update(user.as_bytes());
        context.update(password);
        let tag = context.sign();
        Tag(tag.as_ref().try_into().unwrap_or_default())
    }

    pub(super) fn knows(&self, tag: &Tag) -> bool {
        let remembered = self
            .remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        remembered.tags.contains(tag)
    }

    /// Remembers an answer; the oldest gives way where there are too many.
    pub(super) fn remember(&self, tag: Tag) {
        let mut remembered = self
            .remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if remembered.tags.insert(tag) {
            remembered.order.push_back(tag);
        }
        if remembered.order.len() > MOST
            && let Some(oldest) = remembered.order.pop_front()
        {
            remembered.tags.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(user: &str, password: &str) -> Credentials {
        Credentials {
            user: user.to_owned(),
            password: password.as_bytes().to_vec(),
        }
    }

    #[test]
    fn an_answer_is_known_for_this_user_and_this_password() {
        let good = Good::new().unwrap();
        let tag = good.tag(&credentials("anna", "secret"));
        assert!(!good.knows(&tag));
        good.remember(tag);
        assert!(good.knows(&tag));
        for (user, password) in [
            ("ann", "asecret"),
            ("annas", "ecret"),
            ("anna", "Secret"),
            ("", "annasecret"),
        ] {
            let other = good.tag(&credentials(user, password));
            assert!(!good.knows(&other), "{user}");
        }
        // Another process, and another content of the file, make other numbers.
        let another = Good::new().unwrap();
        assert_ne!(tag, another.tag(&credentials("anna", "secret")));
    }

    #[test]
    fn so_many_are_remembered_and_no_more() {
        let good = Good::new().unwrap();
        let tag = |at: usize| good.tag(&credentials(&at.to_string(), ""));
        for at in 0..MOST + 10 {
            good.remember(tag(at));
            good.remember(tag(at));
        }
        let remembered = good.remembered.lock().unwrap();
        assert_eq!(
            (remembered.tags.len(), remembered.order.len()),
            (MOST, MOST)
        );
        drop(remembered);
        assert!(!good.knows(&tag(9)));
        assert!(good.knows(&tag(10)));
    }
}
