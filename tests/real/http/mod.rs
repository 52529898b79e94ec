//! HTTP members: Tomcat's HTTP connector and Debian's nginx, beside AJP members and instead of them.

mod connectors;
mod migration;
mod mixed;
mod nginx;
mod sticky;
mod tls;
mod transfer;
mod websocket;
