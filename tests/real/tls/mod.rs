//! TLS with clients, in front of a real Tomcat and beside httpd.

mod offered;
mod resumption;
mod servlet;
