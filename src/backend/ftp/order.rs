//! What a request wants of a server, as far as that can be told without asking it.

use ajpgate_config::Ftp;
use http::Method;
use http::header::{
    ACCEPT, AUTHORIZATION, CONTENT_RANGE, HeaderName, HeaderValue, IF_MODIFIED_SINCE,
    IF_NONE_MATCH, IF_RANGE, RANGE,
};

use super::super::Forward;
use super::credentials::Credentials;
use super::path::FtpPath;

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Order<'a> {
    pub(super) act: Act,
    pub(super) path: FtpPath,
    pub(super) credentials: Credentials,
    pub(super) query: Option<&'a str>,
    /// Whether a listing is wanted as JSON.
    pub(super) json: bool,
    pub(super) range: Option<&'a HeaderValue>,
    pub(super) if_range: Option<&'a HeaderValue>,
    pub(super) if_modified_since: Option<&'a HeaderValue>,
}

/// What FTP can do for a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    Get,
    Head,
    Put,
    Delete,
}

/// Why no server is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Denied {
    /// FTP, or `allow_write`, does not have the method.
    Method,
    /// Path, type or login cannot be said in a command.
    Unsayable,
}

impl<'a> Order<'a> {
    /// # Errors
    /// What no server is asked for.
    pub(super) fn of(request: &Forward<'a>, ftp: &Ftp) -> Result<Self, Denied> {
        let act = match *request.method {
            Method::GET => Act::Get,
            Method::HEAD => Act::Head,
            Method::PUT if ftp.allow_write => Act::Put,
            Method::DELETE if ftp.allow_write => Act::Delete,
            _ => return Err(Denied::Method),
        };
        let field = |name: HeaderName| request.fields.get(&name);
        let path = FtpPath::new(request.asked, request.path, request.root)
            .map_err(|_| Denied::Unsayable)?;
        // A part of a file cannot be written (RFC 9110 section 14.5).
        if act == Act::Put && field(CONTENT_RANGE).is_some() {
            return Err(Denied::Unsayable);
        }
        Ok(Self {
            act,
            path,
            credentials: Credentials::of(ftp, field(AUTHORIZATION))
                .map_err(|_| Denied::Unsayable)?,
            query: request.query,
            json: field(ACCEPT).is_some_and(|accept| prefers_json(accept.as_bytes())),
            range: field(RANGE),
            if_range: field(IF_RANGE),
            // It counts only alone (RFC 9110 section 13.1.3).
            if_modified_since: field(IF_MODIFIED_SINCE).filter(|_| field(IF_NONE_MATCH).is_none()),
        })
    }

    /// GET or HEAD of a path, for a health check.
    pub(super) fn check(head: bool, uri: &str, ftp: &Ftp) -> Option<Self> {
        let path = uri.split('?').next().unwrap_or_default();
        Some(Self {
            act: if head { Act::Head } else { Act::Get },
            path: FtpPath::new(path, path, "").ok()?,
            credentials: Credentials::of(ftp, None).ok()?,
            query: None,
            json: false,
            range: None,
            if_range: None,
            if_modified_since: None,
        })
    }
}

/// Whether JSON is named in an `Accept`, and HTML is not liked better: that stands before it, or has a higher `q`.
fn prefers_json(accept: &[u8]) -> bool {
    let Ok(accept) = std::str::from_utf8(accept) else {
        return false;
    };
    let weight = |wanted: &str| {
        accept.split(',').enumerate().find_map(|(place, range)| {
            let mut parts = range.split(';').map(str::trim);
            parts
                .next()
                .filter(|name| name.eq_ignore_ascii_case(wanted))?;
            let q = parts
                .find_map(|part| part.strip_prefix("q="))
                .unwrap_or("1");
            let q: f32 = q.parse().unwrap_or(0.0);
            (q > 0.0).then_some((q, std::cmp::Reverse(place)))
        })
    };
    match (weight("application/json"), weight("text/html")) {
        (Some(json), Some(html)) => json > html,
        (json, _) => json.is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_sent_to_whom_likes_it_best() {
        for (accept, json) in [
            ("application/json", true),
            ("APPLICATION/JSON; q=0.5, */*", true),
            ("application/json, text/html", true),
            ("text/html;q=0.8, application/json;q=0.9", true),
            ("text/html, application/json", false),
            ("text/html, application/json;q=0.9", false),
            ("application/json;q=0, text/plain", false),
            ("application/json;q=x", false),
            ("*/*", false),
            ("application/jsonx", false),
            ("", false),
        ] {
            assert_eq!(prefers_json(accept.as_bytes()), json, "{accept}");
        }
    }
}
