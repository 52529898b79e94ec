//! The head of a request: what HTTP/2 demands of it (RFC 9113 section 8), and the same head as every protocol has it.
//!
//! `h2` has refused what is malformed by itself: pseudo-fields in the wrong number or place, upper case in names, fields that
//! concern a connection, a Content-Length that is no number. Here is what it lets pass.

use h2::ext::Protocol;
use http::header::HOST;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, request};

use super::super::limits;
use super::tunnel;
use crate::framing::{Body, BodyFields, HeadLimits, Refused};
use crate::head::{Fields, Known, RequestHead, RequestTarget, expects_100, is_name};

/// Bytes that each field counts beside its name and value (RFC 9113 section 6.5.2).
const FIELD: usize = 32;

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Malformed {
    #[error(transparent)]
    Head(#[from] Refused),
    #[error("neither :authority nor Host")]
    NoAuthority,
    #[error("a Host that is not the :authority")]
    OtherHost,
    #[error("a field name with a byte that HTTP forbids")]
    BadName,
    #[error("white space around the value of a field")]
    WhiteSpace,
    #[error("another scheme than http or https")]
    BadScheme,
    #[error("CONNECT for another protocol than WebSocket")]
    OtherProtocol,
}

impl Malformed {
    /// The status for the client.
    pub(super) const fn status(self) -> StatusCode {
        match self {
            // RFC 9220 section 3.
            Self::OtherProtocol => StatusCode::NOT_IMPLEMENTED,
            _ => limits::status(self.refused()),
        }
    }

    /// The same in the words of every version of HTTP.
    pub(super) const fn refused(self) -> Refused {
        match self {
            Self::Head(why) => why,
            _ => Refused::BadHead,
        }
    }
}

/// A request that may be answered.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) head: RequestHead,
    /// What is known of its body.
    pub(super) body: Body,
    /// Whether the client waits for 100 before it sends the body.
    pub(super) expects_100: bool,
    /// Whether the client asks for another protocol on the stream; the head is that of HTTP/1.1 for it.
    pub(super) switches: bool,
}

/// Reads a head. `over`: no body follows. The cookies count as one field.
///
/// # Errors
/// When the request must not go on.
pub(super) fn read(
    parts: request::Parts,
    over: bool,
    limits: &HeadLimits,
) -> Result<Asked, Malformed> {
    let request::Parts {
        mut method,
        uri,
        version,
        headers,
        extensions,
        ..
    } = parts;
    let size = list_size(&uri, &headers);
    if size > limits.max_bytes {
        return Err(Refused::HeadTooLarge.into());
    }
    let protocol = extensions.get::<Protocol>().map(Protocol::as_str);
    match protocol {
        Some("websocket") => method = Method::GET,
        Some(_) => return Err(Malformed::OtherProtocol),
        None => {}
    }
    let target = target(&method, &uri)?;
    limits.target(target.as_str().len())?;
    let (mut fields, told) = fields(&uri, &headers, size)?;
    limits.fields(fields.len())?;
    let over = over || protocol.is_some();
    let body = match (over, told.length()) {
        (true, _) => Body::Over,
        (false, Some(length)) => Body::of_length(length),
        (false, None) => Body::UntilClose,
    };
    if let Some(protocol) = protocol {
        tunnel::ask(protocol, &mut fields);
    }
    Ok(Asked {
        expects_100: !body.is_over() && expects_100(version, &fields),
        body,
        switches: protocol.is_some(),
        head: RequestHead {
            target,
            fields,
            method,
            version,
        },
    })
}

/// Bytes of a header list; the pseudo-fields count by their values.
fn list_size(uri: &Uri, headers: &HeaderMap) -> usize {
    let authority = uri.authority().map_or(0, |it| it.as_str().len());
    let path = uri.path_and_query().map_or(0, |it| it.as_str().len());
    let field = |(name, value): (&http::HeaderName, &HeaderValue)| {
        name.as_str().len() + value.len() + FIELD
    };
    headers.iter().map(field).sum::<usize>() + authority + path + 4 * FIELD
}

/// The target as HTTP/1.1 writes it: `:path`; for CONNECT `:authority`.
fn target(method: &Method, uri: &Uri) -> Result<RequestTarget, Malformed> {
    if *method == Method::CONNECT {
        // It is refused behind.
        return Ok(RequestTarget::of(uri));
    }
    match uri.scheme_str() {
        None | Some("http" | "https") => {}
        Some(_) => return Err(Malformed::BadScheme),
    }
    let path = uri.path_and_query().map_or("/", |it| it.as_str());
    Ok(RequestTarget::parse(path.as_bytes()).map_err(Refused::from)?)
}

/// The fields, with `:authority` as Host and the cookies in one field (RFC 9113 sections 8.2.3 and 8.3.1), and what they say
/// about the body, as HTTP/1.1 reads it: `h2` holds the body to its length. `size`: bytes of the list.
fn fields(uri: &Uri, headers: &HeaderMap, size: usize) -> Result<(Fields, BodyFields), Malformed> {
    let host = host(uri, headers)?;
    let bytes = size.saturating_sub(headers.len() * FIELD);
    let mut fields = Fields::with_capacity(headers.len() + 1, bytes);
    let mut body = BodyFields::default();
    fields.push_known(Known::Host, b"host", host.as_bytes());
    for (name, value) in headers {
        let (name, value) = (name.as_str().as_bytes(), value.as_bytes());
        let known = Known::of(name);
        // A name that is known is a token. The crate `http` takes a quotation mark for a letter of a name.
        if !known.is_one_name() && !is_name(name) {
            return Err(Malformed::BadName);
        }
        let is_space = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_whitespace);
        if is_space(value.first()) || is_space(value.last()) {
            return Err(Malformed::WhiteSpace);
        }
        match known {
            Known::Host => continue,
            // Those of one name follow one another.
            Known::Cookie => {
                fields.push_or_append(known, name, b"; ", value);
                continue;
            }
            Known::ContentLength => body.content_length(value)?,
            _ => {}
        }
        fields.push_known(known, name, value);
    }
    Ok((fields, body))
}

/// The host that the request is for.
fn host<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Result<&'a str, Malformed> {
    let authority = uri.authority().map(http::uri::Authority::as_str);
    let mut hosts = headers.get_all(HOST).iter();
    let host = match hosts.next() {
        None => None,
        Some(host) => Some(host.to_str().map_err(|_| Malformed::OtherHost)?),
    };
    if hosts.next().is_some() {
        return Err(Malformed::OtherHost);
    }
    match (authority, host) {
        (Some(authority), Some(host)) if !authority.eq_ignore_ascii_case(host) => {
            Err(Malformed::OtherHost)
        }
        (Some(it), _) | (None, Some(it)) if !it.is_empty() => Ok(it),
        _ => Err(Malformed::NoAuthority),
    }
}

#[cfg(test)]
mod tests {
    use http::{Request, Version};

    use super::*;

    const LIMITS: HeadLimits = HeadLimits {
        max_bytes: 1024,
        max_fields: 10,
        max_target: 100,
    };

    const URI: &str = "http://shop.example.com/a?b";

    fn ask(method: &str, uri: &str, fields: &[(&str, &str)]) -> Result<Asked, Malformed> {
        let mut request = Request::builder()
            .method(method)
            .uri(uri)
            .version(Version::HTTP_2);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        read(request.body(()).unwrap().into_parts().0, false, &LIMITS)
    }

    fn shown(asked: &Asked) -> String {
        let fields = asked.head.fields.iter();
        let fields = fields
            .map(|(name, value)| format!("{}: {}", name.escape_ascii(), value.escape_ascii()));
        fields.collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn the_authority_is_the_host_and_the_target_is_the_path() {
        let asked = ask("GET", URI, &[("accept", "*/*"), ("x-a", "1")]).unwrap();
        assert_eq!(asked.head.target.as_str(), "/a?b");
        assert_eq!(asked.head.target.authority(), None);
        assert_eq!(shown(&asked), "host: shop.example.com, accept: */*, x-a: 1");
        let same = ask("GET", URI, &[("host", "SHOP.example.com")]).unwrap();
        assert_eq!(shown(&same), "host: shop.example.com");
        // Without `:authority` the crate `http` knows no scheme either.
        let host = ask("GET", "/a", &[("host", "a:80")]).unwrap();
        assert_eq!(shown(&host), "host: a:80");
    }

    #[test]
    fn a_length_is_read_as_http_1_reads_it() {
        for (length, read) in [
            ("9223372036854775807", true),
            ("9223372036854775808", false),
        ] {
            let asked = ask("POST", URI, &[("content-length", length)]);
            assert_eq!(asked.is_ok(), read, "{length}");
        }
        let twice = [("content-length", "1"), ("content-length", "1")];
        assert!(ask("POST", URI, &twice).is_err());
    }

    #[test]
    fn cookies_become_one_field() {
        let asked = ask(
            "GET",
            URI,
            &[("cookie", "a=1"), ("x", "y"), ("cookie", "b=2; c=3")],
        );
        assert_eq!(
            shown(&asked.unwrap()),
            "host: shop.example.com, cookie: a=1; b=2; c=3, x: y"
        );
        let one = ask("GET", URI, &[("cookie", "a=1")]).unwrap();
        assert_eq!(shown(&one), "host: shop.example.com, cookie: a=1");
        // They count as one field.
        let crumbs = [("cookie", "a"); 20];
        assert!(ask("GET", URI, &crumbs).is_ok());
    }

    #[test]
    fn the_length_of_a_body_is_known_from_its_field_or_its_end() {
        for (fields, expected) in [
            (&[][..], Body::UntilClose),
            (&[("content-length", "5")], Body::Length(5)),
            (&[("content-length", "0")], Body::Over),
        ] {
            assert_eq!(ask("POST", URI, fields).unwrap().body, expected);
        }
        let expecting = ask("POST", URI, &[("expect", "100-Continue")]).unwrap();
        assert!(expecting.expects_100);
    }

    #[test]
    fn a_quotation_mark_is_no_letter_of_a_name() {
        let mut request = Request::new(());
        *request.uri_mut() = URI.parse().unwrap();
        let name = http::HeaderName::from_lowercase(b"x\"").unwrap();
        request
            .headers_mut()
            .insert(name, HeaderValue::from_static("1"));
        let found = read(request.into_parts().0, false, &LIMITS);
        assert_eq!(found.err(), Some(Malformed::BadName));
    }

    #[test]
    fn requests_that_must_not_go_on() {
        let long = format!("/{}", "a".repeat(100));
        for (uri, fields, why) in [
            (URI, &[("host", "other")][..], Malformed::OtherHost),
            (
                URI,
                &[("host", "shop.example.com:80")],
                Malformed::OtherHost,
            ),
            (
                URI,
                &[("host", "shop.example.com"), ("host", "shop.example.com")],
                Malformed::OtherHost,
            ),
            ("/a", &[], Malformed::NoAuthority),
            ("/a", &[("host", "")], Malformed::NoAuthority),
            (
                URI,
                &[("content-length", "1"), ("content-length", "1")],
                Malformed::Head(Refused::SeveralLengths),
            ),
            (URI, &[("x", " a")], Malformed::WhiteSpace),
            (URI, &[("x", "a\t")], Malformed::WhiteSpace),
            ("ftp://a/b", &[], Malformed::BadScheme),
            ("http://a/\"b", &[], Malformed::Head(Refused::BadTarget)),
            (
                &long,
                &[("host", "a")],
                Malformed::Head(Refused::TargetTooLong),
            ),
            (
                URI,
                &[("x", ""); 10],
                Malformed::Head(Refused::TooManyFields),
            ),
            (
                URI,
                &[("x", &"a".repeat(1000))],
                Malformed::Head(Refused::HeadTooLarge),
            ),
        ] {
            let found = ask("GET", uri, fields).err();
            assert_eq!(found, Some(why), "{uri} {fields:?}");
        }
    }
}
