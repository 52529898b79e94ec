//! A whole login with a program that people use for single sign-on: Debian's httpd with mod_auth_openidc is the server of
//! `auth.forward`, and a scripted OpenID provider knows the users.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::percent_decode_str;
use ring::hmac;
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::support::ajpgate::{Ajpgate, member};
use crate::support::httpd::{Httpd, HttpdOptions};
use crate::support::soon;
use crate::support::tomcat::{Tomcat, TomcatOptions};

/// What the module and the provider share.
const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// The lines of httpd. The question of the gateway is asked again as a request for the page itself, so that the module comes
/// back to it after the login. The module is told neither the browser's name nor its kind: a question of `forward` has no
/// `User-Agent` and no `Accept`.
const DIRECTIVES: &str = r#"
OIDCProviderIssuer https://ISSUER
OIDCProviderAuthorizationEndpoint https://ISSUER/authorize
OIDCProviderTokenEndpoint https://ISSUER/token
OIDCProviderTokenEndpointAuth client_secret_post
OIDCClientID gateway
OIDCClientSecret SECRET
OIDCIDTokenSignedResponseAlg HS256
OIDCRedirectURI /sso/callback
OIDCCryptoPassphrase passphrase
OIDCXForwardedHeaders X-Forwarded-Host X-Forwarded-Proto
OIDCSessionType client-cookie
OIDCRemoteUserClaim sub
OIDCSSLValidateServer Off
OIDCStateInputHeaders none
RewriteEngine On
RewriteCond %{HTTP:X-Forwarded-Uri} ^(/[^?]*)\??(.*)$
RewriteRule ^/auth$ http://127.0.0.1:%{SERVER_PORT}%1?%2 [P,NE]
ProxyAddHeaders Off
<Location /auth>
  Require all granted
</Location>
<LocationMatch "^/(?!auth$)">
  AuthType openid-connect
  OIDCUnAuthAction auth true
  Require valid-user
  RewriteEngine On
  RewriteCond %{REQUEST_URI} !^/sso/
  RewriteRule .* - [R=204,L]
  Header always set X-Auth-Request-User expr=%{REMOTE_USER}
  Header always set X-Auth-Request-Mail %{OIDC_CLAIM_email}e env=OIDC_CLAIM_email
</LocationMatch>
"#;

/// An OpenID provider over TLS with a certificate that nobody has signed. Its codes are the nonces of the logins.
struct Provider {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Provider {
    async fn start() -> Self {
        let pair = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(pair.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![pair.cert.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let mut stream = acceptor.accept(stream).await.unwrap();
                    let (_, body) = request(&mut stream).await;
                    let answer = token(address, &body);
                    let _ = stream.write_all(answer.as_bytes()).await;
                    let _ = stream.shutdown().await;
                });
            }
        });
        Self { address, task }
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Head and body of a request with a length.
async fn request(stream: &mut (impl AsyncRead + Unpin)) -> (String, String) {
    let mut bytes = Vec::new();
    loop {
        let mut piece = [0; 4096];
        let count = stream.read(&mut piece).await.unwrap();
        bytes.extend_from_slice(&piece[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let lower = head.to_ascii_lowercase();
            let length = lower.split("content-length:").nth(1);
            let length = length.and_then(|rest| rest.lines().next()?.trim().parse().ok());
            if count == 0 || body.len() >= length.unwrap_or(0) {
                return (head.to_owned(), body.to_owned());
            }
        }
        assert!(count > 0, "{text}");
    }
}

/// The value of a parameter, decoded.
fn parameter(query: &str, name: &str) -> String {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(found, _)| *found == name).expect(name);
    percent_decode_str(value)
        .decode_utf8()
        .unwrap()
        .into_owned()
}

/// The answer of the token endpoint: Anna has logged in.
fn token(issuer: SocketAddr, body: &str) -> String {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let claims = json!({
        "iss": format!("https://{issuer}"), "aud": "gateway", "sub": "anna", "email": "anna@example.com",
        "nonce": parameter(body, "code"), "iat": now, "exp": now + 600,
    });
    let signed = [part(json!({ "alg": "HS256", "typ": "JWT" })), part(claims)].join(".");
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let tag = URL_SAFE_NO_PAD.encode(hmac::sign(&key, signed.as_bytes()));
    let answer = json!({
        "access_token": "t", "token_type": "Bearer", "expires_in": 600, "id_token": format!("{signed}.{tag}"),
    })
    .to_string();
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{answer}",
        answer.len()
    )
}

/// What a browser keeps of a site.
struct Browser {
    front: SocketAddr,
    cookies: Vec<(String, String)>,
}

/// Status, Location and body of an answer.
struct Page {
    status: u16,
    location: String,
    body: String,
}

impl Browser {
    async fn get(&mut self, target: &str) -> Page {
        let cookies = self.cookies.iter();
        let cookies: Vec<String> = cookies
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let head = format!(
            "GET {target} HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\nX-Remote-User: mallory\r\nX-Auth-Request-User: mallory\r\n\
             Connection: close\r\n\r\n",
            self.front,
            cookies.join("; ")
        );
        let mut stream = TcpStream::connect(self.front).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let read = stream.read_to_end(&mut answer);
        tokio::time::timeout(Duration::from_secs(20), read)
            .await
            .expect("an answer")
            .unwrap();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        let mut page = Page {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            location: String::new(),
            body: body.to_owned(),
        };
        for (name, value) in head.lines().filter_map(|line| line.split_once(": ")) {
            match &*name.to_ascii_lowercase() {
                "location" => page.location = value.to_owned(),
                "set-cookie" => self.keep(value),
                _ => {}
            }
        }
        page
    }

    fn keep(&mut self, cookie: &str) {
        let (pair, attributes) = cookie.split_once(';').unwrap_or((cookie, ""));
        let (name, value) = pair.split_once('=').unwrap();
        self.cookies.retain(|(kept, _)| kept != name);
        if !attributes.contains("1970") {
            self.cookies.push((name.to_owned(), value.to_owned()));
        }
    }
}

/// The servers of a login. The fields are kept so that these run until the test ends.
struct Servers {
    _tomcat: Tomcat,
    _httpd: Httpd,
    provider: Provider,
    gateway: Ajpgate,
}

impl Servers {
    async fn start() -> Self {
        let options = TomcatOptions::new("node1")
            .connector("tomcatAuthentication", "false")
            .connector("allowedRequestAttributesPattern", ".*");
        let (tomcat, provider) = tokio::join!(Tomcat::start(options), Provider::start());
        let directives = DIRECTIVES.replace("ISSUER", &provider.address.to_string());
        let modules = [
            "rewrite",
            "headers",
            "proxy",
            "proxy_http",
            "authn_core",
            "authz_user",
            "auth_openidc",
        ];
        let options = modules
            .into_iter()
            .fold(HttpdOptions::new(), HttpdOptions::module);
        let httpd = Httpd::start(options.directives(&directives.replace("SECRET", SECRET))).await;
        let gateway = Ajpgate::start(&format!(
            "balancers:
  b: {{ members: [{{ {} }}] }}
proxy_pass:
  - {{ path: /sso, to: \"http://{1}/sso\", preserve_host: true }}
  - path: /app
    to: \"balancer://b/app\"
    auth: {{ forward: {{ url: \"http://{1}/auth\", attributes: {{ mail: X-Auth-Request-Mail }} }} }}
",
            member(&tomcat),
            httpd.addr()
        ))
        .await;
        Self {
            _tomcat: tomcat,
            _httpd: httpd,
            provider,
            gateway,
        }
    }

    fn browser(&self) -> Browser {
        Browser {
            front: self.gateway.front(),
            cookies: Vec::new(),
        }
    }
}

/// A page of the application, with a query that must survive the login.
const TARGET: &str = "/app/echo?cart=7&attribute=mail&x=%20";

#[tokio::test]
async fn a_login_with_mod_auth_openidc_leads_back_to_the_page_as_a_user() {
    let servers = Servers::start().await;
    let front = servers.gateway.front();
    let mut browser = servers.browser();

    let page = browser.get(TARGET).await;
    assert_eq!(page.status, 302, "{}", page.body);
    let asked = format!("https://{}/authorize?", servers.provider.address);
    let query = page.location.strip_prefix(&*asked).expect(&page.location);
    let back = parameter(query, "redirect_uri");
    assert_eq!(back, format!("http://{front}/sso/callback"));
    let (code, state) = (parameter(query, "nonce"), parameter(query, "state"));
    let callback = format!("/sso/callback?code={code}&state={state}");

    // Whoever has not begun the login cannot end it.
    let mut stranger = servers.browser();
    stranger.get(&callback).await;
    assert_eq!(stranger.get(TARGET).await.status, 302);

    let page = soon("the login", browser.get(&callback)).await;
    let expected = (302, format!("http://{front}{TARGET}"));
    assert_eq!((page.status, page.location), expected);
    let page = browser.get(TARGET).await;
    assert_eq!(page.status, 200, "{}", page.body);
    assert_is_anna(&page.body);

    // A session that somebody has made up is none.
    let mut forger = servers.browser();
    forger.keep("mod_auth_openidc_session=eyJ.eyJ.x");
    assert_eq!(forger.get(TARGET).await.status, 302);

    let logout = format!("/sso/callback?logout=http%3A%2F%2F{front}%2Fbye");
    let page = browser.get(&logout).await;
    assert_eq!(page.location, format!("http://{front}/bye"));
    assert_eq!(browser.get(TARGET).await.status, 302);
}

/// What the page says that the servlet was told.
fn assert_is_anna(page: &str) {
    let (_, json) = page.split_once('{').expect("an object");
    let (json, _) = json.rsplit_once('}').expect("an object");
    let seen: Value = serde_json::from_str(&format!("{{{json}}}")).unwrap();
    assert_eq!(seen["remoteUser"], "anna");
    assert_eq!(seen["authType"], "FORWARD");
    assert_eq!(seen["attributes"]["mail"], "anna@example.com");
    assert!(!seen["headers"].to_string().contains("mallory"));
}
