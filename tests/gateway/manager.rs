//! The balancer manager: its page and its forms.

use crate::support::client::{Answer, Client, get};
use crate::support::container::{Container, hello};
use crate::support::gateway::Running;
use crate::support::until;

const PAGE: &str = "/balancer-manager";

async fn two() -> ([Container; 2], Running) {
    let nodes = [Container::hello("n1").await, Container::hello("n2").await];
    let gateway = Running::before(&[&nodes[0], &nodes[1]], "", "");
    (nodes, gateway)
}

async fn page(gateway: &Running) -> String {
    let answer = get(gateway.admin, PAGE, "").await;
    assert_eq!(answer.status, 200);
    answer.text().to_owned()
}

async fn token(gateway: &Running) -> String {
    let page = page(gateway).await;
    let (_, rest) = page.split_once("name=\"token\" value=\"").unwrap();
    rest.split('"').next().unwrap().to_owned()
}

/// Sends a form as a browser does.
async fn send(gateway: &Running, fields: &[(&str, &str)], more: &str) -> Answer {
    let body: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("{name}={}", encoded(value)))
        .collect();
    let body = body.join("&");
    let mut client = Client::connect(gateway.admin).await;
    client
        .send(format!(
            "POST {PAGE} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\n{more}\r\n{body}",
            gateway.admin,
            body.len()
        ))
        .await;
    client.answer().await
}

fn encoded(value: &str) -> String {
    form_urlencoded::byte_serialize(value.as_bytes()).collect()
}

fn url(container: &Container) -> String {
    format!("ajp://{}", container.address)
}

#[tokio::test]
async fn the_page_shows_every_member_and_loads_nothing_from_elsewhere() {
    let (nodes, gateway) = two().await;
    gateway.get("/;jsessionid=a.n1", "").await;
    let answer = get(gateway.admin, PAGE, "").await;
    let policy = answer.field("content-security-policy").unwrap();
    assert!(
        policy.contains("script-src 'self'") && !policy.contains("unsafe"),
        "{policy}"
    );
    assert!(policy.contains("frame-ancestors 'none'"));
    assert_eq!(answer.field("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.field("cache-control"), Some("no-store"));
    let text = answer.text();
    for shown in [
        "balancer://test",
        &url(&nodes[0]),
        &url(&nodes[1]),
        "100.0 %",
        "lang=\"en\"",
    ] {
        assert!(text.contains(shown), "{shown}");
    }
    assert!(
        !text.contains("<script>") && !text.contains("onclick"),
        "no inline script"
    );
    for (path, kind) in [
        ("manager.css", "text/css"),
        ("manager.js", "text/javascript"),
    ] {
        let asset = get(gateway.admin, &format!("{PAGE}/{path}"), "").await;
        assert_eq!(asset.status, 200);
        assert!(asset.field("content-type").unwrap().starts_with(kind));
    }
    assert_eq!(
        get(gateway.admin, &format!("{PAGE}/other"), "")
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn a_change_needs_the_token_of_the_page() {
    let (nodes, gateway) = two().await;
    let (token, member) = (token(&gateway).await, url(&nodes[0]));
    assert!(token.len() >= 16);
    let drain = |token: &'static str| [("token", token), ("balancer", "test"), ("action", "drain")];
    let own = format!(
        "Origin: http://{}\r\nSec-Fetch-Site: same-origin\r\n",
        gateway.admin
    );
    let mut fields = drain("").to_vec();
    fields.push(("member", &member));
    for (token, fetched) in [
        ("", own.as_str()),
        ("0123456789abcdef0123456789abcdef", &own),
        (&token, "Origin: http://evil.example\r\n"),
        (&token, "Origin: null\r\n"),
        (&token, "Sec-Fetch-Site: cross-site\r\n"),
    ] {
        fields[0].1 = token;
        let refused = send(&gateway, &fields, fetched).await;
        assert_eq!(refused.status, 403, "{token} {fetched}");
        assert!(!page(&gateway).await.contains("draining"));
    }
    fields[0].1 = &token;
    let done = send(&gateway, &fields, &own).await;
    assert_eq!(done.status, 303);
    let told = get(gateway.admin, done.field("location").unwrap(), "").await;
    assert!(
        told.text()
            .contains("status.drain: false → true. The member drains: it keeps its sessions"),
        "what it did is said: {}",
        told.text()
    );
    assert!(told.text().contains("draining"));
}

#[tokio::test]
async fn the_error_state_of_a_member_can_be_cleared() {
    let ([one, other], gateway) = two().await;
    let (token, member) = (token(&gateway).await, url(&one));
    assert!(!page(&gateway).await.contains("clear error"));
    let address = one.address;
    drop(one);
    until("a request has met the member", async || {
        gateway.get("/", "").await;
        page(&gateway).await.contains("clear error")
    })
    .await;
    let _one = Container::at(address, |_, wire| hello("n1", wire));
    let clear = [
        ("token", &*token),
        ("balancer", "test"),
        ("member", &member),
        ("action", "clear"),
    ];
    let done = send(&gateway, &clear, "").await;
    let told = get(gateway.admin, done.field("location").unwrap(), "").await;
    let told = told.text();
    assert!(
        told.contains("status.error: true → false. The member gets requests again."),
        "{told}"
    );
    assert!(!told.contains("clear error"), "{told}");
    drop(other);
}

/// Rule `label-content-name-mismatch` of axe: the accessible name of a control has its visible words, for users of speech
/// input (WCAG 2.1, success criterion 2.5.3).
#[tokio::test]
async fn the_name_of_a_control_has_its_visible_words() {
    let (nodes, gateway) = two().await;
    let token = token(&gateway).await;
    let drain = [
        ("token", &*token),
        ("balancer", "test"),
        ("member", &url(&nodes[0])),
        ("action", "drain"),
    ];
    assert_eq!(send(&gateway, &drain, "").await.status, 303);
    let page = page(&gateway).await;
    let mut named = page.split("aria-label=\"");
    let before_the_first = named.next();
    assert!(before_the_first.is_some());
    let mut controls = 0;
    for part in named {
        let (name, rest) = part.split_once('"').unwrap();
        let (_, rest) = rest.split_once('>').unwrap();
        let (shown, _) = rest.split_once('<').unwrap();
        assert!(name.contains(shown.trim()), "{shown:?} is named {name:?}");
        controls += usize::from(!shown.trim().is_empty());
    }
    assert!(controls >= 10, "{controls}");
}

#[tokio::test]
async fn a_bad_value_is_refused_beside_its_field_and_nothing_is_changed() {
    let (nodes, gateway) = two().await;
    let (token, member) = (token(&gateway).await, url(&nodes[0]));
    let change = |factor: &'static str, set: &'static str| {
        [
            ("token", token.clone()),
            ("balancer", "test".to_owned()),
            ("member", member.clone()),
            ("action", "change".to_owned()),
            ("loadfactor", factor.to_owned()),
            ("lbset", set.to_owned()),
            ("route", "n1".to_owned()),
            ("redirect", "n2".to_owned()),
            ("hot_standby", "true".to_owned()),
        ]
    };
    for (factor, set, wrong) in [
        ("900", "1", "loadfactor"),
        ("2", "x", "lbset"),
        ("", "1", "loadfactor"),
    ] {
        let fields = change(factor, set);
        let fields: Vec<(&str, &str)> = fields
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let refused = send(&gateway, &fields, "").await;
        assert_eq!(refused.status, 422, "{factor} {set}");
        let text = refused.text();
        let (_, field) = text
            .split_once("aria-invalid=\"true\"")
            .expect("a marked field");
        assert!(!field.is_empty());
        let marked = text.split("aria-invalid").next().unwrap();
        assert!(
            marked.rsplit("name=\"").next().unwrap().starts_with(wrong),
            "{wrong}"
        );
        assert!(
            !text.contains("hot standby</span>"),
            "not even its good half"
        );
    }
    let fields = change("2.5", "3");
    let fields: Vec<(&str, &str)> = fields
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    assert_eq!(send(&gateway, &fields, "").await.status, 303);
    let text = page(&gateway).await;
    for shown in [">2.5<", ">3<", "redirect n2", "hot standby"] {
        assert!(text.contains(shown), "{shown}");
    }
}

#[tokio::test]
async fn forms_change_balancers_and_add_and_remove_members() {
    let (nodes, gateway) = two().await;
    let third = Container::hello("n3").await;
    let (token, added) = (token(&gateway).await, url(&third));
    let balancer = [
        ("token", token.as_str()),
        ("balancer", "test"),
        ("action", "change"),
        ("lbmethod", "bybusyness"),
        ("stickysession", "SID|sid"),
        ("timeout", "250ms"),
        ("maxattempts", ""),
        ("nofailover", "true"),
    ];
    assert_eq!(send(&gateway, &balancer, "").await.status, 303);
    let text = page(&gateway).await;
    for shown in [
        ">bybusyness<",
        ">SID|sid<",
        ">250ms<",
        ">on<",
        "members − 1",
    ] {
        assert!(text.contains(shown), "{shown}");
    }

    let add = [
        ("token", token.as_str()),
        ("balancer", "test"),
        ("action", "add"),
        ("url", &added),
        ("route", "n3"),
        ("loadfactor", "1"),
        ("secret", ""),
    ];
    assert_eq!(send(&gateway, &add, "").await.status, 303);
    let cookie = "Cookie: SID=a.n3\r\n";
    assert_eq!(gateway.get("/", cookie).await.field("x-node"), Some("n3"));
    let twice = send(&gateway, &add, "").await;
    assert_eq!(twice.status, 409);
    assert!(
        twice
            .text()
            .contains("there is a member with this url already")
    );

    let gone = url(&nodes[0]);
    let remove = [
        ("token", token.as_str()),
        ("balancer", "test"),
        ("action", "remove"),
        ("member", &gone),
    ];
    assert_eq!(send(&gateway, &remove, "").await.status, 303);
    let text = page(&gateway).await;
    assert!(!text.contains(&format!("data-block=\"test|{gone}\"")));
    assert!(
        text.contains(&format!("{gone} was removed from balancer://test")),
        "what was done is remembered"
    );
}

/// A form sends all of its fields; only fields that the operator has edited are changed, and only if they were not changed
/// by another operator meanwhile.
#[tokio::test]
async fn a_form_changes_edited_fields_only() {
    let (nodes, gateway) = two().await;
    let (token, member) = (token(&gateway).await, url(&nodes[0]));
    let text = page(&gateway).await;
    let (_, form) = text
        .split_once(&format!("name=\"member\" value=\"{member}\""))
        .unwrap();
    let (_, form) = form.split_once("name=\"etag\" value=\"").unwrap();
    let etag = form.split("\">").next().unwrap().replace("&#34;", "\"");
    let fields = |factor: &'static str| {
        [
            ("token", token.as_str()),
            ("balancer", "test"),
            ("member", &member),
            ("etag", &etag),
            ("action", "change"),
            ("loadfactor", factor),
            ("lbset", "0"),
            ("route", "n1"),
            ("redirect", ""),
        ]
    };
    let nothing = send(&gateway, &fields("1"), "").await;
    assert_eq!(
        nothing.field("location"),
        Some("/balancer-manager?done=nothing")
    );
    let done = send(&gateway, &fields("2"), "").await;
    assert_eq!(done.status, 303, "{}", done.text());
    let told = get(gateway.admin, done.field("location").unwrap(), "").await;
    assert!(
        told.text().contains("loadfactor: 1 → 2."),
        "{}",
        told.text()
    );
    let late = send(&gateway, &fields("3"), "").await;
    assert_eq!(late.status, 412);
    assert!(
        late.text()
            .contains("somebody has changed these settings meanwhile")
    );
}

/// The fields of the form that changes a member, as a browser sends them.
fn fields_of_form(page: &str, member: &str) -> Vec<(String, String)> {
    let start = format!("<summary aria-label=\"change {member}\">");
    let (_, form) = page.split_once(&start).unwrap();
    let (form, _) = form.split_once("</form>").unwrap();
    let value = |input: &str, name: &str| {
        let (_, rest) = input.split_once(&format!("{name}=\""))?;
        let value = rest.split('"').next()?;
        Some(value.replace("&#34;", "\""))
    };
    form.split("<input")
        .skip(1)
        .map(|rest| rest.split_once('>').unwrap().0)
        .filter(|input| !input.contains("type=\"checkbox\"") || input.contains(" checked"))
        .map(|input| {
            let name = value(input, " name").unwrap();
            (name, value(input, " value").unwrap())
        })
        .collect()
}

/// A form that comes too late shows what the other operator has changed, so that sending it once more does not undo that.
#[tokio::test]
async fn a_form_that_came_too_late_does_not_undo_what_another_has_changed() {
    let (nodes, gateway) = two().await;
    let member = url(&nodes[0]);
    let form = fields_of_form(&page(&gateway).await, &member);
    let path = "/api/v1/balancers/test/members/n1";
    let by_other = r#"{"lbset": 3, "status": {"drain": true}}"#;
    let mut other = Client::connect(gateway.admin).await;
    other
        .send(format!(
            "PATCH {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{by_other}",
            gateway.admin,
            by_other.len()
        ))
        .await;
    assert_eq!(other.answer().await.status, 200);
    let save = async |form: &[(String, String)], factor: &str| {
        let mut fields: Vec<(&str, &str)> = form.iter().map(|(n, v)| (&**n, &**v)).collect();
        for (name, value) in &mut fields {
            if *name == "loadfactor" {
                *value = factor;
            }
        }
        fields.push(("action", "change"));
        send(&gateway, &fields, "").await
    };
    // Both a late form and one with a bad value.
    let mut form = form;
    for (factor, status) in [("x", 422), ("7", 412)] {
        let late = save(&form, factor).await;
        assert_eq!(late.status, status, "{}", late.text());
        let told = "somebody has changed these settings meanwhile (lbset: 0 → 3, status.drain: false → true)";
        assert!(late.text().contains(told), "{}", late.text());
        let again = fields_of_form(late.text(), &member);
        let has = |name: &str, value: &str| {
            let mut fields = again.iter();
            fields.any(|(n, v)| n == name && v == value)
        };
        assert!(
            has("loadfactor", factor),
            "what was entered stays: {again:?}"
        );
        assert!(has("lbset", "3") && has("drain", "true"), "{again:?}");
        if status == 412 {
            form = again;
        }
    }
    assert_eq!(save(&form, "7").await.status, 303);
    let now = get(gateway.admin, path, "").await;
    let now: serde_json::Value = serde_json::from_str(now.text()).unwrap();
    assert_eq!(
        (&now["loadfactor"], &now["lbset"], &now["status"]["drain"]),
        (&7.into(), &3.into(), &true.into())
    );
}

/// The page shows names of the configuration, and messages that repeat input.
#[tokio::test]
async fn shown_texts_are_escaped() {
    let (_nodes, gateway) = two().await;
    let token = token(&gateway).await;
    let evil = "\"><script>alert(1)</script>";
    let fields = [
        ("token", token.as_str()),
        ("balancer", "test"),
        ("action", "add"),
        ("url", evil),
    ];
    let refused = send(&gateway, &fields, "").await;
    assert!(
        refused.status >= 400 && !refused.text().contains("<script>"),
        "{}",
        refused.text()
    );
    let query = "?done=changed&balancer=%3Cscript%3E&member=%3Cscript%3E";
    let told = get(gateway.admin, &format!("{PAGE}{query}"), "").await;
    assert!(!told.text().contains("<script>"));
}
