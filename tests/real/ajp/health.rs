//! Health checks of a real Tomcat: each method passes while it works and fails while it is frozen.

use crate::support::ajpgate::Ajpgate;
use crate::support::client;
use crate::support::eventually;
use crate::support::tomcat::{Tomcat, TomcatOptions};

const CHECKS: &str = "health_checks_total";

#[tokio::test]
async fn every_method_tells_a_working_tomcat_from_a_frozen_one() {
    let mut tomcat = Tomcat::start(TomcatOptions::new("node1").secret("s3cret")).await;
    let mut gateways = Vec::new();
    for check in [
        "method: cping",
        "method: tcp",
        "method: options",
        "method: head, uri: /app/counter",
        "method: get, uri: \"/app/bytes?n=200000&seed=1\", expect: { status: 200 }",
    ] {
        let check = format!("health_check: {{ {check}, interval: 200ms, mandatory: true }}");
        let gateway = Ajpgate::before(&[&tomcat]).balancer(&check).start().await;
        gateways.push((check, gateway));
    }
    for (check, gateway) in &gateways {
        eventually(check, async || {
            let passed = gateway.metrics().await.count(CHECKS, &[("result", "pass")]);
            passed >= 3
        })
        .await;
        let metrics = gateway.metrics().await;
        assert_eq!(metrics.count(CHECKS, &[("result", "fail")]), 0, "{check}");
        let answer = client::get(gateway.front(), "/app/counter", "").await;
        assert_eq!(answer.status, 200, "{check}");
    }

    tomcat.pause().await;
    for (check, gateway) in &gateways {
        // The kernel accepts connections for a frozen process.
        if check.contains("tcp") {
            continue;
        }
        eventually(&format!("{check} fails"), async || {
            let metrics = gateway.metrics().await;
            metrics.count("member_up", &[]) == 0
        })
        .await;
        let answer = client::get(gateway.front(), "/app/counter", "").await;
        assert_eq!(answer.status, 503, "{check}");
        assert!(gateway.log().contains("health checks fail"), "{check}");
    }

    tomcat.resume();
    for (check, gateway) in &gateways {
        eventually(&format!("{check} passes again"), async || {
            let answer = client::get(gateway.front(), "/app/counter", "").await;
            answer.status == 200
        })
        .await;
    }
}

/// `expect` looks at the answer of the application.
#[tokio::test]
async fn an_application_whose_answer_fails_the_check_gets_no_request() {
    let tomcat = Tomcat::start(TomcatOptions::new("node1").secret("s3cret")).await;
    for (check, served) in [
        ("method: get, uri: /app/status?code=500", false),
        (
            "method: get, uri: /app/status?code=500, expect: { status: [500] }",
            true,
        ),
        (
            "method: get, uri: /app/counter, expect: { body: \"total\" }",
            true,
        ),
        (
            "method: get, uri: /app/counter, expect: { body: \"all is well\" }",
            false,
        ),
        ("method: head, uri: /app/missing", false),
    ] {
        let keys = format!("health_check: {{ {check}, interval: 100ms, fails: 1 }}");
        let gateway = Ajpgate::before(&[&tomcat]).balancer(&keys).start().await;
        let result = if served { "pass" } else { "fail" };
        eventually(check, async || {
            let done = gateway.metrics().await.count(CHECKS, &[("result", result)]);
            done >= 2
        })
        .await;
        let answer = client::get(gateway.front(), "/app/echo", "").await;
        assert_eq!(answer.status, if served { 200 } else { 503 }, "{check}");
    }
}
