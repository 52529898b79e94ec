//! What an httpd does with one request, by its directives alone: nothing here knows of mappings.
//!
//! The phases and their order are httpd's: `RewriteRule`, `ProxyPass`, `Redirect` and `Alias`, `JkMount`, the document root; then
//! who may come in, and the redirects of sections (`server/request.c: ap_process_request_internal()`).

mod guard;
mod own;
mod pass;
mod phases;
mod redirect;
mod request;
mod rewrite;
mod section;
mod server;
mod substitution;
mod target;

pub(crate) use self::phases::told;
