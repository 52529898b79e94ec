//! `sticky_cookie`: the gateway's own cookie, for backends that set no route.
//!
//! Its value is a random id, a dot and the member's route, as in a session id of Tomcat. Live sessions are counted by
//! the id where the backend issues no session id. The id stays the same when the session moves to another member.

use std::fmt::Write as _;

use crate::head::{Fields, is_value};
use crate::random;
use crate::sticky::{Found, Names, id_of};
use ajpgate_config::{SameSite, StickyCookie};

/// The character between id and route.
const SEPARATOR: Option<char> = Some('.');

/// The names under which a request is searched for the cookie.
pub(super) fn names(cookie: &StickyCookie) -> Names<'_> {
    Names {
        cookie: &cookie.name,
        parameter: "",
        separator: SEPARATOR,
    }
}

/// The id in a cookie's value; `None` when it is empty, as in `.node1`.
pub(super) fn id(value: &str) -> Option<&str> {
    Some(id_of(value, SEPARATOR)).filter(|id| !id.is_empty())
}

/// Sets the cookie to this route and returns its id: that of `own`, the cookie that the client sent, or a new one. `None`
/// when the id or the route cannot stand in a header field.
pub(super) fn set(
    cookie: &StickyCookie,
    own: Option<Found<'_>>,
    route: &str,
    https: bool,
    fields: &mut Fields,
) -> Option<String> {
    let id = match own.and_then(|own| id(own.session)) {
        Some(kept) => kept.to_owned(),
        None => new_id()?,
    };
    let text = render(cookie, &id, route, https);
    // A kept id comes from the client: the cookie is not set when it cannot stand in a field value.
    if !is_value(text.as_bytes()) {
        return None;
    }
    fields.push(b"Set-Cookie", text.as_bytes());
    Some(id)
}

/// A random id of 16 hexadecimal digits; `None` when the operating system has no random numbers.
fn new_id() -> Option<String> {
    let id = random::bits64().ok()?;
    Some(format!("{id:016x}"))
}

/// The value of `Set-Cookie` (RFC 6265 section 4.1.1, and `SameSite` of its successor).
fn render(cookie: &StickyCookie, id: &str, route: &str, https: bool) -> String {
    let mut text = format!("{}={id}.{route}; Path={}", cookie.name, cookie.path);
    let seconds = cookie.max_age.as_secs();
    if seconds > 0 {
        let _ = write!(text, "; Max-Age={seconds}");
    }
    if cookie.secure.unwrap_or(https) {
        text += "; Secure";
    }
    if cookie.http_only {
        text += "; HttpOnly";
    }
    text += match cookie.same_site {
        SameSite::Strict => "; SameSite=Strict",
        SameSite::Lax => "; SameSite=Lax",
        SameSite::None => "; SameSite=None",
    };
    text
}
