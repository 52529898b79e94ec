//! Sources of members.

use std::collections::HashMap;
use std::net::IpAddr;

use super::{Builder, Need, list_of, whole};
use crate::defaults;
use crate::field::Field;
use crate::file;
use crate::include;
use crate::model::{
    Discover, DiscoverFrom, DnsName, Keys, KubernetesService, Member, MemberFiles, MemberUrl,
    PodPort, RouteRule, Scheme,
};
use crate::report::Place;
use crate::value::FileName;

impl Builder<'_> {
    /// The sources of a balancer, in the order of the file.
    pub(super) fn discover(&self, field: Field<Vec<Field<file::Discover>>>) -> Vec<Discover> {
        let mut seen = HashMap::new();
        let mut built = Vec::new();
        for (place, source) in list_of(field) {
            let Some(source) = self.source(source, place) else {
                continue;
            };
            if let Some(line) = seen.insert(source.subject(), place.line) {
                self.report.error_with_hint(
                    place,
                    format!("discover: this source is already given in line {line}"),
                    "remove one of them",
                );
            }
            built.push(source);
        }
        built
    }

    /// A source. Its keys as they are written are not known here.
    pub(super) fn source(&self, file: file::Discover, place: Place) -> Option<Discover> {
        let kinds = [
            ("file", file.file.is_absent(), file.file.place()),
            ("dns", file.dns.is_absent(), file.dns.place()),
            ("srv", file.srv.is_absent(), file.srv.place()),
            (
                "kubernetes",
                file.kubernetes.is_absent(),
                file.kubernetes.place(),
            ),
        ];
        let given: Vec<_> = kinds.iter().filter(|(_, absent, _)| !absent).collect();
        if given.is_empty() {
            self.report.error_with_hint(
                place,
                "a source needs `file`, `dns`, `srv` or `kubernetes`",
                "write `dns: \"ajp://NAME:8009\"`",
            );
            return None;
        }
        if let [_, (key, _, Some(place)), ..] = given.as_slice() {
            self.report.error_with_hint(
                *place,
                format!("{key}: the source has another kind already"),
                "write each as an item of its own",
            );
            return None;
        }
        match (file.file.is_absent(), file.kubernetes.is_absent()) {
            (false, _) => self.file_source(file),
            (true, false) => self.kubernetes_source(file),
            (true, true) => self.dns_source(file),
        }
    }

    fn file_source(&self, file: file::Discover) -> Option<Discover> {
        for (key, place) in [
            ("route", file.route.place()),
            ("resolver", file.resolver.place()),
            ("member", file.member.place()),
        ] {
            if let Some(place) = place {
                self.report.error_with_hint(
                    place,
                    format!("{key}: has no effect beside `file`"),
                    "the members of a list have all keys themselves",
                );
            }
        }
        let interval = file.interval.or(defaults::DISCOVER_INTERVAL);
        let (place, pattern) = file.file.given()?;
        Some(Discover {
            from: DiscoverFrom::File(self.member_files(place, &pattern)?),
            interval,
            route: RouteRule::Label,
            template: None,
            keys: Keys::default(),
        })
    }

    fn dns_source(&self, file: file::Discover) -> Option<Discover> {
        let is_srv = !file.srv.is_absent();
        let (place, url) = match is_srv {
            true => file.srv.given()?,
            false => file.dns.given()?,
        };
        let url = url.0;
        self.name_of_dns(&url, place, is_srv);
        if let (Field::Given(place, rule), false) = (&file.route, is_srv)
            && rule.0 == RouteRule::Label
        {
            self.report.error_with_hint(
                *place,
                "route: an address has no label",
                "write learn or address; the targets of `srv` have labels",
            );
        }
        if let Field::Given(place, server) = &file.resolver
            && server.0.port() == 0
        {
            let hint = "name servers listen on port 53";
            self.report
                .error_with_hint(*place, "resolver: port 0 is no port", hint);
        }
        let template = self.template(file.member, &url)?;
        let name = DnsName {
            url,
            resolver: file.resolver.optional(),
        };
        let (from, route) = match is_srv {
            true => (DiscoverFrom::Srv(name), RouteRule::Label),
            false => (DiscoverFrom::Dns(name), RouteRule::Learn),
        };
        Some(Discover {
            from,
            interval: file.interval.or(defaults::DISCOVER_INTERVAL),
            route: file.route.or(route),
            template: Some(Box::new(template)),
            keys: Keys::default(),
        })
    }

    /// The keys of all members of a source.
    fn template(&self, field: Field<file::Member>, url: &MemberUrl) -> Option<Member> {
        let member = whole(field);
        for (key, place) in [("url", member.url.place()), ("route", member.route.place())] {
            if let Some(place) = place {
                self.report.error_with_hint(
                    place,
                    format!("{key}: comes from the source"),
                    "remove it; `route` beside `member` says where routes come from",
                );
            }
        }
        self.member(member, Some(url.clone()))
    }

    fn kubernetes_source(&self, file: file::Discover) -> Option<Discover> {
        if let Some(place) = file.resolver.place() {
            self.report.error_with_hint(
                place,
                "resolver: has no effect beside `kubernetes`",
                "remove it; the API of Kubernetes says the addresses",
            );
        }
        let service = self.kubernetes_service(file.kubernetes);
        // Problems of both are reported.
        let template = match &service {
            Some(service) => self.template(file.member, &service.url),
            None => None,
        };
        Some(Discover {
            from: DiscoverFrom::Kubernetes(service?),
            interval: file.interval.or(defaults::DISCOVER_INTERVAL),
            route: file.route.or(RouteRule::Label),
            template: Some(Box::new(template?)),
            keys: Keys::default(),
        })
    }

    fn kubernetes_service(&self, field: Field<file::Kubernetes>) -> Option<KubernetesService> {
        let (place, file) = field.given()?;
        let need = |key, example| Need {
            of: "kubernetes",
            key,
            example,
        };
        let name = self.required(file.service, place, need("service", "tomcats"));
        let port = self.required(file.port, place, need("port", "ajp"));
        let ((_, name), (_, port)) = (name?, port?);
        let namespace = file.namespace.optional();
        let host = match &namespace {
            Some(namespace) => format!("{}.{namespace}.svc", name.0),
            None => name.0.clone(),
        };
        let scheme = file.scheme.or(Scheme::Ajp);
        let number = match port.0 {
            PodPort::Number(number) => number,
            PodPort::Name(_) => scheme.default_port(),
        };
        Some(KubernetesService {
            namespace,
            name: name.0,
            url: MemberUrl {
                text: format!("{}://{host}:{number}", scheme.name()),
                scheme,
                host,
                port: number,
                path: String::new(),
            },
            port: port.0,
            kubeconfig: file.kubeconfig.optional().map(|name| self.resolve(&name)),
        })
    }

    /// Refuses what no name server can answer.
    fn name_of_dns(&self, url: &MemberUrl, place: Place, is_srv: bool) {
        if url.host.parse::<IpAddr>().is_ok() {
            self.report.error_with_hint(
                place,
                format!("{url}: an address is no name"),
                "write it under `members`",
            );
        }
        let authority = url.text.split("://").nth(1).unwrap_or_default();
        let authority = authority.split('/').next().unwrap_or_default();
        if is_srv && authority.contains(':') {
            self.report.error_with_hint(
                place,
                "srv: the records say the port",
                "remove the port, or write `dns`",
            );
        }
    }

    fn member_files(
        &self,
        place: Place,
        pattern: &crate::field::Checked<FileName>,
    ) -> Option<MemberFiles> {
        let folder = self.report.main().folder();
        let pattern = pattern.0.to_string_lossy();
        include::resolved(folder, &pattern)
            .map(|pattern| MemberFiles {
                pattern,
                folder: folder.to_owned(),
            })
            .map_err(|fault| self.report.fault(place, "file", fault))
            .ok()
    }
}
