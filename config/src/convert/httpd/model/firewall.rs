//! Rules of ModSecurity about paths: `SecRule REQUEST_URI "@beginsWith /admin" "deny"`.

use super::super::tree::Node;
use super::access_names::disrupts;
use crate::convert::overlap::escaped;
use crate::convert::site::Takes;

/// The paths of the requests that a rule refuses; `None`: it looks at more than the path, or refuses nothing.
pub(super) fn refused(node: &Node) -> Option<Takes> {
    let words = node.words();
    let [variable, operator, actions] = words.as_slice() else {
        return None;
    };
    let variable = variable.to_ascii_uppercase();
    let is_path = matches!(
        &*variable,
        "REQUEST_URI" | "REQUEST_URI_RAW" | "REQUEST_FILENAME"
    );
    let actions = actions.split(',').map(|it| it.trim().to_ascii_lowercase());
    let actions: Vec<String> = actions.collect();
    let is_chained = actions.iter().any(|it| it == "chain");
    let mut changes = actions.iter().filter_map(|it| it.strip_prefix("t:"));
    // Another text than the path is compared.
    let is_changed = changes.any(|it| !matches!(it, "none" | "lowercase"));
    if node.name != "secrule" || !is_path || is_chained || is_changed || !disrupts(node) {
        return None;
    }
    let letters = match actions.iter().any(|it| it == "t:lowercase") {
        true => "(?i)",
        false => "",
    };
    let (name, text) = match operator.strip_prefix('@') {
        Some(rest) => rest.split_once(' ').unwrap_or((rest, "")),
        None if operator.starts_with('!') => return None,
        None => ("rx", &**operator),
    };
    let text = text.trim();
    let pattern = match &*name.to_ascii_lowercase() {
        _ if text.is_empty() => return None,
        "beginswith" => format!("^{}", escaped(text)),
        "streq" => format!("^{}$", escaped(text)),
        "endswith" => format!("{}$", escaped(text)),
        "contains" => escaped(text),
        "rx" => text.to_owned(),
        _ => return None,
    };
    Some(Takes::Pattern(format!("{letters}{pattern}")))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::convert::note::Origin;

    fn of(arguments: &str) -> Option<Takes> {
        refused(&Node {
            name: "secrule".to_owned(),
            written: "SecRule".to_owned(),
            arguments: arguments.to_owned(),
            origin: Origin {
                file: Arc::from("httpd.conf"),
                line: 1,
            },
            children: None,
        })
    }

    #[test]
    fn paths_that_rules_refuse() {
        for (arguments, expected) in [
            (
                r#"REQUEST_URI "@beginsWith /admin" "id:1,deny""#,
                Some("^/admin"),
            ),
            (
                r#"REQUEST_FILENAME "@streq /a.b" "id:1,drop""#,
                Some(r"^/a\.b$"),
            ),
            (
                r#"REQUEST_URI "@endsWith .bak" "id:1,phase:1,deny,status:404""#,
                Some(r"\.bak$"),
            ),
            (
                r#"REQUEST_URI "@contains /.git" "id:1,deny""#,
                Some(r"/\.git"),
            ),
            (r#"REQUEST_URI "^/x/\d+" "id:1,deny""#, Some(r"^/x/\d+")),
            (r#"REQUEST_URI "@rx ^/x" "id:1,deny""#, Some("^/x")),
            (r#"REQUEST_URI "@rx ^/x" "id:1,pass,log""#, None),
            (r#"REQUEST_URI "@rx ^/x" "id:1,deny,chain""#, None),
            (r#"REQUEST_URI "!@rx ^/x" "id:1,deny""#, None),
            (
                r#"REQUEST_URI "@contains /admin" "id:1,deny,t:none,t:lowercase""#,
                Some("(?i)/admin"),
            ),
            (r#"REQUEST_URI "@rx ^/x" "id:1,deny,t:urlDecode""#, None),
            (r#"REQUEST_URI|ARGS "@rx ^/x" "id:1,deny""#, None),
            (r#"ARGS "@rx ^/x" "id:1,deny""#, None),
        ] {
            let expected = expected.map(|it| Takes::Pattern(it.to_owned()));
            assert_eq!(of(arguments), expected, "{arguments}");
        }
    }
}
