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
    /// The port told to the container is that of the Host field.
    ServerPort,
    /// A path that Tomcat reads otherwise than httpd is refused, or mapped by what Tomcat sees.
    AmbiguousPath,
    /// The gateway answers what a folder of httpd's own would: 404 in place of another 4xx, or a page.
    OwnFiles,
}

impl Row {
    const ALL: [(Self, &'static str); 5] = [
        (Self::MappedBack, "mapped-back"),
        (Self::Seam, "seam"),
        (Self::ServerPort, "server-port"),
        (Self::AmbiguousPath, "ambiguous-path"),
        (Self::OwnFiles, "own-files"),
    ];

    /// Rows that count for every request, without being named at it.
    pub(super) const ALWAYS: [Self; 1] = [Self::ServerPort];

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
            Self::Seam => {
                part == "told uri" || status(httpd) == 404 && ajpgate.contains_key(REACHED)
            }
            Self::ServerPort => part == "told port",
            Self::AmbiguousPath => {
                request.target.contains(['%', ';', '\\']) || request.target.contains("//")
            }
            Self::OwnFiles => !httpd.contains_key(REACHED) && !ajpgate.contains_key(REACHED),
        }
    }
}
