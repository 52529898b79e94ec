//! Every field of the configuration is read.

use super::source::{sources, word};
use super::violations::{Exempt, Violations};

/// Structs of the configuration whose fields nobody reads yet, since `run` refuses the key that holds them.
const UNBUILT: &[(&str, &str)] = &[];

/// `tests/cli/keys.rs` lists the keys that `run` acts on; this checks that their fields are read.
#[test]
fn every_field_of_the_configuration_is_read() {
    let program: String = sources(&["src"]).map(|source| source.code).collect();
    let mut found = Violations::default();
    let mut exempt = Exempt::new(UNBUILT);
    for source in sources(&["config/src/model", "config/src/model.rs"]) {
        let mut owner = String::new();
        for (number, line) in source.code() {
            if let Some(rest) = line.strip_prefix("pub struct ") {
                owner = word(rest).to_owned();
            }
            let field = line
                .strip_prefix("    pub ")
                .and_then(|rest| rest.split_once(": "));
            let Some((field, kind)) = field.filter(|(field, _)| word(field) == *field) else {
                continue;
            };
            let read = program.contains(&format!(".{field}"));
            if !read && !exempt.covers(&owner) && !exempt.covers(word(kind)) {
                found.add(
                    &source,
                    number,
                    &format!("nobody reads `{field}` of `{owner}`"),
                );
            }
        }
    }
    found.unused(&exempt);
    found.none("act on it, or refuse it in src/unbuilt.rs: nothing is ignored in silence");
}
