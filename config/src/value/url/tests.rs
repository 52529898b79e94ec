//! The parts of good urls, and the messages about bad ones.

use super::*;

#[test]
fn parts_of_a_url() {
    for (text, scheme, host, port, path, name) in [
        (
            "ajp://10.0.0.11:8009",
            Scheme::Ajp,
            "10.0.0.11",
            8009,
            "",
            "ajp://10.0.0.11:8009",
        ),
        (
            "ajp://tomcat_1",
            Scheme::Ajp,
            "tomcat_1",
            8009,
            "",
            "ajp://tomcat_1",
        ),
        (
            "http://Web.Example/app/",
            Scheme::Http,
            "web.example",
            80,
            "/app",
            "http://Web.Example/app",
        ),
        (
            "https://[::1]:8443/",
            Scheme::Https,
            "::1",
            8443,
            "",
            "https://[::1]:8443",
        ),
        (
            "ftp://127.0.0.1:2121/pub/",
            Scheme::Ftp,
            "127.0.0.1",
            2121,
            "/pub",
            "ftp://127.0.0.1:2121/pub",
        ),
        ("ftps://h", Scheme::Ftps, "h", 990, "", "ftps://h"),
    ] {
        let url = member_url(text).expect(text);
        assert_eq!(
            (url.scheme, &*url.host, url.port, &*url.path, &*url.text),
            (scheme, host, port, path, name)
        );
    }
}

#[test]
fn one_place_may_be_written_in_several_ways() {
    for (text, place) in [
        ("ajp://LocalHost", "ajp://localhost:8009"),
        ("AJP://localhost:8009/", "ajp://localhost:8009"),
        ("ajp://[0:0:0:0:0:0:0:1]", "ajp://[::1]:8009"),
        ("http://h/App/", "http://h:80/App"),
        ("no url", "no url"),
    ] {
        assert_eq!(place_of(text), place, "{text}");
        assert_eq!(place_of(place), place);
    }
    let [long, short] = ["ajp://[2001:DB8::0:1]", "ajp://[2001:db8::1]:8009"].map(member_url);
    assert!(long.unwrap().is_same_place(&short.unwrap()));
}

#[test]
fn bad_urls() {
    for (text, message) in [
        ("10.0.0.11:8009", "\"10.0.0.11:8009\" is not a url"),
        ("", "\"\" is not a url"),
        ("ajps://h", "\"ajps\" is not a protocol of a backend"),
        ("ajp://", "the host is missing"),
        ("ajp://:8009", "the host is missing"),
        ("ajp://h:0", "\"0\" is not a port from 1 to 65535"),
        ("ajp://h:", "\"\" is not a port from 1 to 65535"),
        ("ajp://h:+80", "\"+80\" is not a port from 1 to 65535"),
        ("ajp://::1:8009", "the host is missing"),
        (
            "ajp://fe80::1:8009",
            "\":1:8009\" is not a port from 1 to 65535",
        ),
        ("ajp://[::1", "`[` is not closed"),
        ("ajp://[::g]", "\"::g\" is not an IPv6 address"),
        ("ajp://[::1]8009", "\"8009\" is not a port from 1 to 65535"),
        (
            "ajp://10.0.0.300:1",
            "\"10.0.0.300\" is not an IPv4 address",
        ),
        ("ajp://a b:1", "\"a b\" is not a host name"),
        ("ajp://h/../x", "the path contains a dot segment"),
        ("ajp://h/x?y", "a query has no place here"),
        ("ajp://h/a;b", "the path contains ';'"),
        ("ftp://u:p@h/", "a url has no credentials here"),
        ("u:p@h", "a url has no credentials here"),
    ] {
        let fault = member_url(text).expect_err(text);
        assert_eq!(fault.message, message, "{text}");
    }
}

#[test]
fn balancers() {
    let read = TargetUrl::read("balancer://shop/shop/");
    let (name, path) = ("shop".to_owned(), "/shop".to_owned());
    assert_eq!(
        read.map(|read| read.to),
        Ok(Destination::Balancer { name, path })
    );
    let read = TargetUrl::read("balancer://shop$1?a=$2").unwrap();
    assert_eq!((&*read.path, read.query.as_deref()), ("$1", Some("a=$2")));
    assert!(TargetUrl::read("balancer://").is_err());
    assert!(TargetUrl::read("balancer://a b/").is_err());
    assert!(UpgradeTarget::read("ajp://h").is_err());
    assert!(UpgradeTarget::read("ws://h").is_err());
    assert!(UpgradeTarget::read("http://h").is_ok());
}
