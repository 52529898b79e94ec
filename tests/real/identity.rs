//! Users on a real Tomcat, beside Debian's httpd, and a whole login in Chromium.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::support::ajpgate::{Ajpgate, member};
use crate::support::chromium::Chromium;
use crate::support::forged;
use crate::support::httpd::{Httpd, HttpdOptions};
use crate::support::probe;
use crate::support::scratch::Scratch;
use crate::support::tomcat::{Tomcat, TomcatOptions};

/// `htpasswd -B`, `htpasswd -5` and `htpasswd -2` have made these; the password is `s3cret`.
const USERS: &str = "anna:$2y$04$Op6C1pTlDFfZeKh67qGrc.gOGq/stAT4iUoIfK/XOiesuw9FiBZ42\n\
    cora:$6$mGU8NzITdnBG4FNJ$.r4Jabf9x4zUX7ntLjXLU5hHkC2AFlG7i5snW3Zil4bVm1hc0YzATSuRj7sBNFu0evhDbv5b/cfJzXZ8E4l3y/\n\
    dora:$5$abcdefgh$OcHWp0Vj4l19dnE2g4tHD4hbItEZgO0bjRV6LjwCLoA\n";

/// A Tomcat that believes who the user is.
async fn tomcat() -> Tomcat {
    let options = TomcatOptions::new("node1")
        .connector("tomcatAuthentication", "false")
        .connector("allowedRequestAttributesPattern", ".*");
    Tomcat::start(options).await
}

fn basic(pair: &str) -> String {
    format!("Basic {}", STANDARD.encode(pair))
}

/// Sends a GET with these lines of fields, and returns status and body.
async fn get(front: SocketAddr, target: &str, fields: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(front).await.unwrap();
    let head = format!("GET {target} HTTP/1.1\r\nHost: a\r\n{fields}Connection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer));
    read.await.expect("an answer").unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, body.to_owned())
}

/// What a servlet says about a request.
async fn echo(front: SocketAddr, target: &str, fields: &str) -> Value {
    let (status, body) = get(front, target, fields).await;
    assert_eq!(status, 200, "{target} {fields}: {body}");
    let begin = body.find('{').expect("JSON");
    let end = body.rfind('}').expect("JSON");
    let json = body.get(begin..=end).unwrap();
    serde_json::from_str(json).unwrap_or_else(|e| panic!("{e}: {body}"))
}

#[tokio::test]
async fn a_servlet_sees_the_user_and_nothing_that_a_client_claims() {
    let tomcat = tomcat().await;
    let files = Scratch::new("users");
    let users = files.write("users", USERS);
    let gateway = Ajpgate::start(&format!(
        "trusted_proxies: [10.0.0.0/8]
balancers:
  b: {{ members: [{{ {} }}] }}
proxy_pass:
  - {{ path: /, to: \"balancer://b/\" }}
  - path: /app/echo/known
    to: \"balancer://b/app/echo/known\"
    auth:
      basic: {{ users: {} }}
      header: {{ user: X-Sso-User, attributes: {{ mail: X-Sso-Mail, groups: X-Auth-Request-Groups }} }}
      required: false
",
        member(&tomcat),
        users.display()
    ))
    .await;
    let front = gateway.front();
    for user in ["anna", "cora", "dora"] {
        let fields = format!("Authorization: {}\r\n", basic(&format!("{user}:s3cret")));
        let seen = echo(front, "/app/echo/known", &fields).await;
        assert_eq!(seen["remoteUser"], user);
        assert_eq!(seen["authType"], "BASIC");
        assert!(
            !seen["headers"]
                .to_string()
                .to_lowercase()
                .contains("authorization")
        );
    }
    let wrong = format!("Authorization: {}\r\n", basic("anna:wrong"));
    assert_eq!(get(front, "/app/echo/known", &wrong).await.0, 401);
    let heads = forged::heads();
    assert!(heads.len() >= 100);
    for head in &heads {
        for path in ["/app/echo", "/app/echo/known"] {
            let target = format!("{path}?attribute=mail&attribute=groups");
            let seen = echo(front, &target, head).await;
            assert_eq!(seen["remoteUser"], Value::Null, "{target} {head}");
            assert_eq!(seen["authType"], Value::Null, "{target} {head}");
            for name in ["mail", "groups"] {
                assert_eq!(seen["attributes"].get(name), None, "{target} {head}");
            }
            let fields = seen["headers"].as_array().unwrap();
            // The client's fields of `forward` are claims only where a mapping asks a server.
            let claims = [
                "x_remote_user",
                "x_sso_user",
                "x_sso_mail",
                "x_auth_request_groups",
            ];
            for field in fields {
                let name = forged::folded(field[0].as_str().unwrap());
                assert!(!claims.contains(&&*name), "{target} {head}: {name}");
            }
        }
    }
}

#[tokio::test]
async fn attributes_of_a_trusted_proxy_reach_the_servlet() {
    let tomcat = tomcat().await;
    let gateway = Ajpgate::start(&format!(
        "trusted_proxies: [127.0.0.0/8]
balancers:
  b: {{ members: [{{ {} }}] }}
proxy_pass:
  - path: /
    to: \"balancer://b/\"
    auth: {{ header: {{ attributes: {{ mail: X-Remote-Mail }} }} }}
",
        member(&tomcat)
    ))
    .await;
    let fields = "X-Remote-User: anna\r\nX-Remote-Mail: anna@example.com\r\n";
    let seen = echo(gateway.front(), "/app/echo?attribute=mail", fields).await;
    assert_eq!(seen["remoteUser"], "anna");
    assert_eq!(seen["authType"], "HEADER");
    assert_eq!(seen["attributes"]["mail"], "anna@example.com");
    assert_eq!(get(gateway.front(), "/app/echo", "").await.0, 403);
}

/// A gateway and an httpd with the same guards.
async fn side_by_side(tomcat: &Tomcat, files: &Scratch) -> (Ajpgate, Httpd) {
    let users = files.write("users", USERS);
    let gateway = Ajpgate::start(&format!(
        "proxy_pass:
  - {{ path: /app, to: \"ajp://{0}/app\", member: {{ secret: {1} }} }}
  - {{ path: /app/static, to: \"ajp://{0}/app/static\", member: {{ secret: {1} }}, auth: {{ basic: {{ realm: Shop, users: {2} }} }} }}
  - {{ path: /app/echo, to: \"ajp://{0}/app/echo\", member: {{ secret: {1} }}, allow: [192.0.2.0/24] }}
  - {{ path: /app/status, to: \"ajp://{0}/app/status\", member: {{ secret: {1} }}, allow: [127.0.0.0/8] }}
",
        tomcat.ajp_addr(),
        tomcat.secret().unwrap_or("none"),
        users.display()
    ))
    .await;
    let options = HttpdOptions::new()
        .module("auth_basic")
        .module("authn_core")
        .module("authn_file")
        .module("authz_user")
        .module("authz_host")
        .directives(&format!(
            "<Location /app/static>
AuthType Basic
AuthName Shop
AuthUserFile {}
Require valid-user
</Location>
<Location /app/echo>
Require ip 192.0.2.0/24
</Location>
<Location /app/status>
Require ip 127.0.0.0/8
</Location>",
            users.display()
        ));
    let httpd = Httpd::start(options).await;
    (gateway, httpd)
}

/// `AuthType Basic` and `Require ip` of httpd, and ours: the same status for each request.
#[tokio::test]
async fn httpd_lets_the_same_clients_in() {
    let tomcat = tomcat().await;
    let files = Scratch::new("users");
    let (gateway, httpd) = side_by_side(&tomcat, &files).await;
    for (target, authorization) in [
        ("/app/static/x", None),
        ("/app/static/x", Some(basic("anna:wrong"))),
        ("/app/static/x", Some(basic("mallory:s3cret"))),
        ("/app/static/x", Some(basic(":s3cret"))),
        ("/app/static/x", Some("Basic !".to_owned())),
        ("/app/static/x", Some("Bearer x".to_owned())),
        ("/app//static/x", None),
        ("/app/./static/x", None),
        ("/app/%73tatic/x", None),
        ("/app/echo", None),
        ("/app/echo/x", None),
        ("/app/%65cho", None),
        ("/app/x/../echo", None),
    ] {
        let fields: Vec<(&str, &str)> = authorization
            .iter()
            .map(|value| ("Authorization", value.as_str()))
            .collect();
        let ours = probe::get(gateway.front(), target, &fields).await;
        let theirs = probe::get(httpd.addr(), target, &fields).await;
        assert_eq!(ours.status, theirs.status, "{target} {authorization:?}");
        assert!(
            [401, 403].contains(&ours.status),
            "{target}: {}",
            ours.status
        );
        let challenge = |reply: &probe::Reply| {
            let challenge = reply.header("www-authenticate").map(str::to_owned);
            challenge.map(|text| text.replace(", charset=\"UTF-8\"", ""))
        };
        assert_eq!(challenge(&ours), challenge(&theirs), "{target}");
    }
    // Both let in who has a password: what is behind may be there or not.
    for user in ["anna", "cora", "dora"] {
        let right = basic(&format!("{user}:s3cret"));
        for address in [gateway.front(), httpd.addr()] {
            let reply = probe::get(address, "/app/static/x", &[("Authorization", &right)]).await;
            assert_eq!(reply.status, 404, "{user} {address}");
        }
    }
}

/// A server with a login page, which says who the user is.
struct Provider {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Provider {
    async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream));
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

/// One request for each connection.
async fn serve(mut stream: TcpStream) {
    let mut request = Vec::new();
    let (head, body) = loop {
        let mut piece = [0; 4096];
        let Ok(count @ 1..) = stream.read(&mut piece).await else {
            return;
        };
        request.extend_from_slice(&piece[..count]);
        let text = String::from_utf8_lossy(&request).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = field(head, "content-length").and_then(|it| it.parse().ok());
        if body.len() >= length.unwrap_or(0) {
            break (head.to_owned(), body.to_owned());
        }
    };
    let answer = answer(&head, &body);
    let _ = stream.write_all(answer.as_bytes()).await;
}

fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = head.lines().filter_map(|line| line.split_once(':'));
    let found = fields.find(|(found, _)| found.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.trim())
}

fn answer(head: &str, body: &str) -> String {
    let target = head.split(' ').nth(1).unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let known = field(head, "cookie").is_some_and(|cookie| cookie.contains("sid=of-anna"));
    let page = |status: &str, fields: &str, body: &str| {
        format!(
            "HTTP/1.1 {status}\r\n{fields}Content-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
    };
    match path {
        "/auth" if known => page(
            "200 OK",
            "X-Auth-Request-User: anna\r\nX-Auth-Request-Groups: staff\r\nSet-Cookie: seen=1; Path=/\r\n",
            "",
        ),
        "/auth" => {
            let back = field(head, "x-forwarded-uri").unwrap_or("/");
            page(
                "302 Found",
                &format!("Location: /sso/login?rd={back}\r\n"),
                "",
            )
        }
        "/sso/login" if body.contains("name=anna") && body.contains("word=s3cret") => {
            let back = query.strip_prefix("rd=").unwrap_or("/");
            let fields =
                format!("Location: {back}\r\nSet-Cookie: sid=of-anna; Path=/; HttpOnly\r\n");
            page("303 See Other", &fields, "")
        }
        "/sso/login" => page(
            "200 OK",
            "",
            "<title>Log in</title><p>Who are you?<form method=post><input name=name><input name=word type=password><button>Go</button></form>",
        ),
        "/sso/logout" => page(
            "200 OK",
            "Set-Cookie: sid=; Path=/; Max-Age=0\r\n",
            "<p>Good bye",
        ),
        _ => page("404 Not Found", "", "nothing"),
    }
}

#[tokio::test]
async fn a_browser_logs_in_and_out() {
    let (tomcat, provider, chromium) = tokio::join!(tomcat(), Provider::start(), Chromium::start());
    let gateway = Ajpgate::start(&format!(
        "balancers:
  b: {{ members: [{{ {} }}] }}
proxy_pass:
  - {{ path: /sso, to: \"http://{1}/sso\" }}
  - path: /app
    to: \"balancer://b/app\"
    auth: {{ forward: {{ url: \"http://{1}/auth\", attributes: {{ groups: X-Auth-Request-Groups }} }} }}
",
        member(&tomcat),
        provider.address
    ))
    .await;
    let page = format!(
        "http://{}/app/echo?cart=7&attribute=groups",
        gateway.front()
    );
    chromium.open(&page).await;
    chromium.says("Who are you?").await;
    chromium.fill("//input[@name='name']", "anna").await;
    chromium.fill("//input[@name='word']", "wrong").await;
    chromium.click("//button").await;
    chromium.says("Who are you?").await;
    chromium.fill("//input[@name='name']", "anna").await;
    chromium.fill("//input[@name='word']", "s3cret").await;
    chromium.click("//button").await;
    // Back at the page that was asked for, as a user.
    chromium.says("FORWARD").await;
    let text = chromium.text().await;
    for said in ["anna", "staff", "cart=7"] {
        assert!(text.contains(said), "{said}: {text}");
    }
    let cookies = chromium.run("return document.cookie").await;
    assert!(cookies.as_str().unwrap().contains("seen=1"), "{cookies}");
    chromium
        .open(&format!("http://{}/sso/logout", gateway.front()))
        .await;
    chromium.says("Good bye").await;
    chromium.open(&page).await;
    chromium.says("Who are you?").await;
    assert!(
        gateway
            .access_log()
            .iter()
            .any(|line| line.contains("\"user\":\"anna\""))
    );
}
