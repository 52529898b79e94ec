//! Debian's knot: a name server with one zone, `shop.test`.

use super::eventually;
use super::port::ReservedPort;
use super::process::{Process, Signal, require};
use super::scratch::Scratch;
use std::net::SocketAddr;
use std::process::Command;

const PROGRAM: &str = "/usr/sbin/knotd";

/// A running server.
#[derive(Debug)]
pub(crate) struct Knot {
    process: Process,
    port: ReservedPort,
    folder: Scratch,
    serial: u32,
}

impl Knot {
    /// Starts it with these records of the zone, a line each.
    pub(crate) async fn start(records: &str) -> Self {
        let (port, folder) = (ReservedPort::new(), Scratch::new("knot"));
        let (at, path) = (port.addr(), folder.path().display());
        let config = format!(
            "server:
    rundir: \"{path}\"
    listen: {}@{}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stderr
    any: info
database:
    storage: \"{path}\"
zone:
  - domain: shop.test
    storage: \"{path}\"
    file: zone
",
            at.ip(),
            at.port()
        );
        let config = folder.write("knot.conf", &config);
        write_zone(&folder, 1, records);
        let mut command = Command::new(require(PROGRAM, "knot"));
        command.arg("-c").arg(config);
        let log = folder.path().join("console.log");
        let server = Self {
            process: Process::spawn(&command, Signal::Kill, &log),
            port,
            folder,
            serial: 1,
        };
        server.has_loaded().await;
        server
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.port.addr()
    }

    /// Replaces the records of the zone.
    pub(crate) async fn set(&mut self, records: &str) {
        self.serial += 1;
        write_zone(&self.folder, self.serial, records);
        self.process.reload();
        self.has_loaded().await;
    }

    async fn has_loaded(&self) {
        let loaded = format!("-> {},", self.serial);
        eventually("knotd has the zone", async || {
            let log = self.process.log();
            log.lines()
                .any(|line| line.contains("loaded, serial") && line.contains(&loaded))
        })
        .await;
    }
}

fn write_zone(folder: &Scratch, serial: u32, records: &str) {
    let head = format!(
        "$ORIGIN shop.test.\n$TTL 3600\n@ SOA ns hostmaster {serial} 3600 600 86400 1\n@ NS ns\nns A 127.0.0.1\n"
    );
    folder.write("zone", &format!("{head}{records}\n"));
}
