use proptest::prelude::*;

use super::*;

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

/// Kind, size, moment and name of each entry, a line each.
fn seen(format: Format, text: &[u8]) -> Vec<String> {
    let mut listing = Listing::new(format, now());
    for line in text.split(|byte| *byte == b'\n') {
        listing.add(line);
    }
    let line = |entry: Entry| {
        format!(
            "{:?} {} {} {}",
            entry.kind,
            entry.size.map_or("-".into(), |size| size.to_string()),
            entry
                .modified
                .map_or("-".into(), |moment| moment.to_string()),
            String::from_utf8_lossy(&entry.name)
        )
    };
    listing.finish().into_iter().map(line).collect()
}

#[test]
fn lines_of_mlsd() {
    let text = b"type=cdir;modify=20260101000000; .\r\n\
        type=pdir; ..\r\n\
        Type=file;Size=3;Modify=20260102030405;UNIX.mode=0644; a b \r\n\
        type=dir;modify=20260102030405.5; sub\r\n\
        type=OS.unix=slink:/etc;size=9; link\r\n\
        size=x;modify=never;  leading\r\n \
        no facts\r\n\
        type=file; sub/name\r\n\
        type=file; tab\there\r\n";
    assert_eq!(
        seen(Format::Mlsd, text),
        [
            "Directory - 2026-01-02T03:04:05Z sub",
            "File - -  leading",
            "File 3 2026-01-02T03:04:05Z a b ",
            "Link 9 - link",
            "File - - no facts",
        ]
        .map(str::to_owned)
    );
}

#[test]
fn lines_of_list() {
    let text = b"total 12\r\n\
        drwxr-xr-x    2 0        0            4096 Jan 02 03:04 sub\r\n\
        -rw-r--r--    1 ftp      ftp            12 Dec 31  2024 a b\r\n\
        -rw-r--r--+   1 1000     users and co 7 Feb  3 04:05  leading\r\n\
        lrwxrwxrwx    1 0        0               9 Jan 02 03:04 link -> /etc/x -> y\r\n\
        crw-rw-rw-    1 0        0          1,   3 Jan 02 03:04 null\r\n\
        drwxr-xr-x    2 0        0            4096 Jan 02 03:04 ..\r\n";
    assert_eq!(
        seen(Format::List, text),
        [
            "Directory - 2026-01-02T03:04:00Z sub",
            "File 7 2026-02-03T04:05:00Z  leading",
            "File 12 2024-12-31T00:00:00Z a b",
            "Link - 2026-01-02T03:04:00Z link",
        ]
        .map(str::to_owned)
    );
}

#[test]
fn lines_of_dos() {
    let text = b"01-02-26  03:04PM       <DIR>          sub dir\r\n\
        12-31-2025  12:00AM                  12 a  b\r\n";
    assert_eq!(
        seen(Format::List, text),
        [
            "Directory - 2026-01-02T15:04:00Z sub dir",
            "File 12 2025-12-31T00:00:00Z a  b",
        ]
        .map(str::to_owned)
    );
}

/// Neither half of a name with a line end in it is shown.
#[test]
fn names_with_line_ends_are_left_out() {
    let list = b"-rw-r--r-- 1 0 0 1 Jan 02 03:04 good\r\n\
        -rw-r--r-- 1 0 0 1 Jan 02 03:04 a\nb\r\n\
        -rw-r--r-- 1 0 0 1 Jan 02 03:04 c\n\r\n\
        -rw-r--r-- 1 0 0 1 Jan 02 03:04 last\r\n";
    let names = seen(Format::List, list);
    assert!(
        names[0].ends_with(" good") && names[1].ends_with(" last"),
        "{names:?}"
    );
    assert_eq!(names.len(), 2, "{names:?}");
    let mlsd = b"type=file; good\r\ntype=file; a\nb\r\ntype=file; c\rd\r\n";
    assert_eq!(seen(Format::Mlsd, mlsd), ["File - - good".to_owned()]);
}

proptest! {
    #[test]
    fn no_line_makes_them_panic(line in prop::collection::vec(any::<u8>(), 0..120)) {
        let _ = (mlsd(&line), list(&line, now()));
    }

    #[test]
    fn a_line_of_list_is_read_or_left(
        start in "[-dlbcps?][-rwxst]{8,10}", middle in "[ 0-9a-zA-Z,:]{0,60}", name in "[ -~]{0,10}",
    ) {
        let line = format!("{start} {middle} {name}");
        if let Line::Entry(entry) = list(line.as_bytes(), now()) {
            prop_assert!(!entry.name.is_empty() && !entry.name.contains(&b'/'));
        }
    }

    /// A name comes back as it is, whatever it is, from both formats.
    #[test]
    fn names_come_back(
        name in prop::collection::vec(any::<u8>(), 1..40),
        size in any::<u32>(),
    ) {
        let fit = !name.iter().any(|byte| byte.is_ascii_control() || *byte == b'/')
            && !matches!(name.as_slice(), b"." | b"..");
        let of = |line: Line| match line {
            Line::Entry(entry) => Some((entry.name, entry.size)),
            _ => None,
        };
        let expected = fit.then(|| (name.clone(), Some(u64::from(size))));
        let mut line = format!("type=file;size={size}; ").into_bytes();
        line.extend_from_slice(&name);
        prop_assert_eq!(of(mlsd(&line)), expected.clone());
        let mut line = format!("-rw-r--r--   1 owner    group   {size} Jan  2 03:04 ").into_bytes();
        line.extend_from_slice(&name);
        prop_assert_eq!(of(list(&line, now())), expected);
    }
}
