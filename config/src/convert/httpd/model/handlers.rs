//! Handlers: programs of httpd's own that answer in place of a file.

use super::super::tree::Node;
use super::programs::{is_program, is_run_by_type};
use super::rewrites;

/// Whether a directive, or one in a section, has files run by a program in place of being sent.
pub(super) fn runs_files(node: &Node) -> bool {
    let words = node.words();
    let first = words.first().map_or("", String::as_str);
    match &*node.name {
        "addhandler" | "sethandler" => is_program(first),
        "addtype" | "forcetype" | "defaulttype" => is_run_by_type(first),
        "addoutputfilter" | "setoutputfilter" => first.split(';').any(is_running_filter),
        "action" => true,
        "xbithack" => !first.eq_ignore_ascii_case("off"),
        "rewriterule" => rewrites::sets(node).runs,
        // What it says becomes directives where it is used.
        "macro" => false,
        _ => node.inner().iter().any(runs_files),
    }
}

/// Whether a filter runs what stands in a file.
fn is_running_filter(name: &str) -> bool {
    matches!(&*name.to_ascii_lowercase(), "includes" | "php")
}

/// What is said about `SetHandler`.
pub(super) fn text(handler: &str) -> String {
    let text = match &*handler.to_ascii_lowercase() {
        name if name.starts_with("proxy:") => {
            "left out: httpd sends the requests there, with the name of the file on its disk behind the url; write a mapping with \
             `to` for their paths"
        }
        "balancer-manager" => "the manager has a listener of its own here: see `admin`",
        "server-status" | "server-info" => "left out: see /metrics of the `admin` listener",
        "jakarta-servlet" => {
            "left out: mod_jk sends these paths to the worker that JK_WORKER_NAME names, else to the first of worker.list: write a \
             mapping"
        }
        _ => "left out: its paths are served by nothing here",
    };
    format!("SetHandler {handler}: {text}")
}
