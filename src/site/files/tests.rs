//! A real directory, with links and odd names, and a secret beside it.

use std::fs;
use std::future::poll_fn;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::directory::NotOpened;
use super::*;

const SECRET: &str = "the secret beside the directory";

/// A folder with a directory `www` and a secret beside it. Removed when it is dropped.
struct TestFolder(tempfile::TempDir);

impl TestFolder {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        fs::create_dir_all(place.file("www/folder")).unwrap();
        fs::create_dir_all(place.file("outside")).unwrap();
        place.write("secret.txt", SECRET);
        place.write("outside/secret.txt", SECRET);
        place.write("www/a.txt", "a");
        place.write("www/folder/b.txt", "b");
        place.write("www/empty.txt", "");
        place
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.file(name), text).unwrap();
    }

    fn link(&self, name: &str, to: &str) {
        symlink(to, self.file(name)).unwrap();
    }

    fn www(&self) -> PathBuf {
        self.file("www")
    }
}

/// All bytes of a file below a directory.
async fn text(directory: &Arc<Directory>, name: &[u8]) -> Result<String, NotOpened> {
    let opened = directory.find(name).await?;
    if opened.is_folder {
        return Ok("a folder".to_owned());
    }
    let size = opened.facts.size;
    let mut contents = Contents::new(Arc::clone(directory), opened.file, 0, size);
    let mut all = Vec::new();
    while let Some(piece) = poll_fn(|cx| contents.poll_piece(cx)).await {
        all.extend_from_slice(&piece.unwrap());
    }
    assert_eq!(contents.left(), 0);
    Ok(String::from_utf8(all).unwrap())
}

/// The ways in which a directory may be served.
fn ways(place: &TestFolder) -> [(&'static str, Arc<Directory>); 3] {
    let www = place.www();
    [
        ("beneath", Directory::open(&www)),
        ("walking", Directory::that_walks(&www)),
        ("waiting", Directory::that_waits(&www)),
    ]
    .map(|(way, directory)| (way, Arc::new(directory.unwrap())))
}

#[tokio::test]
async fn files_and_folders_are_opened_beneath_the_directory() {
    let place = TestFolder::new();
    let large = "0123456789".repeat(100_000);
    place.write("www/large.txt", &large);
    place.write("www/caf\u{e9} \\ x.txt", "odd");
    for (way, directory) in ways(&place) {
        for (name, expected) in [
            ("a.txt", "a"),
            ("folder/b.txt", "b"),
            ("empty.txt", ""),
            ("large.txt", &*large),
            ("caf\u{e9} \\ x.txt", "odd"),
            (".", "a folder"),
            ("folder", "a folder"),
        ] {
            let found = text(&directory, name.as_bytes()).await;
            assert_eq!(found.as_deref(), Ok(expected), "{way} {name}");
        }
        let long = "x".repeat(300);
        let deep = "x/".repeat(3000) + "x";
        for name in ["none", "a.txt/b", "a.txt/", "folder/none", &long, &deep] {
            let found = text(&directory, name.as_bytes()).await;
            assert_eq!(found, Err(NotOpened::Missing), "{way} {name}");
        }
    }
}

#[tokio::test]
async fn links_are_followed_only_where_they_stay_inside() {
    let place = TestFolder::new();
    let secret = place.file("secret.txt");
    place.link("www/inside", "a.txt");
    place.link("www/folder/up", "../a.txt");
    place.link("www/other", "folder");
    place.link("www/chain", "inside");
    place.link("www/out", "../secret.txt");
    place.link("www/absolute", secret.to_str().unwrap());
    place.link("www/root", "/");
    place.link("www/outside", "../outside");
    place.link("www/folder/out", "../../secret.txt");
    place.link("www/and-back", "../www/a.txt");
    place.link(
        "www/absolute-inside",
        place.www().join("a.txt").to_str().unwrap(),
    );
    place.link("www/loop", "loop");
    place.link("www/dangling", "none");
    place.link("www/magic", "/proc/self/cwd");
    for (way, directory) in ways(&place) {
        let follows = directory.follows_links();
        assert_eq!(follows, way != "walking");
        for (name, expected) in [
            ("inside", "a"),
            ("folder/up", "a"),
            ("other/b.txt", "b"),
            ("chain", "a"),
            ("other", "a folder"),
        ] {
            let expected = match follows {
                true => Ok(expected.to_owned()),
                false => Err(NotOpened::Missing),
            };
            assert_eq!(
                text(&directory, name.as_bytes()).await,
                expected,
                "{way} {name}"
            );
        }
        let root = format!("root{}", secret.display());
        for name in [
            "out",
            "absolute",
            "root",
            &root,
            "root/etc/passwd",
            "outside",
            "outside/secret.txt",
            "folder/out",
            "and-back",
            "absolute-inside",
            "loop",
            "dangling",
            "magic",
            "magic/Cargo.toml",
        ] {
            let found = text(&directory, name.as_bytes()).await;
            assert_eq!(found, Err(NotOpened::Missing), "{way} {name}");
        }
    }
}

#[tokio::test]
async fn pipes_sockets_and_devices_are_no_files() {
    let place = TestFolder::new();
    let pipe = place.www().join("pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let _socket = std::os::unix::net::UnixListener::bind(place.www().join("socket")).unwrap();
    // Only root can make a device.
    let device = place.www().join("zero");
    let _ = Command::new("mknod")
        .arg(&device)
        .args(["c", "1", "5"])
        .output();
    for (way, directory) in ways(&place) {
        for name in ["pipe", "socket", "zero"] {
            let found = text(&directory, name.as_bytes()).await;
            assert_eq!(found, Err(NotOpened::Missing), "{way} {name}");
        }
    }
}

#[tokio::test]
async fn a_file_that_becomes_shorter_is_an_error_and_one_that_grows_is_not() {
    let place = TestFolder::new();
    for (way, directory) in ways(&place) {
        place.write("www/changing", &"x".repeat(200_000));
        let opened = directory.find(b"changing").await.unwrap();
        let mut contents = Contents::new(Arc::clone(&directory), opened.file, 0, 200_000);
        let first = poll_fn(|cx| contents.poll_piece(cx))
            .await
            .unwrap()
            .unwrap();
        assert!(
            !first.is_empty() && first.len() <= 64 * 1024,
            "{way} {}",
            first.len()
        );
        let at = 200_000 - contents.left();
        fs::OpenOptions::new()
            .write(true)
            .open(place.www().join("changing"))
            .unwrap()
            .set_len(at)
            .unwrap();
        let second = poll_fn(|cx| contents.poll_piece(cx)).await.unwrap();
        assert!(second.is_err(), "{way}");
        let third = poll_fn(|cx| contents.poll_piece(cx)).await;
        assert!(third.unwrap().is_err(), "{way}");

        place.write("www/changing", "x");
        let opened = directory.find(b"changing").await.unwrap();
        let mut contents = Contents::new(Arc::clone(&directory), opened.file, 0, 1);
        place.write("www/changing", "xy");
        let only = poll_fn(|cx| contents.poll_piece(cx))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(only, "x", "{way}");
        assert!(
            poll_fn(|cx| contents.poll_piece(cx)).await.is_none(),
            "{way}"
        );
    }
}

#[test]
fn only_directories_are_directories() {
    let place = TestFolder::new();
    place.link("to-www", "www");
    assert!(Directory::open(&place.www()).is_ok());
    assert!(Directory::open(&place.file("to-www")).is_ok());
    assert!(Directory::open(&place.file("none")).is_err());
    assert!(Directory::open(&place.www().join("a.txt")).is_err());
}

/// A folder, and a link out of the directory, change places all the time while files are asked for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_race_between_looking_and_opening_leads_out() {
    let place = TestFolder::new();
    place.link("www/folder-out", "../outside");
    place.write("www/folder/secret.txt", "no secret");
    place.link("www/up", "folder/../folder/secret.txt");
    let ended = Arc::new(AtomicBool::new(false));
    let swapping = std::thread::spawn({
        let (ended, www) = (Arc::clone(&ended), place.www());
        move || {
            let mut swaps = 0;
            while !ended.load(Ordering::Relaxed) {
                // RENAME_EXCHANGE: there is always something at both names.
                let (folder, out) = (www.join("folder"), www.join("folder-out"));
                rustix::fs::renameat_with(
                    rustix::fs::CWD,
                    &folder,
                    rustix::fs::CWD,
                    &out,
                    rustix::fs::RenameFlags::EXCHANGE,
                )
                .unwrap();
                swaps += 1;
            }
            swaps
        }
    });
    let (mut found, mut missing) = (0, 0);
    let ways = ways(&place);
    for _ in 0..800 {
        for (way, directory) in &ways {
            for name in ["folder/secret.txt", "folder-out/secret.txt", "up"] {
                match text(directory, name.as_bytes()).await {
                    Ok(text) => {
                        assert_eq!(text, "no secret", "{way} {name}");
                        found += 1;
                    }
                    Err(NotOpened::Missing | NotOpened::Busy(_)) => missing += 1,
                    Err(other) => panic!("{way} {name}: {other:?}"),
                }
            }
        }
    }
    ended.store(true, Ordering::Relaxed);
    let swaps = swapping.join().unwrap();
    assert!(
        swaps > 100 && found > 20 && missing > 20,
        "{swaps} {found} {missing}"
    );
}
