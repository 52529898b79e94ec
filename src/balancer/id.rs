//! How members are told apart.

/// The number of a member in its balancer. It is never given to another member.
///
/// The members of a [`Spec`](super::Spec) get 0, 1, 2 … in their order; a member that is added gets the next number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberId(u32);

impl MemberId {
    pub(super) const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number itself, for logs.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}
