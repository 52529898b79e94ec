//! Help, version, wrong usage, and the files that are generated for shells and editors.

use insta::assert_snapshot;

use crate::support::Scratch;
use crate::support::program::{Done, ajpgate, run};

fn type_in(arguments: &[&str]) -> Done {
    let scratch = Scratch::new("usage");
    run(&mut ajpgate(scratch.path(), arguments))
}

/// The output of a command that succeeds.
fn printed(arguments: &[&str]) -> String {
    let done = type_in(arguments);
    assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""), "{done:?}");
    done.stdout
}

/// The message of a command that is wrong usage.
fn refused(arguments: &[&str]) -> String {
    let done = type_in(arguments);
    assert_eq!((done.code, done.stdout.as_str()), (Some(2), ""), "{done:?}");
    done.stderr
}

#[test]
fn the_version_is_that_of_the_package() {
    let version = concat!("ajpgate ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(printed(&["--version"]), version);
    assert_eq!(printed(&["-V"]), version);
}

#[test]
fn help_names_every_command() {
    let help = printed(&["--help"]);
    assert_snapshot!(help, @r#"
    A Tomcat connector gateway: HTTP in front, AJP13 to the cluster, sticky by jvmRoute

    Usage: ajpgate <COMMAND>

    Commands:
      run          Run the gateway
      demo         Run a gateway with two embedded AJP13 nodes; no Tomcat is needed
      check        Read a configuration and print every problem in it
      explain      Tell where a request would go, and why, without sending anything
      convert      Turn the configuration of an Apache httpd into this program's YAML
      status       Show the balancers and members of a running gateway
      drain        Give a member no new sessions, until it can be stopped
      set          Change settings of a member of a running gateway
      reload       Let a running gateway read its configuration again
      ping         Send CPING to an AJP13 connector and measure the time to its CPONG
      node         Run one embedded AJP13 node
      schema       Print the JSON Schema of the configuration, for editors
      completions  Print a completion script for a shell
      help         Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help
      -V, --version  Print version
    "#);
    assert_eq!(help, printed(&["help"]));
}

#[test]
fn without_arguments_help_is_shown_and_it_is_wrong_usage() {
    assert_eq!(refused(&[]), printed(&["--help"]));
}

#[test]
fn each_command_explains_itself() {
    assert_snapshot!(printed(&["run", "--help"]), @r#"
    Run the gateway

    Usage: ajpgate run [OPTIONS]

    Options:
      -c, --config <FILE>  Configuration file [default: $AJPGATE_CONFIG, ./ajpgate.yaml,
                           /etc/ajpgate/ajpgate.yaml]
      -h, --help           Print help
    "#);
    assert_snapshot!(printed(&["check", "--help"]), @r#"
    Read a configuration and print every problem in it

    Usage: ajpgate check [OPTIONS]

    Options:
      -c, --config <FILE>  Configuration file [default: $AJPGATE_CONFIG, ./ajpgate.yaml,
                           /etc/ajpgate/ajpgate.yaml]
      -h, --help           Print help
    "#);
    assert_snapshot!(printed(&["demo", "--help"]), @r#"
    Run a gateway with two embedded AJP13 nodes; no Tomcat is needed

    Usage: ajpgate demo [OPTIONS]

    Options:
          --bind <ADDR>   Address for clients; if the port is taken, a free one is used. Default:
                          127.0.0.1:8080, with --tls 127.0.0.1:8443
          --tls           Speak TLS with a certificate made on the spot, which is gone with the demo
          --admin <ADDR>  Address for metrics, health and manager; if the port is taken, a free one is
                          used [default: 127.0.0.1:9404]
      -h, --help          Print help
    "#);
    assert_snapshot!(printed(&["node", "--help"]), @r#"
    Run one embedded AJP13 node

    Usage: ajpgate node [OPTIONS] --bind <ADDR> --route <NAME>

    Options:
          --bind <ADDR>   Address to listen on; port 0 means any free port
          --route <NAME>  The jvmRoute at the end of its session ids
          --secret <S>    The secret that every request must have [env: AJP_SECRET]
      -h, --help          Print help
    "#);
    assert_snapshot!(printed(&["ping", "--help"]), @r#"
    Send CPING to an AJP13 connector and measure the time to its CPONG

    Usage: ajpgate ping [OPTIONS] <ajp://HOST:PORT>

    Arguments:
      <ajp://HOST:PORT>  The connector

    Options:
          --secret <S>  Also send a request with this secret, because CPING needs none [env: AJP_SECRET]
      -n <N>            Number of pings [default: 4]
      -h, --help        Print help
    "#);
    assert_snapshot!(printed(&["schema", "--help"]), @r#"
    Print the JSON Schema of the configuration, for editors

    Usage: ajpgate schema

    Options:
      -h, --help  Print help
    "#);
    assert_snapshot!(printed(&["completions", "--help"]), @r#"
    Print a completion script for a shell

    Usage: ajpgate completions <SHELL>

    Arguments:
      <SHELL>  The shell [possible values: bash, elvish, fish, powershell, zsh]

    Options:
      -h, --help  Print help
    "#);
}

#[test]
fn an_unknown_argument_is_wrong_usage() {
    for (arguments, complaint) in [
        (&["rnu"][..], "unrecognized subcommand 'rnu'"),
        (&["--verbose"], "unexpected argument '--verbose'"),
        (&["run", "--port", "80"], "unexpected argument '--port'"),
        (
            &["run", "gateway.yaml"],
            "unexpected argument 'gateway.yaml'",
        ),
        (&["run", "-c"], "a value is required for '--config <FILE>'"),
        (&["demo", "--bind", "nowhere"], "expected ADDRESS:PORT"),
        (&["node", "--bind", "127.0.0.1:0"], "--route <NAME>"),
        (&["ping"], "<ajp://HOST:PORT>"),
        (
            &["ping", "-n", "0", "ajp://localhost"],
            "0 is not in 1..=1000",
        ),
        (&["completions", "cobol"], "invalid value 'cobol'"),
    ] {
        let said = refused(arguments);
        assert!(said.contains(complaint), "{arguments:?}: {said}");
    }
}

#[test]
fn a_misspelt_command_gets_a_suggestion() {
    assert!(refused(&["chekc"]).contains("'check'"));
}

#[test]
fn completions_name_every_command() {
    for (shell, begins) in [
        ("bash", "_ajpgate() {"),
        ("zsh", "#compdef ajpgate"),
        ("fish", "# Print an optspec for argparse"),
    ] {
        let script = printed(&["completions", shell]);
        assert!(script.starts_with(begins), "{shell}: {script}");
        for command in [
            "run",
            "demo",
            "check",
            "convert",
            "status",
            "drain",
            "set",
            "reload",
            "ping",
            "node",
            "schema",
            "completions",
        ] {
            assert!(script.contains(command), "{shell}: {command}");
        }
    }
}
