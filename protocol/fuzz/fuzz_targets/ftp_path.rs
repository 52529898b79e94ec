//! Any path of a client: no panic, nothing that ends a command, and no way out of the mapping.
#![no_main]

use ajpgate_ftp::command::Command;
use ajpgate_ftp::path::FtpPath;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (bool, &str)| {
    let (at_root, rest) = input;
    let root = if at_root { "" } else { "/pub" };
    let client = format!("/{rest}");
    let Ok(path) = FtpPath::new(&client, &format!("{root}{client}"), root) else { return };
    let argument = path.on_server(Some(b"/home"));
    let base = format!("/home{root}");
    assert!(argument == base.as_bytes() || argument.starts_with(format!("{base}/").as_bytes()));
    assert!(argument.split(|byte| matches!(byte, b'/' | b'\\')).all(|name| name != b".."));
    assert!(Command::Retr(&argument).encode().is_ok());
    let relative = path.on_server(None);
    assert!(!relative.starts_with(b"-") && !relative.starts_with(b"~"));
    assert!(Command::Retr(&relative).encode().is_ok());
    // The redirect of a directory leads to the same directory, on the same host.
    let url = path.directory_url();
    assert!(url.starts_with(&format!("{root}/")) && !url.starts_with("//"));
    let again = FtpPath::new(&url, &url, root).unwrap();
    assert_eq!(again.on_server(None), relative);
    assert!(again.has_trailing_slash());
});
