//! Which clients may use the admin listener.

use std::io;
use std::net::IpAddr;

use ajpgate_config::{Admin, Auth};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::header::{AUTHORIZATION, HeaderMap};
use ipnet::IpNet;
use subtle::ConstantTimeEq as _;

use crate::random;

/// The networks that may connect, and the credentials that `Authorization` must have.
#[derive(Debug)]
pub(crate) struct Access {
    allow: Vec<IpNet>,
    credentials: Option<Credentials>,
    token: String,
}

#[derive(Debug)]
enum Credentials {
    Basic(Vec<u8>),
    Bearer(Vec<u8>),
}

impl Access {
    /// The access of this configuration, with a new token.
    ///
    /// # Errors
    /// When the system has no random numbers for the token.
    pub(crate) fn new(admin: &Admin) -> io::Result<Self> {
        let credentials = admin.auth.as_ref().map(|auth| match auth {
            Auth::Basic { user, password } => {
                Credentials::Basic(format!("{user}:{}", password.expose()).into_bytes())
            }
            Auth::Token(token) => Credentials::Bearer(token.expose().as_bytes().to_vec()),
        });
        Ok(Self {
            allow: admin.allow.clone(),
            credentials,
            token: token()?,
        })
    }

    /// Whether an address may connect at all.
    pub(crate) fn allows(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.allow.iter().any(|network| network.contains(&address))
    }

    /// Whether a request has the credentials, or none are needed. They are compared in constant time.
    pub(crate) fn admits(&self, headers: &HeaderMap) -> bool {
        let Some(credentials) = &self.credentials else {
            return true;
        };
        let given = headers
            .get(AUTHORIZATION)
            .map(http::HeaderValue::as_bytes)
            .unwrap_or_default();
        let (scheme, given) = match given.iter().position(|byte| *byte == b' ') {
            Some(at) => given.split_at(at),
            None => return false,
        };
        let given = given.trim_ascii();
        match credentials {
            Credentials::Basic(wanted) if scheme.eq_ignore_ascii_case(b"basic") => BASE64
                .decode(given)
                .is_ok_and(|given| given.ct_eq(wanted).into()),
            Credentials::Bearer(wanted) if scheme.eq_ignore_ascii_case(b"bearer") => {
                given.ct_eq(wanted).into()
            }
            _ => false,
        }
    }

    /// Whether requests need credentials.
    pub(crate) const fn asks_who(&self) -> bool {
        self.credentials.is_some()
    }

    /// The token that pages of this gateway send with a change. Other sites cannot guess it.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// The user of an admitted request, for the log.
    pub(crate) fn user(&self) -> &str {
        match &self.credentials {
            None => "-",
            Some(Credentials::Bearer(_)) => "token",
            Some(Credentials::Basic(pair)) => {
                let user = pair.split(|byte| *byte == b':').next().unwrap_or_default();
                std::str::from_utf8(user).unwrap_or("-")
            }
        }
    }

    /// The value of `WWW-Authenticate` for a request without credentials (RFC 9110 section 11.6.1).
    pub(crate) const fn challenge(&self) -> &'static str {
        match self.credentials {
            Some(Credentials::Bearer(_)) => "Bearer realm=\"ajpgate\"",
            _ => "Basic realm=\"ajpgate\", charset=\"UTF-8\"",
        }
    }
}

/// 32 random hexadecimal digits.
fn token() -> io::Result<String> {
    Ok(format!("{:032x}", random::bits128()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(authorization: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, authorization.parse().unwrap());
        headers
    }

    fn access(credentials: Option<Credentials>) -> Access {
        Access {
            allow: vec!["127.0.0.0/8".parse().unwrap()],
            credentials,
            token: token().unwrap(),
        }
    }

    #[test]
    fn credentials_are_compared_as_a_whole() {
        let basic = access(Some(Credentials::Basic(b"admin:s:3".to_vec())));
        assert!(basic.admits(&headers("Basic YWRtaW46czoz")));
        assert!(basic.admits(&headers("basic  YWRtaW46czoz")));
        for wrong in [
            "Basic YWRtaW46czo=",
            "Basic YWRtaW46czozMw==",
            "Basic !",
            "Bearer YWRtaW46czoz",
            "Basic",
        ] {
            assert!(!basic.admits(&headers(wrong)), "{wrong}");
        }
        assert!(!basic.admits(&HeaderMap::new()));
        let bearer = access(Some(Credentials::Bearer(b"t0ken".to_vec())));
        assert!(bearer.admits(&headers("Bearer t0ken")));
        for wrong in ["Bearer t0ke", "Bearer t0kenn", "t0ken", "Basic t0ken"] {
            assert!(!bearer.admits(&headers(wrong)), "{wrong}");
        }
        assert!(access(None).admits(&HeaderMap::new()));
    }

    #[test]
    fn an_ipv4_mapped_address_belongs_to_the_network_of_its_ipv4_address() {
        let access = access(None);
        assert!(access.allows("127.0.0.1".parse().unwrap()));
        assert!(access.allows("::ffff:127.0.0.1".parse().unwrap()));
        assert!(!access.allows("10.0.0.1".parse().unwrap()));
        assert!(!access.allows("::1".parse().unwrap()));
    }
}
