//! What a request asks of an FTP server.

use ajpgate_config::{Ftp, Secret};
use ajpgate_ftp::accept::prefers_json;
use ajpgate_ftp::login::Login;
use ajpgate_ftp::path::FtpPath;
use http::header::{
    ACCEPT, AUTHORIZATION, CONTENT_RANGE, HeaderName, HeaderValue, IF_MODIFIED_SINCE,
    IF_NONE_MATCH, IF_RANGE, RANGE,
};

use super::super::forward::Forward;

/// See the [module](self).
#[derive(Debug)]
pub(super) struct FtpRequest<'a> {
    pub(super) method: Method,
    pub(super) path: FtpPath,
    pub(super) login: Login,
    /// The client's query, as it is.
    pub(super) query: Option<&'a str>,
    /// Whether a listing is wanted as JSON.
    pub(super) json: bool,
    pub(super) range: Option<&'a HeaderValue>,
    pub(super) if_range: Option<&'a HeaderValue>,
    pub(super) if_modified_since: Option<&'a HeaderValue>,
}

/// The methods of HTTP that FTP can carry out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Head,
    Put,
    Delete,
}

impl Method {
    pub(super) const fn in_http(self) -> http::Method {
        match self {
            Self::Get => http::Method::GET,
            Self::Head => http::Method::HEAD,
            Self::Put => http::Method::PUT,
            Self::Delete => http::Method::DELETE,
        }
    }
}

/// Why no server is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Denied {
    /// FTP does not have the method, or `allow_write` does not allow it (405).
    Method,
    /// No command can carry the path, the type or the login (400).
    Malformed,
}

impl<'a> FtpRequest<'a> {
    /// # Errors
    /// For a request that no server is asked.
    pub(super) fn new(request: &Forward<'a>, ftp: &Ftp) -> Result<Self, Denied> {
        let method = match *request.method {
            http::Method::GET => Method::Get,
            http::Method::HEAD => Method::Head,
            http::Method::PUT if ftp.allow_write => Method::Put,
            http::Method::DELETE if ftp.allow_write => Method::Delete,
            _ => return Err(Denied::Method),
        };
        let field = |name: HeaderName| request.fields.get(&name);
        // A part of a file cannot be written (RFC 9110 section 14.5).
        if method == Method::Put && field(CONTENT_RANGE).is_some() {
            return Err(Denied::Malformed);
        }
        let path = FtpPath::new(request.asked, request.path, request.root);
        let login = login(ftp, field(AUTHORIZATION));
        Ok(Self {
            method,
            path: path.map_err(|_| Denied::Malformed)?,
            login: login?,
            query: request.query,
            json: field(ACCEPT).is_some_and(|accept| prefers_json(accept.as_bytes())),
            range: field(RANGE),
            if_range: field(IF_RANGE),
            // With If-None-Match it is ignored (RFC 9110 section 13.1.3).
            if_modified_since: field(IF_MODIFIED_SINCE).filter(|_| field(IF_NONE_MATCH).is_none()),
        })
    }

    /// GET or HEAD of a path below the directory of the login, for a health check.
    ///
    /// # Errors
    /// For a path or login that no command can carry.
    pub(super) fn check(method: Method, uri: &str, ftp: &Ftp) -> Result<Self, Denied> {
        let path = uri.split('?').next().unwrap_or_default();
        Ok(Self {
            method,
            path: FtpPath::new(path, path, "").map_err(|_| Denied::Malformed)?,
            login: login(ftp, None)?,
            query: None,
            json: false,
            range: None,
            if_range: None,
            if_modified_since: None,
        })
    }
}

fn login(ftp: &Ftp, authorization: Option<&HeaderValue>) -> Result<Login, Denied> {
    let password = ftp.password.as_ref().map(Secret::expose);
    let configured = ftp.username.as_deref().map(|user| (user, password));
    let authorization = authorization.map(HeaderValue::as_bytes);
    Login::choose(configured, authorization).map_err(|_| Denied::Malformed)
}
