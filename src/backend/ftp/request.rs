//! What a request asks of an FTP server.

use super::super::forward::Forward;
use ajpgate_config::{Ftp, Secret};
use ajpgate_ftp::accept::prefers_json;
use ajpgate_ftp::login::Login;
use ajpgate_ftp::path::FtpPath;

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
    pub(super) range: Option<&'a [u8]>,
    pub(super) if_range: Option<&'a [u8]>,
    pub(super) if_modified_since: Option<&'a [u8]>,
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
    fn of(method: &http::Method, ftp: &Ftp) -> Result<Self, Denied> {
        match *method {
            http::Method::GET => Ok(Self::Get),
            http::Method::HEAD => Ok(Self::Head),
            http::Method::PUT if ftp.allow_write => Ok(Self::Put),
            http::Method::DELETE if ftp.allow_write => Ok(Self::Delete),
            _ => Err(Denied::Method),
        }
    }

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
        let method = Method::of(request.method, ftp)?;
        let field = |name| request.fields.get(name);
        // A part of a file cannot be written (RFC 9110 section 14.5).
        if method == Method::Put && field("content-range").is_some() {
            return Err(Denied::Malformed);
        }
        let path = FtpPath::new(request.asked, request.path, request.root);
        let login = login(ftp, field("authorization"));
        Ok(Self {
            method,
            path: path.map_err(|_| Denied::Malformed)?,
            login: login?,
            query: request.query,
            json: field("accept").is_some_and(prefers_json),
            range: field("range"),
            if_range: field("if-range"),
            // With If-None-Match it is ignored (RFC 9110 section 13.1.3).
            if_modified_since: field("if-modified-since")
                .filter(|_| field("if-none-match").is_none()),
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

/// Why no server is asked for a request of this method and path, as far as these say: the path that the client has asked for,
/// the one that is sent, and the part of it that belongs to the mapping.
pub(super) fn denied(
    method: &http::Method,
    (asked, path, root): (&str, &str, &str),
    ftp: &Ftp,
) -> Option<Denied> {
    let path = FtpPath::new(asked, path, root).map_err(|_| Denied::Malformed);
    let denied = Method::of(method, ftp).and(path.map(|_| ()));
    denied.err()
}

fn login(ftp: &Ftp, authorization: Option<&[u8]>) -> Result<Login, Denied> {
    let password = ftp.password.as_ref().map(Secret::expose);
    let configured = ftp.username.as_deref().map(|user| (user, password));
    Login::choose(configured, authorization).map_err(|_| Denied::Malformed)
}
