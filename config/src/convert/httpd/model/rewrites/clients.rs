//! Whether a `RewriteRule` asks who the client is: whom it leads elsewhere does not come in.

use super::super::super::tree::Node;
use super::words::words;

/// Parts of what is compared that say who the client is: its address, which a proxy in front may name in a field, its certificate,
/// and its user.
const PARTS: [&str; 9] = [
    "REMOTE_",
    "SSL_CLIENT_",
    "AUTHORIZATION",
    "FORWARDED-FOR",
    "HTTP:FORWARDED}",
    "HTTP_FORWARDED}",
    "REAL-IP",
    "CLIENT-IP",
    "CONNECTING-IP",
];

/// Operators of expressions that compare the client's address.
const OPERATORS: [&str; 2] = ["-R", "-IPMATCH"];

/// Whether a text that is compared says who the client is.
fn says_who(text: &str) -> bool {
    let text = text.to_ascii_uppercase();
    PARTS.iter().any(|part| text.contains(part))
}

/// Whether one of these `RewriteCond` asks who the client is. `variables` are the names of those that [`told`] has found.
pub(super) fn are_asked(conditions: &[Vec<String>], variables: &[String]) -> bool {
    let asks = |condition: &Vec<String>| {
        let first = condition.first().map_or("", String::as_str);
        let is_variable = |name: &String| {
            let name = name.to_ascii_uppercase();
            first.to_ascii_uppercase() == format!("%{{ENV:{name}}}")
        };
        if !first.eq_ignore_ascii_case("expr") {
            return says_who(first) || variables.iter().any(is_variable);
        }
        let text = condition.get(1).map_or("", String::as_str);
        let mut parts = text.split([' ', '(', '!']);
        says_who(text) || parts.any(|it| OPERATORS.iter().any(|own| it.eq_ignore_ascii_case(own)))
    };
    conditions.iter().any(asks)
}

/// Whether a line in a section is a condition that asks who the client is.
pub(crate) fn asks(node: &Node) -> bool {
    node.name == "rewritecond" && are_asked(&[words(&node.arguments)], &[])
}

/// The variables that a line sets by who the client is: `SetEnvIf Remote_Addr ^10\. inside`.
pub(super) fn told(node: &Node) -> Vec<String> {
    let words = node.words();
    let (what, variables) = match (&*node.name, words.as_slice()) {
        ("setenvif" | "setenvifnocase", [what, _, variables @ ..]) => (what, variables),
        ("setenvifexpr", [what, variables @ ..]) => (what, variables),
        _ => return Vec::new(),
    };
    if !says_who(what) {
        return Vec::new();
    }
    let name = |it: &String| {
        let name = it.split('=').next().unwrap_or_default();
        name.trim_start_matches('!').to_owned()
    };
    variables.iter().map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_about_clients() {
        let variables = ["inside".to_owned()];
        for (condition, expected) in [
            (r"%{REMOTE_ADDR} !^10\.", true),
            ("%{SSL:SSL_CLIENT_VERIFY} !=SUCCESS", true),
            ("%{LA-U:REMOTE_USER} ^$", true),
            ("%{HTTP:X-Forwarded-For} ^10", true),
            ("%{HTTP:Authorization} ^$", true),
            ("expr \"! -R '10.0.0.0/8'\"", true),
            ("expr \"%{HTTP_HOST} == 'a'\"", false),
            ("%{ENV:INSIDE} !1", true),
            ("%{ENV:HTTPS} !on", false),
            ("%{HTTP:X-Forwarded-Proto} !https", false),
            ("%{HTTP_COOKIE} !a", false),
        ] {
            let asked = are_asked(&[words(condition)], &variables);
            assert_eq!(asked, expected, "{condition}");
        }
    }
}
