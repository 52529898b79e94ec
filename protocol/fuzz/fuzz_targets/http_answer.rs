//! Any bytes from an HTTP member: no panic, and the same answer however the bytes were split.
#![no_main]
#![allow(dead_code, unused_imports, reason = "the modules have more than the target needs")]

#[path = "../../../src/field_names.rs"]
mod field_names;
#[path = "../../../src/framing/mod.rs"]
mod framing;
#[path = "../../../src/head/mod.rs"]
mod head;
#[path = "../../../src/backend"]
mod backend {
    pub(crate) mod head {
        pub(crate) const MAX_FIELDS: usize = 512;
    }
    /// Stands in for the folder, for its parser is not visible outside.
    pub(crate) mod http1 {
        mod answer;

        use self::answer::{Answer, Asked};
        use crate::framing::Refused;

        /// Bytes that were dropped and bytes that were passed on, whether the answer is over, or why it is refused.
        #[derive(Debug, PartialEq)]
        pub(crate) struct Read(pub(crate) usize, pub(crate) usize, pub(crate) bool, pub(crate) Option<Refused>);

        pub(crate) fn read(head_only: bool, upgrade: bool, stream: &[u8], split: usize) -> Read {
            let mut answer = Answer::new(Asked { head_only, upgrade });
            let (mut skipped, mut passed) = (0, 0);
            for end in [split, stream.len()] {
                let rest = &stream[skipped + passed..end];
                match answer.take(rest) {
                    Ok(pass) => {
                        assert!(pass.skip + pass.pass <= rest.len());
                        assert!(passed == 0 || pass.skip == 0, "an interim answer behind the final one");
                        skipped += pass.skip;
                        passed += pass.pass;
                    }
                    Err(refused) => return Read(skipped, passed, false, Some(refused)),
                }
            }
            Read(skipped, passed, answer.is_over(), None)
        }
    }
}

use backend::http1::{Read, read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (bool, bool, u16, &[u8])| {
    let (head_only, upgrade, split, stream) = input;
    let whole = read(head_only, upgrade, stream, stream.len());
    let pieces = read(head_only, upgrade, stream, usize::from(split).min(stream.len()));
    match (&whole, &pieces) {
        // What came before a refusal has been passed on in one case and not in the other.
        (Read(.., Some(_)), Read(.., Some(_))) => {}
        _ => assert_eq!(whole, pieces),
    }
});
