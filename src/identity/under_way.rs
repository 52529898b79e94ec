//! Checks of passwords that are under way. Requests with the same name and password share one: a browser sends dozens at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OnceCell;
use tokio::time::timeout;

use super::good::Tag;
use super::hashing::{Busy, LONGEST};

/// The checks of one content of a file, by what stands for the credentials.
#[derive(Debug, Default)]
pub(super) struct UnderWay {
    checks: Mutex<HashMap<Tag, Arc<OnceCell<bool>>>>,
}

impl UnderWay {
    /// What the check says that is under way for these credentials. Without one, or where the request that had begun it goes
    /// away, `check` is begun.
    ///
    /// # Errors
    /// As `check`, and when the result does not come within [`LONGEST`].
    pub(super) async fn share<F: Future<Output = Result<bool, Busy>>>(
        &self,
        tag: Tag,
        check: impl FnOnce() -> F,
    ) -> Result<bool, Busy> {
        let shared = self.enter(tag);
        let result = timeout(LONGEST, shared.cell.get_or_try_init(check)).await;
        result.map_err(|_| Busy)?.copied()
    }

    fn enter(&self, tag: Tag) -> Shared<'_> {
        let cell = Arc::clone(self.lock().entry(tag).or_default());
        Shared {
            of: self,
            tag,
            cell,
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Tag, Arc<OnceCell<bool>>>> {
        self.checks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The part of one request in a check.
struct Shared<'a> {
    of: &'a UnderWay,
    tag: Tag,
    cell: Arc<OnceCell<bool>>,
}

impl Drop for Shared<'_> {
    fn drop(&mut self) {
        let mut checks = self.of.lock();
        // The map and this request: it is the last one. Others enter under the lock only.
        if Arc::strong_count(&self.cell) == 2 {
            checks.remove(&self.tag);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::super::credentials::Credentials;
    use super::super::good::Good;
    use super::*;

    fn tag() -> Tag {
        let credentials = Credentials {
            user: "anna".to_owned(),
            password: b"s3cret".to_vec(),
        };
        Good::new().unwrap().tag(&credentials)
    }

    #[tokio::test(start_paused = true)]
    async fn equal_credentials_are_checked_once_while_the_check_lasts() {
        let (under_way, tag) = (UnderWay::default(), tag());
        let slow = || async {
            tokio::time::sleep(LONGEST / 2).await;
            Ok(false)
        };
        let first = under_way.share(tag, slow);
        // It would say that the password is right.
        let second = under_way.share(tag, || ready(Ok(true)));
        assert_eq!(tokio::join!(first, second), (Ok(false), Ok(false)));
        assert!(under_way.lock().is_empty());
        // A later one is checked anew.
        assert_eq!(under_way.share(tag, || ready(Ok(true))).await, Ok(true));
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_goes_away_leaves_the_check_to_the_next_one() {
        let (under_way, tag) = (UnderWay::default(), tag());
        let first = timeout(LONGEST / 2, under_way.share(tag, pending));
        let second = under_way.share(tag, || ready(Ok(true)));
        let (first, second) = tokio::join!(first, second);
        assert!(first.is_err());
        assert_eq!(second, Ok(true));
        assert!(under_way.lock().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_longer_than_the_longest_time() {
        let (under_way, tag) = (UnderWay::default(), tag());
        let first = under_way.share(tag, pending);
        let second = under_way.share(tag, pending);
        assert_eq!(tokio::join!(first, second), (Err(Busy), Err(Busy)));
        assert!(under_way.lock().is_empty());
    }
}
