//! The choice of a member for a request: the decisions of mod_proxy_balancer as a state machine without I/O.
//!
//! A [`Balancer`] has no clock, no lock and no log. Its owner passes the time as an argument, holds a mutex around it, and
//! logs and counts what the functions return:
//!
//! ```text
//! pick(want, now) ──► Pick { member, how, ticket } ──► the request runs ──► settle(ticket, outcome, now)
//!      │                                                                          │
//!      └► NoMember (a reason, never a default member) ──► hope                    └► Transition, or nothing
//! ```
//!
//! A member is busy from `pick` until its ticket is settled. In between, [`Balancer::traffic`] counts bytes. At any time,
//! [`Balancer::apply`] makes the changes of an operator and [`Balancer::health`] records the result of health checks.
//!
//! | file | subject | in httpd |
//! |---|---|---|
//! | `pick` | the input and the result of a choice | |
//! | `choose` | the order of the steps of one choice | `mod_proxy_balancer.c: proxy_balancer_pre_request()` |
//! | `route`, `routes` | the member of a session's route, redirects | `mod_proxy_balancer.c: find_route_worker()` |
//! | `sets` | sets, hot spares, hot standbys, drain | `proxy_util.c: proxy_balancer_get_best_worker()` |
//! | `count`, `pending`, `turns` | how choices are counted in lbstatus | `mod_proxy_balancer.c: proxy_balancer_pre_request()` |
//! | `method` | lbstatus, and the best member | `balancers/mod_lbmethod_*.c` |
//! | `heartbeat`, `load` | `heartbeat`: load reports of backends | `mod_lbmethod_heartbeat.c` |
//! | `least_latency`, `latency` | `leastlatency`: the faster of two members | |
//! | `recovery` | error, retry, probe, forced recovery | `proxy_util.c: ap_proxy_retry_worker()`; mod_jk's `ERR/PRB` |
//! | `slow_start`, `ramp` | `slow_start` | |
//! | `wait` | how long a request without a member waits | `mod_proxy_balancer.c: find_best_worker()` |
//! | `checked`, `checks` | health checks, counted in a row | `mod_proxy_hcheck.c: hc_check()` |
//! | `settle` | the end of a request, and its effect on the member | `mod_proxy_balancer.c: proxy_balancer_post_request()` |
//! | `state`, `member` | a balancer and its members; when a member is usable | `mod_proxy.h: PROXY_WORKER_IS_USABLE` |
//! | `settings` | the settings, translated from the configuration | |
//! | `command`, `change` | changes by an operator | `mod_proxy_balancer.c: balancer_process_balancer_worker()` |
//!
//! The rules with their reasons are in `src/balancer/SEMANTICS.md`.
//!
//! **Ties.** Every comparison is strict, so that among equal members the first in the configuration wins. Random numbers
//! come from a seed: the same calls with the same times give the same results.
//!
//! **Cost.** While no member changes, a pick for a session visits its member only, and a free one of `byrequests` a few
//! members whatever their number; the other methods visit each eligible member once. Any other pick visits each member a few
//! times per set. Nothing is allocated, but for `turns` after a change of members.

mod change;
mod checked;
mod checks;
mod choose;
mod command;
mod condition;
mod count;
mod heartbeat;
mod id;
mod latency;
mod least_latency;
mod load;
mod member;
mod method;
mod pending;
mod pick;
mod ramp;
mod random;
mod recovery;
mod route;
mod routes;
mod sets;
mod settings;
mod settle;
mod slow_start;
mod state;
mod tried;
mod turns;
mod view;
mod wait;

#[cfg(test)]
mod tests;

pub use change::{Change, StatusChange};
pub use checks::{Checks, Streak};
pub use command::{Applied, Command, LBSET_MAX, Refused};
pub use condition::Condition;
pub use id::MemberId;
pub use load::HEARTBEAT_LASTS;
pub use pick::{How, NoMember, Pick, Ticket, Want};
pub use recovery::Health;
pub use settings::{MemberSpec, Settings};
pub use settle::{Cause, Outcome, Transition};
pub use state::{Balancer, Spec};
pub use tried::Tried;
pub use view::{MemberView, View};
pub use wait::Hope;
