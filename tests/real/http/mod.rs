//! HTTP members that are real: Tomcat's HTTP connectors and Debian's nginx, beside AJP members and in their place.

mod connectors;
mod migration;
mod mixed;
mod nginx;
mod sticky;
mod tls;
mod transfer;
mod websocket;
