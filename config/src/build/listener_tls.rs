//! TLS towards clients.

use std::collections::HashMap;
use std::path::PathBuf;

use super::{Builder, Need};
use crate::defaults;
use crate::field::{Field, Scalar};
use crate::file;
use crate::model::{Acme, Admin, CertificatePair, ClientAuth, Listener, ListenerTls};
use crate::report::Place;
use crate::value::{DomainName, FileName};

impl Builder<'_> {
    /// `place` is that of the map.
    pub(super) fn listener_tls(&self, tls: file::ListenerTls, place: Place) -> ListenerTls {
        let client_auth = tls.client_auth.value().map(|auth| auth.0);
        if let Some(ClientAuth::Optional | ClientAuth::Required) = client_auth
            && tls.client_ca.is_absent()
        {
            self.report.error_with_hint(
                tls.client_auth.place().unwrap_or(place),
                "client_auth: client certificates cannot be verified without `client_ca`",
                "name the PEM file of the root certificates that they are verified with",
            );
        }
        self.useless_client_files(&tls);
        let alone = !tls.certificate.is_absent() || !tls.private_key.is_absent();
        let mut pairs = Vec::new();
        if alone || (tls.certificates.is_absent() && tls.acme.is_absent()) {
            pairs.push(self.pair(tls.certificate, tls.private_key, place, "tls"));
        }
        pairs.extend(self.pairs(tls.certificates));
        ListenerTls {
            pairs,
            acme: tls
                .acme
                .given()
                .and_then(|(place, acme)| self.acme(acme, place)),
            client_auth: client_auth.unwrap_or(defaults::CLIENT_AUTH),
            client_ca: self.file(tls.client_ca),
            client_crl: self.file(tls.client_crl),
            min_version: tls.min_version.or(defaults::MIN_TLS_VERSION),
        }
    }

    /// `None` when a key is missing or unreadable.
    fn acme(&self, acme: file::Acme, place: Place) -> Option<Acme> {
        let need = |key, example| Need {
            of: "acme",
            key,
            example,
        };
        let domains = self.domains(acme.domains, place);
        let url = need("directory", "https://ca.example.com/directory");
        let directory = self.required(acme.directory, place, url);
        let cache = acme.cache.place();
        let folder = self.required_file(acme.cache, place, need("cache", "FOLDER"));
        let (_, directory) = directory?;
        cache?;
        Some(Acme {
            domains: domains?,
            email: acme.email.optional(),
            directory: directory.0,
            ca: self.file(acme.ca),
            cache: folder,
        })
    }

    fn domains(&self, field: Field<Vec<Scalar<DomainName>>>, place: Place) -> Option<Vec<String>> {
        let need = Need {
            of: "acme",
            key: "domains",
            example: "[shop.example.com]",
        };
        let (place, domains) = self.required(field, place, need)?;
        let hint = "write the names that clients ask for: `domains: [shop.example.com]`";
        if domains.is_empty() {
            self.report
                .error_with_hint(place, "domains: the list is empty", hint);
        }
        if domains.len() > defaults::MOST_DOMAINS {
            let most = defaults::MOST_DOMAINS;
            self.report.error_with_hint(
                place,
                format!("domains: more than {most} names"),
                "give the rest to another listener's `acme`, or use a certificate of your own",
            );
        }
        let mut names: Vec<String> = Vec::with_capacity(domains.len());
        for (place, name) in domains.into_iter().filter_map(Field::given) {
            match names.contains(&name.0) {
                true => self.report.error_with_hint(
                    place,
                    format!("domains: {:?} is there twice", name.0),
                    "remove one of them",
                ),
                false => names.push(name.0),
            }
        }
        Some(names)
    }

    /// Listeners may share an account, which then has one address of e-mail and one way to reach the authority.
    pub(super) fn same_account(
        &self,
        listeners: &[(Place, Listener)],
        admin: Option<&(Place, Admin)>,
    ) {
        let listeners = listeners
            .iter()
            .map(|(place, listener)| (place, listener.tls.as_ref()));
        let admin = admin.map(|(place, admin)| (place, admin.tls.as_ref()));
        let mut accounts: HashMap<_, (Place, &Acme)> = HashMap::new();
        for (place, tls) in listeners.chain(admin) {
            let Some(acme) = tls.and_then(|tls| tls.acme.as_ref()) else {
                continue;
            };
            let account = (&acme.directory, &acme.cache);
            let (first, other) = accounts.entry(account).or_insert((*place, acme));
            if (&acme.email, &acme.ca) != (&other.email, &other.ca) {
                self.report.error_with_hint(
                    *place,
                    format!(
                        "acme: the listener in line {} has the same `directory` and `cache`, with another `email` or `ca`",
                        first.line
                    ),
                    "give both the same, or another `cache`",
                );
            }
        }
    }

    fn pairs(&self, field: Field<Vec<Field<file::CertificatePair>>>) -> Vec<CertificatePair> {
        let Some((place, pairs)) = field.given() else {
            return Vec::new();
        };
        if pairs.is_empty() {
            self.report.error_with_hint(
                place,
                "certificates: the list is empty",
                "write `- { certificate: FILE, private_key: FILE }`, or remove the key",
            );
        }
        let pairs = pairs.into_iter().filter_map(Field::given);
        let pair = |(place, pair): (Place, file::CertificatePair)| {
            self.pair(
                pair.certificate,
                pair.private_key,
                place,
                "an item of `certificates`",
            )
        };
        pairs.map(pair).collect()
    }

    fn pair(
        &self,
        certificate: Scalar<FileName>,
        private_key: Scalar<FileName>,
        place: Place,
        of: &'static str,
    ) -> CertificatePair {
        let need = |key| Need {
            of,
            key,
            example: "FILE",
        };
        let certificate = self.required_file(certificate, place, need("certificate"));
        let private_key = self.required_file(private_key, place, need("private_key"));
        let mut ocsp = certificate.clone().into_os_string();
        ocsp.push(".ocsp");
        CertificatePair {
            certificate,
            private_key,
            ocsp: PathBuf::from(ocsp),
        }
    }

    /// Reports files about client certificates that nobody asks for: who names them expects that clients are verified.
    fn useless_client_files(&self, tls: &file::ListenerTls) {
        let hint = "write `client_auth: required` or `client_auth: optional`";
        if let Some(place) = tls.client_ca.place()
            && tls.client_auth.is_absent()
        {
            self.report.warning(
                place,
                "client_ca: no client is asked for a certificate without `client_auth`",
                hint,
            );
        }
        let Some(place) = tls.client_crl.place() else {
            return;
        };
        if tls.client_ca.is_absent() {
            self.report.error_with_hint(
                place,
                "client_crl: revocation lists are of no use without `client_ca`",
                "name the PEM file of the root certificates that client certificates are verified with",
            );
        } else if let Some(ClientAuth::None) = tls.client_auth.value().map(|auth| auth.0) {
            self.report.warning(
                place,
                "client_crl: no client is asked for a certificate with `client_auth: none`",
                hint,
            );
        }
    }
}
