//! Boxes for large futures.

use std::pin::Pin;

/// The future that `make` returns, in a box. `Box::pin` makes a future on the stack and copies it, with all the room for what it
/// will hold later: several KiB for a request.
#[inline]
pub(crate) fn in_box<F>(make: impl FnOnce() -> F) -> Pin<Box<F>> {
    Box::into_pin(Box::write(Box::new_uninit(), make()))
}
