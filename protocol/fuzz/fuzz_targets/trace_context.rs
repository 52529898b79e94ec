//! Any trace context of a client: no panic; what is read is written as it was, and a list that goes on is one that is read.
#![no_main]
#![allow(dead_code, unused_imports, reason = "the module has more than the target needs")]

#[path = "../../../src/trace_context.rs"]
mod trace_context;

use libfuzzer_sys::fuzz_target;

use trace_context::{TraceContext, state};

fuzz_target!(|input: (Vec<u8>, Vec<Vec<u8>>)| {
    let (parent, fields) = input;
    if let Some(context) = TraceContext::parse(&parent) {
        let written = context.field().into_bytes();
        assert_eq!(written[2..53], parent[2..53]);
        assert_eq!(TraceContext::parse(&written), Some(context));
    }
    if let Some(list) = state(fields.iter().map(Vec::as_slice)) {
        assert_eq!(state([list.as_bytes()].into_iter()), Some(list.clone()));
    }
});
