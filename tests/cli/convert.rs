//! `ajpgate convert`: what it prints, where, and with which exit code.

use crate::support::Scratch;
use crate::support::program::{Done, ajpgate, run};

/// A server with a secret, an included file and a line that has no counterpart.
const MAIN: &str = "\
Listen 8080
LoadModule proxy_module modules/mod_proxy.so
<Proxy balancer://shop>
  BalancerMember ajp://127.0.0.1:8009 route=n1 secret=Top
</Proxy>
Include conf.d/*.conf
ProxyPass / balancer://shop/ stickysession=JSESSIONID
";

fn converted(scratch: &Scratch, arguments: &[&str]) -> Done {
    let mut command = ajpgate(scratch.path(), &["convert", "--httpd", "httpd.conf"]);
    run(command.args(arguments))
}

fn scratch() -> Scratch {
    let scratch = Scratch::new("convert");
    scratch.write("httpd.conf", MAIN);
    let included = "<Location /ldap>\n  Require ldap-user ann\n</Location>\n";
    scratch.write("root/conf.d/ldap.conf", included);
    scratch
}

#[test]
fn yaml_goes_to_standard_output_and_what_could_not_be_turned_to_standard_error() {
    let scratch = scratch();
    let done = converted(&scratch, &["--server-root", "root"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.stdout.contains("secret: Top"), "{done:?}");
    let lines: Vec<&str> = done.stderr.lines().collect();
    let named = "root/conf.d/ldap.conf:2: the paths that it guards are closed for everybody (403): \
                 Require ldap-user ann has no counterpart";
    assert_eq!(lines, [named, "1 line about modules and processes"]);
    scratch.write("new.yaml", &done.stdout);
    let checked = run(&mut ajpgate(scratch.path(), &["check", "-c", "new.yaml"]));
    assert_eq!(checked.code, Some(0), "{checked:?}");
}

#[test]
fn strict_fails_when_a_line_could_not_be_turned() {
    let scratch = scratch();
    let strict = ["--server-root", "root", "--strict"];
    assert_eq!(converted(&scratch, &strict).code, Some(1));
    scratch.write(
        "httpd.conf",
        "Listen 80\nProxyPass / ajp://127.0.0.1:8009/\n",
    );
    assert_eq!(converted(&scratch, &strict).code, Some(0));
}

#[test]
fn a_file_that_cannot_be_read_is_named_with_the_line_that_wants_it() {
    let scratch = scratch();
    let done = converted(&scratch, &["--server-root", "elsewhere"]);
    assert_eq!((done.code, done.stdout.as_str()), (Some(2), ""), "{done:?}");
    assert!(
        done.stderr
            .starts_with("httpd.conf:6: Include conf.d/*.conf: "),
        "{done:?}"
    );
}

#[test]
fn secrets_go_into_environment_variables() {
    let scratch = scratch();
    let done = converted(&scratch, &["--server-root", "root", "--secrets", "env"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(
        done.stdout.contains("secret: \"${AJP_SECRET}\""),
        "{done:?}"
    );
    assert!(
        done.stderr
            .contains("httpd.conf:4: set AJP_SECRET to its secret\n"),
        "{done:?}"
    );
    assert!(
        !done.stdout.contains("Top") && !done.stderr.contains("Top"),
        "{done:?}"
    );
    scratch.write("new.yaml", &done.stdout);
    let mut check = ajpgate(scratch.path(), &["check", "-c", "new.yaml"]);
    let checked = run(check.env("AJP_SECRET", "Top"));
    assert_eq!(checked.code, Some(0), "{checked:?}");
}
