//! SIGUSR2 and systemd: programs that take over from each other, with the same sockets.

mod acme;
mod broken;
mod clients;
mod discovered;
mod load;
mod meanwhile;
mod settings;
mod succession;
mod systemd;

pub(crate) use self::succession::Succession;
