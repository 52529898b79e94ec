//! Any text of a reply to EPSV or PASV: no panic, and a port that is written into it is found.
#![no_main]

use ajpgate_ftp::passive::{epsv_port, pasv_port};
use ajpgate_ftp::reply::Reply;
use libfuzzer_sys::fuzz_target;

fn reply(text: Vec<u8>) -> Reply {
    Reply { code: 227, first: Vec::new(), last: text }
}

fuzz_target!(|input: (&[u8], [u8; 4], u16, &[u8])| {
    let (before, [a, b, c, d], port, after) = input;
    let _ = (epsv_port(&reply(before.to_vec())), pasv_port(&reply(before.to_vec())));
    let words = |text: &[u8]| text.iter().all(|byte| byte.is_ascii_alphabetic() || b" (=).".contains(byte));
    let [high, low] = port.to_be_bytes();
    let numbers = format!("{a},{b},{c},{d},{high},{low}");
    let passive = pasv_port(&reply([before, numbers.as_bytes(), after].concat()));
    let extended = epsv_port(&reply([before, format!("|||{port}|").as_bytes(), after].concat()));
    if words(before) && words(after) {
        let expected = Some(port).filter(|port| *port != 0);
        assert_eq!(passive, expected);
        // Three equal characters before could be delimiters too, but digits do not follow them.
        assert_eq!(extended, expected);
    }
});
