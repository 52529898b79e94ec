//! Names: of balancers, routes, hosts, cookies, header fields and attributes.

use schemars::{Schema, json_schema};

use super::host::{LONGEST_HOST, host_name};
use crate::fault::{Fault, quoted};
use crate::field::Kind;

/// `PROXY_WORKER_MAX_ROUTE_SIZE` and `PROXY_BALANCER_MAX_NAME_SIZE` of httpd's mod_proxy.h, without the NUL.
const LONGEST_NAME: usize = 95;

/// The name of a balancer: letters, digits, `.`, `_` and `-`.
pub(crate) enum BalancerName {}

impl Kind for BalancerName {
    type Value = String;

    fn read(text: &str) -> Result<String, Fault> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        match text.len() {
            1..=LONGEST_NAME if text.bytes().all(allowed) => Ok(text.to_owned()),
            _ => Err(
                Fault::new(format!("{} is not a name of a balancer", quoted(text))).hint(format!(
                    "a name has 1 to {LONGEST_NAME} letters, digits, dots, dashes or underscores"
                )),
            ),
        }
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "pattern": "^[A-Za-z0-9._-]{1,95}$" })
    }
}

/// The name that gateways of a cluster share: as that of a balancer.
pub(crate) enum ClusterName {}

impl Kind for ClusterName {
    type Value = String;

    fn read(text: &str) -> Result<String, Fault> {
        BalancerName::read(text).map_err(|fault| Fault {
            message: format!("{} is not a name of a cluster", quoted(text)),
            ..fault
        })
    }

    fn schema() -> Schema {
        BalancerName::schema()
    }
}

/// The longest name of a service, a namespace or another label (RFC 1123).
const LONGEST_LABEL: usize = 63;

/// The name of a service or of a namespace of Kubernetes: small letters, digits and dashes inside.
pub(crate) enum KubernetesName {}

impl Kind for KubernetesName {
    type Value = String;

    fn read(text: &str) -> Result<String, Fault> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let has_dash_outside = text.starts_with('-') || text.ends_with('-');
        match text.len() {
            1..=LONGEST_LABEL if text.bytes().all(allowed) && !has_dash_outside => {
                Ok(text.to_owned())
            }
            _ => Err(Fault::new(format!(
                "{} is not a name that Kubernetes allows",
                quoted(text)
            ))
            .hint(format!(
                "a name has 1 to {LONGEST_LABEL} small letters, digits, or dashes inside"
            ))),
        }
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "pattern": "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$" })
    }
}

/// The longest name of a port (RFC 6335 section 5.1).
const LONGEST_PORT_NAME: usize = 15;

/// A port of pods: a number, or a name of small letters, digits and dashes inside, with a letter.
pub(crate) enum PodPort {}

impl Kind for PodPort {
    type Value = crate::model::PodPort;

    fn read(text: &str) -> Result<Self::Value, Fault> {
        let bad = || {
            Fault::new(format!("{} is no port", quoted(text))).hint(format!(
                "write its name in the service, at most {LONGEST_PORT_NAME} letters, or a number from 1 to 65535"
            ))
        };
        if text.bytes().all(|b| b.is_ascii_digit()) {
            let number = text.parse().ok().filter(|number| *number > 0);
            return number.map(Self::Value::Number).ok_or_else(bad);
        }
        match KubernetesName::read(text) {
            Ok(name) if name.len() <= LONGEST_PORT_NAME => Ok(Self::Value::Name(name)),
            _ => Err(bad()),
        }
    }

    fn schema() -> Schema {
        json_schema!({ "anyOf": [
            { "type": "integer", "minimum": 1, "maximum": 65535 },
            { "type": "string", "pattern": "^[a-z0-9]([a-z0-9-]{0,13}[a-z0-9])?$" },
        ] })
    }
}

/// A route, the jvmRoute of a Tomcat; empty for none. Also `redirect` and `domain`.
pub(crate) enum Route {}

impl Kind for Route {
    type Value = String;

    fn read(text: &str) -> Result<String, Fault> {
        if text.len() > LONGEST_NAME {
            return Err(Fault::new(format!("longer than {LONGEST_NAME} bytes"))
                .hint("choose a shorter one"));
        }
        // A route cannot contain a character that ends a cookie value, a path parameter or a query parameter.
        let refused = |c: char| !c.is_ascii_graphic() || r#";,="/?&#\%"#.contains(c);
        match text.chars().position(refused) {
            None => Ok(text.to_owned()),
            Some(at) => Err(Fault::new(format!("{} cannot be part of a session id", quoted(text)))
                .hint("a route is the jvmRoute of a Tomcat: ASCII, no blanks and none of ; , = \" / ? & # \\ %")
                .at(at)),
        }
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "maxLength": LONGEST_NAME, "pattern": r"^[!$'()*+.0-9:<>@A-Z\[\]^_`a-z{|}~-]*$" })
    }
}

/// Whether a text can be the route of a member.
#[must_use]
pub fn is_route(text: &str) -> bool {
    !text.is_empty() && Route::read(text).is_ok()
}

/// A host name as a client asks for it, in lower case and without port; `*.example.com` is every name below.
pub(crate) enum HostName {}

impl Kind for HostName {
    type Value = String;

    fn read(text: &str) -> Result<String, Fault> {
        let bad = |why: &str| Fault::new(format!("{} {why}", quoted(text)));
        let bracketed = text
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        if let Some(address) = bracketed {
            return match address.parse::<std::net::Ipv6Addr>() {
                Ok(address) => Ok(format!("[{address}]")),
                Err(_) => {
                    Err(bad("is not an IPv6 address").hint("write it like \"[2001:db8::1]\""))
                }
            };
        }
        if text.parse::<std::net::Ipv6Addr>().is_ok() {
            return Err(bad("has no brackets").hint(format!("write \"[{text}]\"")));
        }
        if let Some((host, _)) = text.split_once(':') {
            return Err(bad("has a port").hint(format!("write {host:?}; it counts for every port")));
        }
        let named = text.strip_prefix("*.").unwrap_or(text);
        if named.contains('*') {
            return Err(bad("is a pattern").hint(
                "`*.example.com` is every name below example.com; without `hosts` a mapping counts for every host",
            ));
        }
        host_name(named)?;
        let name = text.strip_suffix('.').unwrap_or(text);
        Ok(name.to_ascii_lowercase())
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "pattern": r"^((\*\.)?[A-Za-z0-9._-]+|\[[0-9a-fA-F:.]+\])$" })
    }
}

/// Whether a text is labels, the last of which is no number, or an address.
const SERVER_NAME: &str = concat!(
    r"^(([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*",
    r"[0-9]{0,62}[A-Za-z_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.?",
    r"|[0-9]{1,3}(\.[0-9]{1,3}){3}|[0-9a-fA-F:]*:[0-9a-fA-F:.]*)$"
);

/// The name that a backend's certificate must have.
pub(crate) enum ServerName {}

impl Kind for ServerName {
    type Value = String;

    fn read(text: &str) -> Result<String, Fault> {
        // rustls takes names as DNS has them (RFC 9525 section 6.3), and addresses.
        match rustls_pki_types::ServerName::try_from(text) {
            Ok(_) => Ok(text.to_ascii_lowercase()),
            Err(_) => Err(
                Fault::new(format!("{} is not a name of a TLS server", quoted(text)))
                    .hint("write the name in the server's certificate, like node3.example.com"),
            ),
        }
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "maxLength": LONGEST_HOST, "pattern": SERVER_NAME })
    }
}

/// The name of a cookie: a token (RFC 6265 section 4.1.1).
pub(crate) enum CookieName {}

impl Kind for CookieName {
    type Value = String;

    fn read(text: &str) -> Result<String, Fault> {
        token(text, "a name of a cookie")
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "pattern": TOKEN })
    }
}

/// The value of a header field: ASCII without control characters, and not empty.
pub(crate) enum FieldText {}

impl Kind for FieldText {
    type Value = String;

    fn read(text: &str) -> Result<String, Fault> {
        let bad = Fault::new(format!("{} is no value of a header field", quoted(text)));
        let is_plain = |c: char| c.is_ascii_graphic() || c == ' ';
        if text.trim().is_empty() {
            return Err(bad.hint("remove the key: then the field is not sent"));
        }
        match text.chars().position(|c| !is_plain(c)) {
            Some(at) => Err(bad.hint("it is ASCII without control characters").at(at)),
            None => Ok(text.trim().to_owned()),
        }
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "pattern": "^ *[!-~][ -~]*$" })
    }
}

/// The name of a header field in lower case: a token that does not belong to the connection.
pub(crate) enum FieldName {}

/// Fields that frame the message or belong to one connection (RFC 9110 section 7.6.1, RFC 9112 section 6).
const CONNECTION_FIELDS: [&str; 8] = [
    "connection",
    "content-length",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

impl Kind for FieldName {
    type Value = String;

    fn read(text: &str) -> Result<String, Fault> {
        let bare = text.strip_suffix(':').unwrap_or(text);
        let name = token(text, "a name of a header field").map_err(|fault| match bare.len() {
            length if length < text.len() => {
                fault.hint(format!("write {bare:?}, without the colon"))
            }
            _ => fault,
        })?;
        let name = name.to_ascii_lowercase();
        match CONNECTION_FIELDS.contains(&name.as_str()) {
            true => Err(Fault::new(format!("{} cannot be changed", quoted(text)))
                .hint("it frames the message or belongs to one connection; the gateway sets it itself")),
            false => Ok(name),
        }
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "pattern": TOKEN })
    }
}

/// The name of an AJP request attribute.
pub(crate) enum AttributeName {}

impl Kind for AttributeName {
    type Value = String;

    fn read(text: &str) -> Result<String, Fault> {
        match (1..=255).contains(&text.len()) && text.chars().all(|c| c.is_ascii_graphic()) {
            true => Ok(text.to_owned()),
            false => Err(
                Fault::new(format!("{} is not a name of an attribute", quoted(text)))
                    .hint("a name has 1 to 255 ASCII characters, and no blanks"),
            ),
        }
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "pattern": "^[!-~]{1,255}$" })
    }
}

/// A token of RFC 9110 section 5.6.2.
const TOKEN: &str = "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$";

fn token(text: &str, what: &str) -> Result<String, Fault> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    match !text.is_empty() && text.chars().all(allowed) {
        true => Ok(text.to_owned()),
        false => Err(Fault::new(format!("{} is not {what}", quoted(text)))
            .hint("allowed are letters, digits and !#$%&'*+-.^_`|~")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes() {
        for text in ["", "node1", "a.b", "n:1", &"x".repeat(95)] {
            assert_eq!(Route::read(text).as_deref(), Ok(text));
        }
        for text in [
            "a b",
            "a;b",
            "a=b",
            "ä",
            "a/b",
            "a\"b",
            "a,b",
            &"x".repeat(96),
        ] {
            assert!(Route::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn hosts() {
        for (text, host) in [
            ("Shop.Example.com", "shop.example.com"),
            ("localhost", "localhost"),
            ("shop.example.com.", "shop.example.com"),
            ("10.0.0.1", "10.0.0.1"),
            ("[0:0::1]", "[::1]"),
            ("*.Example.com.", "*.example.com"),
        ] {
            assert_eq!(HostName::read(text).as_deref(), Ok(host), "{text}");
        }
        for text in [
            "",
            "*",
            "*.",
            "*example.com",
            "a.*.example.com",
            "*.*.example.com",
            "a:80",
            "a b",
            "[::1",
            "http://a",
            "münchen.example",
        ] {
            assert!(HostName::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn header_fields() {
        assert_eq!(FieldName::read("X-Route").as_deref(), Ok("x-route"));
        for text in [
            "",
            "X Route",
            "X-Route:",
            "Content-Length",
            "transfer-encoding",
            "Connection",
        ] {
            assert!(FieldName::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn balancer_names() {
        for text in ["shop", "shop-1.example_2"] {
            assert_eq!(BalancerName::read(text).as_deref(), Ok(text));
        }
        for text in ["", "a b", "a/b", "ä", &"x".repeat(96)] {
            assert!(BalancerName::read(text).is_err(), "{text}");
        }
    }
}
