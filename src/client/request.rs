//! From the client of a connection to the client of a request.

use std::sync::Arc;

use super::chain::{self, from_right, x_forwarded_for};
use super::forwarded::{self, Element};
use super::host::Host;
use super::trusted::Trusted;
use super::{Client, FORWARDING, Said, default_port};
use crate::head::{Fields, Known, RequestHead};

/// Who the client of a request is. `connection` is the client of its connection: the peer, or what a PROXY header says.
///
/// Only where that is in `trusted` are the forwarding fields looked at; from anybody else the connection's client is handed
/// on as it is. A trusted peer whose PROXY header names nobody is a load balancer that passes bytes on: the fields may be its
/// client's own, so they do not count either. A field that is there and has no valid value counts as absent, but in `X-Forwarded-For` an element that is
/// no address ends the search: whoever stands left of it cannot be checked.
pub(crate) fn of_request(
    connection: Arc<Client>,
    head: &RequestHead,
    trusted: &Trusted,
) -> Arc<Client> {
    let believed = !trusted.is_empty()
        && connection.is_named()
        && trusted.contains(connection.address.ip())
        && head.fields.may_have(FORWARDING);
    match believed {
        true => Arc::new(by_fields(&connection, head, trusted)),
        false => connection,
    }
}

/// The client by the fields of a trusted proxy.
fn by_fields(connection: &Arc<Client>, head: &RequestHead, trusted: &Trusted) -> Client {
    let fields = &head.fields;
    let forwarded = written_by_trusted(fields, trusted);
    let address = match fields.get(Known::XForwardedFor) {
        Some(_) => chain::client(x_forwarded_for(fields), trusted),
        None => chain::client(forwarded.iter().map(|it| it.address), trusted),
    };
    let address = address.unwrap_or(connection.address);
    let is_secure = last(fields, "x-forwarded-proto", is_https)
        .or_else(|| {
            forwarded
                .iter()
                .find_map(|it| is_https(it.proto.as_deref()?))
        })
        .unwrap_or(connection.is_secure);
    let host = last(fields, "x-forwarded-host", host)
        .or_else(|| forwarded.iter().find_map(|it| host(it.host.as_deref()?)));
    let port = last(fields, "x-forwarded-port", port);
    let said = Said {
        host: authority(host, port, head, is_secure).map(String::into_boxed_str),
        port,
        proxy: Arc::clone(connection),
    };
    let mut client = connection.at(address);
    client.is_secure = is_secure;
    client.said = Some(Box::new(said));
    client
}

/// The elements of `Forwarded` that trusted proxies have written, the last one first: up to the one that names somebody who
/// is not trusted, or no address. What stands left of that came from there.
fn written_by_trusted<'a>(fields: &'a Fields, trusted: &Trusted) -> Vec<Element<'a>> {
    let mut found = Vec::new();
    for element in forwarded::elements(fields) {
        let goes_on = element.address.is_some_and(|it| trusted.contains(it.ip()));
        found.push(element);
        if !goes_on {
            break;
        }
    }
    found
}

/// The last value of a field; `None` where that is not valid.
fn last<'a, T>(
    fields: &'a Fields,
    name: &'a str,
    read: impl FnOnce(&'a [u8]) -> Option<T>,
) -> Option<T> {
    from_right(fields, name).next().and_then(read)
}

/// Whether a scheme is https. Some proxies (Traefik) name the schemes of WebSocket.
fn is_https(scheme: &[u8]) -> Option<bool> {
    let is = |name: &[u8]| scheme.eq_ignore_ascii_case(name);
    match () {
        () if is(b"https") || is(b"wss") => Some(true),
        () if is(b"http") || is(b"ws") => Some(false),
        () => None,
    }
}

/// A valid authority.
fn host(text: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(text).ok()?;
    Host::parse(text).map(|host| host.text.to_owned())
}

/// A port: decimal digits, 1 to 65535.
fn port(text: &[u8]) -> Option<u16> {
    let text = std::str::from_utf8(text).ok()?;
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| is_number && *port != 0)
}

/// The authority in place of the request's `Host`; `None` where that counts. A port that a field of its own names takes the
/// place of the one in the authority, and is left out where the scheme has it: backends read the port from `Host` too.
fn authority(
    host: Option<String>,
    port: Option<u16>,
    head: &RequestHead,
    is_secure: bool,
) -> Option<String> {
    let Some(port) = port else {
        return host;
    };
    let own = || {
        let field = head.fields.get(Known::Host);
        let field = field.and_then(|field| std::str::from_utf8(field).ok());
        head.target.authority().or(field).map(str::to_owned)
    };
    let host = host.or_else(own)?;
    let name = Host::parse(&host)?.name;
    Some(match port == default_port(is_secure) {
        true => name.to_owned(),
        false => format!("{name}:{port}"),
    })
}
