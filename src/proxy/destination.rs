//! `Destination` of WebDAV's COPY and MOVE (RFC 4918 section 10.3): it names a resource of the backend, so that it is
//! mapped as the request's own path is, and an exclusion holds for it too.

use std::sync::Arc;

use super::locate::Located;
use super::refusal::{BadDestination, Refusal};
use super::target::Target;
use crate::client::{Client, Host};
use crate::head::{Known, RequestHead, is_value};
use crate::state::{LiveMember, LiveTarget, Snapshot};

/// The field's name.
pub(crate) const DESTINATION: &str = "destination";

/// Where a resource is copied or moved to.
#[derive(Debug)]
pub(crate) struct Destination<'a> {
    /// The scheme, where the client wrote a URL with the scheme that it spoke.
    scheme: Option<&'static str>,
    located: Located<'a>,
    /// Where the mapping of the Destination leads: to the balancer of the request.
    to: &'a LiveTarget,
    /// The query with its `?`, or nothing.
    query: &'a str,
}

impl<'a> Destination<'a> {
    /// The Destination of a request, checked; `None` for other methods than COPY and MOVE, and where there is none.
    ///
    /// # Errors
    /// One that cannot be mapped to the target of the request.
    pub(super) fn of(
        snapshot: &'a Snapshot,
        head: &'a RequestHead,
        target: &Target<'_>,
        to: &LiveTarget,
        client: &Client,
    ) -> Result<Option<Box<Self>>, Refusal> {
        if !matches!(head.method.as_str(), "COPY" | "MOVE") {
            return Ok(None);
        }
        let mut values = head.fields.all(Known::Destination);
        let Some(value) = values.next() else {
            return Ok(None);
        };
        if values.next().is_some() {
            return Err(BadDestination::Several.into());
        }
        let text = std::str::from_utf8(value)
            .ok()
            .filter(|text| text.is_ascii());
        let text = text.ok_or(BadDestination::Form)?;
        let (origin, path) = split(text).ok_or(BadDestination::Form)?;
        let mut spoken = None;
        if let Some((scheme, authority)) = origin {
            spoken = Some(client.scheme()).filter(|spoken| scheme.eq_ignore_ascii_case(spoken));
            let named = Host::parse(authority).ok_or(BadDestination::Form)?;
            if !is_same(&named, scheme, &target.host, client) {
                return Err(BadDestination::OtherHost.into());
            }
        }
        let end = path.find('?').unwrap_or(path.len());
        let (path, query) = path.split_at_checked(end).unwrap_or((path, ""));
        if query.contains('#') {
            return Err(BadDestination::Form.into());
        }
        let located = match Located::of(snapshot, target.site(client), path) {
            Ok(located) => located,
            Err(Refusal::Excluded { .. }) => return Err(BadDestination::Forbidden.into()),
            Err(Refusal::Unmapped) => return Err(BadDestination::OtherTarget.into()),
            Err(refusal) => return Err(refusal),
        };
        let located_to = located
            .mapping
            .target()
            .ok_or(BadDestination::OtherTarget)?;
        if !Arc::ptr_eq(&located_to.balancer, &to.balancer) {
            return Err(BadDestination::OtherTarget.into());
        }
        Ok(Some(Box::new(Self {
            scheme: spoken,
            located,
            to: located_to,
            query,
        })))
    }

    /// The path and its mapping.
    pub(crate) const fn located(&self) -> &Located<'a> {
        &self.located
    }

    /// The field as the member gets it; `host` is what it gets as Host. `None` for what is no field value.
    ///
    /// A URL keeps its scheme, and gets the Host that is sent. The path alone is sent where the member may believe that
    /// the request has another scheme, as behind another proxy or over HTTP to a client's HTTPS: Tomcat refuses a URL
    /// whose scheme or host are not those of the request (`WebdavServlet.java: copyResource()`).
    pub(crate) fn sent(&self, member: &LiveMember, host: &str) -> Option<String> {
        let back = self.to.back(member);
        let path = self.located.path_sent(&back);
        let known = member.config.url.scheme.name();
        let knows = |scheme: &str| !matches!(known, "http" | "https") || known == scheme;
        let origin = match self.scheme {
            Some(scheme) if knows(scheme) && !host.is_empty() => format!("{scheme}://{host}"),
            _ => String::new(),
        };
        let value = [&origin, &*path, self.query].concat();
        is_value(value.as_bytes()).then_some(value)
    }
}

/// Scheme and authority, and the rest, which begins with a slash.
fn split(text: &str) -> Option<(Option<(&str, &str)>, &str)> {
    if text.starts_with('/') && !text.starts_with("//") {
        return Some((None, text));
    }
    let (scheme, rest) = text.split_once("://")?;
    if !["http", "https"]
        .iter()
        .any(|it| scheme.eq_ignore_ascii_case(it))
    {
        return None;
    }
    let (authority, path) =
        rest.split_at_checked(rest.find(['/', '?', '#']).unwrap_or(rest.len()))?;
    let path = match path {
        "" => "/",
        path if path.starts_with('/') => path,
        _ => return None,
    };
    Some((Some((scheme, authority)), path))
}

/// Whether an authority is the Host of the request. A port that is not written is that of the scheme; another proxy in
/// front may have taken TLS off, so that the schemes need not agree.
fn is_same(named: &Host<'_>, scheme: &str, host: &Host<'_>, client: &Client) -> bool {
    let default = match scheme.eq_ignore_ascii_case("https") {
        true => 443,
        false => 80,
    };
    let port = named.port.unwrap_or(default);
    let ports_agree = named.port == host.port
        || port == host.port.unwrap_or(default)
        || port == host.port.unwrap_or(client.default_port());
    named.name.eq_ignore_ascii_case(host.name) && ports_agree
}
