//! `sticky_cookie`: the gateway's own cookie, for backends that set no route.
//!
//! Its value is an id and the member's route, as Tomcat's session ids are. The id is what sessions are counted by
//! where the backend issues none; it means nothing else, and stays when the session moves.

use std::fmt::Write as _;
use std::hash::{BuildHasher as _, RandomState};

use ajpgate_config::{SameSite, StickyCookie};
use http::header::{HeaderMap, HeaderValue, SET_COOKIE};

use crate::sticky::{Found, Names, id_of};

/// What stands between id and route.
const SEPARATOR: Option<char> = Some('.');

/// Where the cookie is looked for.
pub(super) fn names(cookie: &StickyCookie) -> Names<'_> {
    Names {
        cookie: &cookie.name,
        parameter: "",
        separator: SEPARATOR,
    }
}

/// The id in a value; `None` when it is empty, as in `.node1`.
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
    headers: &mut HeaderMap,
) -> Option<String> {
    let kept = own.and_then(|own| id(own.session));
    let id = kept.map_or_else(new_id, str::to_owned);
    let text = render(cookie, &id, route, https);
    // An id comes from a client's cookie: what is no field value is not sent back.
    headers.append(SET_COOKIE, HeaderValue::try_from(text).ok()?);
    Some(id)
}

/// 16 hexadecimal digits that nobody has had before.
fn new_id() -> String {
    format!("{:016x}", RandomState::new().hash_one(()))
}

/// RFC 6265 section 4.1.1, and `SameSite` of its successor.
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
