//! Any path of a client: no panic, a normal form that stays the same, and no way around an exclusion or out of a mapping
//! for a server that reads the path that is sent as RFC 3986 says.
#![no_main]
#![allow(dead_code, reason = "the module has more than the target needs")]

#[path = "../../../src/mount/mod.rs"]
#[allow(unused_imports, reason = "the module has more than the target needs")]
mod mount;

use libfuzzer_sys::fuzz_target;
use mount::{Front, Match, Rule, Table, normalize, rewrite};

/// RFC 3986 section 5.2.4, by a server that decodes encoded slashes before, with or without collapsing slashes.
fn plain_server(path: &str, collapse: bool) -> Vec<u8> {
    let decoded: Vec<u8> = percent_encoding::percent_decode_str(path).collect();
    let mut names: Vec<&[u8]> = Vec::new();
    for name in decoded.split(|byte| b"/\\".contains(byte)).skip(1) {
        match name {
            b"." => {}
            b".." => drop(names.pop()),
            b"" if collapse => {}
            _ => names.push(name),
        }
    }
    [b"/", names.join(&b'/').as_slice()].concat()
}

fn rule(path: &str, exclude: bool) -> Rule {
    Rule { path: path.to_owned(), exclude, ..Rule::default() }
}

fuzz_target!(|rest: &str| {
    for raw in [rest.to_owned(), format!("/shop{rest}"), format!("/shop/private{rest}")] {
        let Ok(normal) = normalize(&raw) else { continue };
        let escaped = normal.escaped().into_owned();
        assert!(escaped.starts_with('/') && !escaped.contains("//"));
        assert!(escaped.split('/').all(|name| name != "." && name != ".."));
        assert_eq!(normalize(&escaped).unwrap().escaped(), escaped);

        let table = Table::new(vec![rule("/shop", false), rule("/shop/private", true)]);
        let Some(Match::Mapping(0)) = table.find("h", &normal) else { continue };
        for back in ["", "/app"] {
            let sent = rewrite(&Front::new("/shop"), back, &raw, &normal);
            for collapse in [false, true] {
                let seen = plain_server(&sent, collapse);
                let inside = seen.strip_prefix(back.as_bytes()).expect(&sent);
                assert!(matches!(inside.first(), None | Some(b'/' | b';')), "{sent}");
                let private = inside.strip_prefix(b"/private");
                assert!(!private.is_some_and(|rest| matches!(rest.first(), None | Some(b'/'))), "{sent}");
            }
        }
    }
});
