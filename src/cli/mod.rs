//! The commands of the program.

mod check;
mod demo;
mod explain;
mod node;
mod ping;
mod run;
mod signals;
mod tls_files;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use tokio::runtime::{Builder, Runtime};

/// Failed while running.
const FAILED: u8 = 1;

/// Wrong usage or bad configuration; nothing was bound.
const BAD_USAGE: u8 = 2;

/// Where `run` and `check` look when no file is named and `AJPGATE_CONFIG` is not set.
const CONFIG_FILES: [&str; 2] = ["./ajpgate.yaml", "/etc/ajpgate/ajpgate.yaml"];

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
    /// Run a gateway with two embedded AJP13 nodes: needs nothing but this program
    Demo(demo::Arguments),
    /// Read a configuration and name every problem in it
    Check(ConfigArgument),
    /// Say where a request would go, and why, without sending anything
    Explain(explain::Arguments),
    /// Send CPING to an AJP13 connector and time its CPONG
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
}

#[derive(Debug, clap::Args)]
struct ConfigArgument {
    /// Configuration file [default: $AJPGATE_CONFIG, ./ajpgate.yaml, /etc/ajpgate/ajpgate.yaml]
    #[arg(short, long = "config", value_name = "FILE")]
    config: Option<PathBuf>,
}

impl ConfigArgument {
    /// The file to read.
    fn path(&self) -> PathBuf {
        if let Some(path) = &self.config {
            return path.clone();
        }
        if let Some(path) = std::env::var_os("AJPGATE_CONFIG").filter(|path| !path.is_empty()) {
            return path.into();
        }
        let found = CONFIG_FILES.iter().find(|path| Path::new(path).exists());
        PathBuf::from(found.unwrap_or(&CONFIG_FILES[0]))
    }
}

/// Runs the command that the arguments name.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors, and go to standard output.
            let code = if error.use_stderr() { BAD_USAGE } else { 0 };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    let done = match cli.command {
        Command::Run(config) => run::run(&config.path()),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Check(config) => Ok(check::run(&config.path())),
        Command::Explain(arguments) => explain::run(&arguments),
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
        eprintln!("ajpgate: {error:#}");
        ExitCode::from(FAILED)
    })
}

/// Prints a text. A reader that has seen enough is no failure.
fn print(text: &str) -> anyhow::Result<ExitCode> {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// One thread for each core; a single core needs no others beside the first.
fn runtime() -> std::io::Result<Runtime> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut builder = if cores == 1 {
        Builder::new_current_thread()
    } else {
        Builder::new_multi_thread()
    };
    builder.enable_all().build()
}

/// An address that may be written as a port alone.
fn parse_bind(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .or_else(|_| format!("127.0.0.1:{}", text.trim_start_matches(':')).parse())
        .map_err(|_| "expected ADDRESS:PORT, for example 127.0.0.1:8009".to_owned())
}
