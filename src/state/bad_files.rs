//! What follows where a file that the configuration names cannot be used: a file of `tls`, for example.

/// See the [module](self).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BadFiles {
    /// The configuration is refused: at a start and at a reload. Members that have files of their own are left out alone.
    Refused,
    /// What runs goes on with what the file held before: the change is about something else.
    LeftAsRead,
}
