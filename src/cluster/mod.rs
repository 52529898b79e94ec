//! Several gateways as one: what they share through an engine, which is a Valkey or Redis.
//!
//! | file | what it has |
//! |---|---|
//! | `machine` | what is known, and how each gateway comes to know it; pure |
//! | `link` | changes by hand on their way to the engine |
//! | `redis` | a connection to the engine |
//! | `follow` | does what the machine says, over connections that break and come back |
//! | `exchange` | the sessions that each gateway has seen, the routes that it has learned, and the members that it has discovered |
//! | `fields` | how the engine has these |
//!
//! In the engine, all keys begin with `ajpgate:{NAME}:`, NAME being the cluster's:
//!
//! | key | type | value |
//! |---|---|---|
//! | `revision` | string | another number after each change |
//! | `state` | hash | a field for each cell: version, blank, `=` and the value, or `-` for one that was taken back; `horizon` says until when these are forgotten |
//! | `sessions` | hash | a field for each gateway and member: time in milliseconds, blank, a record of its sessions |
//! | `routes` | hash | a field for each member: time in milliseconds, blank, the route that was learned of it |
//! | `members` | hash | a field for each discovered member that is in no list: time in milliseconds, blank, what is known of it as JSON, without secrets |
//! | `seed`, `born` | string | what ids of sessions are hashed with, and since when, in milliseconds |
//! | `alive` | string | written each second, to learn whether the engine can be written to |
//!
//! The channel `ajpgate:{NAME}:DATABASE` says the revision after each change.

mod exchange;
mod fields;
mod follow;
mod link;
mod machine;
mod redis;

pub(crate) use self::exchange::{Exchange, Heard, Other, Told, exchange};
pub(crate) use self::fields::{Routes, ToldMembers};
pub(crate) use self::follow::{Host, follow};
pub(crate) use self::link::{Link, Order};
pub(crate) use self::machine::{Cell, Cells, ChangeResult, Known, Machine, Version, Writes};
pub(crate) use self::redis::{Engine, First};
