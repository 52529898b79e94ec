//! The authority of a URL or of `Host` (RFC 9110 section 7.2), checked.

/// The authority that the client named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Host<'a> {
    /// As the client wrote it; empty when it named none.
    pub(crate) text: &'a str,
    /// Without the port; an IPv6 address in brackets.
    pub(crate) name: &'a str,
    pub(crate) port: Option<u16>,
}

impl<'a> Host<'a> {
    /// A name or an address, and a port: what Tomcat accepts, for anything else makes it answer 400 and give
    /// up the connection.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let end_of_name = match text.strip_prefix('[') {
            Some(rest) => {
                let (address, _) = rest.split_once(']')?;
                address.parse::<std::net::Ipv6Addr>().ok()?;
                address.len() + 2
            }
            None => memchr::memchr(b':', text.as_bytes()).unwrap_or(text.len()),
        };
        let (name, rest) = text.split_at_checked(end_of_name)?;
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        if name.is_empty() || !(name.starts_with('[') || name.bytes().all(legal)) {
            return None;
        }
        let port = match rest.strip_prefix(':') {
            None if rest.is_empty() => None,
            Some("") => None,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(digits.parse().ok().filter(|port| *port != 0)?)
            }
            _ => return None,
        };
        Some(Self { text, name, port })
    }

    /// No authority: a request of HTTP/1.0 may have none.
    pub(crate) const NONE: Host<'static> = Host {
        text: "",
        name: "",
        port: None,
    };

    /// Whether this is the same host and port, whatever the case of its name. `default_port` is what no port stands for.
    pub(crate) fn is_same(&self, other: &Host<'_>, default_port: u16) -> bool {
        let port = |host: &Host<'_>| host.port.unwrap_or(default_port);
        self.name.eq_ignore_ascii_case(other.name) && port(self) == port(other)
    }
}
