//! `ajpgate convert`: the configuration of an httpd or of mod_jk becomes this program's YAML.

mod compare;
mod explained;
mod report;
#[cfg(test)]
mod tests;
mod trial;
mod written;

use std::fs;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ajpgate_config::convert::{BadUser, Converted, Files, Wanted, convert};
use ajpgate_config::read_file;

use self::explained::Explained;
use self::trial::Trial;
use super::process::{BAD_USAGE, FAILED, complain, print};
use crate::identity;

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("old files").args(["httpd", "workers"]).required(true).multiple(true))]
pub(super) struct Arguments {
    /// The main file of an httpd; what it includes is read too
    #[arg(long, value_name = "FILE")]
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
    /// In place of the YAML, print what the old configuration does with this URL, what the new one does, and whether that is the
    /// same (else exit with 1); may be repeated
    #[arg(long, value_name = "URL", conflicts_with_all = ["strict", "secrets"])]
    explain: Vec<String>,
    /// Also write a page (HTML) that shows what became of each old line
    #[arg(long, value_name = "FILE", conflicts_with = "explain")]
    report: Option<PathBuf>,
    /// Address of the client that --explain is about
    #[arg(long, value_name = "ADDRESS", requires = "explain", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    from: IpAddr,
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
    let files = Disk {
        is_elsewhere: !arguments.explain.is_empty(),
    };
    let converted = match convert(&wanted, &files, &|name| std::env::var(name).ok()) {
        Ok(converted) => converted,
        Err(failure) => {
            complain(failure);
            return Ok(ExitCode::from(BAD_USAGE));
        }
    };
    if !arguments.explain.is_empty() {
        return Ok(explain(arguments, &converted));
    }
    if let Some(file) = &arguments.report
        && let Err(error) = write_report(file, &converted, arguments)
    {
        complain(format_args!("ajpgate: {error:#}"));
        return Ok(ExitCode::from(FAILED));
    }
    let written = print(&converted.written.text)?;
    remark(&converted);
    Ok(match arguments.strict && !converted.remarks.is_empty() {
        true => ExitCode::from(FAILED),
        false => written,
    })
}

/// Writes the report, which no old file may become.
fn write_report(file: &Path, converted: &Converted, arguments: &Arguments) -> anyhow::Result<()> {
    let read = converted
        .sources
        .iter()
        .map(|(name, _)| PathBuf::from(&**name));
    let named = [
        &arguments.httpd,
        &arguments.workers,
        &arguments.uriworkermap,
    ];
    let read: Vec<PathBuf> = read.chain(named.into_iter().flatten().cloned()).collect();
    written::write(file, &report::page(converted)?, &read)
}

/// Prints what old and new do with each URL. The exit code says whether that is the same for all of them.
fn explain(arguments: &Arguments, converted: &Converted) -> ExitCode {
    let explained = || -> anyhow::Result<bool> {
        let trial = Trial::of(&converted.written.text)?;
        let mut all_same = true;
        for url in &arguments.explain {
            let explained = Explained::of(converted, &trial, url, arguments.from)?;
            print(&converted.secrecy.hidden(&explained.to_string()))?;
            all_same &= explained.is_same();
        }
        Ok(all_same)
    };
    match explained() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(FAILED),
        Err(error) => {
            let reason = converted.secrecy.hidden(&format!("{error:#}"));
            complain(format_args!("ajpgate: {reason}"));
            ExitCode::from(BAD_USAGE)
        }
    }
}

/// The remarks, the names of secrets, and in the last line how many lines are no business of a gateway's, if there are any.
fn remark(converted: &Converted) {
    for remark in &converted.remarks {
        complain(converted.secrecy.hidden(&remark.to_string()));
    }
    for (name, origin) in &converted.secrets {
        complain(format_args!("{origin}: set {name} to its secret"));
    }
    match converted.counted {
        0 => {}
        1 => complain("1 line about modules and processes"),
        lines => complain(format_args!("{lines} lines about modules and processes")),
    }
}

/// Largest file that is turned, in bytes.
const LARGEST: u64 = 64 << 20;

/// The files of this machine.
struct Disk {
    /// Whether the folders that are served may be on another machine, and are taken as if they were there.
    is_elsewhere: bool,
}

impl Files for Disk {
    fn read(&self, file: &Path) -> Result<Vec<u8>, String> {
        read_file(file, LARGEST).map_err(|error| error.to_string())
    }

    fn names(&self, folder: &Path) -> Option<Vec<String>> {
        let entries = fs::read_dir(folder).ok()?;
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        Some(names.collect())
    }

    fn is_folder(&self, path: &Path) -> bool {
        path.is_dir() || self.is_elsewhere && !path.is_file()
    }

    fn bad_users(&self, file: &Path) -> Result<Vec<BadUser>, String> {
        let Err(error) = identity::read(file) else {
            return Ok(Vec::new());
        };
        let bad = error.bad_lines().iter().map(|bad| BadUser {
            line: bad.line,
            name: bad.user.clone(),
            why: bad.why.to_string(),
        });
        let bad: Vec<BadUser> = bad.collect();
        match bad.is_empty() {
            true => Err(error.to_string()),
            false => Ok(bad),
        }
    }

    fn is_missing(&self, path: &Path) -> bool {
        let kind = fs::metadata(path).err().map(|error| error.kind());
        matches!(kind, Some(ErrorKind::NotFound | ErrorKind::NotADirectory))
    }
}
