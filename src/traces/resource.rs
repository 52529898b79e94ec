//! What the spans say of this program. Variables of the environment count, as in every program of OpenTelemetry.

use std::env;

use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::TelemetryResourceDetector;
use percent_encoding::percent_decode_str;
use tracing::warn;

const SERVICE_NAME: &str = "service.name";

/// What the spans say of this program.
pub(super) fn resource() -> Resource {
    of_variables(|name| env::var(name).ok())
}

/// OTEL_SERVICE_NAME counts more than a name in OTEL_RESOURCE_ATTRIBUTES.
fn of_variables(variable: impl Fn(&str) -> Option<String>) -> Resource {
    let said = attributes(&variable("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default());
    let mut names = said.iter().filter(|it| it.key.as_str() == SERVICE_NAME);
    let name = variable("OTEL_SERVICE_NAME").filter(|name| !name.is_empty());
    let name = name.or_else(|| names.next().map(|it| it.value.to_string()));
    Resource::builder_empty()
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_attributes(said)
        .with_service_name(name.unwrap_or_else(|| "ajpgate".to_owned()))
        .build()
}

/// The attributes of a text `key=value,…`. Commas, equals signs and whatever is not ASCII are percent-encoded in it.
fn attributes(text: &str) -> Vec<KeyValue> {
    let entries = text.split(',').filter(|entry| !entry.trim().is_empty());
    let read = entries.filter_map(|entry| {
        let parts = entry.split_once('=');
        let read = parts.and_then(|(key, value)| Some((decoded(key)?, decoded(value)?)));
        if read.is_none() {
            warn!(
                entry,
                "OTEL_RESOURCE_ATTRIBUTES: this is not `key=value` with percent-encoded UTF-8, and is left out"
            );
        }
        let (key, value) = read?;
        Some(KeyValue::new(key, value))
    });
    read.collect()
}

fn decoded(text: &str) -> Option<String> {
    let decoded = percent_decode_str(text.trim()).decode_utf8().ok()?;
    Some(decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The value of an attribute, where the environment has these variables: attributes, name.
    fn value(attributes: &str, name: &str, key: &'static str) -> Option<String> {
        let resource = of_variables(|variable| match variable {
            "OTEL_RESOURCE_ATTRIBUTES" => Some(attributes.to_owned()),
            "OTEL_SERVICE_NAME" => Some(name.to_owned()),
            _ => None,
        });
        resource.get(&key.into()).map(|it| it.to_string())
    }

    #[test]
    fn attributes_of_the_environment_are_percent_decoded() {
        let text =
            "a=b%2Cc, deployment.environment.name = M%C3%BCnchen%20%3D%20x ,bad,worse=%FF,e=";
        for (key, expected) in [
            ("a", Some("b,c")),
            ("deployment.environment.name", Some("München = x")),
            ("bad", None),
            ("worse", None),
            ("e", Some("")),
            ("telemetry.sdk.language", Some("rust")),
        ] {
            assert_eq!(value(text, "", key).as_deref(), expected, "{key}");
        }
    }

    #[test]
    fn the_service_has_the_name_that_the_environment_gives_it() {
        let named = "service.name=shop%20front";
        for (attributes, name, expected) in [
            ("", "", "ajpgate"),
            (named, "", "shop front"),
            (named, "other%20one", "other%20one"),
        ] {
            let found = value(attributes, name, SERVICE_NAME);
            assert_eq!(found.as_deref(), Some(expected), "{attributes} {name}");
        }
    }
}
