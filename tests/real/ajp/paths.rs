//! What Tomcat sees of paths that were written to deceive: nothing excluded, nothing beyond the mapping. Tomcat may read
//! escapes as UTF-8 or as ISO-8859-1 (`URIEncoding`), and encoded slashes in three ways (`encodedSolidusHandling`).

use serde_json::Value;

use crate::support::ajpgate::{self, Ajpgate};
use crate::support::browser::Browser;
use crate::support::client::Answer;
use crate::support::noise;
use crate::support::tomcat::{Tomcat, TomcatOptions};

/// Paths that are tried under each mapping.
const PATHS: usize = 1500;

/// Longest path, in segments.
const SEGMENTS: usize = 6;

/// What paths are made of: names, dots and parameters, each in the ways that servers read differently.
#[rustfmt::skip]
const PIECES: [&str; 50] = [
    "private", "private", "private", "%70rivate", "priv%61te", "private;x=1", "private;", ";x=1", ";", "PRIVATE",
    "private%20", "private%2e", "private%3b", "%2570rivate", "private%00", "private%09", "private%ff", "private%0a",
    "gr%C3%B6%C3%9Fe", "gr%C3%B6%C3%9Fe", "gr%F6%DFe", "gr%F6%DFe", "gr%f6%C3%9fe", "gr%c3%b6%c3%9fe;x", "%C0%AE%C0%AE",
    ".", "..", "..", "..", "%2e", "%2e%2e", ".%2e", "%2E.", "..;x=1", "..;", ".;x", "...", "%252e%252e",
    "..%2f", "%2fprivate", "..%5c", "\\", "", "", "a", "a;jsessionid=1.node1", "echo", "app", "caf%E9", "%01%7f",
];

/// More of them, for mappings that let encoded slashes through.
#[rustfmt::skip]
const WITH_SLASHES: [&str; 20] = [
    "a%2Fb", "%2F", "%2f%2F", "%5C", "private%2Fx", "%2Fprivate", "private%5Cx", "%5cprivate", "a%2f", "gr%F6%DFe%2Fx",
    "%2Fgr%C3%B6%C3%9Fe", ";x=%2F", ";%2Fprivate", "a;x=%2fprivate", "%2F..", "..%5C..", "a%2F..%2Fprivate", "%2F.%2Fprivate",
    "%252Fprivate", "echo%2Fprivate",
];

/// Mappings that all lead to the servlet, each with two exclusions below it.
const FRONTS: [&str; 3] = ["/app/echo", "/shop", "/große Läden"];

/// A path below `front`, or one that begins elsewhere and may come back to it.
fn path(front: &str, pieces: &[&str], noise: &mut impl Iterator<Item = u8>) -> String {
    let mut below = |most: usize| usize::from(noise.next().unwrap()) % most;
    let front = front
        .replace(' ', "%20")
        .replace('ß', "%C3%9F")
        .replace('ä', "%c3%a4");
    let mut path = match below(8) {
        0 => format!("/{}/..{front}", pieces[below(pieces.len())]),
        1 => format!("/{front}"),
        _ => front,
    };
    for _ in 0..=below(SEGMENTS) {
        path += "/";
        path += pieces[below(pieces.len())];
    }
    path
}

/// A gateway in front of a Tomcat. `/` leads to all of it, the [`FRONTS`] to the servlet that says what it sees.
async fn before(tomcat: &Tomcat, keys: &str) -> Ajpgate {
    let mut mappings = String::new();
    for front in FRONTS {
        mappings += &format!(
            "  - {{ path: \"{front}\", to: \"balancer://tomcats/app/echo\"{keys} }}\n  \
             - {{ path: \"{front}/private\", exclude: true }}\n  - {{ path: \"{front}/größe\", exclude: true }}\n"
        );
    }
    Ajpgate::start(&format!(
        "balancers:\n  tomcats:\n    members:\n      - {{ {} }}\nproxy_pass:\n  \
         - {{ path: /, to: \"balancer://tomcats/\"{keys} }}\n{mappings}",
        ajpgate::member(tomcat)
    ))
    .await
}

/// Whether what the servlet sees is excluded, however it reads the slashes that Tomcat has left `encoded`.
fn is_excluded(info: &str, encoded: bool) -> bool {
    let mut info = info.replace('\\', "/");
    for escape in ["%2F", "%2f", "%5C", "%5c"].iter().filter(|_| encoded) {
        info = info.replace(escape, "/");
    }
    let first = info.split('/').find(|name| !name.is_empty());
    matches!(first, Some("private" | "größe"))
}

/// How a path ended.
#[derive(PartialEq)]
enum End {
    /// The servlet saw it, and this as its path.
    Seen(String),
    /// The gateway, or Tomcat's connector, did not let it through to any application.
    Kept,
    /// Another part of Tomcat answered.
    Beyond,
}

/// Whose answer it is.
fn end(answer: &Answer) -> End {
    match (answer.status, answer.field("x-node")) {
        (200, Some("node1")) => {}
        (404, None) if answer.text() == "404 Not Found\n" => return End::Kept,
        (400, None) => return End::Kept,
        _ => return End::Beyond,
    }
    let Ok(echo) = serde_json::from_str::<Value>(answer.text()) else {
        return End::Beyond;
    };
    let place = (echo["contextPath"].as_str(), echo["servletPath"].as_str());
    if place != (Some("/app"), Some("/echo")) {
        return End::Beyond;
    }
    End::Seen(echo["pathInfo"].as_str().unwrap_or_default().to_owned())
}

/// Tries paths below each mapping of the servlet, and anywhere.
async fn hunt(options: TomcatOptions, keys: &str, pieces: &[&str]) {
    let encoded = options.is_set("encodedSolidusHandling", "passthrough");
    let tomcat = Tomcat::start(options.secret("s3cret")).await;
    let gateway = before(&tomcat, keys).await;
    let mut browser = Browser::new(gateway.front());
    for (seed, front) in (1..).zip(FRONTS.into_iter().chain([""])) {
        let mut noise = noise::bytes(seed, PATHS * (SEGMENTS + 4)).into_iter();
        let (mut seen, mut kept) = (0, 0);
        for _ in 0..PATHS {
            let path = path(front, pieces, &mut noise);
            let answer = browser.get(&path).await;
            match end(&answer) {
                End::Seen(info) => {
                    let excluded = is_excluded(&info, encoded);
                    assert!(
                        !excluded,
                        "{path} got around the exclusion: {}",
                        answer.text()
                    );
                    seen += 1;
                }
                End::Kept => kept += 1,
                // A path that leaves a mapping belongs to `/`, which leads everywhere.
                End::Beyond => {}
            }
        }
        let enough = if front.is_empty() { 0 } else { PATHS / 20 };
        assert!(
            seen >= enough && kept > PATHS / 10,
            "of {PATHS} paths below {front:?} {seen} were let through and {kept} not: they try too little"
        );
    }
}

#[tokio::test]
async fn no_spelling_gets_around_an_exclusion() {
    hunt(TomcatOptions::new("node1"), "", &PIECES).await;
}

#[tokio::test]
async fn no_spelling_gets_around_an_exclusion_where_escapes_are_latin1() {
    let tomcat = TomcatOptions::new("node1").connector("URIEncoding", "ISO-8859-1");
    hunt(tomcat, "", &PIECES).await;
}

#[tokio::test]
async fn no_encoded_slash_gets_around_an_exclusion_where_it_is_a_slash() {
    let pieces = [&PIECES[..], &WITH_SLASHES].concat();
    for encoding in ["ISO-8859-1", "UTF-8"] {
        let tomcat = TomcatOptions::new("node1")
            .connector("URIEncoding", encoding)
            .connector("encodedSolidusHandling", "decode")
            .connector("allowBackslash", "true");
        hunt(tomcat, ", encoded_slash: pass", &pieces).await;
    }
}

#[tokio::test]
async fn no_encoded_slash_gets_around_an_exclusion_where_it_stays_encoded() {
    let pieces = [&PIECES[..], &WITH_SLASHES].concat();
    let tomcat = TomcatOptions::new("node1").connector("encodedSolidusHandling", "passthrough");
    hunt(tomcat, ", encoded_slash: pass", &pieces).await;
}

/// Without a mapping of everything else, what leaves a mapping is nowhere.
#[tokio::test]
async fn no_spelling_of_a_path_gets_out_of_its_mapping() {
    let pieces = [&PIECES[..], &WITH_SLASHES].concat();
    for (keys, handling) in [
        ("", "reject"),
        (", encoded_slash: pass", "decode"),
        (", encoded_slash: pass", "passthrough"),
    ] {
        let options = TomcatOptions::new("node1").secret("s3cret");
        let options = options.connector("encodedSolidusHandling", handling);
        let tomcat = Tomcat::start(options.connector("allowBackslash", "true")).await;
        let gateway = Ajpgate::start(&format!(
            "balancers:\n  tomcats:\n    members:\n      - {{ {} }}\nproxy_pass:\n  \
             - {{ path: /app/echo, to: \"balancer://tomcats/app/echo\"{keys} }}\n  \
             - {{ path: /shop, to: \"balancer://tomcats/app/echo\"{keys} }}\n",
            ajpgate::member(&tomcat)
        ))
        .await;
        let mut browser = Browser::new(gateway.front());
        for (seed, front) in [(11, "/app/echo"), (12, "/shop")] {
            let mut noise = noise::bytes(seed, PATHS * (SEGMENTS + 4)).into_iter();
            for _ in 0..PATHS {
                let path = path(front, &pieces, &mut noise).replace("private", "x");
                let answer = browser.get(&path).await;
                assert!(
                    end(&answer) != End::Beyond,
                    "{path} got out: {}",
                    answer.text()
                );
            }
        }
    }
}

/// An application may use names in the connector's own encoding, and slashes as parts of names.
#[tokio::test]
async fn names_arrive_as_they_were_meant() {
    let latin1 = TomcatOptions::new("node1").connector("URIEncoding", "ISO-8859-1");
    let tomcat = Tomcat::start(latin1.secret("s3cret")).await;
    let gateway = before(&tomcat, "").await;
    let mut browser = Browser::new(gateway.front());
    for front in ["/app/echo", "/shop", "/gro%C3%9Fe%20L%C3%A4den"] {
        let echo: Value =
            serde_json::from_str(browser.get(&format!("{front}/caf%E9")).await.text()).unwrap();
        assert_eq!(echo["pathInfo"], "/caf\u{e9}");
    }
    for (handling, info) in [("decode", "/a/b"), ("passthrough", "/a%2Fb")] {
        let options = TomcatOptions::new("node1").secret("s3cret");
        let tomcat = Tomcat::start(options.connector("encodedSolidusHandling", handling)).await;
        let gateway = before(&tomcat, ", encoded_slash: pass").await;
        let answer = Browser::new(gateway.front()).get("/shop/a%2Fb").await;
        let echo: Value = serde_json::from_str(answer.text()).unwrap();
        assert_eq!(
            (&echo["pathInfo"], &echo["requestURI"]),
            (&info.into(), &"/app/echo/a%2Fb".into())
        );
    }
}
