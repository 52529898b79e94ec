//! Files of a directory beside the Tomcats (`files` of a mapping).
//!
//! ```text
//! what stands behind the mapping's path ── Wanted::of ──► a name below the directory
//!            Directory::open ──► an open file and its facts, never one outside the directory
//!            Likes::best, judge ──► the file or a compressed neighbour; 200, 206, 304, 412 or 416
//!            Contents ──► its bytes, in pieces
//! ```
//!
//! Nothing here waits for a disk on the thread of the clients: what the kernel does not have in its memory is opened and
//! read by the runtime's threads for blocking calls.

mod answer;
mod conditions;
mod contents;
mod directory;
mod facts;
mod neighbour;
mod piece;
mod pool;
mod serve;
mod wanted;

#[cfg(test)]
mod tests;

pub(crate) use self::contents::Contents;
pub(crate) use self::directory::Directory;
pub(crate) use self::serve::{Files, Refused};
pub(crate) use self::wanted::Wanted;
