//! Where the requests of a server come in, and what conditions say of that.

/// Where the requests of a server come in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Front {
    /// Whether its clients come over TLS.
    pub(crate) secure: bool,
    /// Its port; `None`: it has several, or none is said.
    pub(crate) port: Option<u16>,
}

/// By which host and port a server knows itself in the URL of a target.
#[derive(Debug, Default)]
pub(crate) struct Own {
    /// `ServerName` and `ServerAlias` in lower case, without ports.
    pub(crate) names: Vec<String>,
    /// The port behind `ServerName`. Without one, a URL with the name is that of another server
    /// (`vhost.c: ap_matches_request_vhost()`).
    pub(crate) port: Option<u16>,
}

/// Whether a condition holds for every request of a server, or for none, because it asks for TLS or for a usual port.
pub(super) fn holds(condition: &[String], front: Front) -> Option<bool> {
    let words: Vec<String> = condition
        .iter()
        .map(|word| word.to_ascii_lowercase())
        .collect();
    let [what, pattern, ..] = words.as_slice() else {
        return None;
    };
    let is_usual = front.port == Some(if front.secure { 443 } else { 80 });
    let is_wanted = match (&**what, &**pattern) {
        ("%{server_port}", _) if !is_usual => return None,
        ("%{https}", "on" | "=on" | "^on$" | "!off" | "!=off" | "!^off$") => true,
        ("%{https}", "off" | "=off" | "^off$" | "!on" | "!=on" | "!^on$") => false,
        ("%{request_scheme}", "https" | "=https" | "^https$" | "!http" | "!=http" | "!^http$") => {
            true
        }
        ("%{request_scheme}", "=http" | "^http$" | "!https" | "!=https" | "!^https$") => false,
        ("%{server_port}", "443" | "^443$" | "=443" | "!80" | "!^80$" | "!=80") => true,
        ("%{server_port}", "80" | "^80$" | "=80" | "!443" | "!^443$" | "!=443") => false,
        _ => return None,
    };
    Some(is_wanted == front.secure)
}
