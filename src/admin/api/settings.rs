//! The settings that an operator may change, as data: their ETag, and the difference that a change makes.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use ajpgate_config::{LoadFactor, Status, Sticky};
use http::StatusCode;
use http::header::{HeaderMap, IF_MATCH};
use serde_json::{Number, Value, json};

use super::refusal::Refusal;

/// The ETag of settings. Neither traffic nor a restart changes it.
pub(in crate::admin) fn etag(settings: &Value) -> String {
    let mut hasher = DefaultHasher::new();
    settings.to_string().hash(&mut hasher);
    format!("\"{:016x}\"", hasher.finish())
}

/// Refuses a change when `If-Match` has none of the ETags of the present settings (RFC 9110 section 13.1.1). The first one is
/// that of the settings themselves.
pub(super) fn check_match(headers: &HeaderMap, etags: &[String]) -> Result<(), Refusal> {
    let given = headers.get_all(IF_MATCH).iter();
    let mut tags = given
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim);
    if tags.any(|tag| tag == "*" || etags.iter().any(|etag| etag == tag)) {
        return Ok(());
    }
    Err(Refusal::new(
        StatusCode::PRECONDITION_FAILED,
        format!(
            "If-Match: the settings have changed meanwhile, their ETag is {}",
            etags.first().map_or("not known", String::as_str)
        ),
    ))
}

/// The difference between two settings, such as `loadfactor: 1 -> 2, status.drain: false -> true`; `None` when they are
/// equal.
pub(in crate::admin) fn difference(old: &Value, new: &Value) -> Option<String> {
    let mut changes = Vec::new();
    collect("", old, new, &mut changes);
    (!changes.is_empty()).then(|| changes.join(", "))
}

fn collect(key: &str, old: &Value, new: &Value, changes: &mut Vec<String>) {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            for (name, old) in old {
                let dot = if key.is_empty() { "" } else { "." };
                let new = new.get(name).unwrap_or(&Value::Null);
                collect(&format!("{key}{dot}{name}"), old, new, changes);
            }
        }
        _ if old != new => changes.push(format!("{key}: {old} -> {new}")),
        _ => {}
    }
}

/// The value of `status`.
pub(in crate::admin) fn status(status: Status) -> Value {
    let Status {
        disabled,
        stopped,
        drain,
        hot_standby,
        hot_spare,
        ignore_errors,
    } = status;
    json!({
        "disabled": disabled,
        "stopped": stopped,
        "drain": drain,
        "hot_standby": hot_standby,
        "hot_spare": hot_spare,
        "ignore_errors": ignore_errors,
    })
}

/// The value of `loadfactor`: an integer when it has no decimals.
pub(in crate::admin) fn loadfactor(factor: LoadFactor) -> Value {
    let hundredths = factor.hundredths();
    if hundredths.is_multiple_of(100) {
        return Value::from(hundredths / 100);
    }
    Number::from_f64(f64::from(hundredths) / 100.0).map_or(Value::Null, Value::Number)
}

/// The value of `stickysession`, in the form of the file.
pub(in crate::admin) fn stickysession(sticky: Option<&Sticky>) -> String {
    match sticky {
        None => String::new(),
        Some(Sticky {
            cookie, parameter, ..
        }) if cookie == parameter => cookie.clone(),
        Some(Sticky {
            cookie, parameter, ..
        }) => format!("{cookie}|{parameter}"),
    }
}

/// A duration, in the form of the file.
pub(in crate::admin) fn duration(duration: Duration) -> String {
    match duration.subsec_nanos() {
        0 => format!("{}s", duration.as_secs()),
        nanos if nanos % 1_000_000 == 0 => format!("{}ms", duration.as_millis()),
        _ => format!("{}s", duration.as_secs_f64()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_written_as_the_file_has_them() {
        assert_eq!(duration(Duration::ZERO), "0s");
        assert_eq!(duration(Duration::from_secs(120)), "120s");
        assert_eq!(duration(Duration::from_millis(1250)), "1250ms");
        assert_eq!(duration(Duration::from_micros(1500)), "0.0015s");
        let factor = |hundredths| LoadFactor::from_hundredths(hundredths).map(loadfactor);
        assert_eq!(factor(300), Some(json!(3)));
        assert_eq!(factor(250), Some(json!(2.5)));
        assert_eq!(factor(101), Some(json!(1.01)));
    }

    #[test]
    fn a_difference_names_keys_with_old_and_new() {
        let old =
            json!({"loadfactor": 1, "route": "a", "status": {"drain": false, "stopped": false}});
        let new =
            json!({"loadfactor": 2.5, "route": "a", "status": {"drain": true, "stopped": false}});
        assert_eq!(
            difference(&old, &new).as_deref(),
            Some("loadfactor: 1 -> 2.5, status.drain: false -> true")
        );
        assert_eq!(difference(&old, &old), None);
        assert_ne!(etag(&old), etag(&new));
        assert_eq!(etag(&old), etag(&old.clone()));
    }

    #[test]
    fn one_of_the_tags_must_be_the_current_one() {
        let with = |value: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            if let Some(value) = value {
                headers.insert(IF_MATCH, value.parse().unwrap());
            }
            check_match(&headers, &["\"a\"".to_owned(), "\"list\"".to_owned()]).is_ok()
        };
        assert!(with(Some("*")) && with(Some("\"a\"")) && with(Some("\"list\"")));
        assert!(with(Some("\"b\", \"a\"")));
        assert!(!with(Some("\"b\"")) && !with(Some("a")) && !with(Some("")));
        // Weak tags never match here: RFC 9110 wants the strong comparison.
        assert!(!with(Some("W/\"a\"")));
    }
}
