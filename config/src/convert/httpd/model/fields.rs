//! `Header`, `RequestHeader`, `SetEnv` and what else becomes keys of mappings.

use super::super::tree::Node;
use crate::convert::note::Notes;
use crate::convert::value::{Keys, Value};
use crate::field::Kind;
use crate::template::TemplateText;
use crate::value::{FieldName, MediaRange, RegexText};
use crate::when::Condition;

/// Fields that tell a backend about the client, which the gateway sets by itself.
const FORWARDED: [&str; 8] = [
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-port",
    "x-forwarded-host",
    "x-forwarded-ssl",
    "x-forwarded-https",
    "x-real-ip",
    "forwarded",
];

/// Takes a directive that becomes keys of a mapping. Returns whether it is one. `always` gets what `Header always` says of a
/// whole server, which counts for answers of httpd's own too.
pub(super) fn take(
    node: &Node,
    keys: &mut Keys,
    always: Option<&mut Keys>,
    notes: &mut Notes,
) -> bool {
    let words = node.words();
    match &*node.name {
        "header" | "requestheader" => {
            let is_always = words
                .first()
                .is_some_and(|it| it.eq_ignore_ascii_case("always"));
            match always.filter(|_| is_always && node.name == "header") {
                Some(always) => header(node, &words, always, notes),
                None => header(node, &words, keys, notes),
            }
        }
        "adddefaultcharset" => charset(&words, keys),
        "allowencodedslashes" => match words.first().map(|it| it.to_ascii_lowercase()).as_deref() {
            Some("nodecode") => keys.set("encoded_slash", Value::text("pass")),
            Some("off") => {}
            _ => {
                let text = "AllowEncodedSlashes On is left out: an encoded slash is no slash here; `encoded_slash: pass` sends \
                            it on as it is";
                notes.name(&node.origin, text);
            }
        },
        "setenv" => environment(node, &words, keys, notes),
        "passenv" if words.iter().any(|it| it.starts_with("AJP_")) => {
            let text = "PassEnv: the attributes of requests are left out; see `request_attributes`, where ${NAME} is a variable of \
                        the environment";
            notes.name(&node.origin, text);
        }
        "addoutputfilterbytype" | "setoutputfilter" => compress(node, &words, keys, notes),
        "limitrequestbody" => match words.first().and_then(|it| it.parse::<u64>().ok()) {
            Some(bytes) => {
                keys.set("max_body", Value::number(bytes));
                if bytes > 0 {
                    let text = "longer bodies are refused here (413); httpd applies it to what mod_jk sends on, and not to what \
                                mod_proxy does";
                    notes.name(&node.origin, text);
                }
            }
            None => notes.name(&node.origin, "left out: it is no number"),
        },
        _ => return false,
    }
    true
}

fn header(node: &Node, words: &[String], keys: &mut Keys, notes: &mut Notes) {
    let is_request = node.name == "requestheader";
    let words = match words
        .first()
        .map(|word| word.to_ascii_lowercase())
        .as_deref()
    {
        Some("always" | "onsuccess") if !is_request => words.get(1..).unwrap_or_default(),
        _ => words,
    };
    let [action, name, rest @ ..] = words else {
        return notes.name(
            &node.origin,
            format!("{} is left out: it names no field", node.written),
        );
    };
    if !is_request && is_of_own_answers(node, action, name, notes) {
        return;
    }
    if is_request && FORWARDED.contains(&&*name.to_ascii_lowercase()) {
        let text = format!(
            "{} {action} {name} is left out: the gateway says by itself how a client came; behind another proxy, see \
             `trusted_proxies`",
            node.written
        );
        return notes.name(&node.origin, text);
    }
    match rule(&action.to_ascii_lowercase(), name, rest) {
        Ok(rule) => {
            let key = if is_request {
                "request_headers"
            } else {
                "response_headers"
            };
            keys.push(key, Value::Map(rule));
        }
        Err(why) => {
            let action = action.to_ascii_lowercase();
            let text = match is_request && hides(&action) && FieldName::read(name).is_ok() {
                // A backend that trusts the field does not have to see what a client writes into it.
                true => {
                    let rule = Keys::from([("unset", Value::text(name))]);
                    keys.push("request_headers", Value::Map(rule));
                    format!(
                        "{} {action} {name}: the client's own field is taken away, and nothing is sent in its place: {why}",
                        node.written
                    )
                }
                false => format!("{} {action} {name} is left out: {why}", node.written),
            };
            notes.name(&node.origin, text);
        }
    }
}

/// Names what `Header always` does not do with a backend's fields: httpd has fields of its own for all answers beside these. Returns
/// whether nothing is left of the line.
fn is_of_own_answers(node: &Node, action: &str, name: &str, notes: &mut Notes) -> bool {
    let first = node.words().into_iter().next();
    if first.is_none_or(|it| !it.eq_ignore_ascii_case("always")) {
        return false;
    }
    let is_edit = action.to_ascii_lowercase().starts_with("edit");
    if is_edit {
        let text = format!(
            "Header always {action} {name} is left out: httpd changes fields of its own answers alone by it, because of `always`, and \
             none of a backend's; without `always` it would be `edit` of `response_headers`"
        );
        notes.name(&node.origin, text);
    } else if action.eq_ignore_ascii_case("unset") {
        let text =
            format!("a backend's {name} is taken away here; httpd leaves it, because of `always`");
        notes.name(&node.origin, text);
    }
    is_edit
}

/// Whether an action keeps at least a part of what a client writes into a field away from backends.
fn hides(action: &str) -> bool {
    matches!(action, "set" | "unset" | "edit" | "edit*")
}

/// `AddDefaultCharset` adds the charset to texts and pages that have none.
fn charset(words: &[String], keys: &mut Keys) {
    let charset = words.first().map_or("off", String::as_str);
    let charset = match &*charset.to_ascii_lowercase() {
        "off" => return,
        "on" => "iso-8859-1",
        _ => charset,
    };
    if let Ok(value) = template(&format!("$1; charset={}", charset.replace(['$', '%'], ""))) {
        let rule = Keys::from([
            ("edit", Value::text("Content-Type")),
            ("match", Value::text("(?i)^(text/(?:plain|html))$")),
            ("value", Value::text(value)),
        ]);
        keys.push("response_headers", Value::Map(rule));
    }
}

/// A rule of `request_headers` or `response_headers`.
fn rule(action: &str, name: &str, rest: &[String]) -> Result<Keys, String> {
    let name = name.strip_suffix(':').unwrap_or(name);
    FieldName::read(name).map_err(|fault| fault.message)?;
    let mut keys = Keys::from([(action, Value::text(name))]);
    let rest = match (action, rest) {
        ("set" | "append" | "add", [value, ..]) if value.starts_with("expr=") => {
            return Err("expressions have no counterpart".to_owned());
        }
        ("set" | "append" | "add", [value, rest @ ..]) => {
            keys.set("value", Value::text(template(value)?));
            rest
        }
        ("unset", rest) => rest,
        ("edit", [pattern, value, rest @ ..]) => {
            RegexText::read(pattern).map_err(|fault| fault.message)?;
            keys.set("match", Value::text(pattern));
            keys.set("value", Value::text(template(value)?));
            rest
        }
        _ => return Err(format!("there is no `{action}` here")),
    };
    for word in rest {
        match word.strip_prefix("env=") {
            Some(variable) => {
                Condition::read(variable).map_err(|fault| fault.message)?;
                keys.set("when", Value::text(variable));
            }
            None if word.eq_ignore_ascii_case("early") => {}
            None => return Err(format!("{word} has no counterpart")),
        }
    }
    Ok(keys)
}

/// A value with its tokens: those of TLS are `%{…}s` in httpd.
fn template(value: &str) -> Result<String, String> {
    let mut text = String::new();
    let mut rest = value;
    while let Some((before, behind)) = rest.split_once("%{") {
        text.push_str(before);
        text.push_str("%{");
        let Some((name, after)) = behind.split_once('}') else {
            rest = behind;
            break;
        };
        text.push_str(name);
        text.push('}');
        rest = match after.strip_prefix('s') {
            Some(after) => {
                text.push('x');
                after
            }
            None => after,
        };
    }
    text.push_str(rest);
    TemplateText::read(&text).map_err(|fault| fault.message)?;
    Ok(text)
}

/// Whether a line keeps answers from being compressed (`mod_deflate.c: deflate_out_filter()`).
pub(super) fn stays_plain(node: &Node) -> bool {
    let first = node.words().into_iter().next();
    node.name == "setenv" && first.is_some_and(|it| it.eq_ignore_ascii_case("no-gzip"))
}

/// `SetEnv AJP_NAME value` is a request attribute; other variables are for httpd's own modules.
fn environment(node: &Node, words: &[String], keys: &mut Keys, notes: &mut Notes) {
    let name = words.first().map_or("", String::as_str);
    if stays_plain(node) {
        return keys.set("compress", Value::switch(false));
    }
    let Some(attribute) = name.strip_prefix("AJP_") else {
        return notes.count(&node.origin);
    };
    let value = words.get(1).map_or("", String::as_str).replace('%', "%%");
    if value.is_empty() {
        let text = format!("{name} is left out: an attribute without a value is not sent here");
        return notes.name(&node.origin, text);
    }
    let mut attributes = Keys::default();
    attributes.set(attribute, Value::text(value));
    let all = Keys::from([("request_attributes", Value::Map(attributes))]);
    keys.merge(&all);
}

/// `AddOutputFilterByType DEFLATE type…` and `SetOutputFilter DEFLATE`.
fn compress(node: &Node, words: &[String], keys: &mut Keys, notes: &mut Notes) {
    let filter = words
        .first()
        .map(|word| word.to_ascii_uppercase())
        .unwrap_or_default();
    if !filter
        .split(';')
        .all(|it| matches!(it, "DEFLATE" | "BROTLI_COMPRESS"))
    {
        return notes.name(
            &node.origin,
            format!("{} {filter} is left out", node.written),
        );
    }
    let mut types = match keys.get("compress") {
        Some(Value::Plain(_)) => return,
        Some(Value::Map(known)) => match known.get("types") {
            Some(Value::List(types)) => types.clone(),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    };
    for word in words.iter().skip(1) {
        match MediaRange::read(word) {
            Ok(_) if types.contains(&Value::text(word)) => {}
            Ok(_) => types.push(Value::text(word)),
            Err(fault) => notes.name(&node.origin, fault.message),
        }
    }
    let mut compress = Keys::default();
    if !types.is_empty() {
        compress.set("types", Value::List(types));
    }
    keys.set("compress", Value::Map(compress));
}
