//! What Tomcat sees of paths that were written to deceive: nothing excluded, nothing beyond the mapping.

use serde_json::Value;

use crate::support::ajpgate::{self, Ajpgate};
use crate::support::browser::Browser;
use crate::support::noise;
use crate::support::tomcat::{Tomcat, TomcatOptions};

/// Paths that are tried under each mapping.
const PATHS: usize = 3000;

/// Longest path, in segments.
const SEGMENTS: usize = 6;

/// What paths are made of: names, dots and parameters, each in the ways that somebody reads differently.
#[rustfmt::skip]
const PIECES: [&str; 40] = [
    "private", "private", "private", "%70rivate", "priv%61te", "private;x=1", "private;", ";x=1", ";", "PRIVATE",
    "private%20", "private%2e", "private%3b", "%2570rivate", "private%00", "private%09", "private%ff",
    ".", "..", "..", "..", "%2e", "%2e%2e", ".%2e", "%2E.", "..;x=1", "..;", ".;x", "...", "%252e%252e",
    "..%2f", "%2fprivate", "..%5c", "\\", "", "", "a", "a;jsessionid=1.node1", "echo", "app",
];

/// A path below `front`, or one that begins elsewhere and may come back to it.
fn path(front: &str, noise: &mut impl Iterator<Item = u8>) -> String {
    let mut below = |most: usize| usize::from(noise.next().unwrap()) % most;
    let mut path = match below(8) {
        0 => format!("/{}/..{front}", PIECES[below(PIECES.len())]),
        1 => format!("/{front}"),
        _ => front.to_owned(),
    };
    for _ in 0..=below(SEGMENTS) {
        path += "/";
        path += PIECES[below(PIECES.len())];
    }
    path
}

/// `/app/echo/*` says what it sees; whatever else answers is beyond the mapping.
#[tokio::test]
async fn no_spelling_of_a_path_gets_around_an_exclusion_or_out_of_its_mapping() {
    let tomcat = Tomcat::start(TomcatOptions::new("node1").secret("s3cret")).await;
    let gateway = Ajpgate::start(&format!(
        "balancers:
  tomcats:
    members:
      - {{ {} }}
proxy_pass:
  - {{ path: /app/echo, to: \"balancer://tomcats/app/echo\" }}
  - {{ path: /app/echo/private, exclude: true }}
  - {{ path: /shop, to: \"balancer://tomcats/app/echo\" }}
  - {{ path: /shop/private, exclude: true }}
",
        ajpgate::member(&tomcat)
    ))
    .await;
    let mut browser = Browser::new(gateway.front());
    for (seed, front) in [(1, "/app/echo"), (2, "/shop")] {
        let mut noise = noise::bytes(seed, PATHS * (SEGMENTS + 4)).into_iter();
        let (mut seen, mut kept) = (0, 0);
        for _ in 0..PATHS {
            let path = path(front, &mut noise);
            let answer = browser.get(&path).await;
            match (answer.status, answer.field("x-node")) {
                (200, Some("node1")) => {
                    let echo: Value = serde_json::from_str(answer.text()).unwrap();
                    assert_eq!(
                        (echo["contextPath"].as_str(), echo["servletPath"].as_str()),
                        (Some("/app"), Some("/echo")),
                        "{path} got out: {echo}"
                    );
                    let info = echo["pathInfo"].as_str().unwrap_or_default();
                    assert!(
                        info != "/private" && !info.starts_with("/private/"),
                        "{path} got around the exclusion: {echo}"
                    );
                    seen += 1;
                }
                // The gateway's own, and what Tomcat will not read: its connector says so before any application.
                (404, None) if answer.text() == "404 Not Found\n" => kept += 1,
                (400, None) => kept += 1,
                _ => panic!("{path}: {answer:?}"),
            }
        }
        assert!(
            seen > PATHS / 10 && kept > PATHS / 10,
            "of {PATHS} paths {seen} were let through and {kept} not: they try too little"
        );
    }
}
