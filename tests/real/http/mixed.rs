//! AJP and HTTP members side by side in one balancer.

use std::collections::BTreeMap;

use crate::clients::{DRAIN, END_DRAIN, client_on};
use crate::load::{Ending, Load, endings};
use crate::support::ajpgate::{Ajpgate, http_member, member};
use crate::support::browser::Browser;
use crate::support::payload::parsed;
use crate::support::tomcat::{Tomcat, TomcatOptions};

/// Two Tomcats: `node1` as an AJP member, `node2` as an HTTP member.
async fn two() -> (Tomcat, Tomcat, Ajpgate) {
    let node = |route| Tomcat::start(TomcatOptions::new(route).http_connector());
    let (one, two) = tokio::join!(node("node1"), node("node2"));
    let gateway = Ajpgate::start(&format!(
        "balancers: {{ tomcats: {{ session_timeout: 2s, members: [{{ {} }}, {{ {} }}] }} }}
proxy_pass: [{{ path: /, to: \"balancer://tomcats/\" }}]
",
        member(&one),
        http_member(&two)
    ))
    .await;
    (one, two, gateway)
}

#[tokio::test]
async fn when_a_member_is_killed_no_get_is_lost_and_no_post_repeated() {
    for victim in ["node1", "node2"] {
        let (mut one, mut two, gateway) = two().await;
        let load = Load::start(gateway.front(), 10, 5, 5);
        load.until_requests(200).await;
        match victim {
            "node1" => one.kill(),
            _ => two.kill(),
        }
        load.until_more_requests(400).await;
        let records = load.stop().await;
        gateway.quiet().await;

        let mut executions: BTreeMap<String, usize> = BTreeMap::new();
        for id in [&one, &two].iter().flat_map(|tomcat| tomcat.executed()) {
            *executions.entry(id).or_default() += 1;
        }
        for record in &records {
            let times = executions.get(&record.id).copied().unwrap_or_default();
            let ok = match (record.method, record.ending) {
                ("GET", ending) => matches!(ending, Ending::Answered(200) | Ending::Reset),
                (_, Ending::Answered(200)) => times == 1,
                (_, Ending::Answered(502) | Ending::Reset) => times <= 1,
                _ => false,
            };
            assert!(ok, "executed {times} times: {record:?}");
        }
        let moved = records.iter().filter(|record| record.moved).count();
        println!(
            "{victim} killed: {:?}; {moved} sessions moved",
            endings(&records)
        );
        assert!(moved > 0);
        let failovers = [("route", victim), ("result", "failover")];
        gateway
            .counts("sticky_requests_total", &failovers, moved as u64)
            .await;
        gateway.counts("member_up", &[("route", victim)], 0).await;
    }
}

#[tokio::test]
async fn ajp_and_http_members_drain_and_report_the_end() {
    let (_one, _two, gateway) = two().await;
    for (draining, other) in [("node1", "node2"), ("node2", "node1")] {
        let mut old = client_on(draining, gateway.front()).await;
        gateway.change("tomcats", draining, DRAIN).await;
        for _ in 0..10 {
            let page = parsed(&old.get("/app/session").await);
            assert_eq!(page["node"], draining, "known sessions stay");
            let stranger = parsed(&Browser::new(gateway.front()).get("/app/session").await);
            assert_eq!(stranger["node"], other, "no new session comes");
        }
        gateway
            .counts("member_drained", &[("route", draining)], 1)
            .await;
        gateway.change("tomcats", draining, END_DRAIN).await;
    }
}
