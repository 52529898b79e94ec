//! AJP members: Debian's Tomcat and its AJP connector.

mod drain;
mod failover;
mod heads;
mod health;
mod paths;
mod sessions;
mod transfer;
mod traps;
mod webdav;
