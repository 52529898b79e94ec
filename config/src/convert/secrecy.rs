//! Keeps secrets out of texts that are shown.

use std::sync::{Arc, LazyLock};

use regex::{Captures, Regex};

use super::arrange::Entry;
use super::site::Site;
use super::value::{Keys, Value};

/// What stands in place of a secret.
pub const HIDDEN: &str = "…";
/// A secret that is shorter, in bytes, is looked for as a whole word: its letters are in many words.
const SHORT: usize = 5;

/// A name that says that its value is a password.
const NAME: &str =
    r"[\w.-]*(?:secret|passw(?:or)?d|passphrase|token|api[_-]?key|credentials?)[\w.-]*";

/// A secret in quotes that do not stand at the start of a word: httpd takes it for several words, and here it is one.
const QUOTED: &str = r#"((?:secret|passw(?:or)?d|passphrase|token)[ \t]*=[ \t]*")([^"\n]+)"#;

/// What may be a password in any text: parameters and properties, quoted or not, and what stands before the host of a URL.
static VALUES: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    expressions(&[
        &format!(r#"("{NAME}[ \t]*=)([^"\n]+)"#),
        QUOTED,
        r#"(\b(?:pass|pwd)[ \t]*=[ \t]*"?)([^\s"',;]+)"#,
        &format!(r#"({NAME}[ \t]*=[ \t]*"?)([^\s"']+)"#),
        r#"(://[^/@:\s"]*:)([^\s"'/@]+)@"#,
    ])
});

/// What may be one in a line of an old file: directives and fields whose values are passwords.
static DIRECTIVES: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    expressions(&[
        r#"(\b\w*(?:Secret|Passw(?:or)?d|PassPhrase|Token|Api-?Key|Authorization)\b"?:?[ \t]+"(?:(?:Basic|Bearer)[ \t]+)?)([^"\n=][^"\n]*)"#,
        r#"(\b\w*(?:Secret|Passw(?:or)?d|PassPhrase|Token|Api-?Key|Authorization)\b"?:?[ \t]+"?(?:(?:Basic|Bearer)[ \t]+)?)([^\s"=][^\s"]*)"#,
        // What a condition compares with a field of this name.
        &format!(
            r#"((?:%\{{(?:\w+:)?|\(')(?:{NAME}|[\w-]*authorization)(?:\}}|'\))[\s"]*)(\S.*)$"#
        ),
    ])
});

/// What is a secret of a member for certain, however short it is.
static SECRETS: LazyLock<Vec<Regex>> =
    LazyLock::new(|| expressions(&[r#"(\bsecret[ \t]*=[ \t]*"?)([^\s"']+)"#]));

/// Secrets of which a remark may show single words.
static WORDS: LazyLock<Vec<Regex>> = LazyLock::new(|| expressions(&[QUOTED]));

/// Expressions that take letters of either case; group 1 stays, and group 2 is hidden.
fn expressions(texts: &[&str]) -> Vec<Regex> {
    let texts = texts.iter();
    texts
        .filter_map(|text| Regex::new(&format!("(?i){text}")).ok())
        .collect()
}

/// The secrets of a configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Secrecy {
    /// The longest first, so that one that is a part of another is not found in it.
    secrets: Vec<String>,
}

impl Secrecy {
    /// Those of members and mappings, and what looks like one in the texts of the old files.
    pub(super) fn of(site: &Site, mappings: &[Entry], sources: &[(Arc<str>, String)]) -> Self {
        let mut secrets = Vec::new();
        for line in sources.iter().flat_map(|(_, text)| text.lines()) {
            // Prose about passwords holds none.
            if !line.trim_start().starts_with('#') {
                let all = VALUES.iter().chain(DIRECTIVES.iter());
                secrets.extend(all.flat_map(|it| values(it, line, SHORT)));
                secrets.extend(SECRETS.iter().flat_map(|it| values(it, line, 1)));
                let quoted = WORDS.iter().flat_map(|it| values(it, line, SHORT));
                let words = quoted.flat_map(|it| {
                    // Remarks have the names of parameters in small letters.
                    let words = it.split_whitespace().map(str::to_owned);
                    let all = words.flat_map(|word| [word.to_ascii_lowercase(), word]);
                    all.collect::<Vec<_>>()
                });
                secrets.extend(words.filter(|it| it.len() > 1));
            }
        }
        for balancer in &site.balancers {
            collect(&balancer.keys, &mut secrets);
            for member in &balancer.members {
                collect(&member.keys, &mut secrets);
            }
        }
        for entry in mappings {
            collect(&entry.outcome.keys, &mut secrets);
        }
        for rule in site
            .servers
            .iter()
            .flat_map(|it| it.stages.iter().flatten())
        {
            collect(&rule.keys, &mut secrets);
        }
        secrets.sort_by(|one, other| other.len().cmp(&one.len()).then(one.cmp(other)));
        secrets.dedup();
        Self { secrets }
    }

    /// A text without its secrets: those of members wherever they stand, and values with the name of a password.
    #[must_use]
    pub fn hidden(&self, text: &str) -> String {
        let mut hidden = text.to_owned();
        for secret in &self.secrets {
            hidden = match secret.len() < SHORT {
                false => hidden.replace(secret.as_str(), HIDDEN),
                true => without_word(&hidden, secret),
            };
        }
        replaced(hidden, &VALUES)
    }

    /// The same for a line of an old file, whatever its directive is.
    #[must_use]
    pub fn hidden_line(&self, line: &str) -> String {
        replaced(self.hidden(line), &DIRECTIVES)
    }
}

/// What an expression takes for passwords in a line; `least`: how long they are at least.
fn values(expression: &Regex, line: &str, least: usize) -> Vec<String> {
    let found = expression.captures_iter(line).filter_map(|it| it.get(2));
    let found = found.map(|it| it.as_str());
    let found = found.filter(|it| it.len() >= least && !is_reference(it));
    found.map(str::to_owned).collect()
}

/// Whether a value only names what holds the password: `${NAME}`, `$(NAME)`.
fn is_reference(value: &str) -> bool {
    value.starts_with("${") || value.starts_with("$(")
}

fn replaced(text: String, expressions: &[Regex]) -> String {
    expressions.iter().fold(text, |text, expression| {
        let shown = |found: &Captures<'_>| {
            let group = |at: usize| found.get(at).map_or("", |it| it.as_str());
            if is_reference(group(2)) {
                return group(0).to_owned();
            }
            let end = if group(0).ends_with('@') { "@" } else { "" };
            format!("{}{HIDDEN}{end}", group(1))
        };
        expression.replace_all(&text, shown).into_owned()
    })
}

/// A text in which a word is replaced where no letter or digit stands beside it.
fn without_word(text: &str, word: &str) -> String {
    let mut found = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once(word) {
        let is_letter = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
        let last = before
            .chars()
            .next_back()
            .or_else(|| found.chars().next_back());
        let is_part = is_letter(last) || is_letter(behind.chars().next());
        found.push_str(before);
        found.push_str(if is_part { word } else { HIDDEN });
        rest = behind;
    }
    found + rest
}

fn collect(keys: &Keys, secrets: &mut Vec<String>) {
    for (_, value) in keys.iter() {
        of_value(value, secrets);
    }
}

fn of_value(value: &Value, secrets: &mut Vec<String>) {
    match value {
        Value::Secret(secret) if !secret.is_empty() => secrets.push(secret.clone()),
        Value::List(items) => items.iter().for_each(|item| of_value(item, secrets)),
        Value::Map(keys) => collect(keys, secrets),
        Value::Secret(_) | Value::Text(_) | Value::Plain(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(secrets: &[&str], text: &str) -> String {
        let secrets = secrets.iter().map(|it| (*it).to_owned()).collect();
        Secrecy { secrets }.hidden_line(text)
    }

    #[test]
    fn secrets_are_hidden_wherever_they_stand() {
        for (secrets, text, expected) in [
            (&["Tomcat9"][..], "Define S Tomcat9", "Define S …"),
            (&["Tomcat9"][..], "# xTomcat9y", "# x…y"),
            (&["abc"][..], "abc abcd \"abc\"", "… abcd \"…\""),
            (
                &[][..],
                "BalancerMember ajp://h:1 secret=x1 route=a",
                "BalancerMember ajp://h:1 secret=… route=a",
            ),
            (&[][..], "\"secret=a b\"", "\"secret=…\""),
            (&[][..], "worker.a.secret = x1", "worker.a.secret = …"),
            (
                &[][..],
                "AuthLDAPBindPassword hunter2",
                "AuthLDAPBindPassword …",
            ),
            (
                &[][..],
                "RequestHeader set Authorization \"Basic dXNlcg==\"",
                "RequestHeader set Authorization \"Basic …\"",
            ),
            (
                &[][..],
                "ProxyPass /p ajp://h secret=${S}",
                "ProxyPass /p ajp://h secret=${S}",
            ),
            (
                &[][..],
                "ProxyPass / http://ann:hunter2@h/",
                "ProxyPass / http://ann:…@h/",
            ),
            (&[][..], "SetEnv API_TOKEN t0p", "SetEnv API_TOKEN …"),
            (
                &[][..],
                "BalancerMember ajp://h secret=${SECRET} \\",
                "BalancerMember ajp://h secret=${SECRET} \\",
            ),
            (
                &[][..],
                "RewriteCond %{HTTP:X-Token} !^t0p$ [NC]",
                "RewriteCond %{HTTP:X-Token} …",
            ),
            (
                &[][..],
                "Require expr \"req('X-Token') == 't0p'\"",
                "Require expr \"req('X-Token') …",
            ),
            (
                &[][..],
                "<If \"%{HTTP:Authorization} == 'Basic dDBw'\">",
                "<If \"%{HTTP:Authorization} …",
            ),
            (
                &[][..],
                "ProxyPass /a ajp://10.0.0.1:8009/a timeout=5",
                "ProxyPass /a ajp://10.0.0.1:8009/a timeout=5",
            ),
        ] {
            assert_eq!(hidden(secrets, text), expected, "{text}");
        }
    }

    #[test]
    fn secrets_of_several_words_are_hidden_as_a_whole() {
        for (text, expected) in [
            (
                "BalancerMember ajp://h:1 secret=\"S3cret Quoted\" route=a",
                "BalancerMember ajp://h:1 secret=\"…\" route=a",
            ),
            (
                "OIDCCryptoPassphrase \"a long phrase\"",
                "OIDCCryptoPassphrase \"…\"",
            ),
            (
                "DBDParams \"host=h user=u pass=t0p dbname=d\"",
                "DBDParams \"host=h user=u pass=… dbname=d\"",
            ),
        ] {
            assert_eq!(hidden(&[], text), expected, "{text}");
        }
    }
}
