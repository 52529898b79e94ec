//! Names of handlers and types by which a program makes something of a file.

/// Whether a handler is a program that makes something of a file.
pub(super) fn is_program(handler: &str) -> bool {
    !matches!(
        &*handler.to_ascii_lowercase(),
        "none"
            | "default-handler"
            | "type-map"
            | "send-as-is"
            | "imap-file"
            | "server-status"
            | "server-info"
            | "balancer-manager"
            | "ldap-status"
    )
}

/// Whether files of a type are run. The name of a handler may stand in place of a type, which is the handler where no other one
/// is said (`server/config.c: ap_invoke_handler()`).
pub(super) fn is_run_by_type(kind: &str) -> bool {
    let kind = kind.to_ascii_lowercase();
    kind.starts_with("application/x-httpd-")
        || kind == "text/x-server-parsed-html"
        || !kind.contains('/') && is_program(&kind)
}
