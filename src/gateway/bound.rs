//! The sockets that a gateway listens on.

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;

use ajpgate_config::{Admin, Config};
use anyhow::Context as _;
use tokio::net::TcpListener;

use crate::admin;
use crate::handover::{Given, Role};
use crate::server::{Door, Listener};
use crate::upkeep::HeartbeatListener;

/// The sockets that a gateway listens on.
#[derive(Debug)]
pub(super) struct Bound {
    pub(super) listeners: Vec<(Listener, Door)>,
    pub(super) admin: Option<(TcpListener, admin::Settings)>,
    pub(super) heartbeats: Vec<HeartbeatListener>,
}

impl Bound {
    /// Each listener has a socket for each of `cores` cores. Sockets that are given are used where they fit, and closed where
    /// they do not.
    pub(super) fn new(config: &Config, cores: usize, mut given: Given) -> anyhow::Result<Self> {
        let for_clients = config.listeners.iter();
        let for_clients = for_clients.map(|it| given.listeners(it.bind, Role::Clients));
        let for_clients: Vec<_> = for_clients.collect();
        let for_admin = config.admin.as_ref();
        let for_admin = for_admin.map(|it| given.listeners(it.bind, Role::Admin));
        let heartbeats = heartbeat_addresses(config).into_iter();
        let heartbeats = heartbeats.map(|it| (it, given.datagrams(it, Role::Heartbeats)));
        let heartbeats: Vec<_> = heartbeats.collect();
        given.close_rest();

        let listeners = config.listeners.iter().zip(for_clients);
        let listeners = listeners.map(|(listener, given)| {
            let cannot = || format!("cannot listen on {}", listener.bind);
            let door = Door::new(listener, None).with_context(cannot)?;
            let bound = Listener::new(listener.bind, given, cores).with_context(cannot)?;
            Ok((bound, door))
        });
        let bind_heartbeats = |(address, given)| {
            HeartbeatListener::new(address, given)
                .with_context(|| format!("cannot listen on {address} (heartbeat)"))
        };
        let heartbeats = heartbeats.into_iter().map(bind_heartbeats);
        let admin = config.admin.as_ref().zip(for_admin);
        Ok(Self {
            listeners: listeners.collect::<anyhow::Result<_>>()?,
            admin: admin.map(|(it, given)| bind_admin(it, given)).transpose()?,
            heartbeats: heartbeats.collect::<anyhow::Result<_>>()?,
        })
    }

    pub(super) fn addresses(&self) -> Vec<SocketAddr> {
        let listeners = self.listeners.iter();
        listeners.map(|(listener, _)| listener.address()).collect()
    }

    pub(super) fn admin_address(&self) -> Option<SocketAddr> {
        let (listener, _) = self.admin.as_ref()?;
        listener.local_addr().ok()
    }

    pub(super) fn heartbeat_addresses(&self) -> Vec<SocketAddr> {
        let listeners = self.heartbeats.iter();
        listeners.filter_map(|it| it.local().ok()).collect()
    }
}

/// The addresses of heartbeats, each once, also when several balancers are configured with it.
fn heartbeat_addresses(config: &Config) -> BTreeSet<SocketAddr> {
    let balancers = config.balancers.iter();
    let listens = balancers.filter_map(|balancer| balancer.heartbeat.as_ref()?.listen);
    listens.collect()
}

fn bind_admin(
    admin: &Admin,
    given: Vec<std::net::TcpListener>,
) -> anyhow::Result<(TcpListener, admin::Settings)> {
    let bind = || -> io::Result<TcpListener> {
        let listener = match given.into_iter().next() {
            Some(given) => given,
            None => std::net::TcpListener::bind(admin.bind)?,
        };
        listener.set_nonblocking(true)?;
        TcpListener::from_std(listener)
    };
    let cannot = || format!("cannot listen on {} (admin)", admin.bind);
    let settings = admin::Settings::new(admin).with_context(cannot)?;
    let listener = bind().with_context(cannot)?;
    Ok((listener, settings))
}
