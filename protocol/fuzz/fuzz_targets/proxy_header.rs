//! Any bytes at the beginning of a connection: no panic, and a PROXY header is read when its last byte has come, not earlier
//! and not later, whatever stands behind it.
#![no_main]
#![allow(dead_code, unused_imports, reason = "the modules have more than the target needs")]

#[path = "../../../src/server/proxy_protocol/header.rs"]
mod header;
#[path = "../../../src/server/proxy_protocol/parse.rs"]
mod parse;
#[path = "../../../src/server/proxy_protocol/v1.rs"]
mod v1;
#[path = "../../../src/server/proxy_protocol/v2.rs"]
mod v2;

use libfuzzer_sys::fuzz_target;

use parse::parse;

fuzz_target!(|bytes: &[u8]| {
    // The longest header of version 2.
    let bytes = bytes.get(..5000).unwrap_or(bytes);
    match parse(bytes) {
        Ok(Some((_, length))) => {
            assert!(length <= bytes.len() && length <= v2::MAX);
            assert!((0..length).all(|shorter| parse(&bytes[..shorter]) == Ok(None)));
            assert_eq!(parse(&bytes[..length]), parse(bytes));
        }
        Ok(None) => {
            assert!(bytes.len() < v2::MAX);
            assert!((0..bytes.len()).all(|shorter| parse(&bytes[..shorter]) == Ok(None)));
        }
        Err(_) => {
            // What is no header stays none.
            let first = (0..bytes.len()).find(|shorter| parse(&bytes[..*shorter]).is_err());
            let first = first.unwrap_or(bytes.len());
            assert!((first..bytes.len()).all(|longer| parse(&bytes[..longer]).is_err()));
        }
    }
});
