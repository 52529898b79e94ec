//! The balancer manager in Debian's Chromium: with a mouse, with the keyboard alone, on a phone, with a dark colour scheme,
//! without scripts, and for screen readers.

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

/// A gateway in front of two nodes, and a browser that shows its balancer manager.
struct Page {
    gateway: Ajpgate,
    nodes: [Node; 2],
    chromium: Chromium,
}

impl Page {
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
        let page = Self {
            gateway,
            nodes,
            chromium,
        };
        page.load().await;
        page
    }

    /// Opens the page.
    async fn load(&self) {
        let page = format!("http://{}/balancer-manager", self.gateway.admin());
        self.chromium.open(&page).await;
    }

    fn url(&self, number: usize) -> String {
        format!("ajp://{}", self.nodes[number - 1].ajp_addr())
    }

    /// An XPath expression limited to the part of the page that belongs to a member.
    fn of_member(&self, number: usize, path: &str) -> String {
        format!("//tbody[@data-block='shop|{}']{path}", self.url(number))
    }

    /// The text of a figure of a member.
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

    /// The name of the element that has the focus, and the style of its outline.
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

    /// Opens the page when node2 has two sessions and drains.
    async fn open_while_a_member_drains() -> Self {
        let page = Self::open().await;
        for (number, route) in [(1, "node1"), (2, "node2"), (3, "node2"), (4, "node1")] {
            visit(&page, &format!("{number}.{route}")).await;
        }
        page.gateway
            .change("shop", "node2", r#"{"status": {"drain": true}}"#)
            .await;
        page.load().await;
        page.chromium.says("2 sessions left").await;
        page
    }

    /// Checks that the page's Content-Security-Policy has refused no script, style or form.
    async fn nothing_was_against_the_policy(&self) {
        let console = self.chromium.console().await;
        let refused = |line: &&String| line.contains("Content Security Policy");
        assert_eq!(console.iter().find(refused), None);
    }

    /// Writes a screenshot into the folder that the variable `AJPGATE_SCREENSHOTS` names, if it is set.
    async fn picture(&self, name: &str) {
        if let Some(folder) = std::env::var_os("AJPGATE_SCREENSHOTS") {
            let picture = self.chromium.screenshot().await;
            fs::write(Path::new(&folder).join(format!("{name}.png")), picture).unwrap();
        }
    }
}

/// Sends a request with this session.
async fn visit(page: &Page, session: &str) {
    let mut browser = Browser::new(page.gateway.front());
    browser.session = Some(format!("JSESSIONID={session}"));
    browser.get("/").await;
}

#[tokio::test]
async fn the_page_shows_balancers_and_changes_members() {
    let page = Page::open().await;
    let chromium = &page.chromium;
    for shown in [
        "balancer://shop",
        "balancer://reports",
        &page.url(1),
        &page.url(2),
        "3 of 3",
    ] {
        chromium.says(shown).await;
    }
    chromium.says("live, every 2 s").await;

    // Change `loadfactor`; the page shows the change.
    chromium.click(&page.of_member(1, "//summary")).await;
    chromium
        .fill(&page.of_member(1, "//input[@name='loadfactor']"), "2.5")
        .await;
    chromium
        .click(&page.of_member(1, "//button[text()='save']"))
        .await;
    chromium.says("loadfactor: 1 → 2.5").await;
    assert_eq!(page.figure(1, "loadfactor").await, "2.5");
    assert_eq!(page.member("node1").await["loadfactor"], json!(2.5));

    // A bad value is shown with the reason, and nothing is changed.
    chromium.click(&page.of_member(1, "//summary")).await;
    chromium
        .fill(&page.of_member(1, "//input[@name='loadfactor']"), "900")
        .await;
    chromium
        .fill(&page.of_member(1, "//input[@name='lbset']"), "7")
        .await;
    chromium
        .click(&page.of_member(1, "//button[text()='save']"))
        .await;
    chromium.says("Nothing was changed").await;
    let wrong =
        "//input[@name='loadfactor'][@aria-invalid='true'][@value='900']/following-sibling::p";
    chromium.find(&page.of_member(1, wrong)).await;
    assert_eq!(page.figure(1, "loadfactor").await, "2.5");
    assert_eq!(page.member("node1").await["lbset"], json!(0));
    page.picture("refused").await;
    page.nothing_was_against_the_policy().await;
}

#[tokio::test]
async fn the_page_drains_a_member_until_it_can_be_stopped() {
    let page = Page::open().await;
    let chromium = &page.chromium;
    visit(&page, "A.node2").await;
    chromium
        .click(&page.of_member(2, "//button[text()='drain']"))
        .await;
    chromium
        .says("it keeps its sessions and gets no new ones")
        .await;
    eventually("a session is left", async || {
        visit(&page, "A.node2").await;
        page.figure(2, "state").await.contains("1 session left")
    })
    .await;
    eventually("nobody is left", async || {
        page.figure(2, "state")
            .await
            .contains("0 sessions left, safe to stop")
    })
    .await;
    chromium
        .click(&page.of_member(2, "//button[text()='end drain']"))
        .await;
    chromium.says("The member takes new sessions again").await;
    page.nothing_was_against_the_policy().await;
}

#[tokio::test]
async fn the_page_adds_and_removes_a_member() {
    let page = Page::open().await;
    let chromium = &page.chromium;
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
    assert_eq!(page.member("node3").await["url"], json!(url));
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
    page.nothing_was_against_the_policy().await;
}

#[tokio::test]
async fn the_page_shows_changes_made_elsewhere() {
    let page = Page::open().await;
    let chromium = &page.chromium;
    chromium.says("live, every 2 s").await;
    // The form is open and has a value that is not saved yet.
    chromium.click(&page.of_member(2, "//summary")).await;
    chromium
        .fill(&page.of_member(2, "//input[@name='loadfactor']"), "7")
        .await;
    // Measured by the clock of the page, since the test itself may be slow.
    let key = format!("shop|{}|loadfactor", page.url(2));
    chromium
        .run(&format!(
            "new MutationObserver(() => {{ window.seen ??= Date.now(); }}).observe(
                document.querySelector('[data-key=\"{key}\"]'), {{ childList: true, characterData: true, subtree: true }});
             window.began = Date.now();"
        ))
        .await;
    page.gateway
        .change(
            "shop",
            "node2",
            r#"{"loadfactor": 3, "status": {"hot_standby": true}}"#,
        )
        .await;
    eventually("the change is seen", async || {
        page.figure(2, "state").await.contains("hot standby")
    })
    .await;
    assert_eq!(page.figure(2, "loadfactor").await, "3");
    let took = chromium.run("return window.seen - window.began").await;
    println!("a change made elsewhere was seen after {took} ms");
    assert!(took.as_u64().unwrap() < 10_000);

    // The unsaved value is still there. Saving it does not overwrite a change that the form has not shown.
    chromium
        .click(&page.of_member(2, "//button[text()='save']"))
        .await;
    chromium
        .says("somebody has changed these settings meanwhile")
        .await;
    assert_eq!(page.member("node2").await["loadfactor"], json!(3));
    // After the form has shown the change, saving overwrites it, and changes nothing else.
    chromium
        .click(&page.of_member(2, "//button[text()='save']"))
        .await;
    chromium.says("loadfactor: 3 → 7").await;

    // Members are added and removed while a form is open.
    chromium.click(&page.of_member(1, "//summary")).await;
    let nobody = ReservedPort::new();
    let url = format!("ajp://{}", nobody.addr());
    let third = json!({ "url": url, "route": "node9" }).to_string();
    let members = "/api/v1/balancers/shop/members";
    let added = probe::request(page.gateway.admin(), "POST", members, &[], third.as_bytes()).await;
    assert_eq!(added.unwrap().status, 201);
    chromium.says(&url).await;
    let member = format!("{members}/node9");
    let removed = probe::request(page.gateway.admin(), "DELETE", &member, &[], b"").await;
    assert_eq!(removed.unwrap().status, 204);
    eventually("the member goes from the page", async || {
        let gone = format!("return document.querySelector('[data-block=\"shop|{url}\"]')");
        let found = chromium.run(&gone).await;
        found.is_null()
    })
    .await;
    chromium.find(&page.of_member(1, "//details[@open]")).await;
    page.nothing_was_against_the_policy().await;
}

#[tokio::test]
async fn the_forms_work_without_scripts() {
    let page = Page::open().await;
    let chromium = &page.chromium;
    chromium.disable_scripts(true).await;
    page.load().await;
    chromium.says("as of loading").await;
    chromium.click(&page.of_member(1, "//summary")).await;
    chromium
        .fill(&page.of_member(1, "//input[@name='lbset']"), "3")
        .await;
    chromium
        .click(&page.of_member(1, "//input[@name='hot_standby']"))
        .await;
    chromium
        .click(&page.of_member(1, "//button[text()='save']"))
        .await;
    chromium
        .says("lbset: 0 → 3, status.hot_standby: false → true")
        .await;
    chromium
        .click(&page.of_member(2, "//button[text()='drain']"))
        .await;
    chromium.says("The member drains").await;
    chromium.click(&page.of_member(2, "//summary")).await;
    chromium
        .click(&page.of_member(2, "//button[text()='remove']"))
        .await;
    chromium.says("was removed from balancer://shop").await;
    let node1 = page.member("node1").await;
    assert_eq!(
        (&node1["lbset"], &node1["status"]["hot_standby"]),
        (&json!(3), &json!(true))
    );
}

#[tokio::test]
async fn only_the_pages_own_script_runs() {
    let page = Page::open().await;
    let inject = "const script = document.createElement('script');
                  script.textContent = 'window.foreign = true';
                  document.body.append(script);
                  document.body.setAttribute('style', 'color: red');
                  return window.foreign === undefined";
    assert_eq!(page.chromium.run(inject).await, json!(true));
    let console = page.chromium.console().await;
    let refused = console
        .iter()
        .filter(|line| line.contains("Content Security Policy"));
    assert_eq!(refused.count(), 2, "{console:?}");
}

#[tokio::test]
async fn the_page_works_with_the_keyboard_alone() {
    let page = Page::open().await;
    let chromium = &page.chromium;
    let wanted = format!("drain {}", page.url(2));
    let mut passed = Vec::new();
    loop {
        chromium.press(TAB).await;
        let [name, outline] = page.focus().await;
        if name == wanted {
            break;
        }
        // The focus leaves the page before the first element and after the last.
        assert!(
            outline != "none" || name == "BODY",
            "{name}: where the focus is cannot be seen"
        );
        passed.push(name);
        assert!(passed.len() < 60, "{wanted} is not reached: {passed:?}");
    }
    // The page is updated after a change elsewhere: the focus stays.
    for (keys, name) in [
        (
            r#"{"status": {"drain": true}}"#,
            format!("end drain of {}", page.url(2)),
        ),
        (r#"{"status": {"drain": false}}"#, wanted),
    ] {
        page.gateway.change("shop", "node2", keys).await;
        eventually("the button under the focus is another", async || {
            let [now, outline] = page.focus().await;
            now == name && outline != "none"
        })
        .await;
    }
    chromium.press(ENTER).await;
    chromium.says("The member drains").await;
    assert_eq!(page.member("node2").await["status"]["drain"], json!(true));
    assert_eq!(page.member("node1").await["status"]["drain"], json!(false));
}

#[tokio::test]
async fn the_page_suits_phones_and_dark_mode() {
    let page = Page::open_while_a_member_drains().await;
    let chromium = &page.chromium;
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
            page.picture(&format!("{name}{open}")).await;
        }
    }
    let ground = chromium
        .run("return getComputedStyle(document.documentElement).backgroundColor")
        .await;
    assert_eq!(ground, json!("rgb(18, 23, 27)"), "the dark one");
    page.nothing_was_against_the_policy().await;
}

#[tokio::test]
async fn the_page_suits_screen_readers() {
    let page = Page::open_while_a_member_drains().await;
    let chromium = &page.chromium;
    chromium
        .run("for (const it of document.querySelectorAll('details')) it.open = true")
        .await;
    // Each control has an accessible name, and no two buttons or fields of a balancer have the same.
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
            // `shop` and `reports` share a member.
            let twice = name.contains(&page.url(2));
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
    page.nothing_was_against_the_policy().await;
}

/// Controls whose accessible name lacks their visible words (WCAG 2.2, 2.5.3; rule `label-content-name-mismatch` of axe).
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

/// Texts whose contrast with their background is below 4.5 (WCAG 2.2, 1.4.3).
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
