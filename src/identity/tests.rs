//! Which kind knows the user of a request, and what follows where none does.

use std::path::Path;

use super::*;

/// The `auth` of a mapping, as the file has it.
fn identity(auth: &str) -> Identity {
    let yaml = format!(
        "listeners: [{{ bind: \"127.0.0.1:0\", tls: {{ certificate: a, private_key: b, client_auth: optional, client_ca: c }} }}]\n\
         trusted_proxies: [10.0.0.0/8]\n\
         proxy_pass: [{{ path: /, to: \"ajp://a:1/\", auth: {auth} }}]\n"
    );
    let loaded = ajpgate_config::parse(&yaml, Path::new("x"), &|_| None).unwrap();
    let settings = loaded.config.mappings[0].identity.clone().unwrap();
    Identity::new(&settings, None)
}

fn by_head(auth: &str, peer: &str, fields: &[(&str, &str)]) -> String {
    let client = Client::new(
        format!("{peer}:1").parse().unwrap(),
        "127.0.0.1:80".parse().unwrap(),
    );
    let fields = fields.iter();
    let fields: Fields = fields
        .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
        .collect();
    let trusted = Trusted::new(&["10.0.0.0/8".parse().unwrap()]);
    match identity(auth).by_head(&fields, &client, &trusted) {
        ByHead::Known(user) => {
            let attributes = user.attributes.iter();
            let attributes = attributes.map(|it| format!(" {}={}", it.name, it.value));
            format!(
                "{} {}{}",
                user.kind.auth_type(),
                user.name,
                attributes.collect::<String>()
            )
        }
        ByHead::Password(credentials) => format!("check {}", credentials.user),
        ByHead::Ask => "ask".to_owned(),
        ByHead::Nobody => "nobody".to_owned(),
        ByHead::Refused(NoUser::Unknown) => "403".to_owned(),
        ByHead::Refused(_) => "401".to_owned(),
    }
}

const HEADER: &str = "header: { user: X-Sso, attributes: { mail: X-Mail } }";
const BASIC: &str = "basic: { users: u }";
const FORWARD: &str = "forward: { url: \"http://a:1/\" }";
const CERTIFICATE: &str = "client_certificate: { user: CN }";
const PROXY: &str = "10.0.0.1";
const OTHER: &str = "192.0.2.7";

const SSO: (&str, &str) = ("X-Sso", "anna");
const PASSWORD: (&str, &str) = ("Authorization", "Basic YmVydDp4");
const BROKEN: (&str, &str) = ("Authorization", "Basic !");
const BEARER: (&str, &str) = ("Authorization", "Bearer x");

/// Kinds, `required`, the address of the peer, the fields of the request, and who is known.
type Row = (
    &'static [&'static str],
    bool,
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static str,
);

const ROWS: &[Row] = &[
    (&[HEADER], true, PROXY, &[SSO], "HEADER anna"),
    (
        &[HEADER],
        true,
        PROXY,
        &[SSO, ("x-mail", "a@b")],
        "HEADER anna mail=a@b",
    ),
    (&[HEADER], true, PROXY, &[], "403"),
    (&[HEADER], true, OTHER, &[SSO], "403"),
    (&[HEADER], false, OTHER, &[SSO], "nobody"),
    (&[HEADER], true, PROXY, &[("X_Sso", "anna")], "403"),
    (&[HEADER], true, PROXY, &[SSO, SSO], "403"),
    (&[CERTIFICATE], true, OTHER, &[], "403"),
    (&[CERTIFICATE], false, OTHER, &[], "nobody"),
    (&[BASIC], true, OTHER, &[], "401"),
    (&[BASIC], false, OTHER, &[], "nobody"),
    (&[BASIC], false, OTHER, &[BROKEN], "401"),
    (&[BASIC], true, OTHER, &[PASSWORD], "check bert"),
    (&[BASIC], true, OTHER, &[BEARER], "401"),
    (&[FORWARD], true, OTHER, &[], "ask"),
    (&[FORWARD], false, OTHER, &[], "ask"),
    (&[FORWARD], true, OTHER, &[PASSWORD], "ask"),
    (&[BASIC, FORWARD], true, OTHER, &[], "ask"),
    (&[BASIC, FORWARD], true, OTHER, &[BEARER], "ask"),
    (&[BASIC, FORWARD], true, OTHER, &[PASSWORD], "check bert"),
    (&[BASIC, FORWARD], false, OTHER, &[BROKEN], "401"),
    (
        &[BASIC, HEADER],
        true,
        PROXY,
        &[SSO, PASSWORD],
        "HEADER anna",
    ),
    (
        &[BASIC, HEADER],
        true,
        OTHER,
        &[SSO, PASSWORD],
        "check bert",
    ),
    (&[BASIC, HEADER], true, OTHER, &[SSO], "401"),
    (&[CERTIFICATE, HEADER], true, PROXY, &[SSO], "HEADER anna"),
    (
        &[CERTIFICATE, HEADER, BASIC, FORWARD],
        true,
        PROXY,
        &[],
        "ask",
    ),
];

#[test]
fn the_first_kind_that_knows_the_client_counts() {
    for (kinds, required, peer, fields, expected) in ROWS {
        let auth = format!("{{ {}, required: {required} }}", kinds.join(", "));
        assert_eq!(
            by_head(&auth, peer, fields),
            *expected,
            "{auth} {peer} {fields:?}"
        );
    }
}

#[test]
fn a_realm_is_one_quoted_string() {
    for (realm, expected) in [
        ("Shop", "Basic realm=\"Shop\", charset=\"UTF-8\""),
        (
            "a \"b\" \\",
            "Basic realm=\"a \\\"b\\\" \\\\\", charset=\"UTF-8\"",
        ),
    ] {
        assert_eq!(challenge(realm), expected);
    }
}
