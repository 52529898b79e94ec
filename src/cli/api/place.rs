//! Where the admin listener is, and who asks.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use ajpgate_config::{Admin, Auth, defaults};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::{HeaderValue, Uri};
use percent_encoding::percent_decode_str;

use super::argument::ApiArgument;
use super::refusal::ApiError;
use super::trust::Trust;

/// The variable of the environment that holds the token, or `USER:PASSWORD`.
const TOKEN: &str = "AJPGATE_ADMIN_TOKEN";

/// An admin listener, and what is needed to ask it.
pub(super) struct Place {
    pub(super) host: String,
    pub(super) port: u16,
    /// What the paths of the API begin with: empty, or `/gateway` where a reverse proxy has the listener under that path.
    pub(super) prefix: String,
    /// `None`: it does not speak TLS.
    pub(super) trust: Option<Trust>,
    credentials: Option<Credentials>,
    /// The file in which it stands; `None`: a URL was given, or nothing.
    described: String,
}

enum Credentials {
    Basic(String),
    Token(String),
}

impl Place {
    /// The place that the arguments, the environment and the configuration name.
    pub(super) fn of(argument: &ApiArgument) -> Result<Self, ApiError> {
        let mut place = match &argument.admin {
            Some(url) => Self::of_url(url, argument)?,
            None => match argument.config.found() {
                Some(file) => Self::of_file(&file)?,
                // As for a gateway without `admin:`, and for `ajpgate demo`.
                None => Self::of_address(
                    defaults::ADMIN_BIND,
                    "the default, for no configuration file was found".to_owned(),
                ),
            },
        };
        if let Some(token) = token() {
            let token = token.into_string();
            let token = token.map_err(|_| ApiError::Usage(format!("{TOKEN} is not UTF-8")))?;
            place.credentials = Some(Credentials::Token(token));
        }
        place.authorization()?;
        Ok(place)
    }

    /// The address in a configuration file. What listens on all addresses is asked at the loopback one.
    fn of_file(file: &Path) -> Result<Self, ApiError> {
        let admin = admin(file)?.ok_or_else(|| {
            let file = file.display();
            ApiError::Usage(format!("{file}: there is no admin listener (`admin: off`)"))
        })?;
        if admin.bind.port() == 0 {
            return Err(ApiError::Usage(format!(
                "{}: admin.bind has port 0, which is any free one: name it with --admin URL",
                file.display()
            )));
        }
        let mut place = Self::of_address(admin.bind, format!("of {}", file.display()));
        place.trust = admin.tls.as_ref().map(Trust::of_listener).transpose()?;
        place.credentials = admin.auth.as_ref().map(Credentials::of);
        Ok(place)
    }

    /// A URL. What it needs beside comes from the configuration file, where one is named too.
    fn of_url(url: &str, argument: &ApiArgument) -> Result<Self, ApiError> {
        let mut place = parse(url, argument)?;
        if let Some(file) = argument.config.named()
            && let Some(admin) = admin(file)?
        {
            let own = admin.auth.as_ref().map(Credentials::of);
            place.credentials = place.credentials.or(own);
            if let (Some(trust), Some(tls), None) = (&mut place.trust, &admin.tls, &argument.ca) {
                *trust = Trust::of_listener(tls)?;
            }
        }
        Ok(place)
    }

    fn of_address(bind: SocketAddr, described: String) -> Self {
        let ip = match bind.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        Self {
            host: ip.to_string(),
            port: bind.port(),
            prefix: String::new(),
            trust: None,
            credentials: None,
            described,
        }
    }

    /// The value of `Host`.
    pub(super) fn authority(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }

    /// The value of `Authorization`.
    ///
    /// # Errors
    /// Credentials with a character that no header field can carry.
    pub(super) fn authorization(&self) -> Result<Option<HeaderValue>, ApiError> {
        let value = match &self.credentials {
            None => return Ok(None),
            Some(Credentials::Basic(pair)) => format!("Basic {}", BASE64.encode(pair)),
            Some(Credentials::Token(token)) => format!("Bearer {token}"),
        };
        let mut value = HeaderValue::try_from(value).map_err(|_| {
            ApiError::Usage(format!("{TOKEN} has a character that no token can have"))
        })?;
        value.set_sensitive(true);
        Ok(Some(value))
    }

    /// Takes `USER:PASSWORD` in place of a token for a name and a password. Returns whether that was one.
    pub(super) fn take_token_for_password(&mut self) -> bool {
        match &self.credentials {
            Some(Credentials::Token(token)) if token.contains(':') => {
                self.credentials = Some(Credentials::Basic(token.clone()));
                true
            }
            _ => false,
        }
    }

    /// Whether something is sent that says who asks.
    pub(super) const fn says_who(&self) -> bool {
        self.credentials.is_some()
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = if self.trust.is_some() {
            "https"
        } else {
            "http"
        };
        write!(f, "{scheme}://{}{}", self.authority(), self.prefix)?;
        match self.described.as_str() {
            "" => Ok(()),
            described => write!(f, " ({described})"),
        }
    }
}

impl Credentials {
    fn of(auth: &Auth) -> Self {
        match auth {
            Auth::Basic { user, password } => Self::Basic(format!("{user}:{}", password.expose())),
            Auth::Token(token) => Self::Token(token.expose().to_owned()),
        }
    }
}

/// What the environment says in place of the file's `auth`.
fn token() -> Option<OsString> {
    std::env::var_os(TOKEN).filter(|token| !token.is_empty())
}

/// The admin listener of a file. Where the environment has a token, variables of the file may be known to the gateway alone.
fn admin(file: &Path) -> Result<Option<Admin>, ApiError> {
    let env = |name: &str| std::env::var(name).ok();
    let read = ajpgate_config::load_admin(file, &env);
    let read = read.or_else(|problems| match token() {
        // `auth` does not count, so whatever its variables stand for does. Those with a default keep it.
        Some(_) => {
            let told = problems.to_string();
            let is_missing = |name: &str| told.contains(&format!("variable {name} is not set"));
            let some =
                |name: &str| env(name).or_else(|| is_missing(name).then(|| "unknown".to_owned()));
            ajpgate_config::load_admin(file, &some).map_err(|_| problems)
        }
        None => Err(problems),
    });
    read.map_err(|problems| ApiError::Config(problems.to_string()))
}

/// `http://HOST:PORT/PATH` or `https://HOST:PORT/PATH`, with `USER:PASSWORD@` where that is needed; mostly without a path.
fn parse(url: &str, argument: &ApiArgument) -> Result<Place, ApiError> {
    // The url may hold a password, which does not belong into a message.
    let bad = || {
        let expected = "expected http://HOST:PORT or https://HOST:PORT, with a path only where the listener is behind one";
        ApiError::Usage(format!("--admin: {expected}"))
    };
    let url = match url.contains("://") {
        true => url.to_owned(),
        false => format!("http://{url}"),
    };
    // It is parsed away.
    if url.contains('#') {
        return Err(bad());
    }
    let uri: Uri = url.parse().map_err(|_| bad())?;
    let secure = match uri.scheme_str() {
        Some("http") => false,
        Some("https") => true,
        _ => return Err(bad()),
    };
    let authority = uri.authority().ok_or_else(bad)?;
    if uri.query().is_some() || authority.host().is_empty() {
        return Err(bad());
    }
    let after_user = authority.as_str().rsplit('@').next().unwrap_or_default();
    let port = match after_user.strip_prefix(authority.host()).ok_or_else(bad)? {
        "" => {
            if secure {
                443
            } else {
                80
            }
        }
        port => {
            let port: Option<u16> = port.strip_prefix(':').and_then(|it| it.parse().ok());
            port.filter(|port| *port != 0).ok_or_else(bad)?
        }
    };
    let host = authority.host().trim_start_matches('[');
    let host = host.trim_end_matches(']').to_owned();
    let text = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
    let credentials = authority.as_str().rsplit_once('@').map(|(before, _)| {
        let (user, password) = before.split_once(':').unwrap_or((before, ""));
        Credentials::Basic(format!("{}:{}", text(user), text(password)))
    });
    let trust =
        secure.then(|| Trust::of_host(&host, argument.ca.as_deref(), argument.config.named()));
    Ok(Place {
        port,
        host,
        prefix: uri.path().trim_end_matches('/').to_owned(),
        trust: trust.transpose()?,
        credentials,
        described: String::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::arguments::ConfigArgument;

    #[test]
    fn a_url_may_have_a_path_and_no_query_or_fragment() {
        let argument = ApiArgument {
            config: ConfigArgument::default(),
            admin: None,
            ca: None,
        };
        for (url, shown) in [
            ("http://h:9404", "http://h:9404"),
            ("h:9404/", "http://h:9404"),
            ("http://h/ops/gate1", "http://h:80/ops/gate1"),
            ("http://u:p@h/ops/", "http://h:80/ops"),
        ] {
            let place = parse(url, &argument).unwrap_or_else(|_| panic!("{url}"));
            assert_eq!(place.to_string(), shown, "{url}");
        }
        for url in ["http://h/#x", "http://h#x", "http://h/?x", "ftp://h/", "/x"] {
            assert!(parse(url, &argument).is_err(), "{url}");
        }
    }
}
