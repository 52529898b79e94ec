//! Sources that name members while the gateway runs: `discover` of a balancer.
//!
//! A source asks somebody (a file, a name server, the API of Kubernetes) and says what it heard as a [`SourceAnswer`]. What
//! follows from that is decided in one place, [`reconcile()`], whatever the source: which members there are, which of them
//! drain, which are new. A source decides none of it.
//!
//! ```text
//!  file │ dns │ srv │ kubernetes    ask, wait, and ask again; or watch
//!        │ SourceAnswer
//!        ▼
//!  Listener::hear ──► state::Edit::discover ──► reconcile(known, answer) ──► one change of what runs
//! ```
//!
//! # What a new source has to do
//!
//! * A variant of [`DiscoverFrom`] with its keys, and an arm in [`follow()`] that runs the source until it is
//!   dropped. A source that looks again and again is a function from its settings and what is known of it to a [`SourceAnswer`], asked in the interval; one that watches has a loop of its own and calls [`Listener::hear`] at each change.
//! * An answer is *whole*: [`SourceAnswer::Named`] has every member that there is now. Members that it leaves out drain.
//! * [`Found::url`] is what a member is known by. The same backend must get the same url each time; two that are the
//!   same host (an IPv4 and an IPv6 address of one pod) must be one [`Found`].
//! * No members where some were expected is [`SourceAnswer::Empty`], which changes nothing; so does [`SourceAnswer::Failed`]. Whether a
//!   name exists or has no addresses makes no difference: both happen while all members are replaced.
//! * Where a part of the question has failed (one of two address families, one file of several, the addresses of one
//!   host), [`Found::part`] names the part that a member came from and [`SourceAnswer::Named`]'s `unheard` the parts that were not
//!   heard of: their members stay as they are.
//! * What is said of a member beside its url is in `standing`: `Ready`, `NotReady` (it takes no request), `Ending` (it
//!   drains) or `EndingNotReady` (both). What has vanished is for `reconcile` alone.
//! * Order means nothing, and a double counts once. At most [`MOST_MEMBERS`] members of a balancer are taken, which [`Room`] decides.
//! * A source never removes a member itself, and knows nothing of balancers, sessions or requests.

mod address;
mod answer;
mod dns;
mod file;
#[cfg(feature = "kubernetes")]
mod kubernetes;
mod reconcile;
mod room;

use std::path::Path;

use ajpgate_config::{Discover, DiscoverFrom};

pub(crate) use self::answer::{Found, Listener, SourceAnswer};
pub(crate) use self::file::look as look_into_files;
pub(crate) use self::reconcile::{Reconciled, forget, reconcile};
pub(crate) use self::room::Room;
pub(crate) use ajpgate_config::defaults::MOST_MEMBERS;

/// Reads a kubeconfig, and the files that it names.
///
/// # Errors
/// Why it cannot be used.
pub(crate) fn look_into_kubeconfig(file: &Path) -> Result<(), String> {
    #[cfg(feature = "kubernetes")]
    return kubernetes::look_into(file);
    #[cfg(not(feature = "kubernetes"))]
    match file.as_os_str().is_empty() {
        true => Err("no name of a file".to_owned()),
        false => Ok(()),
    }
}

/// Asks a source in its interval, and tells the listener what it says. It ends when it is dropped.
pub(crate) async fn follow(source: Discover, listener: impl Listener) {
    match &source.from {
        DiscoverFrom::File(files) => file::follow(files, source.interval, &listener).await,
        DiscoverFrom::Dns(_) | DiscoverFrom::Srv(_) => dns::follow(&source, &listener).await,
        #[cfg(feature = "kubernetes")]
        DiscoverFrom::Kubernetes(service) => {
            kubernetes::follow(&source, service, &listener).await;
        }
        // A program without it refuses the key at its start.
        #[cfg(not(feature = "kubernetes"))]
        DiscoverFrom::Kubernetes(_) => std::future::pending().await,
    }
}

/// Asks a source of which nothing is known, once. `None` for lists, which are read at the start anyway.
pub(crate) async fn ask(source: &Discover) -> Option<SourceAnswer> {
    match &source.from {
        DiscoverFrom::File(_) => None,
        DiscoverFrom::Dns(_) | DiscoverFrom::Srv(_) => Some(dns::ask(source, &[]).await),
        #[cfg(feature = "kubernetes")]
        DiscoverFrom::Kubernetes(service) => Some(kubernetes::ask(source, service).await),
        #[cfg(not(feature = "kubernetes"))]
        DiscoverFrom::Kubernetes(_) => None,
    }
}
