//! `tests/run.sh` installs what the tests need although the package lists of the machine are absent or old. A stub of
//! apt-get behaves as the real one then.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Stands in for apt-get, dpkg-query, dpkg-deb and id. It knows the packages `tomcat` and `nginx`. The folder in STATE
/// holds `lists` (`old` or `new`; no file: no lists), `installed`, `calls`, `archive` (`changing`: a version moves on
/// once more behind the next update) and `repositories` (`broken`: an update reports failure, in part).
const STUB: &str = r#"#!/bin/bash
printf '%s %s\n' "$(basename "$0")" "$*" >>"$STATE/calls"
lists=$(cat "$STATE/lists" 2>/dev/null)
packages=()
for word in "${@:2}"; do
    case $word in --*|-o|DPkg::*) ;; *) packages+=("$word") ;; esac
done
fetch() {
    for package in "${packages[@]}"; do
        case $lists:$package in
            new:tomcat|new:nginx) ;;
            old:tomcat) echo "E: Failed to fetch http://deb/${package}_1.deb  404  Not Found" >&2; exit 100 ;;
            old:nginx) ;;
            *) echo "E: Unable to locate package $package" >&2; exit 100 ;;
        esac
    done
}
case $(basename "$0") in
    id) echo "${USER_ID:-0}" ;;
    sleep) ;;
    dpkg-query) grep -qx "${!#}" "$STATE/installed" && printf installed ;;
    dpkg-deb) [[ -f $2 && $# -eq 3 ]] && mkdir -p "$3" && cp "$2" "$3/" ;;
    apt-get)
        case $1 in
            update)
                if [[ $(cat "$STATE/archive" 2>/dev/null) == changing ]]; then
                    rm "$STATE/archive"
                    echo old >"$STATE/lists"
                else
                    echo new >"$STATE/lists"
                fi
                [[ $(cat "$STATE/repositories" 2>/dev/null) != broken ]] || exit 100 ;;
            install) fetch; printf '%s\n' "${packages[@]}" >>"$STATE/installed" ;;
            download) fetch; touch "${packages[0]}_2_amd64.deb" ;;
        esac ;;
esac
"#;

/// A machine as far as tests/packages.sh can see.
struct Machine(PathBuf);

impl Machine {
    fn new(test: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join("run_sh")
            .join(test);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("bin")).unwrap();
        let stub = folder.join("bin/apt-get");
        fs::write(&stub, STUB).unwrap();
        fs::set_permissions(&stub, fs::Permissions::from_mode(0o755)).unwrap();
        for name in ["dpkg-query", "dpkg-deb", "id", "sleep"] {
            std::os::unix::fs::symlink("apt-get", folder.join("bin").join(name)).unwrap();
        }
        fs::write(folder.join("installed"), "").unwrap();
        Self(folder)
    }

    fn with(self, file: &str, content: &str) -> Self {
        fs::write(self.0.join(file), content).unwrap();
        self
    }

    /// Runs a command of tests/packages.sh as tests/run.sh does.
    fn run(&self, command: &str) -> Output {
        let path = std::env::var("PATH").unwrap();
        Command::new("bash")
            .arg("-c")
            .arg(format!(
                "set -euo pipefail; source tests/packages.sh; policy=$STATE/policy; {command} || exit 1"
            ))
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env("PATH", format!("{}:{path}", self.0.join("bin").display()))
            .env("STATE", &self.0)
            .output()
            .unwrap()
    }

    /// The same, where it must succeed.
    fn succeeds(&self, command: &str) {
        let output = self.run(command);
        assert!(
            output.status.success(),
            "{output:?}\n{}",
            self.read("calls")
        );
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.0.join(file)).unwrap_or_default()
    }

    fn updates(&self) -> usize {
        self.read("calls").matches("apt-get update").count()
    }
}

#[test]
fn packages_are_installed_where_the_lists_are_absent_or_old() {
    for (lists, updates) in [("new", 0), ("old", 1), ("none", 1)] {
        let machine = Machine::new(&format!("install_{lists}")).with("lists", lists);
        machine.succeeds("install_packages nginx tomcat");
        assert_eq!(machine.read("installed"), "nginx\ntomcat\n", "{lists}");
        assert_eq!(machine.updates(), updates, "{lists}");
        machine.succeeds("install_packages nginx tomcat");
        assert_eq!(
            machine.read("calls").matches("apt-get install").count(),
            1 + updates
        );
    }
}

#[test]
fn a_version_that_moves_on_during_the_update_is_asked_for_once_more() {
    let machine = Machine::new("changing")
        .with("lists", "old")
        .with("archive", "changing");
    machine.succeeds("install_packages tomcat");
    assert_eq!(machine.updates(), 2);
}

#[test]
fn a_repository_that_cannot_be_reached_does_not_keep_packages_of_others_away() {
    let machine = Machine::new("broken")
        .with("lists", "old")
        .with("repositories", "broken");
    machine.succeeds("install_packages tomcat");
    machine.succeeds("unpack_packages $STATE/unpacked tomcat");
}

#[test]
fn a_package_that_nobody_has_is_named_and_the_others_are_installed() {
    let machine = Machine::new("unknown");
    let output = machine.run("install_packages tomcat unheard-of nginx");
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.ends_with("these packages cannot be installed: unheard-of\n"),
        "{said}"
    );
    assert_eq!(machine.read("installed"), "tomcat\nnginx\n");

    let output = machine.run("unpack_packages $STATE/unpacked unheard-of");
    assert!(!output.status.success());
}

#[test]
fn servers_are_unpacked_where_the_lists_are_old_and_an_earlier_run_was_interrupted() {
    let machine = Machine::new("unpack").with("lists", "old");
    fs::create_dir_all(machine.0.join("unpacked/.new")).unwrap();
    let machine = machine.with("unpacked/.new/tomcat_1_amd64.deb", "");
    machine.succeeds("unpack_packages $STATE/unpacked tomcat nginx");
    for file in ["tomcat/tomcat_2_amd64.deb", "nginx/nginx_2_amd64.deb"] {
        assert!(machine.0.join("unpacked").join(file).exists(), "{file}");
    }
    assert!(!machine.0.join("unpacked/.new").exists());
    assert_eq!(machine.updates(), 1);
}

#[test]
fn services_stay_down_while_packages_are_installed_and_only_then() {
    let machine = Machine::new("policy");
    machine.succeeds("install_packages nginx && test -x $STATE/policy");
    assert!(!machine.0.join("policy").exists());
}

#[test]
fn without_root_the_command_to_run_is_said() {
    let machine = Machine::new("user");
    let output = machine.run("export USER_ID=1000; install_packages nginx");
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("as root, run: apt-get install") && said.contains("nginx"),
        "{said}"
    );
    assert_eq!(machine.read("installed"), "");
}
