//! `ajpgate convert`: the configuration of an httpd or of mod_jk becomes this program's YAML.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ajpgate_config::convert::{Converted, Files, Wanted, convert};
use ajpgate_config::read_file;

use super::process::{BAD_USAGE, FAILED, print};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The main file of an httpd; what it includes is read too
    #[arg(long, value_name = "FILE", required_unless_present = "workers")]
    httpd: Option<PathBuf>,
    /// mod_jk's workers.properties; beside --httpd in place of its JkWorkersFile
    #[arg(long, value_name = "FILE")]
    workers: Option<PathBuf>,
    /// mod_jk's uriworkermap.properties; beside --httpd in place of its JkMountFile
    #[arg(long, value_name = "FILE")]
    uriworkermap: Option<PathBuf>,
    /// The folder that relative names in httpd's files start from [default: its ServerRoot, else the folder of FILE]
    #[arg(long, value_name = "DIR")]
    server_root: Option<PathBuf>,
    /// A name that <IfDefine> knows, as httpd's -D; may be repeated
    #[arg(short = 'D', long = "define", value_name = "NAME")]
    defined: Vec<String>,
    /// Exit with 1 when a line could not be turned
    #[arg(long)]
    strict: bool,
    /// Where secrets go: `env` writes ${NAME} and lists the names
    #[arg(long, value_name = "WHERE", default_value = "file")]
    secrets: Secrets,
}

/// Where secrets go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Secrets {
    /// Into the YAML
    File,
    /// Into environment variables
    Env,
}

/// Prints the YAML on standard output, and what has to be said about it on standard error.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let wanted = Wanted {
        httpd: arguments.httpd.clone(),
        workers: arguments.workers.clone(),
        uriworkermap: arguments.uriworkermap.clone(),
        server_root: arguments.server_root.clone(),
        defined: arguments.defined.clone(),
        secrets_from_environment: arguments.secrets == Secrets::Env,
    };
    let converted = match convert(&wanted, &Disk, &|name| std::env::var(name).ok()) {
        Ok(converted) => converted,
        Err(failure) => {
            eprintln!("{failure}");
            return Ok(ExitCode::from(BAD_USAGE));
        }
    };
    let written = print(&converted.written.text)?;
    remark(&converted);
    Ok(match arguments.strict && !converted.remarks.is_empty() {
        true => ExitCode::from(FAILED),
        false => written,
    })
}

/// The remarks, the names of secrets, and in the last line how many lines are no business of a gateway's.
fn remark(converted: &Converted) {
    for remark in &converted.remarks {
        eprintln!("{remark}");
    }
    for (name, origin) in &converted.secrets {
        eprintln!("{origin}: set {name} to its secret");
    }
    let lines = if converted.counted == 1 {
        "line"
    } else {
        "lines"
    };
    eprintln!("{} {lines} about modules and processes", converted.counted);
}

/// Largest file that is turned, in bytes.
const LARGEST: u64 = 64 << 20;

/// The files of this machine.
struct Disk;

impl Files for Disk {
    fn read(&self, file: &Path) -> Result<Vec<u8>, String> {
        read_file(file, LARGEST).map_err(|error| error.to_string())
    }

    fn names(&self, folder: &Path) -> Option<Vec<String>> {
        let entries = fs::read_dir(folder).ok()?;
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        Some(names.collect())
    }
}
