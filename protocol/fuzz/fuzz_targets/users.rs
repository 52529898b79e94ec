//! Any file of users, and any Authorization field: no panic, a file has its users or a line that is wrong, and a name and a
//! password are those that the client has sent.
#![no_main]
#![allow(dead_code, unused_imports, reason = "the modules have more than the target needs")]

#[path = "../../../src/identity/credentials.rs"]
mod credentials;
#[path = "../../../src/head/mod.rs"]
mod head;
#[path = "../../../src/identity/htpasswd.rs"]
mod htpasswd;
#[path = "../../../src/identity/user.rs"]
mod user;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libfuzzer_sys::fuzz_target;

use credentials::Sent;
use head::Fields;
use htpasswd::Users;

fn sent(value: &[u8]) -> Sent {
    let mut fields = Fields::default();
    fields.push(b"Authorization", value);
    Sent::of(&fields)
}

fuzz_target!(|data: &[u8]| {
    let lines = data.split(|byte| *byte == b'\n').count();
    match Users::parse(data) {
        Ok(users) => assert!(users.count() <= lines),
        Err(bad) => {
            assert!(!bad.is_empty());
            assert!(bad.iter().all(|bad| (1..=lines).contains(&bad.line)));
        }
    }
    let _ = sent(data);
    let value = format!("Basic {}", STANDARD.encode(data));
    if let Sent::Credentials(found) = sent(value.as_bytes()) {
        assert!(!found.user.contains(':') && !found.user.chars().any(char::is_control));
        assert_eq!([found.user.as_bytes(), b":", &found.password].concat(), data);
    }
});
