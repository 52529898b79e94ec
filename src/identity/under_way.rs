//! Checks of passwords that are under way. Requests with the same name and password share one: a browser sends dozens at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::timeout;

use super::good::Tag;
use super::hashing::Busy;

/// How long a request waits for a result: for a thread, and then for a hash of each kind that a file may have.
const LONGEST: Duration = Duration::from_secs(30);

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
        // Given back under the lock: of several that end at once, the last one sees that only the map has it.
        self.cell = Arc::default();
        let of_map = checks.get(&self.tag);
        if of_map.is_some_and(|cell| Arc::strong_count(cell) == 1) {
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

    /// Of requests that end at once on several cores, the last one removes the check.
    #[test]
    fn no_check_stays_when_requests_end_at_once() {
        let (under_way, tag) = (UnderWay::default(), tag());
        for _ in 0..2_000 {
            let together = std::sync::Barrier::new(2);
            let one = || {
                let shared = under_way.enter(tag);
                together.wait();
                drop(shared);
            };
            std::thread::scope(|scope| {
                scope.spawn(one);
                scope.spawn(one);
            });
            assert!(under_way.lock().is_empty());
        }
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
