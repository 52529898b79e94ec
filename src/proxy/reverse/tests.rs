//! Fields of answers, and what clients get of them.

use super::*;
use crate::mount::{Front, PublicPaths, Rule, Sending, Table, Target, normalize, rewrite};

/// An answer on its way back.
struct Setup {
    /// Mappings of one balancer whose members are at 10.0.0.11:8009, which has answered, and at 10.0.0.12:8009. The first is
    /// that of the request.
    mappings: &'static [(&'static str, &'static str)],
    /// The path that the client asked for.
    asked: &'static str,
    client_host: &'static str,
    host_sent: &'static str,
    member: &'static str,
    scheme: &'static str,
}

const MOVED: Setup = Setup {
    mappings: &[("/shop", "/app"), ("/sso", "/cas")],
    asked: "/shop/x",
    client_host: "shop.example.com",
    host_sent: "10.0.0.11:8009",
    member: "10.0.0.11:8009",
    scheme: "https",
};

impl Setup {
    fn mapped_bytes(&self, name: &str, value: &[u8]) -> Vec<u8> {
        let mut fields = Fields::default();
        fields.push(name.as_bytes(), value);
        self.apply(&mut fields);
        fields.get(name).unwrap().to_vec()
    }

    fn apply(&self, fields: &mut Fields) {
        let rule = |path: &str| Rule {
            path: path.to_owned(),
            ..Rule::default()
        };
        let rules = self.mappings.iter().map(|(front, _)| rule(front));
        let sending = self.mappings.iter().enumerate();
        let sending = sending.map(|(rule, (front, path))| Sending {
            rule,
            front: Front::new(front),
            path: (*path).to_owned(),
        });
        let target = Target {
            members: vec![
                (self.member.to_owned(), String::new()),
                ("10.0.0.12:8009".to_owned(), String::new()),
            ],
            mappings: sending.collect(),
        };
        let (front, back) = self.mappings[0];
        let reverse = Reverse {
            mounts: Answered {
                table: &Table::new(rules.collect()),
                paths: &PublicPaths::new(vec![target]),
                site: self.client_host.into(),
                address: self.member,
                front: &Front::new(front),
                back,
            },
            sent: &|| {
                rewrite(
                    &Front::new(front),
                    back,
                    self.asked,
                    &normalize(self.asked).unwrap(),
                )
                .into_owned()
                .into()
            },
            asked: self.asked,
            scheme: self.scheme,
            host_sent: self.host_sent,
            local: match self.client_host {
                "" => "127.0.0.1:8080",
                _ => "",
            },
        };
        reverse.apply(fields);
    }

    fn mapped(&self, name: &str, value: &str) -> String {
        String::from_utf8(self.mapped_bytes(name, value.as_bytes())).unwrap()
    }

    fn check(&self, name: &str, cases: &[(&str, &str)]) {
        for (value, expected) in cases {
            assert_eq!(self.mapped(name, value), *expected, "{value}");
        }
    }
}

#[test]
fn locations_under_the_mapping_get_their_public_form() {
    #[rustfmt::skip]
    let cases = [
        ("/app/x?y#z", "/shop/x?y#z"),
        ("/app", "/shop"),
        ("/app;jsessionid=1.n1", "/shop;jsessionid=1.n1"),
        ("/app?x", "/shop?x"),
        ("/app#x", "/shop#x"),
        ("/app?next=/app/y", "/shop?next=/app/y"),
        ("/apple", "/apple"),
        ("/other", "/other"),
        ("//evil/app", "//evil/app"),
        ("http://shop.example.com/app/x", "http://shop.example.com/shop/x"),
        ("http://shop.example.com/other", "http://shop.example.com/other"),
        ("http://10.0.0.11:8009/app/x", "https://shop.example.com/shop/x"),
        ("HTTP://10.0.0.11:8009/app/x", "https://shop.example.com/shop/x"),
        ("http://10.0.0.11:8009/other", "https://shop.example.com/other"),
        ("http://10.0.0.11:8009?x", "https://shop.example.com?x"),
        ("http://elsewhere/app/x", "http://elsewhere/app/x"),
        ("mailto:a@b", "mailto:a@b"),
        ("mailto://10.0.0.11:8009/app", "mailto://10.0.0.11:8009/app"),
        ("http:/app/x", "http:/app/x"),
        ("http://shop.example.com:80/app/x", "http://shop.example.com:80/shop/x"),
        ("http://shop.example.com:81/app/x", "http://shop.example.com:81/app/x"),
        ("//SHOP.example.com/app/x", "//SHOP.example.com/shop/x"),
        ("//shop.example.com:443/app/x", "//shop.example.com:443/shop/x"),
        ("//10.0.0.11:8009/app/x", "https://shop.example.com/shop/x"),
        // Of another mapping to the same balancer.
        ("/cas/login?service=/app", "/sso/login?service=/app"),
        ("http://10.0.0.11:8009/cas/login", "https://shop.example.com/sso/login"),
        ("http://shop.example.com/cas/login", "http://shop.example.com/sso/login"),
        ("/app/../cas/login", "/sso/login"),
    ];
    MOVED.check("Location", &cases);
    MOVED.check("Content-Location", &cases);
}

#[test]
fn relative_references_that_leave_the_mapping_become_absolute() {
    MOVED.check(
        "Location",
        &[
            ("y", "y"),
            ("y/../z?q", "y/../z?q"),
            ("./y", "./y"),
            ("?x", "?x"),
            ("#x", "#x"),
            ("", ""),
            ("../app/y", "/shop/y"),
            ("../cas/login?x", "/sso/login?x"),
            ("../../cas", "/sso"),
            ("../other", "../other"),
        ],
    );
    let at_the_mapping = Setup {
        asked: "/shop",
        ..MOVED
    };
    at_the_mapping.check("Location", &[("app/y", "/shop/y"), ("y", "y")]);
    let deeper = Setup {
        mappings: &[("/shop", "/a/b")],
        asked: "/shop/c/d",
        ..MOVED
    };
    deeper.check(
        "Location",
        &[
            ("../e", "../e"),
            ("../../b/e", "/shop/e"),
            ("../../../a/b/e", "/shop/e"),
        ],
    );
}

#[test]
fn paths_that_need_escapes_are_written_with_them() {
    let blank = Setup {
        mappings: &[("/my app", "/my%20app"), ("/größe", "/caf%c3%a9")],
        asked: "/my%20app/x",
        ..MOVED
    };
    blank.check(
        "Location",
        &[
            ("/my%20app/x", "/my%20app/x"),
            (
                "http://10.0.0.11:8009/my%20app/x",
                "https://shop.example.com/my%20app/x",
            ),
            ("/caf%C3%A9/x", "/gr%C3%B6%C3%9Fe/x"),
            ("/caf%c3%A9", "/gr%C3%B6%C3%9Fe"),
        ],
    );
    blank.check(
        "Set-Cookie",
        &[
            (
                "JSESSIONID=1.n1; Path=/my%20app; HttpOnly",
                "JSESSIONID=1.n1; Path=/my%20app; HttpOnly",
            ),
            ("a=1; Path=/caf%C3%A9", "a=1; Path=/gr%C3%B6%C3%9Fe"),
        ],
    );
}

#[test]
fn bytes_beyond_ascii_stay_as_they_are() {
    for (name, value, expected) in [
        ("Location", &b"/app/\xfc"[..], &b"/shop/\xfc"[..]),
        ("Location", "/app/ü?ö".as_bytes(), "/shop/ü?ö".as_bytes()),
        (
            "Location",
            b"http://10.0.0.11:8009/app/\xfc",
            b"https://shop.example.com/shop/\xfc",
        ),
        (
            "Set-Cookie",
            "n=Jürgen; Path=/app".as_bytes(),
            "n=Jürgen; Path=/shop".as_bytes(),
        ),
        (
            "Set-Cookie",
            b"n=J\xfcrgen; Path=/app; x=\xff",
            b"n=J\xfcrgen; Path=/shop; x=\xff",
        ),
        ("Refresh", b"0; url=/app/\xfc", b"0; url=/shop/\xfc"),
    ] {
        assert_eq!(MOVED.mapped_bytes(name, value), expected);
    }
}

#[test]
fn roots_on_either_side() {
    let below = Setup {
        mappings: &[("/plain", "")],
        asked: "/plain/",
        ..MOVED
    };
    below.check("Location", &[("/x", "/plain/x"), ("/", "/plain/")]);
    below.check(
        "Set-Cookie",
        &[
            ("a=1; Path=/", "a=1; Path=/plain"),
            ("a=1; Path=/x/", "a=1; Path=/plain/x/"),
        ],
    );
    let above = Setup {
        mappings: &[("/", "/app")],
        asked: "/x",
        ..MOVED
    };
    above.check(
        "Location",
        &[("/app/x", "/x"), ("/app", "/"), ("/app?x", "/?x")],
    );
    above.check(
        "Set-Cookie",
        &[("a=1; Path=/app; HttpOnly", "a=1; Path=/; HttpOnly")],
    );
}

#[test]
fn cookies_keep_everything_else() {
    MOVED.check(
        "Set-Cookie",
        &[
            (
                "JSESSIONID=1.n1; Path=/app; HttpOnly",
                "JSESSIONID=1.n1; Path=/shop; HttpOnly",
            ),
            ("a=1; path=/app/sub", "a=1; path=/shop/sub"),
            ("a=1;PATH = /app ;Secure", "a=1;PATH =/shop;Secure"),
            (
                "a=1; Path=\"/app\"; Version=1",
                "a=1; Path=\"/shop\"; Version=1",
            ),
            ("a=1; Path=/cas", "a=1; Path=/sso"),
            ("a=1; Path=/other", "a=1; Path=/other"),
            ("a=1; Path=/", "a=1; Path=/"),
            ("a=1; Path=app", "a=1; Path=app"),
            ("a=1; Path=", "a=1; Path="),
            ("path=/app", "path=/app"),
            ("; Path=/app;", "; Path=/shop;"),
            ("a=1; Domain=10.0.0.11", "a=1; Domain=shop.example.com"),
            ("a=1; Domain=.10.0.0.11", "a=1; Domain=.shop.example.com"),
            ("a=1; Domain=example.com", "a=1; Domain=example.com"),
            (
                "a=1; Domain=10.0.0.11; Path=/app",
                "a=1; Domain=shop.example.com; Path=/shop",
            ),
            ("a=1", "a=1"),
        ],
    );
    // A cookie for everything is one for everything, whatever else is mapped.
    let all = Setup {
        mappings: &[("/shop", "/app"), ("/all", "")],
        ..MOVED
    };
    all.check("Set-Cookie", &[("a=1; Path=/", "a=1; Path=/")]);
}

#[test]
fn refreshes_lead_to_the_public_form() {
    MOVED.check(
        "Refresh",
        &[
            ("5; url=/app/x", "5; url=/shop/x"),
            ("0;URL='/cas/login?a=1'; x", "0;URL='/sso/login?a=1'; x"),
            (
                "3, url = \"http://10.0.0.11:8009/app\"",
                "3, url = \"https://shop.example.com/shop\"",
            ),
            ("1.5;/app/x", "1.5;/shop/x"),
            ("0 url=/app", "0 url=/shop"),
            ("0; url=/app ", "0; url=/shop "),
            ("0; url=x", "0; url=x"),
            ("0; url='/app", "0; url='/shop"),
            ("5", "5"),
            ("5;", "5;"),
            ("5; url=", "5; url="),
            ("", ""),
        ],
    );
}

/// With `preserve_host` the backend was sent the client's Host, and may name its own address all the same.
#[test]
fn a_member_that_names_itself_is_mapped_whatever_host_it_was_sent() {
    let preserved = Setup {
        mappings: &[("/", "")],
        asked: "/",
        client_host: "[::1]:8080",
        host_sent: "[::1]:8080",
        ..MOVED
    };
    preserved.check(
        "Location",
        &[
            ("http://10.0.0.11:8009/x", "https://[::1]:8080/x"),
            ("http://10.0.0.11/x", "http://10.0.0.11/x"),
        ],
    );
    preserved.check(
        "Set-Cookie",
        &[
            ("a=1; Domain=10.0.0.11", "a=1; Domain=[::1]"),
            ("a=1; Domain=", "a=1; Domain="),
        ],
    );
    let default_port = Setup {
        member: "tomcat:80",
        ..preserved
    };
    default_port.check("Location", &[("http://Tomcat/x", "https://[::1]:8080/x")]);
}

/// As httpd's ProxyPassReverse to a balancer: an application may know another member by its address only.
#[test]
fn another_member_of_the_balancer_is_mapped_too() {
    MOVED.check(
        "Location",
        &[
            (
                "http://10.0.0.12:8009/app/x?y=/app",
                "https://shop.example.com/shop/x?y=/app",
            ),
            ("//10.0.0.12:8009/cas", "https://shop.example.com/sso"),
            ("http://10.0.0.12:8009/other", "http://10.0.0.12:8009/other"),
            ("http://10.0.0.12/app/x", "http://10.0.0.12/app/x"),
            ("http://10.0.0.13:8009/app/x", "http://10.0.0.13:8009/app/x"),
        ],
    );
}

#[test]
fn without_a_host_the_address_of_the_member_is_not_told() {
    let hostless = Setup {
        client_host: "",
        host_sent: "",
        scheme: "http",
        ..MOVED
    };
    hostless.check(
        "Location",
        &[
            ("http://10.0.0.11:8009/app/x?y", "/shop/x?y"),
            ("http://10.0.0.11:8009/other", "/other"),
            ("http://10.0.0.11:8009", "/"),
            ("http://10.0.0.11:8009?x", "/?x"),
            ("//10.0.0.11:8009/app", "/shop"),
            // What Tomcat is told of the listener over AJP13.
            (
                "http://127.0.0.1:8080/app/x",
                "http://127.0.0.1:8080/shop/x",
            ),
            ("/app/x", "/shop/x"),
        ],
    );
    hostless.check(
        "Set-Cookie",
        &[
            ("a=1; Domain=10.0.0.11; Path=/app", "a=1; Path=/shop"),
            ("a=1; Domain=example.com", "a=1; Domain=example.com"),
        ],
    );
}

#[test]
fn nothing_is_touched_where_both_sides_agree() {
    let same = Setup {
        mappings: &[("/", "")],
        asked: "/app/x",
        client_host: "a",
        host_sent: "a",
        member: "a",
        scheme: "http",
    };
    for location in [
        "/app/x",
        "/",
        "http://a/x",
        "http://b/x",
        "x",
        "../y",
        "/\\x",
        "//b//c",
    ] {
        same.check("Location", &[(location, location)]);
    }
    for cookie in ["a=1; Path=/app; Domain=a", "a=1; Path=/", "a=1"] {
        same.check("Set-Cookie", &[(cookie, cookie)]);
    }
}

#[test]
fn every_value_of_a_field_is_mapped() {
    let mut fields = Fields::default();
    fields.push(b"Location", b"/app/1");
    fields.push(b"location", b"/app/2");
    MOVED.apply(&mut fields);
    let values: Vec<_> = fields.all("Location").collect();
    assert_eq!(values, [b"/shop/1", b"/shop/2"]);
}
