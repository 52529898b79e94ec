//! `auth` of mappings: who the user is, and what members are told.

use std::sync::{Arc, Mutex};

use ajp13::request::{Attribute, ForwardRequest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::sync::mpsc;

use crate::support::client::Answer;
use crate::support::container::{Container, Wire, fields, named};
use crate::support::forged;
use crate::support::gateway::{ConfigFile, Running};
use crate::support::h2;
use crate::support::origin::{Conn, Origin, Received};
use crate::support::scratch::Scratch;
use crate::support::tls::{Authority, issue, params};
use crate::support::until;

/// `htpasswd -nbB -C 4 anna s3cret`, and the same password for Bert with SHA-512 crypt.
const USERS: &str = "anna:$2y$04$Op6C1pTlDFfZeKh67qGrc.gOGq/stAT4iUoIfK/XOiesuw9FiBZ42\n\
    bert:$6$rounds=1000$saltsalt$zcCvYcDM8j0aB28drG.Vwe4L4mnOkoRyg3Q.Bu7J9v6yK9aKDDPiDDlrOhF03cpnd3KFfSzTDNEBa0iVYm2H90\n";

/// A container that answers 200 and hands on its requests.
async fn telling() -> (Container, mpsc::UnboundedReceiver<ForwardRequest>) {
    let (told, requests) = mpsc::unbounded_channel();
    let container = Container::start(move |_, mut wire: Wire| {
        let told = told.clone();
        async move {
            while let Some(request) = wire.next_request().await {
                let _ = told.send(request);
                wire.respond(200, &[], b"").await;
            }
        }
    })
    .await;
    (container, requests)
}

/// An HTTP server that answers 200 and keeps its requests.
async fn remembering() -> (Origin, Arc<Mutex<Vec<Received>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let all = Arc::clone(&seen);
    let origin = Origin::start(move |_, mut conn: Conn| {
        let seen = Arc::clone(&all);
        async move {
            while let Some(request) = conn.next_request().await {
                seen.lock().unwrap().push(request);
                conn.respond(200, &[], "ok").await;
            }
        }
    })
    .await;
    (origin, seen)
}

fn text(request: &ForwardRequest, attribute: Attribute) -> Option<String> {
    let text = request.text(attribute)?;
    Some(String::from_utf8(text.to_vec()).unwrap())
}

/// The user and the kind that a container was told.
fn user(request: &ForwardRequest) -> (Option<String>, Option<String>) {
    (
        text(request, Attribute::RemoteUser),
        text(request, Attribute::AuthType),
    )
}

fn some(name: &str, kind: &str) -> (Option<String>, Option<String>) {
    (Some(name.to_owned()), Some(kind.to_owned()))
}

fn basic(pair: &str) -> String {
    format!("Authorization: Basic {}\r\n", STANDARD.encode(pair))
}

/// A file of users in a folder of its own.
fn users(test: &str) -> (Scratch, String) {
    let scratch = Scratch::new(test);
    let path = scratch.write("users", USERS);
    let path = path.display().to_string();
    (scratch, path)
}

#[tokio::test]
async fn a_password_makes_a_user() {
    let (_scratch, users) = users("basic");
    let (node, mut requests) = telling().await;
    let gateway = Running::start(&format!(
        "proxy_pass:\n\
         \x20 - {{ path: /, to: \"ajp://{0}\", auth: {{ basic: {{ realm: 'The \"Shop\"', users: {users} }} }} }}\n\
         \x20 - {{ path: /passed, to: \"ajp://{0}\", auth: {{ basic: {{ users: {users}, pass: true }} }} }}\n\
         \x20 - {{ path: /free, to: \"ajp://{0}\", auth: {{ basic: {{ users: {users} }}, required: false }} }}\n",
        node.address
    ));
    let refused = |answer: &Answer| {
        assert_eq!(answer.status, 401);
        assert_eq!(answer.all("www-authenticate").len(), 1);
    };
    let answer = gateway.get("/", "").await;
    refused(&answer);
    assert_eq!(
        answer.field("www-authenticate"),
        Some("Basic realm=\"The \\\"Shop\\\"\", charset=\"UTF-8\"")
    );
    for wrong in [
        "anna:wrong",
        "anna:",
        "Anna:s3cret",
        "mallory:s3cret",
        ":s3cret",
    ] {
        refused(&gateway.get("/", &basic(wrong)).await);
        refused(&gateway.get("/free", &basic(wrong)).await);
    }
    for wrong in ["Basic", "Basic !", "Bearer x", "Digest username=\"anna\""] {
        refused(
            &gateway
                .get("/", &format!("Authorization: {wrong}\r\n"))
                .await,
        );
    }
    refused(&gateway.get("/", &basic("anna:s3cret").repeat(2)).await);
    for name in ["anna", "bert", "anna"] {
        let right = basic(&format!("{name}:s3cret"));
        assert_eq!(gateway.get("/", &right).await.status, 200);
        let request = requests.recv().await.unwrap();
        assert_eq!(user(&request), some(name, "BASIC"));
        assert_eq!(fields(&request, "authorization"), Vec::<String>::new());
        assert_eq!(gateway.get("/passed", &right).await.status, 200);
        let request = requests.recv().await.unwrap();
        assert_eq!(user(&request), some(name, "BASIC"));
        assert_eq!(fields(&request, "authorization").len(), 1);
    }
    assert_eq!(gateway.get("/free", "").await.status, 200);
    assert_eq!(user(&requests.recv().await.unwrap()), (None, None));
    assert!(
        requests.try_recv().is_err(),
        "a refused request has reached a member"
    );
}

#[tokio::test]
async fn only_some_users_of_a_file_come_in() {
    let (_scratch, users) = users("only");
    let (node, mut requests) = telling().await;
    let gateway = Running::start(&format!(
        "proxy_pass:\n\
         \x20 - {{ path: /, to: \"ajp://{0}\", auth: {{ basic: {{ users: {users} }} }} }}\n\
         \x20 - {{ path: /anna, to: \"ajp://{0}\", auth: {{ basic: {{ users: {users}, only: [anna, eve] }} }} }}\n\
         \x20 - {{ path: /free, to: \"ajp://{0}\", auth: {{ basic: {{ users: {users}, only: [anna] }}, required: false }} }}\n",
        node.address
    ));
    let (anna, bert) = (basic("anna:s3cret"), basic("bert:s3cret"));
    // The second time both passwords are known to be right.
    for _ in 0..2 {
        for path in ["/anna", "/free"] {
            assert_eq!(gateway.get(path, &anna).await.status, 200);
            let request = requests.recv().await.unwrap();
            assert_eq!(user(&request), some("anna", "BASIC"));
            let answer = gateway.get(path, &bert).await;
            assert_eq!(answer.status, 401);
            assert_eq!(answer.all("www-authenticate").len(), 1);
        }
        assert_eq!(gateway.get("/anna", &basic("eve:s3cret")).await.status, 401);
        assert_eq!(gateway.get("/", &bert).await.status, 200);
        assert!(requests.recv().await.is_some());
    }
    assert!(requests.try_recv().is_err());
}

#[tokio::test]
async fn a_changed_file_of_users_counts_without_a_reload() {
    let (scratch, users) = users("changed");
    let (node, _requests) = telling().await;
    let gateway = Running::start(&format!(
        "proxy_pass: [{{ path: /, to: \"ajp://{}\", auth: {{ basic: {{ users: {users} }} }} }}]\n",
        node.address
    ));
    let status = async |pair: &str| gateway.get("/", &basic(pair)).await.status;
    assert_eq!(status("anna:s3cret").await, 200);
    scratch.write("users", &USERS.replace("anna", "cora"));
    until("Anna is nobody", async || {
        status("anna:s3cret").await == 401
    })
    .await;
    assert_eq!(status("cora:s3cret").await, 200);
    // A broken file changes nothing.
    scratch.write("users", "dora:secret\n");
    until("the file was looked at", async || {
        crate::support::pause(600).await;
        status("cora:s3cret").await == 200 && status("dora:secret").await == 401
    })
    .await;
}

#[tokio::test]
async fn no_spelling_of_a_protected_path_gets_around_it() {
    let (_scratch, users) = users("spelling");
    let (node, mut requests) = telling().await;
    let gateway = Running::start(&format!(
        "proxy_pass:\n\
         \x20 - {{ path: /, to: \"ajp://{0}\", encoded_slash: pass }}\n\
         \x20 - {{ path: /admin, to: \"ajp://{0}/admin\", auth: {{ basic: {{ users: {users} }} }} }}\n",
        node.address
    ));
    for target in [
        "/admin",
        "/admin/",
        "/admin/x",
        "/admin;x",
        "/admin;x=1/y",
        "/;a/admin",
        "//admin",
        "///admin",
        "/./admin",
        "/%61dmin",
        "/%61%64%6d%69%6e",
        "/x/../admin",
        "/x/%2e%2e/admin",
        "/x/..;y/admin",
        "/x/.%2e;/admin/z",
        "/admin/../admin",
        "/admin?x",
        "/a/b/../../admin",
        "/x;/..;/admin;/",
        "/%2e/admin",
        "http://localhost/admin",
    ] {
        assert_eq!(gateway.get(target, "").await.status, 401, "{target}");
    }
    // What Tomcat would read as another path, or refuses.
    for (target, expected) in [
        ("/ADMIN", 200),
        ("/administration", 200),
        ("/%2561dmin", 200),
        ("/x%2f..%2fadmin", 400),
        // A Tomcat may be set to read an encoded slash as a slash.
        ("/admin%2fx", 400),
        ("/admin%5cx", 400),
        ("/%2fadmin", 400),
    ] {
        let status = gateway.get(target, "").await.status;
        assert_eq!(status, expected, "{target}");
        if status == 400 {
            continue;
        }
        let request = requests.recv().await.unwrap();
        assert_eq!(user(&request), (None, None), "{target}");
    }
    assert!(requests.try_recv().is_err());
}

/// HTTP members need not read a path as Tomcat does: one takes a backslash for a slash, another letters for ISO-8859-1, and a
/// third does not resolve dot segments.
#[tokio::test]
async fn no_reading_of_an_http_member_gets_around_a_guard() {
    let (_scratch, users) = users("readings");
    let (origin, seen) = remembering().await;
    let gateway = Running::start(&format!(
        "balancers: {{ b: {{ members: [{{ url: \"http://{0}\" }}] }} }}\n\
         proxy_pass:\n\
         \x20 - {{ path: /, to: \"balancer://b/\" }}\n\
         \x20 - {{ path: /admin, to: \"balancer://b/admin\", auth: {{ basic: {{ users: {users} }} }} }}\n\
         \x20 - {{ path: /größe, to: \"balancer://b/gr%C3%B6%C3%9Fe\", deny: [\"0.0.0.0/0\"] }}\n\
         \x20 - {{ match: \"^/ge(h|z)eim\", to: \"balancer://b/x\", deny: [\"0.0.0.0/0\"] }}\n\
         \x20 - {{ path: /gone, respond: {{ status: 410 }} }}\n",
        origin.address
    ));
    for (target, expected) in [
        ("/admin%5cx", 400),
        ("/%5Cadmin", 400),
        ("/gr%F6%DFe", 400),
        ("/gr%F6%DFe/x", 400),
        ("/gr%C3%B6%C3%9Fe", 403),
        ("/%5cgeheim", 400),
        ("/geheim%5cx", 403),
        ("/gone%5cx", 400),
        ("/administration%5cx", 200),
        ("/caf%E9", 200),
    ] {
        let status = gateway.get(target, "").await.status;
        assert_eq!(status, expected, "{target}");
    }
    assert_eq!(gateway.get("/admin/../x/./y", "").await.status, 200);
    let last = seen.lock().unwrap().pop().unwrap();
    assert_eq!(last.line, "GET /x/y HTTP/1.1");
    // A Destination is read in these ways too.
    for (destination, expected) in [("/admin%5Cy", 400), ("/y", 200)] {
        let mut client = gateway.client().await;
        let head =
            format!("MOVE /x HTTP/1.1\r\nHost: localhost\r\nDestination: {destination}\r\n\r\n");
        client.send(head).await;
        assert_eq!(client.answer().await.status, expected, "{destination}");
    }
}

#[tokio::test]
async fn a_destination_under_match_is_guarded_too() {
    let (_scratch, users) = users("destination-match");
    let (node, mut requests) = telling().await;
    let gateway = Running::start(&format!(
        "balancers: {{ b: {{ members: [{{ url: \"ajp://{}\" }}] }} }}\n\
         proxy_pass:\n\
         \x20 - {{ path: /, to: \"balancer://b/\" }}\n\
         \x20 - {{ match: \"^/dav/(.*)$\", to: \"balancer://b/store/$1\", auth: {{ basic: {{ users: {users} }} }} }}\n\
         \x20 - {{ match: \"[.]bak$\", exclude: true }}\n",
        node.address
    ));
    let anna = basic("anna:s3cret");
    for (from, to, more, expected) in [
        ("/x", "/dav/y", "", 403),
        ("/x", "/z/..;/dav/y", "", 403),
        ("/x", "/y.bak", "", 403),
        ("/dav/x", "/dav/y", "", 401),
        ("/dav/x", "/dav/y", &*anna, 200),
        ("/dav/x", "/dav/y.bak", &*anna, 403),
    ] {
        let mut client = gateway.client().await;
        let head =
            format!("COPY {from} HTTP/1.1\r\nHost: localhost\r\nDestination: {to}\r\n{more}\r\n");
        client.send(head).await;
        assert_eq!(client.answer().await.status, expected, "{from} {to}");
        if expected == 200 {
            let request = requests.recv().await.unwrap();
            assert_eq!(fields(&request, "destination"), ["/store/y"]);
            assert_eq!(user(&request), some("anna", "BASIC"));
        }
    }
    assert!(requests.try_recv().is_err());
}

/// What a client claims by itself counts in no value and no condition; what a trusted proxy says does.
#[tokio::test]
async fn values_do_not_take_what_a_client_claims() {
    let keys = "    request_headers:\n\
         \x20     - { set: X-Copy, value: \"%{X-Remote-User}i,%{X-Sso}i,%{SSL_CLIENT_VERIFY}i,%{X-Forwarded-For}i,%{X-Tenant}i,%u\" }\n\
         \x20     - { set: X-Staff, value: \"yes\", when: \"%{X-Sso}i\" }\n\
         \x20   request_attributes: { copy: \"%{X_Remote_User}i%{X-Sso}i\" }\n";
    let sent = "X-Remote-User: eve\r\nX_Remote_User: eve\r\nX-Sso: eve\r\nSSL_CLIENT_VERIFY: SUCCESS\r\n\
                X-Forwarded-For: 192.0.2.9\r\nX-Tenant: blue\r\n";
    for (trusted, copied, staff, attribute) in [
        ("10.0.0.0/8", ",,,,blue,", None, ""),
        (
            "127.0.0.0/8",
            ",eve,,192.0.2.9,blue,eve",
            Some("yes"),
            "eve",
        ),
    ] {
        let (node, mut requests) = telling().await;
        let gateway = Running::start(&format!(
            "trusted_proxies: [{trusted}]\nproxy_pass:\n  - path: /\n    to: \"ajp://{}\"\n    \
             auth: {{ header: {{ user: X-Sso }}, required: false }}\n{keys}",
            node.address
        ));
        assert_eq!(gateway.get("/", sent).await.status, 200);
        let request = requests.recv().await.unwrap();
        assert_eq!(fields(&request, "x-copy"), [copied], "{trusted}");
        let found = fields(&request, "x-staff");
        assert_eq!(found.first().map(String::as_str), staff, "{trusted}");
        assert_eq!(named(&request, "copy").unwrap_or_default(), attribute);
    }
}

/// A gateway behind a trusted proxy, with every kind that fields can name; and what it tells both protocols.
const KINDS: &str = "\
    forward: { url: \"http://AUTH/auth\", attributes: { groups: X-Auth-Request-Groups, mail: X-Auth-Request-Email } }, \
    header: { user: X-Sso-User, attributes: { mail: X-Sso-Mail } }";

#[tokio::test]
async fn nothing_that_a_client_sends_makes_it_a_user() {
    let (node, mut requests) = telling().await;
    let (origin, seen) = remembering().await;
    let auth = Origin::saying("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let kinds = KINDS.replace("AUTH", &auth.address.to_string());
    let gateway = Running::start(&format!(
        "trusted_proxies: [10.0.0.0/8]\n\
         listeners: [{{ bind: \"127.0.0.1:0\", http2: true }}]\n\
         proxy_pass:\n\
         \x20 - {{ path: /ajp, to: \"ajp://{0}\" }}\n\
         \x20 - {{ path: /http, to: \"http://{1}\" }}\n\
         \x20 - {{ path: /ajp/known, to: \"ajp://{0}\", auth: {{ {kinds} }} }}\n\
         \x20 - {{ path: /http/known, to: \"http://{1}\", auth: {{ {kinds} }} }}\n",
        node.address, origin.address
    ));
    let heads = forged::heads();
    assert!(heads.len() >= 100, "{}", heads.len());
    for head in &heads {
        for target in ["/ajp/x", "/ajp/known"] {
            assert_eq!(gateway.get(target, head).await.status, 200, "{head}");
            let request = requests.recv().await.unwrap();
            assert_eq!(user(&request), (None, None), "{target} {head}");
            for attribute in ["groups", "mail"] {
                assert_eq!(named(&request, attribute), None, "{target} {head}");
            }
            for (name, _) in &request.headers {
                let name = String::from_utf8_lossy(name.as_bytes()).into_owned();
                assert!(!forged::is_claim(&name), "{target} {head}: {name}");
            }
        }
        for target in ["/http/x", "/http/known"] {
            assert_eq!(gateway.get(target, head).await.status, 200, "{head}");
            let request = seen.lock().unwrap().pop().unwrap();
            for (name, value) in &request.fields {
                assert!(!forged::is_claim(name), "{target} {head}: {name}: {value}");
            }
        }
    }
    // The same over HTTP/2, where names are in small letters.
    let mut client = h2::Http2::connect(gateway.front).await;
    for claim in forged::CLAIMS {
        for name in [claim.to_ascii_lowercase(), forged::folded(claim)] {
            let mut head = h2::get("/ajp/known");
            head.push((name.as_str().to_owned().leak(), "mallory"));
            let stream = client.open(&head, true).await;
            assert_eq!(client.answer(stream).await.status, 200);
            let request = requests.recv().await.unwrap();
            assert_eq!(user(&request), (None, None), "{name}");
            assert_eq!(fields(&request, &name), Vec::<String>::new(), "{name}");
        }
    }
}

#[tokio::test]
async fn a_trusted_proxy_names_the_user() {
    let (node, mut requests) = telling().await;
    let (origin, seen) = remembering().await;
    let gateway = Running::start(&format!(
        "trusted_proxies: [127.0.0.0/8]\n\
         proxy_pass:\n\
         \x20 - path: /\n\
         \x20   to: \"ajp://{0}\"\n\
         \x20   auth: {{ header: {{ user: X-Sso, attributes: {{ mail: X-Sso-Mail, groups: X-Groups }} }} }}\n\
         \x20 - path: /http\n\
         \x20   to: \"http://{1}\"\n\
         \x20   auth: {{ header: {{ user: X-Sso, attributes: {{ mail: X-Sso-Mail }} }} }}\n\
         \x20   request_headers: [{{ append: X-Sso-Mail, value: more }}]\n",
        node.address, origin.address
    ));
    let sso = "X-Sso: anna\r\nX-Sso-Mail: a@b\r\nX-Groups: x\r\nX-Groups: y\r\nX-Remote-User: mallory\r\n";
    assert_eq!(gateway.get("/", sso).await.status, 200);
    let request = requests.recv().await.unwrap();
    assert_eq!(user(&request), some("anna", "HEADER"));
    assert_eq!(named(&request, "mail").as_deref(), Some("a@b"));
    assert_eq!(named(&request, "groups").as_deref(), Some("x, y"));
    assert_eq!(fields(&request, "x-remote-user"), Vec::<String>::new());
    assert_eq!(gateway.get("/http", sso).await.status, 200);
    let request = seen.lock().unwrap().pop().unwrap();
    assert_eq!(request.all("x-remote-user"), ["anna"]);
    // What a rule writes takes the place of the attribute, and nothing of the client's is in it.
    assert_eq!(request.all("x-sso-mail"), ["more"]);
    for nobody in [
        "",
        "X_Sso: anna\r\n",
        "X-Sso: anna\r\nX-Sso: bert\r\n",
        "X-Sso:\r\n",
    ] {
        assert_eq!(gateway.get("/", nobody).await.status, 403, "{nobody}");
    }
}

/// A load balancer that passes bytes on, and whose PROXY header names nobody: the field is the client's own.
#[tokio::test]
async fn a_proxy_that_does_not_name_its_client_names_no_user() {
    let (node, mut requests) = telling().await;
    let gateway = Running::start(&format!(
        "listeners: [{{ bind: \"127.0.0.1:0\", proxy_protocol: true }}]
trusted_proxies: [127.0.0.0/8]
proxy_pass:
  - {{ path: /sso, to: \"ajp://{0}\", auth: {{ header: {{ user: X-Sso }} }} }}
  - {{ path: /, to: \"ajp://{0}\" }}
",
        node.address
    ));
    let unspecified = b"\r\n\r\n\0\r\nQUIT\n\x21\0\0\0";
    let local = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";
    for (header, expected) in [
        (&b"PROXY UNKNOWN\r\n"[..], 403),
        (unspecified, 403),
        // The load balancer itself.
        (local, 200),
    ] {
        for path in ["/sso", "/"] {
            let mut client = gateway.client().await;
            let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nX-Sso: admin\r\n\r\n");
            client.send([header, request.as_bytes()].concat()).await;
            let status = client.answer().await.status;
            assert_eq!(status, if path == "/" { 200 } else { expected });
            if status == 200 {
                let request = requests.recv().await.unwrap();
                let sent = fields(&request, "x-sso");
                assert_eq!(sent.is_empty(), expected == 403, "{path} {sent:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_verified_certificate_names_the_user() {
    let ca = Authority::new();
    let (node, mut requests) = telling().await;
    let mut of_anna = params(&["client"]);
    of_anna
        .distinguished_name
        .push(rcgen::DnType::CommonName, "Anna Änger");
    let shown = issue(&ca.issuer, &of_anna);
    let stranger = Authority::new();
    let forged = issue(&stranger.issuer, &of_anna);
    let gateway = Running::start(&format!(
        "listeners: [{{ bind: \"127.0.0.1:0\", tls: {{ {}, client_auth: optional, client_ca: {} }} }}]\n\
         proxy_pass:\n\
         \x20 - {{ path: /, to: \"ajp://{2}\", auth: {{ client_certificate: {{}} }} }}\n\
         \x20 - {{ path: /dn, to: \"ajp://{2}\", auth: {{ client_certificate: {{ user: DN }}, required: false }} }}\n",
        ca.server("server", &["localhost"]),
        ca.file("ca.pem"),
        node.address
    ));
    let with = ca.client().showing(&shown, &[]);
    for (target, name) in [("/", "Anna Änger"), ("/dn", "CN=Anna Änger")] {
        assert_eq!(with.get(gateway.front, target).await.unwrap(), 200);
        let request = requests.recv().await.unwrap();
        assert_eq!(user(&request), some(name, "CLIENT_CERT"), "{target}");
    }
    let without = ca.client();
    assert_eq!(without.get(gateway.front, "/").await.unwrap(), 403);
    assert_eq!(without.get(gateway.front, "/dn").await.unwrap(), 200);
    assert_eq!(user(&requests.recv().await.unwrap()), (None, None));
    let other = ca.client().showing(&forged, &[]);
    assert!(other.get(gateway.front, "/").await.is_err());
    assert!(requests.try_recv().is_err());
}

/// A gateway that asks `auth` about a container's mapping.
fn asking(auth: &Origin, node: &Container, more: &str) -> Running {
    Running::start(&format!(
        "proxy_pass:\n\
         \x20 - path: /\n\
         \x20   to: \"ajp://{}\"\n\
         \x20   auth: {{ forward: {{ url: \"http://{}/auth?app=shop\", timeout: 1s, attributes: {{ groups: X-Auth-Request-Groups }} }}{more} }}\n\
         \x20   response_headers: [{{ set: Cache-Control, value: public }}]\n\
         response_headers: [{{ edit: Set-Cookie, match: \"^(sid=.*)$\", value: \"$1; Secure\" }}]\n",
        node.address, auth.address
    ))
}

/// A server that knows Anna by her cookie, and the questions that it was asked.
async fn sso() -> (Origin, Arc<Mutex<Vec<Received>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let all = Arc::clone(&asked);
    let auth = Origin::start(move |_, mut conn: Conn| {
        let asked = Arc::clone(&all);
        async move {
            while let Some(request) = conn.next_request().await {
                let cookie = request.field("cookie").unwrap_or_default().to_owned();
                asked.lock().unwrap().push(request);
                match &*cookie {
                    "sid=anna" => {
                        let fields = [
                            ("X-Auth-Request-User", "anna"),
                            ("X-Auth-Request-Groups", "staff"),
                            ("Set-Cookie", "sid=anna; Path=/"),
                            ("X-Other", "x"),
                        ];
                        conn.respond(202, &fields, "ok").await;
                    }
                    "sid=nobody" => conn.respond(200, &[], "").await,
                    "sid=bad" => conn.respond(403, &[("X-Why", "bad")], "not you").await,
                    _ => {
                        let fields = [
                            ("Location", "/login?rd=/"),
                            ("Set-Cookie", "csrf=1"),
                            ("Connection", "X-Hop"),
                            ("X-Hop", "1"),
                        ];
                        conn.respond(302, &fields, "log in").await;
                    }
                }
            }
        }
    })
    .await;
    (auth, asked)
}

#[tokio::test]
async fn a_server_says_who_the_user_is() {
    let (node, mut requests) = telling().await;
    let (auth, asked) = sso().await;
    let gateway = asking(&auth, &node, "");
    let mut client = gateway.client().await;
    client
        .send(
            "POST /a%20b;p?q=%2F HTTP/1.1\r\nHost: shop.example.com\r\nCookie: sid=anna\r\nContent-Length: 5\r\n\
             X-Forwarded-Uri: /public\r\nX-Forwarded-Method: GET\r\nX-Secret: x\r\nAuthorization: Bearer t\r\n\r\nhello",
        )
        .await;
    let answer = client.answer().await;
    assert_eq!(answer.status, 200);
    // Its cookies are edited as those of a member are.
    assert_eq!(answer.all("set-cookie"), ["sid=anna; Path=/; Secure"]);
    assert_eq!(answer.field("x-other"), None);
    assert_eq!(answer.field("cache-control"), Some("public"));
    let request = requests.recv().await.unwrap();
    assert_eq!(user(&request), some("anna", "FORWARD"));
    assert_eq!(named(&request, "groups").as_deref(), Some("staff"));
    let question = asked.lock().unwrap().pop().unwrap();
    assert_eq!(question.line, "GET /auth?app=shop HTTP/1.1");
    assert!(question.body.is_empty());
    for (name, value) in [
        ("x-forwarded-method", "POST"),
        ("x-forwarded-uri", "/a%20b;p?q=%2F"),
        ("x-forwarded-host", "shop.example.com"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-for", "127.0.0.1"),
        ("cookie", "sid=anna"),
        ("authorization", "Bearer t"),
    ] {
        assert_eq!(question.all(name), [value], "{name}");
    }
    for name in ["x-secret", "content-length", "transfer-encoding"] {
        assert_eq!(question.field(name), None, "{name}");
    }
    // A 2xx that names nobody goes on without a user.
    assert_eq!(gateway.get("/", "Cookie: sid=nobody\r\n").await.status, 200);
    assert_eq!(user(&requests.recv().await.unwrap()), (None, None));
    // Any other answer is the client's.
    let answer = gateway.get("/", "Cookie: sid=bad\r\n").await;
    assert_eq!((answer.status, answer.text()), (403, "not you"));
    assert_eq!(answer.field("x-why"), Some("bad"));
    let answer = gateway.get("/", "").await;
    assert_eq!((answer.status, answer.text()), (302, "log in"));
    assert_eq!(answer.field("location"), Some("/login?rd=/"));
    assert_eq!(answer.all("set-cookie"), ["csrf=1"]);
    // Who is not let in gets nothing that the mapping adds to its answers.
    assert_eq!(answer.field("cache-control"), None);
    assert_eq!(answer.field("x-hop"), None);
    assert!(requests.try_recv().is_err());
    // Connections are kept.
    assert_eq!(auth.connections(), 1);
}

/// `required: false` is about clients that nobody knows. The server that is asked says of each whether it comes in.
#[tokio::test]
async fn the_answer_of_a_server_is_the_clients_also_where_no_user_is_required() {
    let (node, mut requests) = telling().await;
    let (auth, _) = sso().await;
    let gateway = asking(&auth, &node, ", required: false");
    for (cookie, status) in [("", 302), ("sid=bad", 403)] {
        let answer = gateway.get("/", &format!("Cookie: {cookie}\r\n")).await;
        assert_eq!(answer.status, status, "{cookie}");
    }
    assert!(requests.try_recv().is_err());
    let answer = gateway.get("/", "Cookie: sid=nobody\r\n").await;
    assert_eq!(answer.status, 200);
}

/// Answers that are none.
const BROKEN: [&str; 6] = [
    "",
    "nonsense\r\n\r\n",
    "HTTP/1.1 200 OK\r\nX-Auth-Request-User: anna\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\nX-Auth-Request-User: anna\r\n\r\nx",
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    "HTTP/1.1 099 X\r\n\r\n",
];

/// It has named somebody, and nobody can tell whom.
#[tokio::test]
async fn a_server_that_names_nobody_in_particular_lets_nobody_in() {
    let (node, mut requests) = telling().await;
    for named in [
        &b"X-Auth-Request-User: anna\r\nX-Auth-Request-User: bert"[..],
        b"X-Auth-Request-User: an\tna",
        // In ISO-8859-1.
        b"X-Auth-Request-User: Ren\xe9",
        b"X-Auth-Request-User: \xc2\xa0anna",
        &[b"X-Auth-Request-User: ", &[b'x'; 1025][..]].concat(),
    ] {
        let answer = [
            b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n",
            named,
            b"\r\n\r\n",
        ]
        .concat();
        let odd = Origin::start(move |_, mut conn: Conn| {
            let answer = answer.clone();
            async move {
                if conn.head().await.is_some() {
                    conn.raw(answer).await;
                }
            }
        })
        .await;
        for required in ["", ", required: false"] {
            let status = asking(&odd, &node, required).get("/", "").await.status;
            assert_eq!(status, 502, "{}", named.escape_ascii());
        }
    }
    assert!(requests.try_recv().is_err(), "a request has got in");
}

#[tokio::test]
async fn a_server_that_fails_lets_nobody_in() {
    let (node, mut requests) = telling().await;
    for required in ["", ", required: false"] {
        let silent = Origin::start(|_, mut conn: Conn| async move { conn.closed().await }).await;
        assert_eq!(
            asking(&silent, &node, required).get("/", "").await.status,
            504
        );
        let dripping = Origin::start(|_, mut conn: Conn| async move {
            conn.head().await;
            for byte in b"HTTP/1.1 200 OK\r\nX-Auth-Request-User: anna\r\n"
                .iter()
                .cycle()
            {
                conn.raw([*byte]).await;
                crate::support::pause(100).await;
            }
        })
        .await;
        assert_eq!(
            asking(&dripping, &node, required).get("/", "").await.status,
            504
        );
        let long = Origin::start(|_, mut conn: Conn| async move {
            conn.head().await;
            conn.raw("HTTP/1.1 200 OK\r\nX-Auth-Request-User: anna\r\n")
                .await;
            let piece = format!("X-Long: {}\r\n", "x".repeat(8000)).repeat(16);
            // A gigabyte, if anybody reads it.
            for _ in 0..8192 {
                if tokio::io::AsyncWriteExt::write_all(&mut conn.stream, piece.as_bytes())
                    .await
                    .is_err()
                {
                    return;
                }
            }
        })
        .await;
        assert_eq!(
            asking(&long, &node, required).get("/", "").await.status,
            502
        );
        for broken in BROKEN {
            let dying = Origin::start(move |_, mut conn: Conn| async move {
                if conn.head().await.is_some() {
                    conn.raw(broken).await;
                }
            })
            .await;
            let status = asking(&dying, &node, required).get("/", "").await.status;
            assert_eq!(status, 502, "{broken:?}");
        }
        let gone = Origin::hello("gone").await;
        let gateway = asking(&gone, &node, required);
        drop(gone);
        assert_eq!(gateway.get("/", "").await.status, 502);
    }
    assert!(requests.try_recv().is_err(), "a request has got in");
}

/// Before, the body was waited for until `timeout`, and then it was chance whether the request came in.
#[tokio::test]
async fn a_2xx_lets_a_request_in_though_its_body_never_ends() {
    let (node, mut requests) = telling().await;
    for rest in [
        "Content-Length: 10\r\n\r\n1234",
        "Content-Length: 99999999999999\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n5\r\n12",
        "\r\n",
    ] {
        let auth = Origin::start(move |_, mut conn: Conn| async move {
            conn.head().await;
            let head = "HTTP/1.1 200 OK\r\nX-Auth-Request-User: anna\r\n";
            conn.raw(head.to_owned() + rest).await;
            conn.closed().await;
        })
        .await;
        let gateway = Running::start(&format!(
            "proxy_pass:\n\
             \x20 - path: /\n\
             \x20   to: \"ajp://{}\"\n\
             \x20   auth: {{ forward: {{ url: \"http://{}/\", timeout: 1h }} }}\n",
            node.address, auth.address
        ));
        // The second question has a connection of its own.
        for _ in 0..2 {
            assert_eq!(gateway.get("/", "").await.status, 200, "{rest:?}");
            assert_eq!(
                user(&requests.recv().await.unwrap()),
                some("anna", "FORWARD")
            );
        }
    }
}

/// A late answer on a kept connection would be that of another user.
#[tokio::test]
async fn an_answer_that_nobody_asked_for_is_nobodys() {
    let (node, mut requests) = telling().await;
    let auth = Origin::start(|number, mut conn: Conn| async move {
        while conn.next_request().await.is_some() {
            match number {
                // Two answers for one question.
                1 => {
                    let answer = |user| format!("HTTP/1.1 200 OK\r\nX-Auth-Request-User: {user}\r\nContent-Length: 0\r\n\r\n");
                    conn.raw(answer("anna") + &answer("anna")).await;
                }
                _ => conn.respond(200, &[("X-Auth-Request-User", "bert")], "").await,
            }
        }
    })
    .await;
    let gateway = asking(&auth, &node, "");
    for name in ["anna", "bert", "bert"] {
        assert_eq!(gateway.get("/", "").await.status, 200);
        assert_eq!(user(&requests.recv().await.unwrap()), some(name, "FORWARD"));
    }
}

#[tokio::test]
async fn a_destination_and_an_upgrade_are_guarded_too() {
    let (_scratch, users) = users("destination");
    let (node, mut requests) = telling().await;
    let gateway = Running::start(&format!(
        "balancers: {{ b: {{ members: [{{ url: \"ajp://{}\" }}] }} }}\n\
         proxy_pass:\n\
         \x20 - {{ path: /, to: \"balancer://b/\" }}\n\
         \x20 - {{ path: /dav, to: \"balancer://b/dav\", auth: {{ basic: {{ users: {users} }} }} }}\n\
         \x20 - {{ path: /closed, to: \"balancer://b/closed\", deny: [\"0.0.0.0/0\"] }}\n",
        node.address
    ));
    let anna = basic("anna:s3cret");
    for (method, from, to, more, expected) in [
        ("MOVE", "/x", "/y", "", 200),
        ("MOVE", "/x", "/dav/y", "", 403),
        ("COPY", "/x", "/x/..;/dav/y", "", 403),
        ("COPY", "/x", "/%64av", "", 403),
        ("COPY", "/x", "/closed/y", "", 403),
        // Bytes of a user who is known for the Destination only are not sent on as that user's.
        ("COPY", "/x", "/dav/y", &*anna, 403),
        ("MOVE", "/dav/x", "/dav/y", &anna, 200),
        ("MOVE", "/dav/x", "/y", &anna, 200),
        ("MOVE", "/dav/x", "/dav/y", "", 401),
    ] {
        let mut client = gateway.client().await;
        client
            .send(format!(
                "{method} {from} HTTP/1.1\r\nHost: localhost\r\nDestination: {to}\r\n{more}\r\n"
            ))
            .await;
        assert_eq!(
            client.answer().await.status,
            expected,
            "{method} {from} {to}"
        );
        if expected == 200 {
            requests.recv().await.unwrap();
        }
    }
    let upgrade = "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n";
    assert_eq!(gateway.get("/dav", upgrade).await.status, 401);
    assert!(requests.try_recv().is_err());
}

/// The statuses of COPY from one path to another, so many times.
async fn copies(gateway: &Running, from: &str, to: &str, fields: &str, times: usize) -> Vec<u16> {
    let mut statuses = Vec::new();
    for _ in 0..times {
        let mut client = gateway.client().await;
        let head = format!("COPY {from} HTTP/1.1\r\nHost: localhost\r\nDestination: {to}\r\n");
        client.send(format!("{head}{fields}\r\n")).await;
        statuses.push(client.answer().await.status);
    }
    statuses
}

#[tokio::test]
async fn a_destination_counts_in_the_rate_of_its_mapping() {
    let (_scratch, users) = users("destination-rate");
    let (node, _requests) = telling().await;
    let rate = |per: &str| format!("rate: {{ requests: 1/h, burst: 2, per: {per} }}");
    let gateway = Running::start(&format!(
        "balancers: {{ b: {{ members: [{{ url: \"ajp://{}\" }}] }} }}\n\
         proxy_pass:\n\
         \x20 - {{ path: /, to: \"balancer://b/\" }}\n\
         \x20 - {{ path: /client, to: \"balancer://b/client\", {} }}\n\
         \x20 - {{ path: /mapping, to: \"balancer://b/mapping\", {} }}\n\
         \x20 - {{ path: /user, to: \"balancer://b/user\", {} }}\n\
         \x20 - {{ path: /own, to: \"balancer://b/own\", {} }}\n\
         \x20 - {{ path: /admin, to: \"balancer://b/admin\", auth: {{ basic: {{ users: {users} }} }}, {} }}\n",
        node.address,
        rate("client"),
        rate("mapping"),
        rate("user"),
        rate("mapping"),
        rate("client"),
    ));
    for to in ["/client/x", "/mapping/x", "/user/x"] {
        assert_eq!(copies(&gateway, "/x", to, "", 3).await, [200, 200, 429]);
    }
    // Within one mapping a request counts once.
    assert_eq!(
        copies(&gateway, "/own/x", "/own/y", "", 3).await,
        [200, 200, 429]
    );
    // Nobody learns by the way of a Destination which password is right.
    let right = basic("anna:s3cret");
    assert_eq!(
        copies(&gateway, "/x", "/admin/x", &right, 3).await,
        [403, 403, 429]
    );
    assert_eq!(gateway.get("/admin", &right).await.status, 429);
}

/// A password that cannot be that of the request's user is not looked at, so it is no guess.
#[tokio::test]
async fn a_password_for_a_destination_is_looked_at_only_where_it_is_the_users() {
    let (_scratch, users) = users("destination-password");
    let (node, _requests) = telling().await;
    let gateway = Running::start(&format!(
        "balancers: {{ b: {{ members: [{{ url: \"ajp://{}\" }}] }} }}\n\
         proxy_pass:\n\
         \x20 - {{ path: /, to: \"balancer://b/\" }}\n\
         \x20 - {{ path: /home, to: \"balancer://b/home\", auth: {{ basic: {{ users: {users} }} }} }}\n\
         \x20 - path: /admin\n\
         \x20   to: \"balancer://b/admin\"\n\
         \x20   auth: {{ basic: {{ users: {users} }} }}\n\
         \x20   rate: {{ requests: 1/h, burst: 1, per: user }}\n",
        node.address
    ));
    let wrong = basic("anna:wrong");
    assert_eq!(
        copies(&gateway, "/x", "/admin/x", &wrong, 3).await,
        [403; 3]
    );
    // None of these was a guess.
    let right = basic("anna:s3cret");
    assert_eq!(
        copies(&gateway, "/home/x", "/admin/x", &right, 2).await,
        [200, 429]
    );
}

#[tokio::test]
async fn users_have_rates_and_stand_in_the_log() {
    let (scratch, users) = users("log");
    let (node, _requests) = telling().await;
    let log = scratch.path().join("access.log");
    let gateway = Running::start(&format!(
        "access_log: {{ path: {}, format: \"%u %>s\" }}\n\
         proxy_pass:\n\
         \x20 - path: /\n\
         \x20   to: \"ajp://{}\"\n\
         \x20   auth: {{ basic: {{ users: {users} }}, required: false }}\n\
         \x20   rate: {{ requests: 1/h, burst: 1, per: user }}\n",
        log.display(),
        node.address
    ));
    for (pair, expected) in [
        ("anna:s3cret", 200),
        ("anna:s3cret", 429),
        ("bert:s3cret", 200),
        ("anna:wrong", 401),
    ] {
        assert_eq!(gateway.get("/", &basic(pair)).await.status, expected);
    }
    assert_eq!(gateway.get("/", "").await.status, 200);
    assert_eq!(gateway.get("/", "").await.status, 429);
    let expected = "anna 200\nanna 429\nbert 200\n- 401\n- 200\n- 429\n";
    until("the log has its lines", async || {
        std::fs::read_to_string(&log).unwrap_or_default() == expected
    })
    .await;
    for (reason, count) in [("user", 1.0), ("rate", 2.0)] {
        let labels = [("reason", reason)];
        let refused = gateway.metric("ajpgate_access_refused_total", &labels);
        assert_eq!(refused.await, count, "{reason}");
    }
}

/// Before, a rate of users counted nothing of who was none: passwords could be guessed without end.
#[tokio::test]
async fn who_does_not_log_in_is_counted_by_address() {
    let (_scratch, users) = users("guesses");
    let (node, _requests) = telling().await;
    let server = Origin::saying("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n").await;
    let gateway = Running::start(&format!(
        "trusted_proxies: [127.0.0.0/8]\n\
         proxy_pass:\n\
         \x20 - path: /\n\
         \x20   to: \"ajp://{0}\"\n\
         \x20   auth: {{ basic: {{ users: {users} }} }}\n\
         \x20   rate: {{ requests: 1/h, burst: 2, per: user }}\n\
         \x20 - path: /sso\n\
         \x20   to: \"ajp://{0}\"\n\
         \x20   auth: {{ forward: {{ url: \"http://{1}/\" }} }}\n\
         \x20   rate: {{ requests: 1/h, burst: 2, per: user }}\n",
        node.address, server.address
    ));
    let status = async |address: &str, target: &str, pair: Option<&str>| {
        let pair = pair.map(basic).unwrap_or_default();
        let fields = format!("X-Forwarded-For: {address}\r\n{pair}");
        gateway.get(target, &fields).await.status
    };
    let (wrong, right) = (Some("anna:wrong"), Some("anna:s3cret"));
    // A password that was found right before is no exception: the answer would tell that it is right.
    assert_eq!(status("192.0.2.9", "/", right).await, 200);
    for (pair, expected) in [
        (None, 401),
        (None, 401),
        (None, 429),
        (wrong, 401),
        (Some("nobody:x"), 401),
        (wrong, 429),
        (right, 429),
        (Some("bert:s3cret"), 429),
    ] {
        assert_eq!(status("192.0.2.7", "/", pair).await, expected, "{pair:?}");
    }
    assert_eq!(status("192.0.2.8", "/", right).await, 200);
    assert_eq!(status("192.0.2.8", "/", right).await, 429);
    for expected in [403, 403, 429] {
        assert_eq!(status("192.0.2.7", "/sso", None).await, expected);
    }
}

#[tokio::test]
async fn a_file_of_users_that_cannot_be_used_is_no_configuration() {
    let (scratch, users) = users("reload");
    let (node, _requests) = telling().await;
    let yaml = |users: &str| {
        format!(
            "proxy_pass: [{{ path: /, to: \"ajp://{}\", auth: {{ basic: {{ users: {users} }} }} }}]\n",
            node.address
        )
    };
    let file = ConfigFile::new("users", &yaml(&users));
    let gateway = Running::start_from(&file);
    assert_eq!(gateway.get("/", &basic("anna:s3cret")).await.status, 200);
    let bad = scratch.write("bad", "dora:secret\nemil\n");
    file.write(&yaml(&bad.display().to_string()));
    let answer = crate::support::gateway::ask(&gateway, "POST", "/api/v1/reload", "").await;
    assert!(answer.status >= 400, "{}", answer.status);
    assert!(
        answer.text().contains("bad:1:") && answer.text().contains("bad:2:"),
        "{}",
        answer.text()
    );
    assert_eq!(gateway.get("/", &basic("anna:s3cret")).await.status, 200);
}
