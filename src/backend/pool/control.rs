//! What upkeep and the manager can do with a pool, whatever the protocol of its connections.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use crate::telemetry::metrics::ConnectCounters;

/// See the [module](self).
pub(crate) trait PoolControl: fmt::Debug + Send + Sync {
    /// How many connections there are now.
    fn view(&self) -> PoolView;

    /// How long an idle connection is kept.
    fn ttl(&self) -> Duration;

    /// Closes connections that have been idle for too long or were closed by the member, and opens new ones until
    /// there are `min`. Called now and then.
    fn maintain(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;

    /// Counts connects here from now on.
    fn count_connects(&self, connects: &ConnectCounters);

    /// Whether new connections would be made in another way now, because files of the configuration have changed.
    fn is_out_of_date(&self) -> bool;

    /// The same for the same pool, and for no other one that exists.
    fn identity(&self) -> usize;

    /// Keeps no connection any more. Requests that were to be sent over the pool still are, and a connection in use is
    /// closed when it comes back.
    fn retire(&self);

    /// Closes the idle connections; those in use are closed when they come back.
    fn close(&self);
}

/// How many connections there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct PoolView {
    pub(crate) idle: usize,
    pub(crate) busy: usize,
    /// Most that there may be.
    pub(crate) max: usize,
}

impl PoolView {
    /// Those of two pools.
    pub(crate) const fn and(self, other: Self) -> Self {
        Self {
            idle: self.idle.saturating_add(other.idle),
            busy: self.busy.saturating_add(other.busy),
            max: self.max.saturating_add(other.max),
        }
    }
}
