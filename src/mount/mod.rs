//! Which mapping a path belongs to, and which path is sent on.
//!
//! ```text
//! "/shop;x=1//a/%2e%2e/b"  ── normalize ──►  "/shop/b"  ── Table::find ──►  rule /shop
//!            └──────────────────────────── rewrite ─────────────────────────────┴──►  what the backend gets
//! ```
//!
//! Decisions are made on the path *as Tomcat will see it* once it has cut parameters, decoded and resolved dot
//! segments; otherwise `/app/..;/manager` would be a way around an exclusion. What is sent on are the client's own
//! bytes, as long as they cannot mean something else to somebody else.

mod normal;
mod rewrite;
mod table;

#[cfg(test)]
mod tests;

pub use normal::{BadPath, Normal, normalize};
pub use rewrite::rewrite;
pub use table::{Match, Rule, Table};
