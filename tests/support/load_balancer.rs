//! Debian's HAProxy and nginx in front of a gateway, as load balancers.

use super::port::ReservedPort;
use super::process::{Process, Signal, require};
use super::scratch::Scratch;
use super::wait;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

const STARTS_WITHIN: Duration = Duration::from_secs(30);

/// A load balancer from a private folder. Dropping it kills it and removes the folder.
#[derive(Debug)]
pub(crate) struct LoadBalancer {
    process: Process,
    port: ReservedPort,
    _root: Scratch,
}

impl LoadBalancer {
    /// HAProxy, with these words behind `mode`, `bind ADDRESS` and `server gateway ADDRESS`, and these lines in its frontend.
    pub(crate) async fn haproxy(
        gateway: SocketAddr,
        [mode, bind, server]: [&str; 3],
        lines: &str,
    ) -> Self {
        let (root, port) = (Scratch::new("haproxy"), ReservedPort::new());
        let addr = port.addr();
        let file = root.write(
            "haproxy.cfg",
            &format!(
                "global
  maxconn 100
defaults
  mode {mode}
  timeout connect 5s
  timeout client 30s
  timeout server 30s
frontend clients
  bind {addr} {bind}
{lines}
  default_backend gateways
backend gateways
  server gateway {gateway} {server}
"
            ),
        );
        let mut command = Command::new(require("/usr/sbin/haproxy", "haproxy"));
        command.arg("-db").arg("-f").arg(file);
        Self::start(&command, root, port).await
    }

    /// nginx, which passes connections on with a PROXY header of version 1.
    pub(crate) async fn nginx(gateway: SocketAddr) -> Self {
        let (root, port) = (Scratch::new("nginx-stream"), ReservedPort::new());
        let (addr, path) = (port.addr(), root.path().display().to_string());
        let module = "/usr/lib/nginx/modules/ngx_stream_module.so";
        require(module, "libnginx-mod-stream");
        let file = root.write(
            "nginx.conf",
            &format!(
                "load_module {module};
daemon off;
master_process off;
pid {path}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 100; }}
stream {{
server {{
listen {addr};
proxy_pass {gateway};
proxy_protocol on;
}}
}}
"
            ),
        );
        let mut command = Command::new(require("/usr/sbin/nginx", "nginx"));
        command.arg("-e").arg("stderr").arg("-c").arg(file);
        Self::start(&command, root, port).await
    }

    async fn start(command: &Command, root: Scratch, port: ReservedPort) -> Self {
        let process = Process::spawn(command, Signal::Kill, &root.path().join("console.log"));
        let mut started = Self {
            process,
            port,
            _root: root,
        };
        let addr = started.addr();
        let listens = wait::until(STARTS_WITHIN, async || {
            let connected = tokio::net::TcpStream::connect(addr).await.is_ok();
            (connected || started.process.exited().is_some()).then_some(connected)
        });
        let listens = listens.await;
        assert_eq!(listens, Some(true), "{}", started.process.log());
        started
    }

    /// Where clients connect.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.port.addr()
    }
}
