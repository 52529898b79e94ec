//! What a request reads: everything that follows from the configuration, behind one pointer.
//!
//! A request loads [`Shared::snapshot`] once and keeps it until its end. What traffic changes is inside a
//! [`LiveBalancer`], behind its mutex, which is never held across an await. What an operator or a new configuration
//! changes goes through [`Shared::edit`], one change at a time.
//!
//! | file | what it has |
//! |---|---|
//! | `shared` | what all connections share |
//! | `closing` | how far the stop of the gateway has come |
//! | `snapshot` | what follows from one configuration |
//! | `mapping`, `guard` | its mappings, and who may use them |
//! | `live`, `member` | a balancer and a member while they run |
//! | `shared_routes` | routes that several members have |
//! | `leaving` | removed members whose requests are not done |
//! | `transitions` | log lines about members that go out and come back |
//! | `attempt`, `seen` | one try of a request on one member, and its session |
//! | `prepared`, `plan`, `bad_files` | from a configuration to what runs, and what follows where a file cannot be used |
//! | `edit`, `editing` | changes, by hand or by another configuration |
//! | `layers` | what lies over the file |
//! | `discovered` | what sources of members have named |
//! | `learning` | routes that are learned from sessions |
//! | `overrides`, `changes`, `store`, `journal` | what was changed by hand: in force, its keys, in the state file, on the page |
//! | `cells`, `elsewhere` | changes by hand and sessions, as several gateways share them |
//! | `drain`, `draining`, `drain_log` | members that keep their sessions and get no others |

mod attempt;
mod bad_files;
mod cells;
mod changes;
mod closing;
mod directories;
mod discovered;
mod drain;
mod drain_log;
mod draining;
mod edit;
mod editing;
mod elsewhere;
mod guard;
mod journal;
mod layers;
mod learning;
mod leaving;
mod live;
mod mapping;
mod member;
mod overrides;
mod plan;
mod prepared;
mod seen;
mod shared;
mod shared_routes;
mod snapshot;
mod store;
mod transitions;

#[cfg(test)]
mod tests;

pub(crate) use self::attempt::{Attempt, Chosen};
pub(crate) use self::closing::Closing;
pub(crate) use self::drain::Left;
pub(crate) use self::edit::Edit;
pub(crate) use self::editing::{EditError, Editing};
pub(crate) use self::guard::{AuthServer, LiveIdentity};
pub(crate) use self::journal::{Journal, MadeByHand};
pub(crate) use self::layers::with_lists;
pub(crate) use self::learning::HeardRoutes;
pub(crate) use self::leaving::LeavingMembers;
pub(crate) use self::live::LiveBalancer;
pub(crate) use self::mapping::{LiveAction, LiveMapping, LiveTarget, Made};
pub(crate) use self::member::LiveMember;
pub(crate) use self::seen::SeenSession;
pub(crate) use self::shared::{NotReloaded, Reloaded, Shared};
pub(crate) use self::snapshot::Snapshot;
