//! Listening sockets that outlive a process: they come from systemd or from the program before, and go to the program
//! after, with what this one knows that cannot be read anywhere.
//!
//! | file | what it has |
//! |---|---|
//! | `given` | the sockets that this process was given |
//! | `held` | the sockets that it listens on |
//! | `program` | the file that it was started from, with its arguments |
//! | `successor` | the process that is to take over, as the old one sees it |
//! | `predecessor` | the process that is to be relieved, as the new one sees it |
//!
//! # The hand-over
//!
//! The old process starts the new one with the sockets as descriptors from 3 on, as systemd does (`sd_listen_fds(3)`), and
//! with a connection to itself before them. Over this connection they exchange lines:
//!
//! | From | Line | Meaning |
//! |---|---|---|
//! | new | `ready` | the configuration is accepted and everything is bound; nothing has been taken from a socket |
//! | old | `serve` | the new process is to serve |
//! | new | `serving` | it does: the old process ends, beside its last requests |
//! | new | `failed WHY` | it ends, and the old one goes on |
//!
//! A further descriptor with the name `state` is a connection over which the old process tells what was changed by hand and what was
//! discovered, as the state file has it (`state::store`). It is only there where there is something to tell.
//!
//! Until `serving` has come the old process serves as before, so that it can go on whatever happens to the new one. The
//! sockets are the same in both: what waits in their queues is never lost, and is taken by whoever comes first.

mod given;
mod held;
mod predecessor;
mod program;
mod successor;

pub(crate) use self::given::{Given, Role, inherit};
pub(crate) use self::held::{Held, Sockets};
pub(crate) use self::predecessor::{Agreed, Predecessor};
pub(crate) use self::program::Program;
pub(crate) use self::successor::{Estate, Successor};

/// The environment variable with the process id of the old process. Descriptor 3 is the connection to it.
const PREDECESSOR: &str = "AJPGATE_PREDECESSOR";

/// The environment variable with the number of sockets that a process is given.
const LISTEN_FDS: &str = "LISTEN_FDS";

/// The environment variable with their names, separated by colons.
const LISTEN_FDNAMES: &str = "LISTEN_FDNAMES";

/// The environment variable with the process id that they are for. The old process cannot know it, and leaves it out.
const LISTEN_PID: &str = "LISTEN_PID";

/// The name of the connection over which the old process tells what it knows.
const STATE: &str = "state";

/// The first of their descriptors.
const FIRST: i32 = 3;

/// The most sockets that a process is given.
const MOST: usize = 4096;

/// The lines of the hand-over, without their ends.
mod line {
    pub(super) const READY: &str = "ready";
    pub(super) const SERVE: &str = "serve";
    pub(super) const SERVING: &str = "serving";
    /// A reason follows.
    pub(super) const FAILED: &str = "failed ";
}
