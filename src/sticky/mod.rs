//! Where a request names its session, and the route that the session asks for.
//!
//! The ground is `mod_proxy_balancer.c: find_session_route()` of httpd: a name for a cookie, a name for a parameter
//! of the URL, and the route behind a separator in the value, as Tomcat puts its `jvmRoute` into a session id.
//! Where httpd loses sessions, this is what is done instead:
//!
//! | point | httpd | here |
//! |---|---|---|
//! | parameter's name | any substring of the URL | a whole parameter of any path segment, or of the query |
//! | end of its value | `?` `&`, on request `;` | `;` `/` `?` `&` in the path; `&` `;` `?` in the query |
//! | session id inside the value of a query parameter | counts | does not count |
//! | parameter without a route | hides the cookie | does not hide a cookie that has one |
//! | several cookies of the name | the first | the first whose route is a member's, mod_jk's rule |
//! | blanks and quotes around a cookie's value | part of it | removed, as Tomcat does |
//! | route of `id.a.b` | `a.b` | `a.b`, or `b` when only that is a member's |
//!
//! A parameter *with* a route hides every cookie, even when nobody has the route. Names and values are compared as
//! they stand: nothing is percent-decoded. Nothing is allocated.

mod cookie;
mod issued;
mod names;
mod parameter;
mod route;

#[cfg(test)]
mod tests;

pub use issued::{Issued, issued};
pub use names::Names;
pub use route::id_of;

use route::route;

/// A session that a request names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found<'a> {
    /// The name that it stood under (`BALANCER_SESSION_STICKY`).
    pub name: &'a str,
    /// The whole value, never empty.
    pub session: &'a str,
    /// The route in it (`BALANCER_SESSION_ROUTE`): `None` without a separator, empty with nothing behind it.
    pub route: Option<&'a str>,
    /// Whether the route is a member's.
    pub is_known: bool,
    /// Where it stood.
    pub place: Place,
}

/// Where a session stands in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// `/shop;jsessionid=…`
    PathParameter,
    /// `/shop?jsessionid=…`
    QueryParameter,
    /// `Cookie: JSESSIONID=…`
    Cookie,
}

/// Looks for the session of a request: in the path, then in the query, then in the cookies.
///
/// `path` is the client's, parameters and escapes included; `cookies` are the values of its `Cookie` fields in
/// order; `known` says whether a route is a member's.
///
/// The result is the first parameter with a route; else the first cookie whose route is known; else the first
/// cookie with a route; else the first value of all, which has none.
pub fn find<'a>(
    names: impl Into<Names<'a>>,
    path: &'a str,
    query: Option<&'a str>,
    cookies: impl IntoIterator<Item = &'a [u8]>,
    known: impl Fn(&str) -> bool,
) -> Option<Found<'a>> {
    let names = names.into();
    let found = |name, place, session| {
        let route = route(session, names.separator, &known);
        Found {
            name,
            session,
            route: route.map(|(route, _)| route),
            is_known: route.is_some_and(|(_, known)| known),
            place,
        }
    };

    let in_path = parameter::in_path(path, names.parameter)
        .map(|session| found(names.parameter, Place::PathParameter, session));
    let in_query = query
        .into_iter()
        .flat_map(|query| parameter::in_query(query, names.parameter))
        .map(|session| found(names.parameter, Place::QueryParameter, session));
    let mut without_route = None;
    for found in in_path.chain(in_query) {
        if found.wanted().is_some() {
            return Some(found);
        }
        without_route = without_route.or(Some(found));
    }

    let mut of_nobody = None;
    for session in cookies
        .into_iter()
        .flat_map(|field| cookie::values(field, names.cookie))
    {
        let found = found(names.cookie, Place::Cookie, session);
        match found.wanted() {
            Some(_) if found.is_known => return Some(found),
            Some(_) => of_nobody = of_nobody.or(Some(found)),
            None => without_route = without_route.or(Some(found)),
        }
    }
    of_nobody.or(without_route)
}

impl<'a> Found<'a> {
    /// The route, unless it is empty, which is as good as none.
    fn wanted(&self) -> Option<&'a str> {
        self.route.filter(|route| !route.is_empty())
    }
}
