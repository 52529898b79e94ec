//! Sticky sessions on backends that set no route: the `ROUTEID` recipe of httpd, and the gateway's own cookie.

use crate::support::gateway::Running;
use crate::support::origin::Origin;

/// Name and value of the cookie that an answer sets, and its attributes.
fn cookie(set: &str) -> (String, String, Vec<String>) {
    let mut parts = set.split("; ").map(str::to_owned);
    let pair = parts.next().unwrap();
    let (name, value) = pair.split_once('=').unwrap();
    (name.to_owned(), value.to_owned(), parts.collect())
}

async fn two(balancer: &str) -> (Vec<Origin>, Running) {
    let origins = vec![Origin::hello("n1").await, Origin::hello("n2").await];
    let gateway = Running::before_http(&[&origins[0], &origins[1]], balancer, "");
    (origins, gateway)
}

#[tokio::test]
async fn the_gateways_cookie_keeps_sessions_on_their_member() {
    let (_origins, gateway) = two("sticky_cookie: { name: ROUTEID }").await;
    for _ in 0..4 {
        let first = gateway.get("/", "").await;
        let node = first.field("x-node").unwrap();
        let (name, value, attributes) = cookie(first.field("set-cookie").unwrap());
        assert_eq!(name, "ROUTEID");
        assert!(value.ends_with(&format!(".{node}")), "{value}");
        assert_eq!(attributes, ["Path=/", "HttpOnly", "SameSite=Lax"]);
        for _ in 0..3 {
            let again = gateway
                .get("/", &format!("Cookie: a=b; ROUTEID={value}\r\n"))
                .await;
            assert_eq!(again.field("x-node"), Some(node));
            assert_eq!(again.field("set-cookie"), None);
        }
    }
    let hits = [("result", "hit")];
    assert_eq!(
        gateway.metric("ajpgate_sticky_requests_total", &hits).await,
        12.0
    );
}

#[tokio::test]
async fn the_cookies_attributes_are_as_configured() {
    let (_origins, gateway) = two(
        "sticky_cookie: { name: R, path: /shop, secure: true, http_only: false, same_site: none, max_age: 1h }",
    )
    .await;
    let answer = gateway.get("/", "").await;
    let (name, _, attributes) = cookie(answer.field("set-cookie").unwrap());
    assert_eq!(name, "R");
    assert_eq!(
        attributes,
        ["Path=/shop", "Max-Age=3600", "Secure", "SameSite=None"]
    );
}

/// A cookie that names another member, or none, is set again with the same id.
#[tokio::test]
async fn the_cookie_moves_with_the_session() {
    let (mut origins, gateway) = two("sticky_cookie: { name: ROUTEID }").await;
    let moved = gateway.get("/", "Cookie: ROUTEID=abc.gone\r\n").await;
    let node = moved.field("x-node").unwrap().to_owned();
    let (_, value, _) = cookie(moved.field("set-cookie").unwrap());
    assert_eq!(value, format!("abc.{node}"));
    drop(origins.remove(0));
    let answer = gateway.get("/", "Cookie: ROUTEID=abc.n1\r\n").await;
    let (_, value, _) = cookie(answer.field("set-cookie").unwrap());
    assert_eq!(value, "abc.n2");
    // A value of the recipe works too.
    let answer = gateway.get("/", "Cookie: ROUTEID=.n2\r\n").await;
    assert_eq!(answer.field("set-cookie"), None);
}

/// `stickysession` is looked at first; where it names the member that serves, no cookie is set.
#[tokio::test]
async fn the_session_comes_before_the_cookie() {
    let (_origins, gateway) = two("stickysession: SID\nsticky_cookie: { name: ROUTEID }").await;
    let answer = gateway
        .get("/", "Cookie: ROUTEID=abc.n1; SID=x.n2\r\n")
        .await;
    assert_eq!(answer.field("x-node"), Some("n2"));
    assert_eq!(answer.field("set-cookie"), None);
    // For a session without a route, or with an unknown one, the cookie decides.
    for sid in ["x", "x.gone"] {
        let answer = gateway
            .get("/", &format!("Cookie: SID={sid}; ROUTEID=abc.n1\r\n"))
            .await;
        assert_eq!(answer.field("x-node"), Some("n1"), "{sid}");
        assert_eq!(answer.field("set-cookie"), None, "{sid}");
    }
}

/// The recipe in httpd's manual.
#[tokio::test]
async fn the_routeid_recipe_keeps_sessions_on_their_member() {
    let origins = [Origin::hello("n1").await, Origin::hello("n2").await];
    let gateway = Running::start(&format!(
        r#"
balancers:
  test:
    stickysession: ROUTEID
    members:
      - {{ url: "http://{}", route: n1 }}
      - {{ url: "http://{}", route: n2 }}
proxy_pass:
  - path: /
    to: balancer://test/
    response_headers:
      - {{ add: Set-Cookie, value: "ROUTEID=.%{{BALANCER_WORKER_ROUTE}}e; path=/", when: BALANCER_ROUTE_CHANGED }}
"#,
        origins[0].address, origins[1].address
    ));
    let first = gateway.get("/", "").await;
    let (_, value, _) = cookie(first.field("set-cookie").unwrap());
    for _ in 0..3 {
        let again = gateway
            .get("/", &format!("Cookie: ROUTEID={value}\r\n"))
            .await;
        assert_eq!(again.field("x-node"), first.field("x-node"));
        assert_eq!(again.field("set-cookie"), None);
    }
}

/// Sessions that only the cookie names are counted, so that a drain can end.
#[tokio::test]
async fn sessions_of_the_cookie_are_counted() {
    let (_origins, gateway) = two("sticky_cookie: { name: ROUTEID }\nsession_timeout: 30m").await;
    for id in ["a", "b", "a", "c"] {
        gateway
            .get("/", &format!("Cookie: ROUTEID={id}.n1\r\n"))
            .await;
    }
    gateway
        .metric_becomes("ajpgate_sticky_sessions", &[("route", "n1")], 3.0)
        .await;
}
