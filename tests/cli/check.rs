//! `ajpgate check`, and the files that it and `run` look for.

use insta::assert_snapshot;

use crate::support::program::{Done, ajpgate, run};
use crate::support::{Scratch, of_the_repository};

/// Three problems: a word, a name and an address.
const BAD: &str = "\
listeners:
  - bind: 127.0.0.1:0
balancers:
  shop:
    lbmethod: byrequest
    members:
      - { url: \"ajp://127.0.0.1:8009\", roote: node1 }
proxy_pass:
  - { path: /, to: \"balancer://shop/\" }
access_log: { format: combined, path: stdout }
shutdown_timeout: soon
";

const GOOD: &str = "\
listeners: [{ bind: \"127.0.0.1:0\" }]
balancers: { b: { members: [{ url: \"ajp://127.0.0.1:8009\" }] } }
proxy_pass: [{ path: /, to: \"balancer://b/\" }]
";

fn check(scratch: &Scratch, arguments: &[&str]) -> Done {
    run(ajpgate(scratch.path(), &["check"]).args(arguments))
}

#[test]
fn the_documented_examples_are_valid() {
    for name in ["smallest", "complete"] {
        let file = of_the_repository(&format!("config/examples/{name}.yaml"));
        let file = file.to_str().unwrap();
        let scratch = Scratch::new("check");
        let mut command = ajpgate(scratch.path(), &["check", "-c", file]);
        for variable in ["AJP_SECRET", "FTP_PASSWORD", "ADMIN_PASSWORD"] {
            command.env(variable, "s3cret");
        }
        let done = run(&mut command);
        assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""), "{done:?}");
        assert!(
            done.stdout.ends_with(&format!("{file}: fine\n")),
            "{done:?}"
        );
    }
}

#[test]
fn a_variable_that_is_not_set_is_a_problem_at_its_line() {
    let file = of_the_repository("config/examples/smallest.yaml");
    let scratch = Scratch::new("check");
    let done = check(&scratch, &["-c", file.to_str().unwrap()]);
    assert_eq!(done.code, Some(2), "{done:?}");
    let line = format!("{}:9:", file.display());
    assert!(done.stdout.starts_with(&line), "{done:?}");
    assert!(done.stdout.contains("AJP_SECRET"), "{done:?}");
}

#[test]
fn every_problem_of_a_file_has_its_place_its_line_and_a_hint() {
    let scratch = Scratch::new("check");
    scratch.write("bad.yaml", BAD);
    let done = check(&scratch, &["-c", "bad.yaml"]);
    assert_eq!((done.code, done.stderr.as_str()), (Some(2), ""), "{done:?}");
    assert_snapshot!(done.stdout, @r#"
    bad.yaml:5:15: lbmethod: "byrequest" is not byrequests, bytraffic, bybusyness, heartbeat, leastlatency or sessions
     5 |     lbmethod: byrequest
       |               ^^^^^^^^^
    hint: did you mean `byrequests`?

    bad.yaml:7:40: members[0]: unknown key "roote"
     7 |       - { url: "ajp://127.0.0.1:8009", roote: node1 }
       |                                        ^^^^^
    hint: did you mean `route`?

    bad.yaml:11:19: shutdown_timeout: "soon" is not a duration
     11 | shutdown_timeout: soon
        |                   ^^^^
    hint: durations are written 250ms, 5s, 2m, 1h or 1d; a bare number is seconds
    "#);
}

#[test]
fn each_bad_file_of_testdata_is_refused_with_lines_of_the_documented_form() {
    let folder = of_the_repository("testdata/config/bad");
    let scratch = Scratch::new("check");
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        files += 1;
        let file = path.to_str().unwrap();
        let done = check(&scratch, &["-c", file]);
        assert_eq!((done.code, done.stderr.as_str()), (Some(2), ""), "{done:?}");
        let headlines = done.stdout.lines().filter(|line| is_headline(line, file));
        assert!(headlines.count() > 0, "{done:?}");
    }
    assert!(files >= 40, "{files}");
}

/// Whether a line is `file:line:column: what is wrong`.
fn is_headline(line: &str, file: &str) -> bool {
    let mut parts = line
        .strip_prefix(file)
        .and_then(|rest| rest.strip_prefix(':'))
        .unwrap_or_default()
        .splitn(3, ':');
    let mut number = || parts.next().is_some_and(|part| part.parse::<u32>().is_ok());
    number() && number() && parts.next().is_some_and(|what| what.len() > 2)
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let scratch = Scratch::new("check");
    scratch.folder("folder");
    for (name, why) in [
        ("nowhere.yaml", "No such file or directory"),
        ("folder", "Is a directory"),
    ] {
        let done = check(&scratch, &["-c", name]);
        assert_eq!(done.code, Some(2), "{done:?}");
        let expected = format!("{name}:1:1: cannot read the file: {why}");
        assert!(done.stdout.starts_with(&expected), "{done:?}");
    }
}

/// `-c` comes before `$AJPGATE_CONFIG`, which comes before `./ajpgate.yaml`.
#[test]
fn the_file_is_that_of_the_option_then_of_the_environment_then_of_the_folder() {
    let scratch = Scratch::new("check");
    for name in ["named.yaml", "environment.yaml", "ajpgate.yaml"] {
        scratch.write(name, GOOD);
    }
    let fine = |arguments: &[&str], variable: Option<&str>| {
        let mut command = ajpgate(scratch.path(), &["check"]);
        command.args(arguments);
        command.envs(variable.map(|value| ("AJPGATE_CONFIG", value)));
        let done = run(&mut command);
        assert_eq!(done.code, Some(0), "{done:?}");
        done.stdout
    };
    let environment = Some("environment.yaml");
    assert_eq!(
        fine(&["-c", "named.yaml"], environment),
        "named.yaml: fine\n"
    );
    assert_eq!(
        fine(&["--config", "named.yaml"], None),
        "named.yaml: fine\n"
    );
    assert_eq!(fine(&[], environment), "environment.yaml: fine\n");
    assert_eq!(fine(&[], None), "./ajpgate.yaml: fine\n");
    assert_eq!(fine(&[], Some("")), "./ajpgate.yaml: fine\n");
}

#[test]
fn a_missing_file_named_by_the_environment_is_an_error() {
    let scratch = Scratch::new("check");
    scratch.write("ajpgate.yaml", GOOD);
    let done = run(ajpgate(scratch.path(), &["check"]).env("AJPGATE_CONFIG", "gone.yaml"));
    assert_eq!(done.code, Some(2), "{done:?}");
    assert!(done.stdout.starts_with("gone.yaml:1:1: "), "{done:?}");
}

#[test]
fn files_that_are_no_directory_are_a_problem_at_their_line() {
    let scratch = Scratch::new("check-files");
    scratch.write("a-file", "");
    std::fs::create_dir(scratch.path().join("www")).unwrap();
    scratch.write(
        "ajpgate.yaml",
        "listeners: [{ bind: \"127.0.0.1:0\" }]
proxy_pass:
  - { path: /good, files: www }
  - { path: /none, files: nowhere }
  - { path: /file, files: a-file }
",
    );
    let done = check(&scratch, &["-c", "ajpgate.yaml"]);
    assert_eq!(done.code, Some(2), "{done:?}");
    for problem in [
        "ajpgate.yaml:4:20: files: nowhere: No such file or directory",
        "ajpgate.yaml:5:20: files: a-file: Not a directory",
        "for one file write `respond: { file: FILE }`",
    ] {
        assert!(done.stdout.contains(problem), "{problem}: {done:?}");
    }
    assert!(!done.stdout.contains("www"), "{done:?}");
    let done = run(ajpgate(scratch.path(), &["run"]).args(["-c", "ajpgate.yaml"]));
    assert_eq!(done.code, Some(2), "{done:?}");
    assert!(
        done.stderr.contains("ajpgate.yaml:4:20: files:"),
        "{done:?}"
    );
}

/// Mappings with files that are wrong, each in its way.
const FILES: &str = "  - { path: /files, files: nowhere }
  - { path: /a, to: \"ajp://h\", auth: { basic: { users: users } } }
  - { path: /b, to: \"ajp://h\", auth: { basic: { users: folder } } }
  - { path: /c, to: \"ajp://h\", auth: { basic: { users: nowhere } } }
  - { path: /d, to: \"ajp://h\", auth: { basic: { users: nobody } } }
";

/// Before, one mistake in the configuration hid everything that is wrong with the files, and one bad file the missing ones.
#[test]
fn the_files_are_looked_at_whatever_else_is_wrong() {
    let scratch = Scratch::new("check");
    scratch.write("users", "anna:plain\nbert\n");
    scratch.write("nobody", "# none yet\n");
    scratch.folder("folder");
    let head = "\
listeners:
  - { bind: nonsense }
  - { bind: \"127.0.0.1:0\" }
proxy_pass:
";
    scratch.write(
        "bad.yaml",
        &format!("{head}  - {{ path: nonsense, to: \"ajp://h\" }}\n{FILES}"),
    );
    let done = check(&scratch, &["-c", "bad.yaml"]);
    assert_eq!(done.code, Some(2), "{done:?}");
    assert_snapshot!(headlines(&done.stdout), @r#"
    bad.yaml:2:13: bind: "nonsense" is not an address with a port
    bad.yaml:5:13: path: "nonsense" does not start with a slash
    bad.yaml:6:21: files: nowhere: No such file or directory (os error 2)
    bad.yaml:7:49: users: users:1: crypt or a password without a hash is not taken: write the line with `htpasswd -B`, which makes bcrypt
    bad.yaml:7:49: users: users:2: there is no `:` behind the name of the user
    bad.yaml:8:49: users: cannot read folder: it is not a file
    bad.yaml:9:49: warning: users: cannot read nowhere: No such file or directory (os error 2)
    "#);
    let good = head.replace("  - { bind: nonsense }\n", "");
    scratch.write("bad.yaml", &format!("{good}{FILES}"));
    let done = check(&scratch, &["-c", "bad.yaml"]);
    assert_eq!(done.code, Some(2), "{done:?}");
    assert_snapshot!(headlines(&done.stdout), @r"
    bad.yaml:4:21: files: nowhere: No such file or directory (os error 2)
    bad.yaml:5:49: users: users:1: crypt or a password without a hash is not taken: write the line with `htpasswd -B`, which makes bcrypt
    bad.yaml:5:49: users: users:2: there is no `:` behind the name of the user
    bad.yaml:6:49: users: cannot read folder: it is not a file
    bad.yaml:7:49: warning: users: cannot read nowhere: No such file or directory (os error 2)
    ");
    // `run` refuses them all at once.
    let done = run(&mut ajpgate(scratch.path(), &["run", "-c", "bad.yaml"]));
    assert_eq!(done.code, Some(2), "{done:?}");
    assert_snapshot!(headlines(&done.stderr), @r"
    bad.yaml:4:21: files: nowhere: No such file or directory (os error 2)
    bad.yaml:5:49: users: users:1: crypt or a password without a hash is not taken: write the line with `htpasswd -B`, which makes bcrypt
    bad.yaml:5:49: users: users:2: there is no `:` behind the name of the user
    bad.yaml:6:49: users: cannot read folder: it is not a file
    bad.yaml:7:49: users: cannot read nowhere: No such file or directory (os error 2)
    ");
    // A file that is not here may be where the gateway runs.
    let fine = FILES.lines().skip(3).collect::<Vec<_>>().join("\n");
    scratch.write("bad.yaml", &format!("{good}{fine}\n"));
    let done = check(&scratch, &["-c", "bad.yaml"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert_snapshot!(headlines(&done.stdout), @r"
    bad.yaml:4:32: warning: auth: Tomcat asks for users itself unless the AJP connectors of ajp://h say otherwise
    bad.yaml:4:49: warning: users: cannot read nowhere: No such file or directory (os error 2)
    bad.yaml:5:49: warning: users: nobody has no users
    bad.yaml: fine
    ");
}

/// The lines that say what is wrong, without those of the file and the hints.
fn headlines(text: &str) -> String {
    let lines = text.lines().filter(|line| line.starts_with("bad.yaml:"));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn what_tomcat_has_to_be_told_has_the_attributes_of_all_mappings_of_a_target() {
    let scratch = Scratch::new("reminders");
    let file = "listeners: [{ bind: \"127.0.0.1:0\" }]
trusted_proxies: [127.0.0.1]
balancers:
  shop: { members: [{ url: \"ajp://h\" }] }
proxy_pass:
  - { path: /a, to: \"balancer://shop/\", request_attributes: { org.example.tenant: \"%{X-Org}i\" } }
  - { path: /b, to: \"balancer://shop/\", auth: { header: { user: X-U, attributes: { mail: X-M } } } }
  - { path: /c, to: \"balancer://shop/\", auth: { header: { user: X-U, attributes: { mail: X-M, groups: X-G } } } }
  - { path: /d, to: \"ajp://i\", auth: { header: { user: X-U } } }
  - { path: /e, to: \"http://j\", auth: { header: { user: X-U, attributes: { mail: X-M } } } }
  - { path: /f, to: \"ajp://k\", request_attributes: { own: \"1\" } }
";
    scratch.write("ajpgate.yaml", file);
    let done = check(&scratch, &[]);
    assert_eq!(done.code, Some(0), "{done:?}");
    let told = done.stdout.lines().filter(|line| {
        line.contains("tomcatAuthentication") || line.contains("unless the AJP connectors")
    });
    assert_snapshot!(told.collect::<Vec<_>>().join("\n"), @r#"
    ./ajpgate.yaml:7:41: warning: auth: Tomcat asks for users itself unless the AJP connectors of "shop" say otherwise
    hint: set tomcatAuthentication="false" on them in conf/server.xml, and allowedRequestAttributesPattern="org\.example\.tenant|mail|groups"
    ./ajpgate.yaml:9:32: warning: auth: Tomcat asks for users itself unless the AJP connectors of ajp://i say otherwise
    hint: set tomcatAuthentication="false" on them in conf/server.xml
    "#);
}

#[test]
fn a_list_of_members_that_cannot_be_read_is_a_warning_with_its_place() {
    let scratch = Scratch::new("member-lists");
    let list = "- { url: \"ajp://127.0.0.1:1\" }\n- { url: \"ajp://127.0.0.1:2\", rout: b }\n";
    scratch.write("members.yaml", list);
    let file = "listeners: [{ bind: \"127.0.0.1:0\" }]
balancers:
  shop:
    discover: [{ file: members.yaml }]
proxy_pass: [{ path: /, to: \"balancer://shop/\" }]
";
    scratch.write("ajpgate.yaml", file);
    let done = check(&scratch, &[]);
    assert_eq!(done.code, Some(0), "{done:?}");
    let first = done.stdout.lines().next().unwrap();
    assert!(first.starts_with("./ajpgate.yaml:4:"), "{first}");
    assert!(
        first.contains("members.yaml:2:") && first.contains("rout"),
        "{first}"
    );
}

#[test]
fn a_member_of_a_list_whose_tls_cannot_be_read_is_a_warning() {
    let scratch = Scratch::new("member-lists-tls");
    let list = "- { url: \"https://127.0.0.1:1\", tls: { ca: ca.pem } }\n";
    scratch.write("members.yaml", list);
    let file = "listeners: [{ bind: \"127.0.0.1:0\" }]
balancers:
  shop:
    discover: [{ file: members.yaml }]
proxy_pass: [{ path: /, to: \"balancer://shop/\" }]
";
    scratch.write("ajpgate.yaml", file);
    let done = check(&scratch, &[]);
    assert_eq!(done.code, Some(0), "{done:?}");
    let first = done.stdout.lines().next().unwrap();
    assert!(first.starts_with("./ajpgate.yaml:4:"), "{first}");
    assert!(first.contains("https://127.0.0.1:1: tls: "), "{first}");
}

/// The system refuses two sockets of which one takes the connections of both.
#[test]
fn addresses_that_cannot_stand_beside_each_other_are_refused() {
    let scratch = Scratch::new("check");
    for (listeners, admin, line, said) in [
        (
            "[{ bind: \"[::1]:8080\" }, { bind: \"[::]:8080\" }]",
            "off",
            1,
            "bind: [::]:8080 cannot stand beside [::1]:8080",
        ),
        (
            "[{ bind: \"[::]:9404\" }]",
            "{ bind: \"[::1]:9404\" }",
            2,
            "the admin listener at [::1]:9404 cannot stand beside [::]:9404",
        ),
    ] {
        let file = GOOD.replace(
            "listeners: [{ bind: \"127.0.0.1:0\" }]\n",
            &format!("listeners: {listeners}\nadmin: {admin}\n"),
        );
        scratch.write("ajpgate.yaml", &file);
        let done = check(&scratch, &[]);
        assert_eq!(done.code, Some(2), "{done:?}");
        assert!(
            done.stdout.contains(&format!("ajpgate.yaml:{line}:")),
            "{done:?}"
        );
        assert!(done.stdout.contains(said), "{done:?}");
    }
}

/// Files that the gateway writes may be on another machine, so their folders are a warning.
#[test]
fn files_that_cannot_be_written_are_doubted() {
    let scratch = Scratch::new("check");
    let more = "access_log: { path: no/where.log }\nadmin: { bind: \"127.0.0.1:0\", state_file: ajpgate.yaml/state.json }\n";
    scratch.write("ajpgate.yaml", &format!("{GOOD}{more}"));
    let done = check(&scratch, &[]);
    assert_eq!(done.code, Some(0), "{done:?}");
    for said in [
        "ajpgate.yaml:4:",
        "warning: access_log: ",
        "no/where.log cannot be written: its folder is not there",
        "ajpgate.yaml:5:",
        "warning: state_file: ",
        "state.json cannot be written: its folder is not there",
    ] {
        assert!(done.stdout.contains(said), "{said}: {done:?}");
    }
}
