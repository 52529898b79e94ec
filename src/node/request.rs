//! A FORWARD_REQUEST as a servlet would see it, after the checks of a container.

use ajp13::ForwardRequest;
use ajp13::request::{Attribute, RequestAttribute};
use ajp13::tables::{HeaderCode as _, RequestHeader, request_attribute};
use subtle::ConstantTimeEq as _;

/// The largest number of header fields of a request, as Tomcat's `maxHeaderCount`.
const MAX_HEADERS: usize = 100;

/// A request that has passed the checks.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: String,
    /// The raw path, with its parameters.
    pub(super) uri: String,
    pub(super) query: String,
    pub(super) remote_addr: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) attributes: Vec<(String, String)>,
    pub(super) length: BodyLength,
}

/// The request body that follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyLength {
    /// A body of this length, as `content-length` announces. If it is not 0, the first packet comes unasked.
    Known(u64),
    /// A body of unknown length: every packet must be requested, and an empty packet ends it.
    Unknown,
    /// Neither a length nor an encoding was announced. Usually there is no body.
    Unstated,
}

/// Checks a request as Tomcat does, and more strictly where Tomcat accepts what no gateway may send.
///
/// # Errors
/// The status of the refusal.
pub(super) fn check(sent: &ForwardRequest, secret: Option<&str>) -> Result<Request, u16> {
    if !has_secret(sent, secret) || !only_known_attributes(sent) {
        return Err(403);
    }
    if sent.headers.len() > MAX_HEADERS {
        return Err(400);
    }
    let mut headers = Vec::with_capacity(sent.headers.len());
    for (name, value) in &sent.headers {
        let (name, value) = (name.as_bytes(), value.unwrap_or_default());
        if name.is_empty() || !name.iter().all(|byte| is_token(*byte)) || has_control(&value) {
            return Err(400);
        }
        headers.push((latin1(name), latin1(&value)));
    }
    let method = sent.method_name().unwrap_or_default();
    let uri = sent.uri.as_deref().unwrap_or_default();
    let query = sent.text(Attribute::QueryString).unwrap_or_default();
    let legal_uri = uri == b"*" || uri.starts_with(b"/");
    if !method.iter().all(|byte| is_token(*byte))
        || !legal_uri
        || has_control(uri)
        || has_control(query)
        || uri.contains(&b' ')
    {
        return Err(400);
    }
    Ok(Request {
        length: body_length(&headers)?,
        method: latin1(method),
        uri: latin1(uri),
        query: latin1(query),
        remote_addr: latin1(sent.remote_addr.as_deref().unwrap_or_default()),
        headers,
        attributes: sent
            .named()
            .map(|(name, value)| (latin1(name), latin1(value)))
            .collect(),
    })
}

impl Request {
    /// The value of the first field with this name.
    pub(super) fn header(&self, wanted: &str) -> Option<&str> {
        let mut named = self
            .headers
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
        named.next().map(|(_, value)| value.as_str())
    }

    /// The path without its parameters.
    pub(super) fn path(&self) -> &str {
        self.uri.split(';').next().unwrap_or_default()
    }

    /// The value of a query parameter, not decoded.
    pub(super) fn parameter(&self, wanted: &str) -> Option<&str> {
        let pairs = self
            .query
            .split('&')
            .filter_map(|pair| pair.split_once('='));
        pairs
            .into_iter()
            .find(|(name, _)| *name == wanted)
            .map(|(_, value)| value)
    }

    /// The session id of the client, from the cookie or else from the path.
    pub(super) fn session_id(&self) -> Option<&str> {
        let cookies = self
            .headers
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case("cookie"));
        cookies
            .flat_map(|(_, value)| value.split(';'))
            .find_map(|cookie| cookie.trim().strip_prefix("JSESSIONID="))
            .or_else(|| {
                self.uri
                    .split(';')
                    .skip(1)
                    .find_map(|parameter| parameter.strip_prefix("jsessionid="))
            })
    }
}

fn has_secret(sent: &ForwardRequest, secret: Option<&str>) -> bool {
    let Some(secret) = secret else { return true };
    let mut given = sent
        .attributes
        .iter()
        .filter_map(|attribute| match attribute {
            RequestAttribute::Text(Attribute::Secret, value) => {
                Some(value.as_deref().unwrap_or_default())
            }
            _ => None,
        })
        .peekable();
    // If there are several secrets, all must be right.
    given.peek().is_some() && given.all(|value| value.ct_eq(secret.as_bytes()).into())
}

/// Names of attributes that Tomcat accepts by default. Other names are refused, because some make Tomcat serve any file
/// of an application (CVE-2020-1938).
fn only_known_attributes(sent: &ForwardRequest) -> bool {
    let known = [
        request_attribute::REMOTE_PORT,
        request_attribute::LOCAL_ADDR,
        request_attribute::SSL_PROTOCOL,
        request_attribute::LB_ACTIVATION,
    ];
    sent.named()
        .all(|(name, _)| known.iter().any(|known| known.as_bytes() == name))
}

fn body_length(headers: &[(String, String)]) -> Result<BodyLength, u16> {
    let mut lengths = headers.iter().filter(|(name, _)| {
        RequestHeader::from_name(name.as_bytes()) == Some(RequestHeader::ContentLength)
    });
    let Some((_, length)) = lengths.next() else {
        let encoded = headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("transfer-encoding"));
        return Ok(if encoded {
            BodyLength::Unknown
        } else {
            BodyLength::Unstated
        });
    };
    let digits = !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit());
    match length.parse() {
        Ok(length) if digits && lengths.next().is_none() => Ok(BodyLength::Known(length)),
        _ => Err(400),
    }
}

const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

fn has_control(text: &[u8]) -> bool {
    text.iter()
        .any(|byte| byte.is_ascii_control() && *byte != b'\t')
}

fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}
