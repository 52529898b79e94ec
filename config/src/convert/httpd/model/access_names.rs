//! The names of directives that are about who may come in.

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

/// Whether a `Require` with these words lets everybody in.
pub(super) fn lets_all_in(words: &[String]) -> bool {
    let lower: Vec<String> = words.iter().map(|word| word.to_ascii_lowercase()).collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    matches!(
        lower.as_slice(),
        ["all", "granted"] | ["not", "all", "denied"]
    )
}
