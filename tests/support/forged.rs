//! Heads of requests in which a client claims to be a user.

/// The fields that only the gateway writes, in a configuration with these names: `X-Remote-User`, the fields of `forward`
/// and of `header`.
pub(crate) const CLAIMS: [&str; 6] = [
    "X-Remote-User",
    "X-Auth-Request-User",
    "X-Auth-Request-Groups",
    "X-Auth-Request-Email",
    "X-Sso-User",
    "X-Sso-Mail",
];

/// Other names with which somebody may try it.
const OTHERS: [&str; 19] = [
    "REMOTE_USER",
    "Remote-User",
    "remote_user",
    "AUTH_TYPE",
    "auth_type",
    "AJP_remote_user",
    "AJP_groups",
    "AJP_mail",
    "groups",
    "mail",
    "javax.servlet.request.remote_user",
    "X-Forwarded-User",
    "X-Forwarded-Groups",
    "Forwarded",
    "X-Forwarded-For",
    "SSL_CLIENT_S_DN",
    "SSL_CLIENT_S_DN_CN",
    "X-SSL-Client-CN",
    "X-Forwarded-Client-Cert",
];

/// A name as programs see it that make a variable of it.
pub(crate) fn folded(name: &str) -> String {
    let fold = |c: char| match c.is_ascii_alphanumeric() {
        true => c.to_ascii_lowercase(),
        false => '_',
    };
    name.chars().map(fold).collect()
}

/// Whether a field of this name is a claim, however it is spelt.
pub(crate) fn is_claim(name: &str) -> bool {
    CLAIMS.iter().any(|claim| folded(claim) == folded(name))
}

/// At least a hundred lists of lines of fields, each line with its end.
pub(crate) fn heads() -> Vec<String> {
    let mut heads = Vec::new();
    for claim in CLAIMS {
        let lower = claim.to_ascii_lowercase();
        let upper = claim.to_ascii_uppercase();
        let mixed: String = claim
            .chars()
            .enumerate()
            .map(|(at, c)| match at % 2 {
                0 => c.to_ascii_lowercase(),
                _ => c.to_ascii_uppercase(),
            })
            .collect();
        let names = [
            claim.to_owned(),
            lower.clone(),
            upper.clone(),
            mixed,
            claim.replace('-', "_"),
            upper.replace('-', "_"),
            lower.replacen('-', "_", 1),
            claim.replace('-', "."),
            claim.replace('-', "~"),
            lower.replace('-', "!"),
        ];
        for name in &names {
            heads.push(format!("{name}: mallory\r\n"));
        }
        // Twice, in two spellings, without a value, beside other fields, and named by Connection.
        heads.push(format!("{claim}: mallory\r\n{claim}: mallory\r\n"));
        heads.push(format!("{}: mallory\r\n{claim}: \r\n", names[4]));
        heads.push(format!("{claim}:\r\n{claim}: mallory\r\n"));
        heads.push(format!(
            "Accept: */*\r\n{claim}:\tmallory\t\r\nVia: 1.1 x\r\n"
        ));
        heads.push(format!("Connection: {claim}\r\n{claim}: mallory\r\n"));
        heads.push(format!(
            "Connection: close, {lower}\r\n{claim}: mallory\r\n"
        ));
        heads.push(format!("{claim}: mallory, anna\r\n"));
    }
    for name in OTHERS {
        heads.push(format!("{name}: mallory\r\n"));
    }
    heads.push("X-Forwarded-For: 10.0.0.1\r\nX-Sso-User: mallory\r\n".to_owned());
    heads.push("Forwarded: for=10.0.0.1\r\nX-Sso-User: mallory\r\n".to_owned());
    heads.push("Authorization: Bearer mallory\r\n".to_owned());
    heads.push("Cookie: REMOTE_USER=mallory\r\n".to_owned());
    heads
}
