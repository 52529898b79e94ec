//! The codes of AJP13: packet types, methods, header names and attributes.
//!
//! Source: `org.apache.coyote.ajp.Constants` of Tomcat and `jk_ajp_common.h` of mod_jk.

use std::fmt;

/// Packet types, the first payload byte of every packet but a request body.
pub mod packet {
    /// Starts a request; to the container.
    pub const FORWARD_REQUEST: u8 = 2;
    /// Part of the response body; from the container.
    pub const SEND_BODY_CHUNK: u8 = 3;
    /// Status and header fields; from the container.
    pub const SEND_HEADERS: u8 = 4;
    /// End of the response; from the container.
    pub const END_RESPONSE: u8 = 5;
    /// Asks for request body data; from the container.
    pub const GET_BODY_CHUNK: u8 = 6;
    /// Asks the container to stop; to the container. No current container obeys.
    pub const SHUTDOWN: u8 = 7;
    /// Ping of an old login phase; to the container. No current container answers.
    pub const PING: u8 = 8;
    /// Answer to a CPING; from the container.
    pub const CPONG: u8 = 9;
    /// Asks for a CPONG; to the container.
    pub const CPING: u8 = 10;
}

/// The method byte of a method without a code: its name is in the `stored_method` attribute.
pub const STORED_METHOD: u8 = 0xFF;

/// First byte of a coded header name. In a string this byte is the high byte of the length.
pub(crate) const CODED: u8 = 0xA0;

/// Methods with a code, in the order of their codes 1 to 27.
pub const METHODS: [&str; 27] = [
    "OPTIONS",
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "DELETE",
    "TRACE",
    "PROPFIND",
    "PROPPATCH",
    "MKCOL",
    "COPY",
    "MOVE",
    "LOCK",
    "UNLOCK",
    "ACL",
    "REPORT",
    "VERSION-CONTROL",
    "CHECKIN",
    "CHECKOUT",
    "UNCHECKOUT",
    "SEARCH",
    "MKWORKSPACE",
    "UPDATE",
    "LABEL",
    "MERGE",
    "BASELINE-CONTROL",
    "MKACTIVITY",
];

/// The code of a method, whose name is case-sensitive; `None` when it must be sent as `stored_method`.
#[must_use]
pub fn method_code(name: &[u8]) -> Option<u8> {
    // The most frequent methods first.
    match name {
        b"GET" => Some(2),
        b"POST" => Some(4),
        b"HEAD" => Some(3),
        b"PUT" => Some(5),
        _ => (1..)
            .zip(METHODS)
            .find(|(_, method)| method.as_bytes() == name)
            .map(|(code, _)| code),
    }
}

/// The method of a code.
#[must_use]
pub fn method_name(code: u8) -> Option<&'static str> {
    METHODS.get(usize::from(code).checked_sub(1)?).copied()
}

/// The table of coded header names of one direction.
pub trait HeaderCode: Copy + Eq + fmt::Debug + Sized + 'static {
    /// The header of a code byte.
    fn from_code(code: u8) -> Option<Self>;
    /// The code byte that follows 0xA0.
    fn code(self) -> u8;
    /// The name, spelled as in Tomcat.
    fn name(self) -> &'static str;
    /// The header of a name, in any case.
    fn from_name(name: &[u8]) -> Option<Self>;
}

/// Makes an enum of header names from a table `Variant = code, "name"`.
macro_rules! header_codes {
    ($(#[$doc:meta])* $type:ident { $($variant:ident = $code:literal, $name:literal;)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum $type {
            $(#[doc = concat!("`", $name, "`")] $variant = $code,)*
        }

        impl $type {
            /// Every coded name, in the order of the codes.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];
        }

        impl HeaderCode for $type {
            fn from_code(code: u8) -> Option<Self> {
                match code {
                    $($code => Some(Self::$variant),)*
                    _ => None,
                }
            }

            fn code(self) -> u8 {
                self as u8
            }

            fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            fn from_name(name: &[u8]) -> Option<Self> {
                $(if name.len() == $name.len() && name.eq_ignore_ascii_case($name.as_bytes()) {
                    return Some(Self::$variant);
                })*
                None
            }
        }
    };
}

header_codes! {
    /// Coded names of request headers (`Constants.requestHeaders` and `SC_REQ_*`).
    RequestHeader {
        Accept = 1, "accept";
        AcceptCharset = 2, "accept-charset";
        AcceptEncoding = 3, "accept-encoding";
        AcceptLanguage = 4, "accept-language";
        Authorization = 5, "authorization";
        Connection = 6, "connection";
        ContentType = 7, "content-type";
        ContentLength = 8, "content-length";
        Cookie = 9, "cookie";
        Cookie2 = 10, "cookie2";
        Host = 11, "host";
        Pragma = 12, "pragma";
        Referer = 13, "referer";
        UserAgent = 14, "user-agent";
    }
}

header_codes! {
    /// Coded names of response headers (`Constants.responseHeaders` and `SC_RESP_*`).
    ResponseHeader {
        ContentType = 1, "Content-Type";
        ContentLanguage = 2, "Content-Language";
        ContentLength = 3, "Content-Length";
        Date = 4, "Date";
        LastModified = 5, "Last-Modified";
        Location = 6, "Location";
        SetCookie = 7, "Set-Cookie";
        SetCookie2 = 8, "Set-Cookie2";
        ServletEngine = 9, "Servlet-Engine";
        Status = 10, "Status";
        WwwAuthenticate = 11, "WWW-Authenticate";
    }
}

/// Codes of request attributes (`SC_A_*`).
pub mod attribute {
    /// The context path. Tomcat ignores it.
    pub const CONTEXT: u8 = 1;
    /// The servlet path. Tomcat ignores it.
    pub const SERVLET_PATH: u8 = 2;
    /// The user that the gateway authenticated.
    pub const REMOTE_USER: u8 = 3;
    /// How the gateway authenticated the user.
    pub const AUTH_TYPE: u8 = 4;
    /// The raw query without its `?`.
    pub const QUERY_STRING: u8 = 5;
    /// The jvmRoute that the session asked for.
    pub const ROUTE: u8 = 6;
    /// The client's certificate, PEM.
    pub const SSL_CERT: u8 = 7;
    /// The cipher suite.
    pub const SSL_CIPHER: u8 = 8;
    /// The TLS session id, hexadecimal.
    pub const SSL_SESSION: u8 = 9;
    /// A named attribute: two strings.
    pub const REQUEST: u8 = 10;
    /// The key size in bits, a 16-bit integer.
    pub const SSL_KEY_SIZE: u8 = 11;
    /// The secret that the connector requires.
    pub const SECRET: u8 = 12;
    /// The name of a method without a code.
    pub const STORED_METHOD: u8 = 13;
    /// End of the request.
    pub const END: u8 = 0xFF;
}

/// Names of named attributes (code 10) that Tomcat knows (`AjpProcessor`).
pub mod request_attribute {
    /// The client's port, decimal.
    pub const REMOTE_PORT: &str = "AJP_REMOTE_PORT";
    /// The address that the client connected to.
    pub const LOCAL_ADDR: &str = "AJP_LOCAL_ADDR";
    /// The TLS version, for example `TLSv1.3`.
    pub const SSL_PROTOCOL: &str = "AJP_SSL_PROTOCOL";
    /// The member's state in the balancer: `ACT` (active), `DIS` (draining) or `STP` (stopped). Sent by mod_jk, read by
    /// Tomcat's `LoadBalancerDrainingValve`.
    pub const LB_ACTIVATION: &str = "JK_LB_ACTIVATION";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_have_the_codes_1_to_27() {
        for (code, name) in (1..=27).zip(METHODS) {
            assert_eq!(method_code(name.as_bytes()), Some(code), "{name}");
            assert_eq!(method_name(code), Some(name));
        }
        for other in ["get", "PATCH", "FOOBAR", "CONNECT", ""] {
            assert_eq!(method_code(other.as_bytes()), None, "{other}");
        }
        assert_eq!(method_name(0), None);
        assert_eq!(method_name(28), None);
        assert_eq!(method_name(STORED_METHOD), None);
    }

    fn check_table<C: HeaderCode>(all: &[C]) {
        for (code, header) in (1..).zip(all.iter().copied()) {
            assert_eq!(header.code(), code);
            assert_eq!(C::from_code(code), Some(header));
            let name = header.name();
            assert_eq!(C::from_name(name.as_bytes()), Some(header));
            assert_eq!(
                C::from_name(name.to_ascii_uppercase().as_bytes()),
                Some(header)
            );
            assert_eq!(
                C::from_name(name.to_ascii_lowercase().as_bytes()),
                Some(header)
            );
        }
        assert_eq!(C::from_name(b"x-other"), None);
        assert_eq!(C::from_code(0), None);
        assert_eq!(C::from_code(u8::try_from(all.len()).unwrap() + 1), None);
    }

    #[test]
    fn header_codes_and_names_map_to_each_other() {
        check_table(RequestHeader::ALL);
        check_table(ResponseHeader::ALL);
        assert_eq!(
            (RequestHeader::ALL.len(), ResponseHeader::ALL.len()),
            (14, 11)
        );
    }
}
