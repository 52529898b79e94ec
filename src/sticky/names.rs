//! The names of a session id.

use ajpgate_config::Sticky;

/// What to look for: the names of [`Sticky`], or of a cookie of the gateway's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Names<'a> {
    /// The cookie's name, compared with case; empty: no cookie is looked at.
    pub cookie: &'a str,
    /// The name of the path or query parameter, compared with case; empty: none is looked at.
    pub parameter: &'a str,
    /// What stands between session id and route; `None`: the whole value is the route.
    pub separator: Option<char>,
}

impl<'a> From<&'a Sticky> for Names<'a> {
    fn from(sticky: &'a Sticky) -> Self {
        Self {
            cookie: &sticky.cookie,
            parameter: &sticky.parameter,
            separator: sticky.separator,
        }
    }
}
