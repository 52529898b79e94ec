//! How a balancer finds the session of a request.

/// `stickysession` and `stickysessionsep`, for a balancer that is sticky.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sticky {
    /// The cookie's name; compared with case.
    pub cookie: String,
    /// The name of the path or query parameter; compared with case.
    pub parameter: String,
    /// What stands between session id and route; `None`: the whole value is the route.
    pub separator: Option<char>,
}

/// `stickysession` and `stickysessionsep` as they are written. With the members of the balancer they decide whether the
/// balancer is sticky.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StickyRule {
    /// `stickysession`; `None`: the balancer is sticky by Tomcat's names while it has an AJP member.
    pub names: Option<StickyNames>,
    /// `stickysessionsep`, also while the balancer is not sticky: names may be set later.
    pub separator: Option<char>,
}

/// A value of `stickysession`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StickyNames {
    /// No stickiness.
    Off,
    /// The names of the session id.
    Names {
        /// The cookie's.
        cookie: String,
        /// The parameter's, in path and query.
        parameter: String,
    },
}
