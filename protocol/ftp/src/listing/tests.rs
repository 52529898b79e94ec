use super::*;

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn entries(format: Format, bytes: &[u8]) -> Vec<Entry> {
    let mut reader = ListingReader::new(format, now());
    reader.read(bytes).unwrap();
    reader.finish()
}

/// Kind, size, date and name of each entry, a line each.
fn table(format: Format, bytes: &[u8]) -> Vec<String> {
    let row = |entry: Entry| {
        let size = entry.size.map_or("-".into(), |size| size.to_string());
        let modified = entry.modified.map_or("-".into(), |date| date.to_string());
        let name = String::from_utf8_lossy(&entry.name).into_owned();
        format!("{:?} {size} {modified} {name}", entry.kind)
    };
    entries(format, bytes).into_iter().map(row).collect()
}

#[test]
fn lines_of_mlsd_have_facts_and_a_name() {
    let bytes = b"type=cdir;modify=20260101000000; .\r\n\
        type=pdir; ..\r\n\
        Type=file;Size=3;Modify=20260102030405;UNIX.mode=0644; a b \r\n\
        type=dir;modify=20260102030405.5; sub\r\n\
        type=OS.unix=slink:/etc;size=9; link\r\n\
        type=OS.unix=slink:/pub/a b.txt;size=3; to a blank\r\n\
        size=x;modify=never;  leading\r\n \
        no facts\r\n\
        type=file; sub/name\r\n\
        type=file; tab\there\r\n\
        type=file; ..\\..\\up\r\n";
    assert_eq!(
        table(Format::Mlsd, bytes),
        [
            "Directory - 2026-01-02T03:04:05Z sub",
            "File - -  leading",
            "File 3 2026-01-02T03:04:05Z a b ",
            "Link 9 - link",
            "File - - no facts",
            "Link 3 - to a blank",
        ]
    );
}

#[test]
fn lines_of_ls_have_one_space_between_date_and_name() {
    let bytes = b"total 12\r\n\
        drwxr-xr-x    2 0        0            4096 Jan 02 03:04 sub\r\n\
        -rw-r--r--    1 ftp      ftp            12 Dec 31  2024 a b\r\n\
        -rw-r--r--+   1 1000     users and co 7 Feb  3 04:05  leading\r\n\
        lrwxrwxrwx    1 0        0               9 Jan 02 03:04 link -> /etc/x -> y\r\n\
        crw-rw-rw-    1 0        0          1,   3 Jan 02 03:04 null\r\n\
        drwxr-xr-x    2 0        0            4096 Jan 02 03:04 ..\r\n";
    assert_eq!(
        table(Format::List, bytes),
        [
            "Directory - 2026-01-02T03:04:00Z sub",
            "File 7 2026-02-03T04:05:00Z  leading",
            "File 12 2024-12-31T00:00:00Z a b",
            "Link - 2026-01-02T03:04:00Z link",
        ]
    );
}

#[test]
fn lines_of_windows_servers_have_a_size_or_dir() {
    let bytes = b"01-02-26  03:04PM       <DIR>          sub dir\r\n\
        12-31-2025  12:00AM                  12 a  b\r\n\
        12-31-2025  23:59                    12  leading\r\n";
    assert_eq!(
        table(Format::List, bytes),
        [
            "Directory - 2026-01-02T15:04:00Z sub dir",
            "File 12 2025-12-31T23:59:00Z  leading",
            "File 12 2025-12-31T00:00:00Z a  b",
        ]
    );
}

#[test]
fn a_name_with_a_line_end_is_left_out() {
    let list = b"-rw-r--r-- 1 0 0 1 Jan 02 03:04 good\r\n\
        -rw-r--r-- 1 0 0 1 Jan 02 03:04 a\nb\r\n\
        -rw-r--r-- 1 0 0 1 Jan 02 03:04 c\n\r\n\
        -rw-r--r-- 1 0 0 1 Jan 02 03:04 last\r\n";
    let names = |format, bytes| -> Vec<Vec<u8>> {
        let entries = entries(format, bytes);
        entries.into_iter().map(|entry| entry.name).collect()
    };
    assert_eq!(names(Format::List, list), [b"good", b"last"]);
    let mlsd = b"type=file; good\r\ntype=file; a\nb\r\ntype=file; c\rd\r\n";
    assert_eq!(names(Format::Mlsd, mlsd), [b"good"]);
}

#[test]
fn a_listing_may_end_without_a_line_end_and_with_an_empty_line() {
    for bytes in [
        &b"type=file; a"[..],
        b"type=file; a\n",
        b"type=file; a\r\n\r\n",
    ] {
        assert_eq!(table(Format::Mlsd, bytes), ["File - - a"], "{bytes:?}");
    }
    assert_eq!(table(Format::Mlsd, b""), [""; 0]);
}

#[test]
fn bytes_of_a_line_and_of_a_listing_are_bounded() {
    let reader = || ListingReader::new(Format::Mlsd, now());
    let longest = [b"type=file; ".as_slice(), &[b'x'; LINE_MAX - 11], b"\n"].concat();
    assert_eq!(reader().read(&longest), Ok(()));
    let mut too_long = longest.clone();
    too_long.insert(11, b'x');
    assert_eq!(reader().read(&too_long), Err(TooLong));
    assert_eq!(reader().read(&[b'x'; LINE_MAX + 1]), Err(TooLong));
    let mut whole = reader();
    let line = [b"type=file; ".as_slice(), &[b'x'; 1012], b"\n"].concat();
    for _ in 0..LISTING_MAX / line.len() {
        assert_eq!(whole.read(&line), Ok(()));
    }
    assert_eq!(whole.read(b"\n"), Err(TooLong));
}
