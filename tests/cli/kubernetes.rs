//! The manifests in `kubernetes/` have only keys that Kubernetes knows, fit together, and hold a configuration that works.

use ajpgate_config::DiscoverFrom;
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{ConfigMap, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use serde::Deserialize as _;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::support::program::{ajpgate, run};
use crate::support::{Scratch, of_the_repository};

const FILES: &[&str] = &["kubernetes/gateways.yaml", "kubernetes/tomcats.yaml"];

/// All manifests of the files.
fn manifests() -> Vec<Value> {
    let mut manifests = Vec::new();
    for file in FILES {
        let text = std::fs::read_to_string(of_the_repository(file)).unwrap();
        for document in serde_yaml::Deserializer::from_str(&text) {
            manifests.push(Value::deserialize(document).unwrap_or_else(|e| panic!("{file}: {e}")));
        }
    }
    manifests
}

/// The manifest of this kind and name.
fn manifest(kind: &str, name: &str) -> Value {
    let is_it = |it: &Value| it["kind"] == kind && it["metadata"]["name"] == name;
    let found = manifests().into_iter().find(is_it);
    found.unwrap_or_else(|| panic!("there is no {kind} {name}"))
}

/// Reads a manifest as what it is and writes it again: a key that there is not is lost on the way, and a value of a wrong
/// type is refused.
fn check<T: DeserializeOwned + serde::Serialize>(manifest: &Value) {
    let read: T = serde_json::from_value(manifest.clone())
        .unwrap_or_else(|e| panic!("{}: {e}", manifest["metadata"]));
    let written = serde_json::to_value(&read).unwrap();
    lost("", manifest, &written);
}

fn lost(at: &str, given: &Value, written: &Value) {
    match (given, written) {
        (Value::Object(given), _) => {
            for (key, value) in given {
                let at = format!("{at}.{key}");
                lost(
                    &at,
                    value,
                    written
                        .get(key)
                        .unwrap_or_else(|| panic!("{at}: there is no such key")),
                );
            }
        }
        (Value::Array(given), Value::Array(written)) => {
            assert_eq!(given.len(), written.len(), "{at}");
            for (index, (given, written)) in given.iter().zip(written).enumerate() {
                lost(&format!("{at}[{index}]"), given, written);
            }
        }
        _ => assert_eq!(given, written, "{at}"),
    }
}

#[test]
fn each_manifest_is_one_that_kubernetes_knows() {
    let mut kinds = Vec::new();
    for manifest in manifests() {
        let kind = manifest["kind"].as_str().unwrap().to_owned();
        match (manifest["apiVersion"].as_str().unwrap(), kind.as_str()) {
            ("v1", "ConfigMap") => check::<ConfigMap>(&manifest),
            ("v1", "Service") => check::<Service>(&manifest),
            ("v1", "ServiceAccount") => check::<ServiceAccount>(&manifest),
            ("rbac.authorization.k8s.io/v1", "Role") => check::<Role>(&manifest),
            ("rbac.authorization.k8s.io/v1", "RoleBinding") => check::<RoleBinding>(&manifest),
            ("apps/v1", "Deployment") => check::<Deployment>(&manifest),
            ("apps/v1", "StatefulSet") => check::<StatefulSet>(&manifest),
            ("policy/v1", "PodDisruptionBudget") => check::<PodDisruptionBudget>(&manifest),
            ("networking.k8s.io/v1", "NetworkPolicy") => check::<NetworkPolicy>(&manifest),
            ("monitoring.coreos.com/v1", "ServiceMonitor") => {}
            other => panic!("{other:?}"),
        }
        kinds.push(kind);
    }
    for kind in [
        "StatefulSet",
        "PodDisruptionBudget",
        "NetworkPolicy",
        "ServiceMonitor",
    ] {
        assert!(kinds.iter().any(|it| it == kind), "{kind}");
    }
}

#[test]
#[should_panic(expected = ".spec.replica: there is no such key")]
fn a_misspelt_key_is_noticed() {
    let mut manifest = manifest("Deployment", "ajpgate");
    manifest["spec"]["replica"] = json!(2);
    check::<Deployment>(&manifest);
}

/// A custom resource: its keys are those of the operator's API reference.
#[test]
fn the_monitor_selects_the_admin_service() {
    let monitor = manifest("ServiceMonitor", "ajpgate");
    let service = manifest("Service", "ajpgate-admin");
    let labels = service["metadata"]["labels"].as_object().unwrap();
    for (label, value) in monitor["spec"]["selector"]["matchLabels"]
        .as_object()
        .unwrap()
    {
        assert_eq!(labels.get(label), Some(value), "{label}");
    }
    let expected = json!([{
        "port": service["spec"]["ports"][0]["name"], "path": "/metrics", "interval": "15s",
        "authorization": { "type": "Bearer", "credentials": { "name": "ajpgate", "key": "admin-token" } },
    }]);
    assert_eq!(monitor["spec"]["endpoints"], expected);
}

#[test]
fn services_policies_and_budgets_select_pods_that_there_are() {
    let mut labels = Vec::new();
    for (kind, name) in [("Deployment", "ajpgate"), ("StatefulSet", "tomcat")] {
        let manifest = manifest(kind, name);
        let template = &manifest["spec"]["template"]["metadata"]["labels"];
        assert_eq!(
            &manifest["spec"]["selector"]["matchLabels"], template,
            "{name}"
        );
        labels.push(template.clone());
    }
    for manifest in manifests() {
        let spec = &manifest["spec"];
        let selector = match manifest["kind"].as_str().unwrap() {
            "Service" => &spec["selector"],
            "NetworkPolicy" => &spec["podSelector"]["matchLabels"],
            "PodDisruptionBudget" => &spec["selector"]["matchLabels"],
            _ => continue,
        };
        assert!(
            labels.contains(selector),
            "{}: {selector}",
            manifest["metadata"]
        );
    }
}

/// The balancer asks for the pods of the Tomcats' service, by a port that it names.
#[test]
fn the_configuration_finds_the_tomcats_and_passes_the_check() {
    let config = manifest("ConfigMap", "ajpgate");
    let text = config["data"]["ajpgate.yaml"].as_str().unwrap();
    let path = std::path::Path::new("ajpgate.yaml");
    let loaded = ajpgate_config::parse(text, path, &|name| Some(format!("of-{name}"))).unwrap();
    let [source] = &loaded.config.balancers[0].discover[..] else {
        panic!("one source");
    };
    let DiscoverFrom::Kubernetes(asked) = &source.from else {
        panic!("{source:?}");
    };
    let service = manifest("Service", &asked.name);
    assert_eq!(
        manifest("StatefulSet", "tomcat")["spec"]["serviceName"],
        asked.name
    );
    let ports = service["spec"]["ports"].as_array().unwrap();
    assert!(ports.iter().any(|it| it["name"] == asked.port.to_string()));
    // Otherwise all pods would be ready for Kubernetes.
    assert!(service["spec"].get("publishNotReadyAddresses").is_none());
    let scratch = Scratch::new("kubernetes");
    scratch.write("ajpgate.yaml", text);
    let mut command = ajpgate(scratch.path(), &["check"]);
    let checked = run(command.envs([("AJP_SECRET", "s"), ("ADMIN_TOKEN", "t0ken")]));
    let said = &checked.stdout;
    assert!(said.ends_with("./ajpgate.yaml: fine\n"), "{checked:?}");
    // The state file's folder is one of the pod.
    let warnings = said.matches("warning: ").count();
    let of_state_file = said.matches("warning: state_file: ").count();
    assert_eq!(warnings, of_state_file, "{checked:?}");
}

/// What the program asks for is what its account may do, and that is all.
#[test]
fn the_account_of_the_gateways_may_watch_slices_only() {
    let pods = &manifest("Deployment", "ajpgate")["spec"]["template"]["spec"];
    let account = manifest("ServiceAccount", "ajpgate");
    assert_eq!(pods["serviceAccountName"], account["metadata"]["name"]);
    assert_eq!(pods["automountServiceAccountToken"], true);
    let role = manifest("Role", "ajpgate");
    let rule = json!([{
        "apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"],
    }]);
    assert_eq!(role["rules"], rule);
    let binding = manifest("RoleBinding", "ajpgate");
    assert_eq!(binding["roleRef"]["kind"], role["kind"]);
    assert_eq!(binding["roleRef"]["name"], role["metadata"]["name"]);
    let subject = json!([{ "kind": "ServiceAccount", "name": account["metadata"]["name"] }]);
    assert_eq!(binding["subjects"], subject);
    let tomcats = &manifest("StatefulSet", "tomcat")["spec"]["template"]["spec"];
    assert!(tomcats.get("serviceAccountName").is_none());
}
