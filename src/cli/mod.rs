//! The commands of the program.

mod account_files;
mod api;
mod arguments;
mod check;
mod convert;
mod demo;
mod directories;
mod drain;
mod explain;
mod man;
mod member;
mod member_lists;
mod node;
mod obey;
mod ping;
mod process;
mod reload;
mod replace;
mod run;
mod set;
mod signals;
mod status;
mod terminal;
mod tls_files;
mod tomcat_reminders;
mod user_files;
mod written_files;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use self::arguments::ConfigArgument;
use self::process::{BAD_USAGE, FAILED, complain, print};

/// A Tomcat connector gateway: HTTP in front, AJP13 to the cluster, sticky by jvmRoute.
#[derive(Debug, Parser)]
#[command(name = "ajpgate", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gateway
    Run(ConfigArgument),
    /// Run a gateway with two embedded AJP13 nodes; no Tomcat is needed
    Demo(demo::Arguments),
    /// Read a configuration and print every problem in it
    Check(ConfigArgument),
    /// Tell where a request would go, and why, without sending anything
    Explain(explain::Arguments),
    /// Turn the configuration of an Apache httpd into this program's YAML
    Convert(convert::Arguments),
    /// Show the balancers and members of a running gateway
    Status(status::Arguments),
    /// Give a member no new sessions, until it can be stopped
    Drain(drain::Arguments),
    /// Change settings of a member of a running gateway
    Set(set::Arguments),
    /// Let a running gateway read its configuration again
    Reload(reload::Arguments),
    /// Send CPING to an AJP13 connector and measure the time to its CPONG
    Ping(ping::Arguments),
    /// Run one embedded AJP13 node
    Node(node::Arguments),
    /// Print the JSON Schema of the configuration, for editors
    Schema,
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write the pages of the manual into a folder, for packages
    #[command(hide = true)]
    Man(man::Arguments),
}

/// Runs the command that the arguments name.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version go to standard output and are no errors.
            let code = if error.use_stderr() { BAD_USAGE } else { 0 };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    let done = match cli.command {
        Command::Run(config) => run::run(&config.path()),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Check(config) => check::run(&config.path()),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Convert(arguments) => convert::run(&arguments),
        Command::Status(arguments) => status::run(&arguments),
        Command::Drain(arguments) => drain::run(&arguments),
        Command::Set(arguments) => set::run(&arguments),
        Command::Reload(arguments) => reload::run(&arguments),
        Command::Man(arguments) => man::run(&arguments, Cli::command()),
        Command::Ping(arguments) => ping::run(&arguments),
        Command::Node(arguments) => node::run(&arguments),
        Command::Schema => print(&check::schema()),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "ajpgate", &mut script);
            print(&String::from_utf8_lossy(&script))
        }
    };
    done.unwrap_or_else(|error| {
        complain(format_args!("ajpgate: {error:#}"));
        ExitCode::from(FAILED)
    })
}
