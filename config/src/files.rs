//! The files that a configuration names.

use std::collections::BTreeSet;
use std::path::Path;

use crate::model::{Action, Config, Discover, DiscoverFrom, ListenerTls, Member, Target};

impl Config {
    /// The files that the configuration names and depends on, each once, in alphabetical order. A change of one of them counts
    /// like a change of the configuration file. Files that the gateway itself writes are not among them, nor is
    /// `heartbeat.storage`, which is read again and again anyway; those that it includes are in [`Config::include`].
    #[must_use]
    pub fn files(&self) -> BTreeSet<&Path> {
        let of_listeners = self.listeners.iter().filter_map(|it| it.tls.as_ref());
        let of_admin = self.admin.iter().filter_map(|it| it.tls.as_ref());
        let of_listeners = of_listeners.chain(of_admin).flat_map(ListenerTls::files);
        let balancers = || self.balancers.iter();
        let templates = balancers().flat_map(|it| &it.discover);
        let templates = templates.filter_map(Discover::template);
        let members = balancers().flat_map(|it| &it.members).chain(templates);
        let sources = balancers().flat_map(|it| &it.discover);
        let of_sources = sources.filter_map(|source| match &source.from {
            DiscoverFrom::Kubernetes(service) => service.kubeconfig.as_deref(),
            _ => None,
        });
        let targets = self.mappings.iter().filter_map(|it| match it.target() {
            Some(Target::Member(member)) => Some(&**member),
            _ => None,
        });
        let identities = || self.mappings.iter().filter_map(|it| it.identity.as_ref());
        let forwards = identities().filter_map(|it| it.forward.as_ref());
        let servers = forwards.map(|forward| &*forward.server);
        let users = identities().filter_map(|it| it.basic.as_ref());
        let users = users.map(|basic| basic.users.as_path());
        let of_members = members.chain(targets).chain(servers);
        let of_members = of_members.flat_map(files_of_member);
        let of_mappings = self.mappings.iter().map(|it| &it.error_pages);
        let pages = of_mappings.chain([&self.error_pages]);
        let of_pages = pages.flat_map(|it| it.values().map(|page| page.file.as_path()));
        let named = of_listeners.chain(of_members);
        let answers = self.mappings.iter().filter_map(|it| match &it.action {
            Action::Respond(respond) => respond.file.as_deref(),
            _ => None,
        });
        let named = named.chain(of_sources);
        named.chain(of_pages).chain(users).chain(answers).collect()
    }
}

impl ListenerTls {
    /// The files that it names, and the OCSP responses that may stand beside its certificates.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let pairs = self.pairs.iter();
        let of_pairs = pairs.flat_map(|pair| [&pair.certificate, &pair.private_key, &pair.ocsp]);
        let of_clients = [&self.client_ca, &self.client_crl];
        let of_acme = self.acme.iter().filter_map(|acme| acme.ca.as_ref());
        of_pairs
            .chain(of_clients.into_iter().flatten())
            .chain(of_acme)
            .map(AsRef::as_ref)
    }
}

fn files_of_member(member: &Member) -> impl Iterator<Item = &Path> {
    let tls = member.tls.iter();
    let of_tls = tls.flat_map(|tls| [&tls.ca, &tls.certificate, &tls.private_key]);
    let files = of_tls.chain([&member.secret_file]);
    files.flatten().map(AsRef::as_ref)
}
