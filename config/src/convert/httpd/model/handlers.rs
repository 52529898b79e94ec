//! Handlers: programs of httpd's own that answer in place of a file.

/// Whether a directive has files run by a program in place of being sent. `word` is its first one: a handler, or a type.
pub(super) fn runs_files(name: &str, word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    match name {
        "addtype" => word.starts_with("application/x-httpd-"),
        _ => !matches!(
            &*word,
            "none"
                | "default-handler"
                | "type-map"
                | "send-as-is"
                | "imap-file"
                | "server-status"
                | "server-info"
                | "balancer-manager"
                | "ldap-status"
        ),
    }
}

/// What is said about `SetHandler`.
pub(super) fn text(handler: &str) -> String {
    let text = match &*handler.to_ascii_lowercase() {
        "balancer-manager" => "the manager has a listener of its own here: see `admin`",
        "server-status" | "server-info" => "left out: see /metrics of the `admin` listener",
        _ => "left out: its paths are served by nothing here",
    };
    format!("SetHandler {handler}: {text}")
}
