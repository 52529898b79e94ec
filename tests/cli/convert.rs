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

/// The example of docs/leaving-httpd.md, with the blocks of the section about --explain.
fn example() -> (Scratch, String) {
    let page = std::fs::read_to_string("docs/leaving-httpd.md").unwrap();
    let (_, behind) = page.split_once("```apache\n").unwrap();
    let scratch = Scratch::new("convert-example");
    scratch.write("httpd.conf", behind.split_once("```").unwrap().0);
    (scratch, page)
}

#[test]
fn explain_prints_what_old_and_new_do_as_in_the_documents() {
    let (scratch, page) = example();
    let (_, section) = page.split_once("## What one URL meets").unwrap();
    let block = |kind: &str| {
        let (_, behind) = section.split_once(&format!("```{kind}\n")).unwrap();
        behind.split_once("```").unwrap().0
    };
    let words: Vec<&str> = block("sh")
        .split_whitespace()
        .filter(|it| *it != "\\")
        .collect();
    let done = run(&mut ajpgate(scratch.path(), &words[1..]));
    assert_eq!(done.stdout, block("text"), "{done:?}");
    assert_eq!((done.code, done.stderr.as_str()), (Some(1), ""));
}

#[test]
fn explain_exits_with_0_only_where_both_do_the_same_as_far_as_a_url_says_it() {
    let (scratch, _) = example();
    let code = |urls: &[&str]| {
        let urls = urls.iter().flat_map(|url| ["--explain", url]);
        let arguments: Vec<&str> = urls.collect();
        converted(&scratch, &arguments).code
    };
    assert_eq!(code(&["/shop/cart"]), Some(0));
    assert_eq!(code(&["/shop/cart", "/reports"]), Some(1));
    assert_eq!(code(&["ftp://shop.example.com/"]), Some(2));
    assert_eq!(code(&["shop"]), Some(2));
    scratch.write(
        "httpd.conf",
        "RewriteEngine On\nRewriteCond %{HTTP_COOKIE} beta\nRewriteRule ^/ https://beta.example.com/ [R]\n\
         ProxyPass / ajp://127.0.0.1:8009/\n",
    );
    let done = converted(&scratch, &["--explain", "/"]);
    assert_eq!(done.code, Some(1), "{done:?}");
    let unless = "  same    unless one of these decides:\n          httpd.conf:3: RewriteRule";
    assert!(done.stdout.contains(unless), "{done:?}");
}

#[test]
fn explain_needs_neither_the_files_of_users_nor_the_folders_of_the_old_server() {
    let scratch = Scratch::new("convert-absent");
    scratch.write(
        "httpd.conf",
        "DocumentRoot /nowhere/site\nProxyPass /site !\nProxyPass / ajp://127.0.0.1:8009/\n<Location /admin>\n\
         AuthType Basic\nAuthUserFile /nowhere/users\nRequire valid-user\n</Location>\n",
    );
    let urls = ["--explain", "/site/a.css", "--explain", "/admin"];
    let done = converted(&scratch, &urls);
    assert_eq!(done.code, Some(0), "{done:?}");
    let file = "  new     the file /nowhere/site/site/a.css, if it is there\n";
    assert!(done.stdout.contains(file), "{done:?}");
    assert!(done.stdout.contains("  new     401: "), "{done:?}");
}

#[test]
fn explain_knows_a_single_file_that_is_here() {
    let scratch = Scratch::new("convert-single-file");
    scratch.write("site/robots.txt", "User-agent: *\n");
    let root = scratch.path().join("site");
    scratch.write(
        "httpd.conf",
        &format!(
            "DocumentRoot {}\nProxyPass /robots.txt !\nProxyPass / ajp://127.0.0.1:8009/\n",
            root.display()
        ),
    );
    let done = converted(&scratch, &["--explain", "/robots.txt"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    let file = format!("  new     the file {}/robots.txt, ", root.display());
    assert!(done.stdout.contains(&file), "{done:?}");
}

#[test]
fn explain_compares_the_rules_of_mod_jk() {
    let scratch = Scratch::new("convert-explain-jk");
    scratch.write(
        "workers.properties",
        "worker.list=a,b\nworker.a.host=10.0.0.1\nworker.b.host=10.0.0.2\nworker.a.secret=Top\n",
    );
    scratch.write("map.properties", "/app/*=a\n/app/x/*=b\n!/app/x/y/*=b\n");
    let files = [
        "--workers",
        "workers.properties",
        "--uriworkermap",
        "map.properties",
    ];
    let mut command = ajpgate(scratch.path(), &["convert"]);
    let done = run(command
        .args(files)
        .args(["--explain", "/app/x/z"])
        .args(["--explain", "/app/x/y/z"]));
    assert_eq!(done.code, Some(0), "{done:?}");
    let both = "/app/x/z\n  old     sends /app/x/z to the worker b (ajp://10.0.0.2:8009)\n          \
                map.properties:2: the rule /app/x/* for the worker b\n  new     sends /app/x/z to ajp://10.0.0.2:8009\n";
    assert!(done.stdout.starts_with(both), "{done:?}");
    let excluded = "          map.properties:3: /app/x/y/* is taken away from b\n  new     404: an exclusion covers the path\n          \
                    line 5: - { path: /app/x/y, exclude: true }\n  same\n";
    assert!(done.stdout.ends_with(excluded), "{done:?}");
}

#[test]
fn a_report_is_written_as_a_whole_and_over_nothing_but_a_report() {
    let scratch = scratch();
    let arguments = ["--server-root", "root", "--report", "report.html"];
    let done = converted(&scratch, &arguments);
    assert_eq!(done.code, Some(0), "{done:?}");
    let page = std::fs::read_to_string(scratch.path().join("report.html")).unwrap();
    assert!(
        page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>\n"),
        "{page}"
    );
    assert!(
        page.contains("secret=…") && !page.contains("Top") && !page.contains("<script"),
        "{page}"
    );
    assert!(page.contains("root/conf.d/ldap.conf"), "{page}");
    // Once more: over the first one, and with the same text.
    assert_eq!(converted(&scratch, &arguments).code, Some(0));
    assert_eq!(
        std::fs::read_to_string(scratch.path().join("report.html")).unwrap(),
        page
    );
    scratch.write("notes.txt", "mine\n");
    for (file, why) in [
        ("httpd.conf", "it is one of the files that were read"),
        (
            "./root/conf.d/ldap.conf",
            "it is one of the files that were read",
        ),
        ("notes.txt", "it is there, and is no report"),
        ("root", "it is no file"),
        ("none/report.html", "No such file or directory"),
    ] {
        let done = converted(&scratch, &["--server-root", "root", "--report", file]);
        assert_eq!((done.code, done.stdout.as_str()), (Some(1), ""), "{done:?}");
        assert!(
            done.stderr.starts_with(&format!("ajpgate: {file}: ")),
            "{done:?}"
        );
        assert!(done.stderr.contains(why), "{done:?}");
    }
    let main = std::fs::read_to_string(scratch.path().join("httpd.conf")).unwrap();
    assert_eq!(main, MAIN);
    let left = std::fs::read_dir(scratch.path()).unwrap();
    assert!(
        left.into_iter()
            .all(|it| !it.unwrap().file_name().to_string_lossy().ends_with(".new"))
    );
}

#[test]
fn nothing_is_said_about_lines_of_no_concern_where_there_are_none() {
    let scratch = Scratch::new("convert-nothing");
    scratch.write(
        "httpd.conf",
        "Listen 80\nProxyPass / ajp://127.0.0.1:8009/\n",
    );
    assert_eq!(converted(&scratch, &[]).stderr, "");
}
