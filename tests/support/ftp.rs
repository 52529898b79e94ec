//! Debian's FTP servers, each with a folder of its own to serve: vsftpd, proftpd and pure-ftpd.
//!
//! Their packages exclude each other, so `tests/run.sh` unpacks them into a folder and installs none; one that is
//! installed is used too. All three must be started by root, and serve files as the user `daemon`, who exists on every
//! Debian with a home:
//!
//! * vsftpd takes anonymous users. It changes to its user's home before it changes to `anon_root`, which must not be
//!   writable; `isolate`, `isolate_network` and its seccomp filter need more than a container allows.
//! * proftpd and pure-ftpd know one user, [`USER`], from a file; they do not look up users of the system.

use super::port::ReservedPort;
use super::process::{self, Process, Signal, require};
use super::scratch::Scratch;
use super::{soon, wait};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// The user name that proftpd and pure-ftpd know, and the password.
pub(crate) const USER: (&str, &str) = ("me", "s3cret");
/// `openssl passwd -6 -salt ajpgate s3cret`
const HASH: &str = "$6$ajpgate$ufWl0BUT3c9jSfVZPuQnd6SckaWEwu7b6P2egmTw/HhDQ0QVSRCrNc8IzvfNZ6mWDAaX29FP0bJzcLxjTOJiv/";
/// The user `daemon` and its group, the same on every Debian (base-passwd).
const DAEMON: u32 = 1;
const AUTHORITY: &str = "ca.pem";
const STARTS_WITHIN: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Vsftpd,
    /// vsftpd with implicit TLS, as `localhost`. Data connections must resume the session.
    VsftpdTls,
    Proftpd,
    PureFtpd,
}

impl Kind {
    pub(crate) const PLAIN: [Self; 3] = [Self::Vsftpd, Self::Proftpd, Self::PureFtpd];

    /// The keys of a member with which the gateway logs in.
    pub(crate) fn login(self) -> String {
        match self {
            Self::Vsftpd | Self::VsftpdTls => String::new(),
            Self::Proftpd | Self::PureFtpd => {
                format!("username: {}, password: {}, ", USER.0, USER.1)
            }
        }
    }
}

/// A running server. Dropping it kills it and removes its folder.
#[derive(Debug)]
pub(crate) struct FtpServer {
    process: Process,
    folder: Scratch,
    port: ReservedPort,
}

impl FtpServer {
    /// Starts a server of the files that `furnish` puts into its folder, and returns after its greeting.
    pub(crate) async fn start(kind: Kind, furnish: impl FnOnce(&Path)) -> Self {
        let folder = Scratch::new("ftp");
        let root = folder.folder("root");
        furnish(&root);
        let upload = folder.folder("root/upload");
        chown(&upload, Some(DAEMON), Some(DAEMON)).expect("FTP servers are started by root");
        let port = ReservedPort::new();
        let command = match kind {
            Kind::Vsftpd => vsftpd(&folder, port.addr(), ""),
            Kind::VsftpdTls => vsftpd(&folder, port.addr(), &tls(&folder)),
            Kind::Proftpd => proftpd(&folder, port.addr()),
            Kind::PureFtpd => pure_ftpd(&folder, port.addr()),
        };
        let log = folder.path().join("console.log");
        let mut process = Process::spawn(&command, Signal::Kill, &log);
        let implicit = kind == Kind::VsftpdTls;
        let ready = wait::until(STARTS_WITHIN, async || {
            assert!(
                process.exited().is_none(),
                "{kind:?} has ended: {}",
                process.log()
            );
            greets(port.addr(), implicit).await.then_some(())
        })
        .await;
        assert!(
            ready.is_some(),
            "{kind:?} does not greet: {}",
            process.log()
        );
        Self {
            process,
            folder,
            port,
        }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.port.addr()
    }

    /// The folder that it serves.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    /// The path of the authority's certificate that its own was issued by.
    pub(crate) fn authority(&self) -> PathBuf {
        self.folder.path().join(AUTHORITY)
    }

    /// Sends SIGKILL to it and to its processes that serve clients.
    pub(crate) fn kill(&mut self) {
        let children = process::descendants(self.process.id());
        self.process.kill();
        // Some of these have left its process group.
        for child in children {
            let _ = process::send(Signal::Kill, &child.to_string());
        }
    }
}

async fn greets(addr: SocketAddr, implicit: bool) -> bool {
    let Ok(mut stream) = TcpStream::connect(addr).await else {
        return false;
    };
    if implicit {
        return true;
    }
    let mut code = [0; 3];
    let read = soon("a greeting", stream.read_exact(&mut code)).await;
    read.is_ok() && &code == b"220"
}

fn vsftpd(folder: &Scratch, addr: SocketAddr, more: &str) -> Command {
    let config = folder.write(
        "vsftpd.conf",
        &format!(
            "listen=YES
background=NO
listen_address={}
listen_port={}
anonymous_enable=YES
local_enable=NO
ftp_username=daemon
anon_root={root}/root
secure_chroot_dir={empty}
write_enable=YES
anon_upload_enable=YES
anon_other_write_enable=YES
anon_umask=022
isolate=NO
isolate_network=NO
seccomp_sandbox=NO
connect_from_port_20=NO
xferlog_enable=NO
{more}",
            addr.ip(),
            addr.port(),
            root = folder.path().display(),
            empty = folder.folder("empty").display(),
        ),
    );
    let mut command = Command::new(program("vsftpd", "usr/sbin/vsftpd"));
    command.arg(config);
    command
}

/// Issues a certificate of a new authority, and returns the configuration lines that use it.
fn tls(folder: &Scratch) -> String {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    let issuer = CertifiedIssuer::self_signed(params, key).expect("an authority");
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(["localhost".to_owned()]).expect("a name");
    let certificate = params.signed_by(&key, &issuer).expect("a certificate");
    folder.write(AUTHORITY, &issuer.pem());
    let certificate = folder.write("server.crt", &certificate.pem());
    let key = folder.write("server.key", &key.serialize_pem());
    format!(
        "ssl_enable=YES
implicit_ssl=YES
allow_anon_ssl=YES
force_anon_data_ssl=YES
force_anon_logins_ssl=YES
require_ssl_reuse=YES
ssl_ciphers=HIGH
rsa_cert_file={}
rsa_private_key_file={}
",
        certificate.display(),
        key.display()
    )
}

fn proftpd(folder: &Scratch, addr: SocketAddr) -> Command {
    let root = folder.path().display();
    let users = folder.write(
        "users",
        &format!(
            "{}:{HASH}:{DAEMON}:{DAEMON}::{root}/root:/bin/false\n",
            USER.0
        ),
    );
    // proftpd does not read a file of passwords that others can read.
    fs::set_permissions(users, fs::Permissions::from_mode(0o600)).expect("cannot hide a file");
    let config = folder.write(
        "proftpd.conf",
        &format!(
            "ServerType standalone
DefaultAddress {}
Port {}
UseIPv6 off
User daemon
Group daemon
ScoreboardFile {root}/scoreboard
PidFile {root}/pid
SystemLog {root}/system.log
TransferLog none
WtmpLog off
DelayEngine off
AuthOrder mod_auth_file.c
AuthUserFile {root}/users
RequireValidShell off
DefaultRoot ~
AllowOverwrite on
AllowRetrieveRestart on
",
            addr.ip(),
            addr.port(),
        ),
    );
    let mut command = Command::new(program("proftpd-core", "usr/sbin/proftpd"));
    command.args(["--nodaemon", "--config"]).arg(config);
    command
}

fn pure_ftpd(folder: &Scratch, addr: SocketAddr) -> Command {
    let root = folder.path();
    // Fifteen colons: quotas and limits, all empty.
    let passwd = folder.write(
        "passwd",
        &format!(
            "{}:{HASH}:{DAEMON}:{DAEMON}::{}/root/./::::::::::::\n",
            USER.0,
            root.display()
        ),
    );
    let database = root.join("users.pdb");
    let made = Command::new(program("pure-ftpd", "usr/bin/pure-pw"))
        .arg("mkdb")
        .arg(&database)
        .arg("-f")
        .arg(passwd)
        .stdout(Stdio::null())
        .status();
    assert!(
        made.is_ok_and(|status| status.success()),
        "pure-pw makes no database of users"
    );
    let mut command = Command::new(program("pure-ftpd", "usr/sbin/pure-ftpd"));
    command
        .args(["--bind", &format!("{},{}", addr.ip(), addr.port())])
        .args(["--login", &format!("puredb:{}", database.display())])
        .arg("--noanonymous")
        .arg("--chrooteveryone")
        .arg("--dontresolve")
        .args(["--minuid", "1"])
        .args(["--limitrecursion", "20000:3"])
        .arg("--pidfile")
        .arg(root.join("pid"));
    command
}

/// The path of a program of a package: unpacked by `tests/run.sh`, or installed.
fn program(package: &str, path: &str) -> PathBuf {
    let unpacked = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("../ftp-servers")
        .join(package)
        .join(path);
    match unpacked.exists() {
        true => unpacked,
        false => require(&format!("/{path}"), package),
    }
}
