use serde_json::{Value, json};

use super::*;

/// A source of a configuration.
fn service(port: &str) -> KubernetesService {
    let yaml = format!(
        "listeners: [{{ bind: \"[::1]:0\" }}]
balancers: {{ b: {{ discover: [{{ kubernetes: {{ namespace: shop, service: tomcats, port: {port} }} }}] }} }}
proxy_pass: [{{ path: /, to: \"balancer://b\" }}]
"
    );
    let path = std::path::Path::new("ajpgate.yaml");
    let config = ajpgate_config::parse(&yaml, path, &|_| None)
        .unwrap()
        .config;
    match &config.balancers[0].discover[0].from {
        ajpgate_config::DiscoverFrom::Kubernetes(service) => service.clone(),
        other => panic!("{other:?}"),
    }
}

/// A slice of the service at this version. `pods`: `name address`, then `ready` or conditions such as `-ready +terminating`.
fn slice(name: &str, version: u32, pods: &[&str]) -> Value {
    let is_six = pods.iter().any(|it| it.contains(':'));
    let endpoints: Vec<Value> = pods.iter().map(|it| endpoint(it)).collect();
    json!({
        "metadata": {
            "name": name, "namespace": "shop", "resourceVersion": version.to_string(),
            "labels": { "kubernetes.io/service-name": "tomcats" },
        },
        "addressType": if is_six { "IPv6" } else { "IPv4" },
        "ports": [{ "name": "http", "port": 8080 }, { "name": "ajp", "port": 8009, "protocol": "TCP" }],
        "endpoints": endpoints,
    })
}

fn endpoint(text: &str) -> Value {
    let mut words = text.split(' ');
    let (name, address) = (words.next().unwrap(), words.next().unwrap());
    let mut conditions = serde_json::Map::new();
    for word in words {
        let name = word.trim_start_matches(['+', '-']);
        conditions.insert(name.to_owned(), word.starts_with('+').into());
    }
    let (name, uid) = name.split_once('#').unwrap_or((name, name));
    json!({
        "addresses": [address],
        "conditions": conditions,
        "targetRef": { "kind": "Pod", "name": name, "namespace": "shop", "uid": uid },
    })
}

fn of(slices: &[Value]) -> Slices {
    let mut all = Slices::default();
    for slice in slices {
        let slice = serde_json::from_value(slice.clone()).unwrap();
        all.set(&service("ajp"), "shop", slice);
    }
    all
}

/// The members: `url route standing`.
fn members(slices: &[Value]) -> Vec<String> {
    shown(&of(slices).members(&service("ajp"), RouteRule::Label, &[]))
}

fn shown(found: &[Found]) -> Vec<String> {
    let line = |it: &Found| {
        let route = it.route.as_deref().unwrap_or("?");
        format!("{} {route} {:?}", it.url, it.standing)
    };
    found.iter().map(line).collect()
}

#[test]
fn conditions_say_whether_a_pod_serves_drains_or_rests() {
    for (conditions, expected) in [
        ("", "Ready"),
        (" +ready", "Ready"),
        (" -ready", "NotReady"),
        (" -ready +serving", "NotReady"),
        (" +ready -serving", "Ready"),
        (" -ready -terminating", "NotReady"),
        (" -ready +serving +terminating", "Ending"),
        (" +ready +terminating", "Ending"),
        (" -ready +terminating", "Ending"),
        (" -ready -serving +terminating", "EndingNotReady"),
        (" +ready -serving +terminating", "EndingNotReady"),
    ] {
        let pod = format!("web-0 10.0.0.1{conditions}");
        let expected = format!("ajp://10.0.0.1:8009 web-0 {expected}");
        assert_eq!(
            members(&[slice("s", 1, &[&pod])]),
            [expected],
            "{conditions}"
        );
    }
}

#[test]
fn the_slices_of_a_service_are_one_answer_and_others_are_not_taken() {
    let mut other = slice("o", 1, &["web-9 10.0.0.9"]);
    other["metadata"]["labels"]["kubernetes.io/service-name"] = "mails".into();
    let mut elsewhere = slice("e", 1, &["web-8 10.0.0.8"]);
    elsewhere["metadata"]["namespace"] = "mail".into();
    let mut names = slice("n", 1, &["web-7 10.0.0.7"]);
    names["addressType"] = "FQDN".into();
    let mut without = slice("w", 1, &["web-6 10.0.0.6"]);
    without["ports"] = json!([{ "name": "http", "port": 8009 }]);
    let all = [
        slice("a", 1, &["web-0 10.0.0.1"]),
        slice("b", 2, &["web-1 10.0.0.2", "web-2 10.0.0.3"]),
        other,
        elsewhere,
        names,
        without,
    ];
    let expected = [(1, 0), (2, 1), (3, 2)];
    let expected = expected.map(|(at, pod)| format!("ajp://10.0.0.{at}:8009 web-{pod} Ready"));
    assert_eq!(members(&all), expected);
}

#[test]
fn a_slice_that_becomes_another_services_takes_its_pods_along() {
    let mut slices = of(&[
        slice("a", 1, &["web-0 10.0.0.1"]),
        slice("b", 1, &["web-1 10.0.0.2"]),
    ]);
    let mut moved = slice("a", 2, &["web-0 10.0.0.1"]);
    moved["metadata"]["labels"]["kubernetes.io/service-name"] = "mails".into();
    slices.set(
        &service("ajp"),
        "shop",
        serde_json::from_value(moved).unwrap(),
    );
    let found = slices.members(&service("ajp"), RouteRule::Label, &[]);
    assert_eq!(shown(&found), ["ajp://10.0.0.2:8009 web-1 Ready"]);
    slices.remove(&serde_json::from_value(slice("b", 3, &[])).unwrap());
    assert_eq!(slices.members(&service("ajp"), RouteRule::Label, &[]), []);
}

#[test]
fn of_two_slices_with_the_same_pod_the_newer_one_counts() {
    // In a list the order says nothing.
    let old = slice("b", 99, &["web-0 10.0.0.1"]);
    let new = slice("a", 100, &["web-0 10.0.0.1 -ready +serving +terminating"]);
    let expected = ["ajp://10.0.0.1:8009 web-0 Ending"];
    assert_eq!(members(&[old.clone(), new.clone()]), expected);
    assert_eq!(members(&[new, old]), expected);
}

#[test]
fn of_two_pods_at_one_address_the_one_that_takes_requests_counts() {
    let ghost = slice("a", 9, &["web-0#old 10.0.0.1 -ready"]);
    let ending = slice("b", 8, &["web-1#end 10.0.0.1 +terminating"]);
    let alive = slice("c", 7, &["web-2#new 10.0.0.1 +ready"]);
    let expected = ["ajp://10.0.0.1:8009 web-2 Ready"];
    assert_eq!(
        members(&[ghost.clone(), alive.clone(), ending.clone()]),
        expected
    );
    assert_eq!(members(&[alive, ending.clone(), ghost.clone()]), expected);
    assert_eq!(
        members(&[ghost, ending]),
        ["ajp://10.0.0.1:8009 web-1 Ending"]
    );
}

#[test]
fn two_pods_of_one_name_are_two_members_while_both_stand_there() {
    let all = slice(
        "a",
        1,
        &["web-0#1 10.0.0.1 +terminating", "web-0#2 10.0.0.2 -ready"],
    );
    let expected = [
        "ajp://10.0.0.1:8009 web-0 Ending",
        "ajp://10.0.0.2:8009 web-0 NotReady",
    ];
    assert_eq!(members(&[all]), expected);
}

#[test]
fn a_pod_of_two_families_is_one_member_and_stays_with_its_address() {
    let four = slice("four", 1, &["web-0 10.0.0.1"]);
    let six = slice("six", 1, &["web-0 fd00::1"]);
    let both = of(&[six.clone(), four]);
    let rule = RouteRule::Label;
    let first = both.members(&service("ajp"), rule, &[]);
    assert_eq!(shown(&first), ["ajp://10.0.0.1:8009 web-0 Ready"]);
    let alone = of(&[six]).members(&service("ajp"), rule, &[]);
    assert_eq!(shown(&alone), ["ajp://[fd00::1]:8009 web-0 Ready"]);
    let known = both.members(&service("ajp"), rule, &alone);
    assert_eq!(known, alone);
}

#[test]
fn a_port_is_a_name_of_the_slice_or_a_number() {
    let slice: EndpointSlice = serde_json::from_value(slice("a", 1, &["web-0 10.0.0.1"])).unwrap();
    for (port, expected) in [
        ("ajp", Some(8009)),
        ("http", Some(8080)),
        ("9009", Some(9009)),
        ("mail", None),
    ] {
        let service = service(port);
        let mut slices = Slices::default();
        slices.set(&service, "shop", slice.clone());
        let found = slices.members(&service, RouteRule::Label, &[]);
        assert_eq!(found.first().map(|it| it.url.port), expected, "{port}");
    }
    let ports = |ports: Value| -> Vec<EndpointPort> { serde_json::from_value(ports).unwrap() };
    let name = PodPort::Name("ajp".to_owned());
    for refused in [
        json!([{ "name": "ajp", "port": 8009, "protocol": "UDP" }]),
        json!([{ "name": "ajp" }]),
        json!([{ "name": "ajp", "port": 0 }]),
        json!([{ "name": "ajp", "port": 70_000 }]),
        json!([]),
    ] {
        assert_eq!(number(&name, &ports(refused.clone())), None, "{refused}");
    }
}

#[test]
fn routes_are_names_of_pods_addresses_or_unknown() {
    let slices = of(&[slice("a", 1, &["web-0 10.0.0.1"])]);
    let route = |rule| {
        let found = slices.members(&service("ajp"), rule, &[]);
        found[0].route.clone()
    };
    assert_eq!(route(RouteRule::Label).as_deref(), Some("web-0"));
    assert_eq!(route(RouteRule::Address).as_deref(), Some("10-0-0-1"));
    assert_eq!(route(RouteRule::Learn), None);
}

#[test]
fn endpoints_that_are_no_pods_are_members_with_the_name_of_their_host() {
    let mut outside = slice("a", 1, &["x 10.0.0.1", "y 10.0.0.2"]);
    outside["endpoints"][0] = json!({ "addresses": ["10.0.0.1"], "hostname": "vm-1" });
    outside["endpoints"][1] = json!({ "addresses": ["10.0.0.2", "10.0.0.3"] });
    let expected = [
        "ajp://10.0.0.1:8009 vm-1 Ready",
        "ajp://10.0.0.2:8009 ? Ready",
    ];
    assert_eq!(members(&[outside]), expected);
}

#[test]
fn what_is_no_address_of_a_host_is_left_out() {
    let broken = [
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "tomcat",
        "",
        "10.0.0.1:8009",
    ];
    let pods = broken.map(|address| format!("web {address}"));
    let pods: Vec<Value> = pods.iter().map(|it| endpoint(it)).collect();
    let mut slice = slice("a", 1, &[]);
    slice["endpoints"] = pods.into();
    assert_eq!(members(&[slice.clone()]), Vec::<String>::new());
    // So the API writes a slice without pods.
    slice["endpoints"] = Value::Null;
    slice["ports"] = Value::Null;
    assert_eq!(members(&[slice]), Vec::<String>::new());
}

#[test]
fn too_many_slices_and_endpoints_are_refused() {
    let (mut slices, service) = (Slices::default(), service("ajp"));
    let empty: EndpointSlice = serde_json::from_value(slice("a", 1, &[])).unwrap();
    for number in 0..=MOST_SLICES {
        assert!(slices.within_bounds().is_ok(), "{number}");
        let mut slice = empty.clone();
        slice.metadata.name = Some(format!("s{number}"));
        slices.set(&service, "shop", slice);
    }
    assert!(slices.within_bounds().is_err());
    let pods = (0..MOST_ENDPOINTS + 9).map(|number| {
        let [_, b, c, d] = u32::try_from(number + 1).unwrap().to_be_bytes();
        json!({ "addresses": [format!("10.{b}.{c}.{d}")] })
    });
    let mut large = slice("a", 1, &[]);
    large["endpoints"] = pods.collect();
    assert!(of(&[large]).within_bounds().is_err());
}
