//! Any workers.properties or uriworkermap.properties: no panic, and every line that says something has a key and a value
//! without comments. Of two patterns of paths, what they have in common is taken by both.
#![no_main]
#![allow(dead_code, reason = "the modules have more than the target needs")]

#[path = "../../../config/src/convert/modjk/glob.rs"]
mod glob;
#[path = "../../../config/src/convert/modjk/lex.rs"]
mod lex;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let lines = lex::lines(bytes);
    let mut last = 0;
    for line in &lines.said {
        assert!(line.number > last);
        last = line.number;
        assert!(!line.key.is_empty() && !line.value.is_empty());
        assert!(!line.key.contains(['#', '=', '\n']) && !line.value.contains(['#', '\n']));
    }
    for pair in lines.said.windows(2) {
        let [one, other] = pair else { continue };
        for pattern in glob::common(&one.key, &other.key).into_iter().flatten() {
            assert!(glob::covers(&one.key, &pattern) && glob::covers(&other.key, &pattern));
        }
    }
});
