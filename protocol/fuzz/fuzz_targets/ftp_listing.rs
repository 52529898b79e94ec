//! Any bytes as a listing: no panic, the same entries however the bytes were split, and each entry can be asked for by the
//! link that the page shows, without leaving the directory.
#![no_main]

use ajpgate_ftp::listing::{Entry, Format, ListingReader, TooLong};
use ajpgate_ftp::page::Directory;
use ajpgate_ftp::path::{FtpPath, escape};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;

fn entries(format: Format, pieces: &[&[u8]]) -> Result<Vec<Entry>, TooLong> {
    let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    let mut reader = ListingReader::new(format, now);
    for piece in pieces {
        reader.read(piece)?;
    }
    Ok(reader.finish())
}

fuzz_target!(|input: (bool, u16, &[u8])| {
    let (mlsd, at, bytes) = input;
    let format = if mlsd { Format::Mlsd } else { Format::List };
    let (one, other) = bytes.split_at(usize::from(at).min(bytes.len()));
    let read = entries(format, &[bytes]);
    assert_eq!(entries(format, &[one, other]), read);
    let Ok(entries) = read else { return };
    for entry in &entries {
        let link = escape(&entry.name);
        assert!(!link.contains('/') && link != "." && link != "..");
        let client = format!("/files/{link}");
        let path = FtpPath::new(&client, &format!("/pub/{link}"), "/pub").unwrap();
        assert_eq!(path.name(), entry.name);
        assert_eq!(path.on_server(Some(b"/")), [b"/pub/", &entry.name[..]].concat());
    }
    let directory = Directory { path: "/", is_root: true, entries: &entries };
    assert_eq!(directory.html().matches("<a href=").count(), entries.len());
    assert!(!directory.json().is_empty());
});
