//! The differences from httpd that are meant, in one place. `docs/leaving-httpd.md` tells them to users.

use super::case::Request;
use super::seen::{Difference, REACHED, Seen, status};

/// A difference that is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Row {
    /// Redirects and cookies are always mapped back; httpd does it only where a ProxyPassReverse fits.
    MappedBack,
    /// One slash stands where path and target meet, and a path without its slash is taken too (`/app` by `ProxyPass /app/`).
    Seam,
    /// A redirect to another path of the same host is sent as a path; httpd sends the whole URL.
    RedirectToPath,
    /// The port told to the container is that of the Host field.
    ServerPort,
    /// A path that Tomcat reads otherwise than httpd is refused, or mapped by what Tomcat sees.
    AmbiguousPath,
    /// Fields by which a client claims to be a user, or to have a certificate, are removed.
    Claims,
    /// `Header always set` replaces a field of the backend; httpd sends both.
    AlwaysOnce,
    /// The gateway answers what a folder of httpd's own would: 404 in place of another 4xx, or a page.
    OwnFiles,
}

impl Row {
    const ALL: [(Self, &'static str); 8] = [
        (Self::RedirectToPath, "redirect-to-path"),
        (Self::MappedBack, "mapped-back"),
        (Self::Seam, "seam"),
        (Self::ServerPort, "server-port"),
        (Self::AmbiguousPath, "ambiguous-path"),
        (Self::Claims, "claims"),
        (Self::AlwaysOnce, "always-once"),
        (Self::OwnFiles, "own-files"),
    ];

    /// Rows that count for every request, without being named at it.
    pub(super) const ALWAYS: [Self; 2] = [Self::ServerPort, Self::RedirectToPath];

    /// The row of a name.
    pub(super) fn named(name: &str) -> Self {
        let found = Self::ALL.iter().find(|(_, known)| *known == name);
        found.unwrap_or_else(|| panic!("no row {name}")).0
    }

    /// Whether the row allows this difference.
    pub(super) fn allows(
        self,
        difference: &Difference,
        request: &Request,
        httpd: &Seen,
        ajpgate: &Seen,
    ) -> bool {
        let part = &*difference.part;
        match self {
            Self::MappedBack => matches!(
                part,
                "field location" | "field set-cookie" | "field refresh"
            ),
            Self::Seam => seam(difference, httpd, ajpgate),
            Self::RedirectToPath => {
                let whole = difference.httpd.as_deref().unwrap_or_default();
                let path = whole
                    .split_once("://")
                    .and_then(|(_, rest)| rest.split_once('/'));
                let path = path.map(|(host, path)| {
                    (
                        host.split(':').next() == Some(&request.host),
                        format!("/{path}"),
                    )
                });
                part == "field location"
                    && path.is_some_and(|(same, path)| same && Some(path) == difference.ajpgate)
            }
            Self::ServerPort => part == "told port",
            Self::AmbiguousPath => {
                request.target.contains(['%', ';', '\\']) || request.target.contains("//")
            }
            Self::Claims => part.starts_with("told field ") && difference.ajpgate.is_none(),
            Self::AlwaysOnce => {
                let both = difference.httpd.as_deref().unwrap_or_default();
                let one = difference.ajpgate.as_deref();
                part.starts_with("field ") && both.split('\n').next() == one
            }
            Self::OwnFiles => !httpd.contains_key(REACHED) && !ajpgate.contains_key(REACHED),
        }
    }
}

/// Whether only slashes differ, or a path without its slash is taken too.
fn seam(difference: &Difference, httpd: &Seen, ajpgate: &Seen) -> bool {
    let slashes = |value: &Option<String>| value.as_ref().map(|it| it.replace("//", "/"));
    match &*difference.part {
        "told uri" => true,
        "field location" if status(httpd) == status(ajpgate) => {
            slashes(&difference.httpd) == slashes(&difference.ajpgate)
        }
        _ => status(httpd) == 404 && status(ajpgate) < 400,
    }
}
