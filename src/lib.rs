//! A Tomcat connector gateway: it serves HTTP, speaks AJP13 to the cluster, and keeps each session on its Tomcat by
//! jvmRoute.

pub mod balancer;
pub mod health;
pub mod heartbeat;
pub mod mount;
pub mod sessions;
pub mod sticky;

mod access;
mod acme;
mod admin;
mod backend;
mod cli;
mod client;
mod clock;
mod cluster;
mod connection_state;
mod cores;
mod discovery;
mod distinguished_name;
mod facts;
mod field_names;
mod framing;
mod gateway;
mod handover;
mod head;
mod headers;
mod identity;
mod in_box;
mod node;
mod proxy;
mod random;
mod reload;
mod revision;
mod server;
mod site;
mod state;
mod supervisor;
mod telemetry;
mod timer;
mod tls;
mod trace_context;
mod traces;
mod turn;
mod unbuilt;
mod upkeep;
mod upload;

mod variables;

pub use cli::main;
pub use gateway::Gateway;
pub use node::{Node, NodeOptions};
pub use reload::Source;
