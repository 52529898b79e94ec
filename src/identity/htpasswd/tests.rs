//! Lines that `htpasswd`, `openssl passwd` and crypt(3) have written.

use proptest::prelude::*;

use super::*;

/// Made with the programs that the comments name; the password is `s3cret`.
const GOOD: &str = "\
# a comment, and an empty line

anna:$2y$04$Op6C1pTlDFfZeKh67qGrc.gOGq/stAT4iUoIfK/XOiesuw9FiBZ42
bert:$6$abcdefgh$Z7KfoKnKTSZrzo5VZ0YubGLQOj9ov6sHo9TmE3zIU/LHKhpE30zCnZ0mcIXYf9r9rQ4DYaXoxAFSPFlcWdxjB.
cora:$5$abcdefgh$OcHWp0Vj4l19dnE2g4tHD4hbItEZgO0bjRV6LjwCLoA\r
dora:$2a$04$abcdefghijklmnopqrstuuLZYjhNQAOdpbzt4WxWlUHjv1wsyH5DG
emil:$6$rounds=1000$saltsalt$zcCvYcDM8j0aB28drG.Vwe4L4mnOkoRyg3Q.Bu7J9v6yK9aKDDPiDDlrOhF03cpnd3KFfSzTDNEBa0iVYm2H90:more
";

#[test]
fn users_and_their_passwords() {
    let users = Users::parse(GOOD.as_bytes()).unwrap();
    for name in ["anna", "bert", "cora", "dora", "emil"] {
        assert!(users.verify(name, b"s3cret"), "{name}");
        for wrong in ["", "s3cre", "s3cret ", "S3cret", "s3cret\u{e9}"] {
            assert!(!users.verify(name, wrong.as_bytes()), "{name} {wrong}");
        }
    }
    for stranger in ["Anna", "", "# a comment, and an empty line", "fritz"] {
        assert!(!users.verify(stranger, b"s3cret"), "{stranger}");
    }
    assert!(!Users::default().verify("anna", b"s3cret"));
}

/// The kinds of hashes that a wrong password takes the time of.
fn kinds_taken(users: &Users, user: &str) -> Vec<Kind> {
    let own = users.hashes.get(user).map(|hash| hash.kind);
    let others = users.others(own).map(|hash| hash.kind);
    let mut kinds: Vec<Kind> = own.into_iter().chain(others).collect();
    kinds.sort_by_key(|kind| format!("{kind:?}"));
    kinds
}

#[test]
fn a_wrong_password_takes_the_time_of_each_kind_of_hash_whoever_is_asked_for() {
    let users = Users::parse(GOOD.as_bytes()).unwrap();
    let expected = [
        Kind::Bcrypt(4),
        Kind::Sha256(5000),
        Kind::Sha512(1000),
        Kind::Sha512(5000),
    ];
    for user in ["anna", "bert", "cora", "dora", "emil", "fritz", ""] {
        assert_eq!(kinds_taken(&users, user), expected, "{user}");
    }
    assert_eq!(kinds_taken(&Users::default(), "anna"), []);
    // Many kinds do not make one wrong password arbitrarily dear.
    let many: String = (0..20)
        .map(|at| {
            let hash = "Z7KfoKnKTSZrzo5VZ0YubGLQOj9ov6sHo9TmE3zIU/LHKhpE30zCnZ0mcIXYf9r9rQ4DYaXoxAFSPFlcWdxjB.";
            format!("user{at}:$6$rounds={}$abcdefgh${hash}\n", 1000 + at)
        })
        .collect();
    let users = Users::parse(many.as_bytes()).unwrap();
    assert_eq!(kinds_taken(&users, "nobody").len(), MOST_KINDS);
}

/// The specification of SHA crypt has the first, crypt(3) of glibc and libxcrypt made the others.
#[test]
fn other_programs_have_made_the_same_hashes() {
    for (password, hash) in [
        (
            "Hello world!",
            "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
        ),
        (
            "pässwörd",
            "$5$rounds=1234$sa$H.hlyzJ3eH9NZavQck0j/lkw4ijactLsW/41aXSItcA",
        ),
        (
            "",
            "$6$1kU8Fm1WRB2eMrUd$kLz3ks3IomL3djw3d418xcbvfAsYzjPv51vOHAeFOZH9U/LKOZD1eZY0wKXVD4e.hZKkNhCKrFE/mKAEBGco9.",
        ),
        // bcrypt takes 72 bytes of a password.
        (
            &"x".repeat(100),
            "$2b$04$abcdefghijklmnopqrstuubzadhGtS2zEF.gu0yd0opP6cVzb.e0i",
        ),
    ] {
        let users = Users::parse(format!("a:{hash}").as_bytes()).unwrap();
        assert!(users.verify("a", password.as_bytes()), "{password}");
        assert!(!users.verify("a", b"another"), "{password}");
    }
}

/// Lines that cannot be used, and why.
const BAD: &[(&str, Why)] = &[
    ("anna", Why::NoColon),
    (":x", Why::Name),
    ("anna :x", Why::Name),
    ("\u{a0}anna:x", Why::Name),
    ("an\tna:x", Why::Name),
    ("anna:", Why::Hash),
    (
        "anna:secret",
        Why::Scheme("crypt or a password without a hash"),
    ),
    (
        "anna:BRMrBOClh5Jvg",
        Why::Scheme("crypt or a password without a hash"),
    ),
    (
        "anna:$apr1$/BnmHmXp$v3OV197IThWlJmI/h3crU1",
        Why::Scheme("MD5"),
    ),
    (
        "anna:$1$/BnmHmXp$v3OV197IThWlJmI/h3crU1",
        Why::Scheme("MD5"),
    ),
    (
        "anna:{SHA}EfatjsUqKYSrqv18O1FlA3hcIHI=",
        Why::Scheme("SHA-1"),
    ),
    (
        "anna:$2x$04$Op6C1pTlDFfZeKh67qGrc.gOGq/stAT4iUoIfK/XOiesuw9FiBZ42",
        Why::Scheme("bcrypt of the broken version 2x"),
    ),
    (
        "anna:$argon2id$v=19$m=16,t=2,p=1$c2FsdHNhbHQ$",
        Why::Scheme("Argon2"),
    ),
    ("anna:$y$j9T$abc$def", Why::Scheme("yescrypt or scrypt")),
    ("anna:$9$abc", Why::Scheme("this kind of hash")),
    ("anna:$2y$04$short", Why::Hash),
    (
        "anna:$2y$xx$Op6C1pTlDFfZeKh67qGrc.gOGq/stAT4iUoIfK/XOiesuw9FiBZ42",
        Why::Hash,
    ),
    (
        "anna:$2y$03$Op6C1pTlDFfZeKh67qGrc.gOGq/stAT4iUoIfK/XOiesuw9FiBZ42",
        Why::Hash,
    ),
    (
        "anna:$2y$31$Op6C1pTlDFfZeKh67qGrc.gOGq/stAT4iUoIfK/XOiesuw9FiBZ42",
        Why::Cost,
    ),
    ("anna:$6$rounds=999$saltsalt$x", Why::Rounds),
    ("anna:$6$rounds=999999999$saltsalt$x", Why::Rounds),
    (
        "anna:$6$rounds=99999999999999999999$saltsalt$x",
        Why::Rounds,
    ),
    ("anna:$6$rounds=+5000$saltsalt$x", Why::Rounds),
    ("anna:$6$", Why::Hash),
    ("anna:$6$salt", Why::Hash),
    ("anna:$6$salt$short", Why::Hash),
    (
        "anna:$5$abcdefgh$OcHWp0Vj4l19dnE2g4tHD4hbItEZgO0bjRV6LjwCLo!",
        Why::Hash,
    ),
    (
        "anna:$5$abcdefgh$OcHWp0Vj4l19dnE2g4tHD4hbItEZgO0bjRV6LjwCLoA$",
        Why::Hash,
    ),
];

#[test]
fn each_bad_line_is_named() {
    let good = "$2y$04$Op6C1pTlDFfZeKh67qGrc.gOGq/stAT4iUoIfK/XOiesuw9FiBZ42";
    for (line, why) in BAD {
        let text = format!("# first\nbert:{good}\n{line}\n");
        let bad = Users::parse(text.as_bytes()).unwrap_err();
        let named = !matches!(why, Why::NoColon | Why::Name);
        assert_eq!(
            bad,
            [BadLine {
                line: 3,
                user: named.then(|| "anna".to_owned()),
                why: why.clone()
            }],
            "{line}"
        );
    }
    let mut text = format!("a:{good}\n").into_bytes();
    text.extend_from_slice(b"\xff:x\n:\nb\n");
    text.extend_from_slice(format!("a:{good}").as_bytes());
    let bad = Users::parse(&text).unwrap_err();
    assert_eq!(
        bad.iter()
            .map(|bad| (bad.line, bad.why.clone()))
            .collect::<Vec<_>>(),
        [
            (2, Why::NotText),
            (3, Why::Name),
            (4, Why::NoColon),
            (5, Why::Twice(1)),
        ]
    );
}

#[test]
fn no_message_shows_a_hash() {
    let bad = Users::parse(b"anna:hunter2\nbert:$apr1$hunter2$x").unwrap_err();
    for BadLine { why, .. } in bad {
        assert!(!why.to_string().contains("hunter2"));
    }
}

proptest! {
    #[test]
    fn any_file_is_read_or_refused(text in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Users::parse(&text);
    }

    #[test]
    fn any_line_is_read_or_refused(
        hash in "\\$(2y|2b|5|6|apr1)\\$(rounds=[0-9]{0,12}\\$|[0-9]{2}\\$)?[./0-9A-Za-zé$]{0,90}",
    ) {
        if let Ok(users) = Users::parse(format!("a:{hash}").as_bytes()) {
            prop_assert_eq!(users.count(), 1);
        }
    }
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_first_name() {
    let anna = GOOD.lines().nth(2).unwrap();
    let users = Users::parse(format!("\u{feff}{anna}\n").as_bytes()).unwrap();
    assert_eq!(users.names(), ["anna"]);
}
