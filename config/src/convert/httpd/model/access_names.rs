//! The names of directives that are about who may come in.

use super::super::tree::Node;
use super::table;

/// Beginnings of such names: providers of users and modules of identity.
const STARTS: [&str; 11] = [
    "authldap",
    "authdb",
    "authdigest",
    "authform",
    "authn",
    "authz",
    "shib",
    "krb",
    "gssapi",
    "cas",
    "oidc",
];

/// Whether a directive is a setting of a module of identity, which keeps nobody out by itself.
pub(super) fn is_setting(name: &str) -> bool {
    name.starts_with("mellon") || STARTS.iter().any(|start| name.starts_with(start))
}

/// Whether a directive is about who may come in.
pub(super) fn is_about_access(name: &str) -> bool {
    let is_known = matches!(
        name,
        "require"
            | "order"
            | "allow"
            | "deny"
            | "satisfy"
            | "authtype"
            | "authname"
            | "authuserfile"
            | "authgroupfile"
            | "authmerging"
            | "authbasicprovider"
            | "authbasicauthoritative"
            | "sslrequiressl"
            | "sslrequire"
            | "sslverifyclient"
            | "allowmethods"
    );
    is_known
        || name.starts_with("mellon")
        || is_program(name)
        || STARTS.iter().any(|start| name.starts_with(start))
}

/// Whether a directive has a program of its own decide who comes in, in one of these languages. Such a directive counts outside
/// of sections too. Two have the word in their names and keep nobody out: one hands the password on to the application, the other
/// gives a name to a program that a `Require` may ask.
pub(super) fn is_program(name: &str) -> bool {
    if matches!(name, "wsgipassauthorization" | "luaauthzprovider") {
        return false;
    }
    let is_language = ["perl", "python", "lua", "wsgi"]
        .iter()
        .any(|start| name.starts_with(start));
    is_language
        && ["access", "auth", "headerparser"]
            .iter()
            .any(|part| name.contains(part))
}

/// Words in the names of directives that say who comes in, whatever module they are of.
const WORDS: [&str; 24] = [
    "access",
    "acl",
    "allow",
    "auth",
    "blacklist",
    "block",
    "cosign",
    "deny",
    "forbid",
    "guard",
    "identity",
    "ipfilter",
    "jwt",
    "kerberos",
    "login",
    "ntlm",
    "permit",
    "protect",
    "pubcookie",
    "require",
    "restrict",
    "saml",
    "sso",
    "whitelist",
];

/// Modules that keep out whom they do not know, switched on for a server or a section.
const AGENTS: [&str; 4] = [
    "amagent",
    "authcookieenable",
    "cosignprotected",
    "pubcookieappid",
];

/// Why a directive that nobody here knows may keep somebody out; `None`: nothing says so. `in_section`: it stands in a section
/// about paths, and so is about these paths.
pub(super) fn suspicion(node: &Node, in_section: bool) -> Option<String> {
    let name = &*node.name;
    let written = &node.written;
    if matches!(name, "secrule" | "secaction") {
        let is_meant = in_section || is_about_client(node);
        return (is_meant && disrupts(node)).then(|| format!("{written} refuses requests"));
    }
    let words = node.words();
    let first = words.first().map_or("", String::as_str);
    let is_harmless = table::is_known(node) || name == "allowencodedslashes";
    if is_harmless || is_off(first) || name.starts_with("sec") {
        return None;
    }
    let is_agent = AGENTS.contains(&name);
    let is_suspect = in_section && WORDS.iter().any(|word| name.contains(word));
    (is_agent || is_suspect).then(|| format!("{written} may say who comes in"))
}

fn is_off(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    matches!(&*word, "off" | "no" | "none" | "false" | "0" | "disabled")
}

/// Whether a rule of ModSecurity looks at who the client is.
fn is_about_client(node: &Node) -> bool {
    let words = node.words();
    let variables = words.first().map_or("", String::as_str);
    let variables = variables.to_ascii_uppercase();
    let mut variables = variables.split('|');
    node.name == "secrule" && variables.any(|it| it.trim_start_matches('!').starts_with("REMOTE_"))
}

/// Whether a rule of ModSecurity ends a request, as it says or as the rules do by default.
pub(super) fn disrupts(node: &Node) -> bool {
    let at = if node.name == "secrule" { 2 } else { 0 };
    let words = node.words();
    let actions = words.get(at).map_or("", String::as_str);
    let names = actions.split(',').map(|action| {
        let name = action.trim().split(':').next().unwrap_or_default();
        name.to_ascii_lowercase()
    });
    let names: Vec<String> = names.collect();
    let has = |wanted: &[&str]| names.iter().any(|it| wanted.contains(&&**it));
    has(&["deny", "drop", "block", "redirect", "proxy"]) || !has(&["pass", "allow"])
}

/// Whether a `Require` with these words lets everybody in.
pub(super) fn lets_all_in(words: &[String]) -> bool {
    let lower: Vec<String> = words.iter().map(|word| word.to_ascii_lowercase()).collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    matches!(
        lower.as_slice(),
        ["all", "granted"] | ["not", "all", "denied"]
    )
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use crate::convert::{Files, Wanted, convert};

    struct Text(&'static str);

    impl Files for Text {
        fn read(&self, _: &Path) -> Result<Vec<u8>, String> {
            Ok(self.0.into())
        }

        fn names(&self, _: &Path) -> Option<Vec<String>> {
            None
        }
    }

    /// What is said about the lines of a file.
    fn said(text: &'static str) -> Vec<String> {
        let wanted = Wanted {
            httpd: Some(PathBuf::from("/httpd.conf")),
            ..Wanted::default()
        };
        let done = convert(&wanted, &Text(text), &|_| None).unwrap();
        let remarks = done.remarks.iter();
        remarks.map(ToString::to_string).collect()
    }

    #[test]
    fn settings_of_modules_of_identity_are_named_without_their_secrets() {
        for line in [
            "OIDCClientSecret hunter22",
            "OIDCCryptoPassphrase \"long hunter22 phrase\"",
            "AuthLDAPURL \"ldap://h/dc=x?uid\"",
            "ShibConfig /etc/shibboleth2.xml",
        ] {
            let text = format!("ProxyPass / ajp://10.0.0.1:8009/\n{line}\n");
            let said = said(text.leak()).join("\n");
            assert!(said.contains("a setting of a module"), "{said}");
            assert!(!said.contains("hunter22"), "{said}");
        }
    }

    #[test]
    fn a_folder_that_is_not_there_is_named_at_its_own_line() {
        let text = "Alias /docs /none/doc\n<Directory />\nRequire all denied\n</Directory>\n\
                    <Directory /none/doc>\nRequire all granted\n</Directory>\n\
                    ProxyPass /docs !\nProxyPass / ajp://10.0.0.1:8009/\n";
        let said = said(text);
        let is_own =
            |it: &&String| it.starts_with("/httpd.conf:1: ") && it.contains("is no folder");
        assert_eq!(said.iter().filter(is_own).count(), 1, "{said:?}");
        let is_any = |it: &&String| it.contains("is no folder");
        assert_eq!(said.iter().filter(is_any).count(), 1, "{said:?}");
    }

    #[test]
    fn no_part_of_a_secret_is_shown() {
        let said = said("ProxyPass / ajp://10.0.0.1:8009/ secret=\"S3cret Quoted\"\n").join("\n");
        assert!(said.contains("no such parameter"), "{said}");
        let lower = said.to_ascii_lowercase();
        assert!(
            !lower.contains("s3cret") && !lower.contains("quoted"),
            "{said}"
        );
    }
}
