//! What holds for any bytes and any order of events.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use ajpgate_ftp::download::{Download, Step};
use ajpgate_ftp::listing::{Entry, Format, ListingReader};
use ajpgate_ftp::passive::{epsv_port, pasv_port};
use ajpgate_ftp::path::{FtpPath, escape};
use ajpgate_ftp::range::Part;
use ajpgate_ftp::reply::{BadReply, Reply, ReplyReader};
use ajpgate_ftp::{accept, login, moment};
use bytes::{Bytes, BytesMut};
use jiff::Timestamp;
use proptest::prelude::*;

fn reply(code: u16, text: &[u8]) -> Reply {
    Reply {
        code,
        first: text.to_vec(),
        last: text.to_vec(),
    }
}

/// The same bytes in pieces that end at these places.
fn split<'a>(bytes: &'a [u8], ends: &[usize]) -> Vec<&'a [u8]> {
    let mut ends: Vec<usize> = ends.iter().map(|end| *end.min(&bytes.len())).collect();
    ends.sort_unstable();
    let mut pieces = Vec::new();
    let mut start = 0;
    for end in ends {
        pieces.push(&bytes[start..end]);
        start = end;
    }
    pieces.push(&bytes[start..]);
    pieces
}

fn replies(pieces: &[&[u8]]) -> (Vec<Reply>, Option<BadReply>) {
    let (mut reader, mut buffer) = (ReplyReader::default(), BytesMut::new());
    let mut replies = Vec::new();
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            match reader.decode(&mut buffer) {
                Ok(Some(reply)) => replies.push(reply),
                Ok(None) => break,
                Err(bad) => return (replies, Some(bad)),
            }
        }
    }
    (replies, None)
}

fn listing(format: Format, pieces: &[&[u8]]) -> Vec<Entry> {
    let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    let mut reader = ListingReader::new(format, now);
    for piece in pieces {
        reader.read(piece).unwrap();
    }
    reader.finish()
}

/// Whether a name may stand in a listing.
fn is_shown(name: &[u8]) -> bool {
    let climbs =
        name.contains(&b'\\') && name.split(|byte| *byte == b'\\').any(|part| part == b"..");
    let control = name
        .iter()
        .any(|byte| byte.is_ascii_control() || *byte == b'/');
    !(climbs || control || matches!(name, b"" | b"." | b".."))
}

fn bytes(length: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..length)
}

proptest! {
    #[test]
    fn replies_do_not_depend_on_how_the_bytes_were_split(
        lines in prop::collection::vec("(220|226|150|abc)?[ -]?[a-z\r\x00\u{e4}]{0,9}\r?\n?", 0..12),
        noise in bytes(20),
        ends in prop::collection::vec(0_usize..160, 0..6),
    ) {
        let mut stream = lines.concat().into_bytes();
        stream.extend(noise);
        prop_assert_eq!(replies(&split(&stream, &ends)), replies(&[&stream]));
    }

    #[test]
    fn listings_do_not_depend_on_how_the_bytes_were_split(
        lines in prop::collection::vec(
            "(type=file;size=3; |-rw-r--r-- 1 0 0 1 Jan 02 03:04 )?[a-z ]{0,9}\r?\n?", 0..12,
        ),
        ends in prop::collection::vec(0_usize..400, 0..6),
        mlsd: bool,
    ) {
        let format = if mlsd { Format::Mlsd } else { Format::List };
        let stream = lines.concat().into_bytes();
        prop_assert_eq!(listing(format, &split(&stream, &ends)), listing(format, &[&stream]));
    }

    #[test]
    fn nothing_panics_on_any_bytes(text in bytes(120)) {
        let reply = reply(200, &text);
        let _ = (pasv_port(&reply), epsv_port(&reply), reply.size(), reply.directory());
        let _ = (accept::prefers_json(&text), login::Login::choose(None, Some(&text)));
        let _ = (moment::from_digits(&text), moment::from_http(&text), moment::from_dos(&text, &text));
        for format in [Format::Mlsd, Format::List] {
            let _ = listing(format, &[&text]);
        }
    }

    #[test]
    fn a_line_of_list_is_an_entry_or_is_left_out(
        start in "[-dlbcps?][-rwxst]{8,10}", middle in "[ 0-9a-zA-Z,:]{0,60}", name in "[ -~]{0,10}",
    ) {
        for entry in listing(Format::List, &[format!("{start} {middle} {name}").as_bytes()]) {
            prop_assert!(is_shown(&entry.name));
        }
    }

    #[test]
    fn a_port_is_found_in_any_words(
        before in "[a-zA-Z (=.]{0,20}", after in "[a-zA-Z ).]{0,20}",
        host in any::<[u8; 4]>(), port in 1_u16..,
    ) {
        let [a, b, c, d] = host;
        let [high, low] = port.to_be_bytes();
        let text = format!("{before}{a},{b},{c},{d},{high},{low}{after}");
        prop_assert_eq!(pasv_port(&reply(227, text.as_bytes())), Some(port));
        let text = format!("{before}|||{port}|{after}");
        prop_assert_eq!(epsv_port(&reply(229, text.as_bytes())), Some(port));
    }

    #[test]
    fn no_path_ends_a_command_or_leaves_its_mapping(
        raw in "(/|\\.|%2e|%2[fF]|%5[cC]|;|%0[aAdD0]|a|%|\\{|,|\\}|=|type|%F[0-9]){0,24}",
    ) {
        let sent = format!("/pub/{raw}");
        if let Ok(path) = FtpPath::new(&format!("/{raw}"), &sent, "/pub") {
            let url = path.directory_url();
            prop_assert!(url.starts_with("/pub/"));
            prop_assert!(url.split('/').all(|name| name != "." && name != ".."));
            let argument = path.on_server(Some(b"/"));
            prop_assert!(argument == b"/pub" || argument.starts_with(b"/pub/"));
            prop_assert!(!argument.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)));
            prop_assert!(argument.split(|byte| matches!(byte, b'/' | b'\\')).all(|name| name != b".."));
        }
    }

    /// What a listing links to can be asked for, whatever bytes the name has.
    #[test]
    fn each_listed_name_is_a_path_to_the_same_name(
        name in prop::collection::vec(prop_oneof![any::<u8>(), Just(b'\\'), Just(b'.'), Just(b'/')], 1..30),
        size: u32,
    ) {
        let shown = is_shown(&name);
        let ls = format!("-rw-r--r--   1 owner    group   {size} Jan  2 03:04 ");
        let mlsd = format!("type=file;size={size}; ");
        for (format, start) in [(Format::List, ls), (Format::Mlsd, mlsd)] {
            let entries = listing(format, &[start.as_bytes(), &name]);
            if !shown {
                // A name with a line end may look like the start of another entry.
                prop_assert!(entries.iter().all(|entry| is_shown(&entry.name)));
                continue;
            }
            prop_assert_eq!(entries.len(), 1);
            prop_assert_eq!(&entries[0].name, &name);
            prop_assert_eq!(entries[0].size, Some(u64::from(size)));
            let client = format!("/{}", escape(&name));
            let path = FtpPath::new(&client, &client, "").unwrap();
            prop_assert_eq!(path.name(), &name[..]);
            prop_assert!(!path.has_trailing_slash());
        }
    }

    /// Any order of data, end and replies: the client has all announced bytes only when the server has confirmed them, or
    /// has sent more.
    #[test]
    fn no_download_hands_the_last_byte_on_too_early(
        size in prop::option::of(0_u64..40),
        first in 0_u64..40, last in 0_u64..40, whole: bool,
        events in prop::collection::vec((0_u8..8, 1_usize..20), 0..12),
    ) {
        let part = match size {
            Some(size) if !whole && first <= last && last < size => Part::Bytes { first, last },
            _ => Part::Whole,
        };
        let mut download = Download::new(size, part);
        let announced = download.left();
        let (mut received, mut handed_on) = (0, 0);
        for (event, count) in events {
            let step = match event {
                0 => download.on_end(),
                1 => download.on_reply(&reply(226, b"")),
                2 => download.on_reply(&reply(426, b"")),
                _ if download.has_ended() => continue,
                _ => {
                    received += count as u64;
                    download.on_data(Bytes::from(vec![0; count]))
                }
            };
            match step {
                Err(_) => break,
                Ok(Step::Wait) => {}
                Ok(Step::Data(data)) => handed_on += data.len() as u64,
                Ok(Step::Complete(rest)) => {
                    prop_assert_eq!(handed_on + rest.len() as u64, received);
                    prop_assert!(announced.is_none_or(|announced| announced == received));
                    break;
                }
                Ok(Step::Cut { last, surplus }) => {
                    prop_assert_eq!(Some(handed_on + last.len() as u64), announced);
                    prop_assert!(surplus == (part == Part::Whole));
                    break;
                }
            }
            prop_assert!(announced.is_none_or(|announced| announced == 0 || handed_on < announced));
        }
    }
}
