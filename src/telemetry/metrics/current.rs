//! Handles that others take the place of while requests count: those of another route, for example.

use std::fmt;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Handles of something whose labels may change. Whoever began to count with them counts under the labels of the end.
pub(crate) struct Handles<T> {
    own: Arc<T>,
    /// Whether others have taken their place.
    is_replaced: AtomicBool,
    /// The last that took their place; all of them share it. Locked only by those that were replaced.
    newest: Arc<Mutex<Arc<T>>>,
}

impl<T> Handles<T> {
    pub(crate) fn new(own: T) -> Arc<Self> {
        let own = Arc::new(own);
        Arc::new(Self {
            newest: Arc::new(Mutex::new(Arc::clone(&own))),
            own,
            is_replaced: AtomicBool::new(false),
        })
    }

    /// Others that take their place from now on.
    pub(crate) fn replace_by(&self, next: T) -> Arc<Self> {
        let own = Arc::new(next);
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&own);
        self.is_replaced.store(true, Ordering::Release);
        Arc::new(Self {
            own,
            is_replaced: AtomicBool::new(false),
            newest: Arc::clone(&self.newest),
        })
    }

    /// Those to count with now.
    pub(crate) fn now(&self) -> Now<'_, T> {
        match self.is_replaced.load(Ordering::Acquire) {
            false => Now::Own(&self.own),
            true => {
                let newest = self.newest.lock();
                Now::Newest(Arc::clone(&newest.unwrap_or_else(PoisonError::into_inner)))
            }
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Handles<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.now().fmt(f)
    }
}

/// Handles to count with for a moment.
pub(crate) enum Now<'a, T> {
    Own(&'a T),
    Newest(Arc<T>),
}

impl<T> Deref for Now<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        match self {
            Self::Own(handles) => handles,
            Self::Newest(handles) => handles,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_were_replaced_are_the_newest() {
        let first = Handles::new(1);
        assert_eq!(*first.now(), 1);
        let second = first.replace_by(2);
        let third = second.replace_by(3);
        let now = [&first, &second, &third].map(|handles| *handles.now());
        assert_eq!(now, [3; 3]);
    }
}
