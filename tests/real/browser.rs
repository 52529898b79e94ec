//! The balancer manager in Debian's Chromium: what an operator sees and does, with a mouse, with the keyboard alone,
//! on a phone, in the dark, without scripts, and by ear.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::support::ajpgate::Ajpgate;
use crate::support::browser::Browser;
use crate::support::chromium::{Chromium, ENTER, TAB};
use crate::support::eventually;
use crate::support::node::Node;
use crate::support::port::ReservedPort;
use crate::support::probe;
use serde_json::{Value, json};

/// A gateway before two nodes, and somebody who looks at its page.
struct Desk {
    gateway: Ajpgate,
    nodes: [Node; 2],
    chromium: Chromium,
}

impl Desk {
    async fn open() -> Self {
        let (one, two, chromium) = tokio::join!(
            Node::start("node1"),
            Node::start("node2"),
            Chromium::start()
        );
        let nodes = [one, two];
        let gateway = Ajpgate::start(&format!(
            "balancers:
  shop:
    session_timeout: 10s
    members:
      - {{ url: \"ajp://{}\", route: node1 }}
      - {{ url: \"ajp://{}\", route: node2, redirect: node1 }}
  reports:
    members:
      - {{ url: \"ajp://{}\", route: node2 }}
proxy_pass:
  - {{ path: /, to: \"balancer://shop/\" }}
  - {{ path: /reports, to: \"balancer://reports/\" }}
",
            nodes[0].ajp_addr(),
            nodes[1].ajp_addr(),
            nodes[1].ajp_addr(),
        ))
        .await;
        let desk = Self {
            gateway,
            nodes,
            chromium,
        };
        desk.load().await;
        desk
    }

    /// Opens the page.
    async fn load(&self) {
        let page = format!("http://{}/balancer-manager", self.gateway.admin());
        self.chromium.open(&page).await;
    }

    fn url(&self, number: usize) -> String {
        format!("ajp://{}", self.nodes[number - 1].ajp_addr())
    }

    /// What this XPath finds among what belongs to a member.
    fn of_member(&self, number: usize, path: &str) -> String {
        format!("//tbody[@data-block='shop|{}']{path}", self.url(number))
    }

    /// The text of a member's figure.
    async fn figure(&self, number: usize, name: &str) -> String {
        let key = format!("shop|{}|{name}", self.url(number));
        let script = format!("return document.querySelector('[data-key=\"{key}\"]').textContent");
        self.chromium
            .run(&script)
            .await
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// The name of what the keyboard is at, and how the line around it is drawn.
    async fn focus(&self) -> [String; 2] {
        let script = "const it = document.activeElement;
            const name = it === document.body ? 'BODY' : it.getAttribute('aria-label') ?? it.textContent.trim();
            return [name, getComputedStyle(it).outlineStyle]";
        let focus = self.chromium.run(script).await;
        [0, 1].map(|at| focus[at].as_str().unwrap().to_owned())
    }

    /// A member of `shop`, from the API.
    async fn member(&self, route: &str) -> Value {
        let path = format!("/api/v1/balancers/shop/members/{route}");
        let reply = probe::get(self.gateway.admin(), &path, &[]).await;
        serde_json::from_str(&reply.text()).unwrap()
    }

    /// No script, style or form was refused by the page's own policy.
    async fn nothing_was_against_the_policy(&self) {
        let console = self.chromium.console().await;
        let refused = |line: &&String| line.contains("Content Security Policy");
        assert_eq!(console.iter().find(refused), None);
    }

    /// Keeps a picture where the variable `AJPGATE_SCREENSHOTS` names a folder for them.
    async fn picture(&self, name: &str) {
        if let Some(folder) = std::env::var_os("AJPGATE_SCREENSHOTS") {
            let picture = self.chromium.screenshot().await;
            fs::write(Path::new(&folder).join(format!("{name}.png")), picture).unwrap();
        }
    }
}

/// Somebody with a session comes back.
async fn visit(desk: &Desk, session: &str) {
    let mut browser = Browser::new(desk.gateway.front());
    browser.session = Some(format!("JSESSIONID={session}"));
    browser.get("/").await;
}

#[tokio::test]
async fn an_operator_sees_everything_and_changes_it() {
    let desk = Desk::open().await;
    let chromium = &desk.chromium;
    for shown in [
        "balancer://shop",
        "balancer://reports",
        &desk.url(1),
        &desk.url(2),
        "3 of 3",
    ] {
        chromium.says(shown).await;
    }
    chromium.says("live, every 2 s").await;

    // A factor, and what was done to it.
    chromium.click(&desk.of_member(1, "//summary")).await;
    chromium
        .fill(&desk.of_member(1, "//input[@name='loadfactor']"), "2.5")
        .await;
    chromium
        .click(&desk.of_member(1, "//button[text()='save']"))
        .await;
    chromium.says("loadfactor: 1 → 2.5").await;
    assert_eq!(desk.figure(1, "loadfactor").await, "2.5");
    assert_eq!(desk.member("node1").await["loadfactor"], json!(2.5));

    // A bad value stands there with its reason, and nothing is changed.
    chromium.click(&desk.of_member(1, "//summary")).await;
    chromium
        .fill(&desk.of_member(1, "//input[@name='loadfactor']"), "900")
        .await;
    chromium
        .fill(&desk.of_member(1, "//input[@name='lbset']"), "7")
        .await;
    chromium
        .click(&desk.of_member(1, "//button[text()='save']"))
        .await;
    chromium.says("Nothing was changed").await;
    let wrong =
        "//input[@name='loadfactor'][@aria-invalid='true'][@value='900']/following-sibling::p";
    chromium.find(&desk.of_member(1, wrong)).await;
    assert_eq!(desk.figure(1, "loadfactor").await, "2.5");
    assert_eq!(desk.member("node1").await["lbset"], json!(0));
    desk.picture("refused").await;

    // A drain, until its member can be stopped.
    desk.load().await;
    visit(&desk, "A.node2").await;
    chromium
        .click(&desk.of_member(2, "//button[text()='drain']"))
        .await;
    chromium
        .says("it keeps its sessions and gets no new ones")
        .await;
    eventually("a session is left", async || {
        visit(&desk, "A.node2").await;
        desk.figure(2, "state").await.contains("1 session left")
    })
    .await;
    eventually("nobody is left", async || {
        desk.figure(2, "state")
            .await
            .contains("0 sessions left, safe to stop")
    })
    .await;
    chromium
        .click(&desk.of_member(2, "//button[text()='end drain']"))
        .await;
    chromium.says("The member takes new sessions again").await;

    // A member comes and goes.
    let third = Node::start("node3").await;
    let url = format!("ajp://{}", third.ajp_addr());
    let add = |path: &str| format!("//details[@data-form='shop|add']{path}");
    chromium.click(&add("/summary")).await;
    chromium.fill(&add("//input[@name='url']"), &url).await;
    chromium.fill(&add("//input[@name='route']"), "node3").await;
    chromium.click(&add("//button")).await;
    chromium
        .says(&format!("{url} was added to balancer://shop"))
        .await;
    assert_eq!(desk.member("node3").await["url"], json!(url));
    let of_third = |path: &str| format!("//tbody[@data-block='shop|{url}']{path}");
    chromium.click(&of_third("//summary")).await;
    chromium.click(&of_third("//button[text()='remove']")).await;
    let question = chromium.accept().await;
    assert!(question.contains(&url), "{question}");
    chromium
        .says(&format!("{url} was removed from balancer://shop"))
        .await;
    let gone = format!("return document.querySelector('[data-block=\"shop|{url}\"]')");
    assert_eq!(chromium.run(&gone).await, Value::Null);
    desk.nothing_was_against_the_policy().await;
}

#[tokio::test]
async fn changes_made_elsewhere_show_by_themselves() {
    let desk = Desk::open().await;
    let chromium = &desk.chromium;
    chromium.says("live, every 2 s").await;
    // Its form is open, with something that is not saved yet.
    chromium.click(&desk.of_member(2, "//summary")).await;
    chromium
        .fill(&desk.of_member(2, "//input[@name='loadfactor']"), "7")
        .await;
    // Counted on the page's own clock: this test may be slow, the page may not.
    let key = format!("shop|{}|loadfactor", desk.url(2));
    chromium
        .run(&format!(
            "new MutationObserver(() => {{ window.seen ??= Date.now(); }}).observe(
                document.querySelector('[data-key=\"{key}\"]'), {{ childList: true, characterData: true, subtree: true }});
             window.began = Date.now();"
        ))
        .await;
    desk.gateway
        .change(
            "shop",
            "node2",
            r#"{"loadfactor": 3, "status": {"hot_standby": true}}"#,
        )
        .await;
    eventually("the change is seen", async || {
        desk.figure(2, "state").await.contains("hot standby")
    })
    .await;
    assert_eq!(desk.figure(2, "loadfactor").await, "3");
    let took = chromium.run("return window.seen - window.began").await;
    println!("a change made elsewhere was seen after {took} ms");
    assert!(took.as_u64().unwrap() < 10_000);

    // What was being entered is still there, and does not overwrite what it has not seen.
    chromium
        .click(&desk.of_member(2, "//button[text()='save']"))
        .await;
    chromium
        .says("somebody has changed these settings meanwhile")
        .await;
    assert_eq!(desk.member("node2").await["loadfactor"], json!(3));
    // Once seen, it does; and of the rest nothing is touched.
    chromium
        .click(&desk.of_member(2, "//button[text()='save']"))
        .await;
    chromium.says("loadfactor: 3 → 7").await;

    // Members come and go, while a form is open.
    chromium.click(&desk.of_member(1, "//summary")).await;
    let nobody = ReservedPort::new();
    let url = format!("ajp://{}", nobody.addr());
    let third = json!({ "url": url, "route": "node9" }).to_string();
    let members = "/api/v1/balancers/shop/members";
    let added = probe::request(desk.gateway.admin(), "POST", members, &[], third.as_bytes()).await;
    assert_eq!(added.unwrap().status, 201);
    chromium.says(&url).await;
    let member = format!("{members}/node9");
    let removed = probe::request(desk.gateway.admin(), "DELETE", &member, &[], b"").await;
    assert_eq!(removed.unwrap().status, 204);
    eventually("the member goes from the page", async || {
        let gone = format!("return document.querySelector('[data-block=\"shop|{url}\"]')");
        let found = chromium.run(&gone).await;
        found.is_null()
    })
    .await;
    chromium.find(&desk.of_member(1, "//details[@open]")).await;
    desk.nothing_was_against_the_policy().await;
}

#[tokio::test]
async fn its_forms_work_without_scripts() {
    let desk = Desk::open().await;
    let chromium = &desk.chromium;
    chromium.disable_scripts(true).await;
    desk.load().await;
    chromium.says("as of loading").await;
    chromium.click(&desk.of_member(1, "//summary")).await;
    chromium
        .fill(&desk.of_member(1, "//input[@name='lbset']"), "3")
        .await;
    chromium
        .click(&desk.of_member(1, "//input[@name='hot_standby']"))
        .await;
    chromium
        .click(&desk.of_member(1, "//button[text()='save']"))
        .await;
    chromium
        .says("lbset: 0 → 3, status.hot_standby: false → true")
        .await;
    chromium
        .click(&desk.of_member(2, "//button[text()='drain']"))
        .await;
    chromium.says("The member drains").await;
    chromium.click(&desk.of_member(2, "//summary")).await;
    chromium
        .click(&desk.of_member(2, "//button[text()='remove']"))
        .await;
    chromium.says("was removed from balancer://shop").await;
    let node1 = desk.member("node1").await;
    assert_eq!(
        (&node1["lbset"], &node1["status"]["hot_standby"]),
        (&json!(3), &json!(true))
    );
}

#[tokio::test]
async fn no_script_but_its_own_runs() {
    let desk = Desk::open().await;
    let inject = "const script = document.createElement('script');
                  script.textContent = 'window.foreign = true';
                  document.body.append(script);
                  document.body.setAttribute('style', 'color: red');
                  return window.foreign === undefined";
    assert_eq!(desk.chromium.run(inject).await, json!(true));
    let console = desk.chromium.console().await;
    let refused = console
        .iter()
        .filter(|line| line.contains("Content Security Policy"));
    assert_eq!(refused.count(), 2, "{console:?}");
}

#[tokio::test]
async fn the_keyboard_is_enough() {
    let desk = Desk::open().await;
    let chromium = &desk.chromium;
    let wanted = format!("drain {}", desk.url(2));
    let mut passed = Vec::new();
    loop {
        chromium.press(TAB).await;
        let [name, outline] = desk.focus().await;
        if name == wanted {
            break;
        }
        // Nowhere is before the first and behind the last.
        assert!(
            outline != "none" || name == "BODY",
            "{name}: where the focus is cannot be seen"
        );
        passed.push(name);
        assert!(passed.len() < 60, "{wanted} is not reached: {passed:?}");
    }
    // Somebody else changes what stands there: the focus stays.
    for (keys, name) in [
        (
            r#"{"status": {"drain": true}}"#,
            format!("end drain of {}", desk.url(2)),
        ),
        (r#"{"status": {"drain": false}}"#, wanted),
    ] {
        desk.gateway.change("shop", "node2", keys).await;
        eventually("the button under the focus is another", async || {
            let [now, outline] = desk.focus().await;
            now == name && outline != "none"
        })
        .await;
    }
    chromium.press(ENTER).await;
    chromium.says("The member drains").await;
    assert_eq!(desk.member("node2").await["status"]["drain"], json!(true));
    assert_eq!(desk.member("node1").await["status"]["drain"], json!(false));
}

#[tokio::test]
async fn it_is_for_phones_the_dark_and_the_ear() {
    let desk = Desk::open().await;
    let chromium = &desk.chromium;
    for (number, route) in [(1, "node1"), (2, "node2"), (3, "node2"), (4, "node1")] {
        visit(&desk, &format!("{number}.{route}")).await;
    }
    desk.gateway
        .change("shop", "node2", r#"{"status": {"drain": true}}"#)
        .await;
    desk.load().await;
    chromium.says("2 sessions left").await;
    for (name, scheme, width) in [
        ("desktop", "light", 1440),
        ("desktop-dark", "dark", 1440),
        ("tablet", "light", 820),
        ("phone", "light", 390),
        ("phone-dark", "dark", 390),
    ] {
        chromium.prefer(scheme).await;
        chromium.resize(width, 900).await;
        for opened in [true, false] {
            let all = format!(
                "for (const it of document.querySelectorAll('details')) it.open = {opened}"
            );
            chromium.run(&all).await;
            let scrolls = chromium
                .run("return document.documentElement.scrollWidth")
                .await;
            assert!(
                scrolls.as_u64().unwrap() <= u64::from(width),
                "{name}: {scrolls}"
            );
            let faint = chromium.run(FAINT).await;
            assert_eq!(faint, json!([]), "{name}: texts that are hard to read");
            let open = if opened { "-open" } else { "" };
            desk.picture(&format!("{name}{open}")).await;
        }
    }
    let ground = chromium
        .run("return getComputedStyle(document.documentElement).backgroundColor")
        .await;
    assert_eq!(ground, json!("rgb(18, 23, 27)"), "the dark one");

    chromium
        .run("for (const it of document.querySelectorAll('details')) it.open = true")
        .await;
    // Everything that can be used has a name, and no two buttons or fields of a balancer the same.
    let tree = chromium
        .devtools("Accessibility.getFullAXTree", json!({}))
        .await;
    let mut controls = 0;
    let mut buttons = BTreeSet::new();
    for node in tree["nodes"].as_array().unwrap() {
        let (role, name) = (&node["role"]["value"], node["name"]["value"].as_str());
        let used = [
            "textbox",
            "checkbox",
            "button",
            "combobox",
            "link",
            "DisclosureTriangle",
        ];
        if node["ignored"] == true || !used.iter().any(|used| role == used) {
            continue;
        }
        controls += 1;
        let name = name.unwrap_or_default();
        assert!(!name.is_empty(), "a {role} without a name: {node}");
        if role == "button" {
            // `shop` and `reports` have a member in common.
            let twice = name.contains(&desk.url(2));
            assert!(
                buttons.insert(name.to_owned()) || twice,
                "two buttons {name}"
            );
        }
    }
    assert!(controls > 40, "{controls}");
    let landmarks =
        "return ['main', 'header', 'nav[aria-label]', 'table caption', 'h1', '[role=status]']
                         .filter((it) => document.querySelector(it) === null)";
    assert_eq!(chromium.run(landmarks).await, json!([]));
    assert_eq!(chromium.run(MISNAMED).await, json!([]));
    desk.nothing_was_against_the_policy().await;
}

/// Controls whose accessible name lacks the words that are seen on them (WCAG 2.2, 2.5.3; rule
/// `label-content-name-mismatch` of axe).
const MISNAMED: &str = "
const words = (text) => text.toLowerCase().replace(/\\s+/g, ' ').trim();
const name = (it) => {
  const ids = it.getAttribute('aria-labelledby');
  if (ids) return ids.split(/\\s+/).map((id) => document.getElementById(id)?.textContent ?? '').join(' ');
  return it.getAttribute('aria-label') ?? it.textContent;
};
return [...document.querySelectorAll('a, button, summary, [role=button], [role=link]')]
  .filter((it) => !words(name(it)).includes(words(it.innerText)))
  .map((it) => `${it.innerText}: ${name(it)}`);";

/// Texts whose contrast with what is behind them is below 4.5 (WCAG 2.2, 1.4.3).
const FAINT: &str = "
const numbers = (color) => color.match(/[\\d.]+/g).map(Number);
const luminance = (color) => {
  const part = (it) => (it /= 255) <= 0.04045 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4;
  const [r, g, b] = numbers(color);
  return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
};
const ground = (it) => {
  const color = getComputedStyle(it).backgroundColor;
  return numbers(color)[3] === 0 && it.parentElement ? ground(it.parentElement) : color;
};
const faint = [];
for (const it of document.querySelectorAll('body *')) {
  const own = [...it.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== '');
  if (!own || it.checkVisibility?.() === false) continue;
  const [a, b] = [luminance(getComputedStyle(it).color), luminance(ground(it))];
  const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (contrast < 4.5) faint.push(`${it.textContent.trim()}: ${contrast}`);
}
return faint;";
