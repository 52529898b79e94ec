//! Which mapping a path belongs to, which path is sent on, and which path clients know for one of a backend.
//!
//! ```text
//! "/shop;x=1//a/%2e%2e/b"  ── normalize ──►  "/shop/b"  ── Table::find ──►  rule /shop
//!            └──────────────────────────── rewrite ─────────────────────────────┴──►  what the backend gets
//!
//! "/bugs/list?id=1" in a Location  ── PublicPaths::find ──►  "/shop/list?id=1"
//! ```
//!
//! Decisions are made on the path *as Tomcat will see it* once it has cut parameters, decoded and resolved dot
//! segments; otherwise `/app/..;/manager` would be a way around an exclusion. The client's own bytes are sent on, as
//! long as no server can read them in another way.

mod bad_path;
mod escape;
mod host;
mod normal;
mod pattern;
mod prefix;
mod public;
mod rewrite;
mod table;

#[cfg(test)]
mod tests;

pub use bad_path::BadPath;
pub use normal::{Normal, normalize};
pub use pattern::{Captured, Filled, Part, Pattern, Template, parameters};
pub use prefix::Front;
pub use public::{Answered, PublicPaths, Sending, Target, resolve_reference};
pub use rewrite::rewrite;
pub use table::{Match, Rule, Site, Table};
