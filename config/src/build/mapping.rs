//! `proxy_pass`.

use std::collections::HashMap;

use super::access::Guards;
use super::balancer::Balancers;
use super::files::FilesKeys;
use super::{Builder, Need, endless_if_zero, list, whole};
use crate::defaults;
use crate::field::{Either, Field, Scalar};
use crate::file;
use crate::model::{Action, Mapping, MaxBody, Target};
use crate::nearest::did_you_mean;
use crate::pattern::MatchText;
use crate::report::Place;
use crate::template::Template;
use crate::value::{
    Destination, FileName, HostName, PathPrefix, RedirectTo, TargetUrl, TargetValue,
};

/// A mapping of the file.
pub(super) struct BuiltMapping {
    pub(super) built: Mapping,
    /// Its number in the list, from 0.
    pub(super) number: usize,
    /// Where its path stands.
    pub(super) place: Place,
    /// Whether every host could be read. Otherwise it is unknown for which hosts the mapping counts.
    pub(super) all_hosts: bool,
    /// Whether it says `exclude: true`.
    pub(super) excluded: bool,
    /// The name of its balancer, whether there is one of that name or not.
    pub(super) balancer: Option<String>,
}

impl BuiltMapping {
    /// The key that says what it takes, and its value.
    pub(super) fn takes(&self) -> (&'static str, &str) {
        match &self.built.pattern {
            Some(pattern) => ("match", pattern.text()),
            None => ("path", &self.built.path),
        }
    }
}

/// The keys that say what is done with a request.
struct ActionKeys {
    files: FilesKeys,
    redirect: Field<Either<RedirectTo, file::Redirect>>,
    respond: Field<file::Respond>,
    to: Scalar<TargetUrl>,
    member: Field<file::Member>,
}

impl Builder<'_> {
    pub(super) fn mappings(
        &self,
        field: Field<Vec<Field<file::Mapping>>>,
        balancers: &Balancers,
    ) -> Vec<BuiltMapping> {
        let mappings: Vec<BuiltMapping> = whole(field)
            .into_iter()
            .enumerate()
            .filter_map(|(number, mapping)| Some((number, mapping.given()?)))
            .filter_map(|(number, (place, mapping))| {
                self.mapping(mapping, (number, place), balancers)
            })
            .collect();
        self.different_paths(&mappings);
        self.never_reached(&mappings);
        self.past_guards(&mappings);
        self.redirected_in_part(&mappings);
        self.redirects_to_themselves(&mappings);
        mappings
    }

    fn mapping(
        &self,
        mapping: file::Mapping,
        (number, place): (usize, Place),
        balancers: &Balancers,
    ) -> Option<BuiltMapping> {
        let exclude = mapping.exclude.settled(false);
        self.one_action(&mapping, exclude, place);
        let rewriting = self.rewriting(&mapping);
        let balancer = balancer_of(&mapping);
        let made = rewriting.path.is_some();
        let keys = ActionKeys {
            files: FilesKeys {
                files: mapping.files,
                index: mapping.index,
                cache_control: mapping.cache_control,
            },
            redirect: mapping.redirect,
            respond: mapping.respond,
            to: mapping.to,
            member: mapping.member,
        };
        let action = self.action(keys, made, balancers);
        let guards = Guards {
            allow: mapping.allow,
            deny: mapping.deny,
            rate: mapping.rate,
            auth: mapping.auth,
        };
        let (access, identity) = self.guards(guards, &mapping.request_attributes, exclude);
        let all_hosts = self.hosts_are_read(&mapping.hosts);
        let built = Mapping {
            hosts: list(mapping.hosts),
            scheme: mapping.scheme.optional(),
            action,
            rewriting,
            timeout: mapping.timeout.optional().map(endless_if_zero),
            max_body: mapping.max_body.optional().map(MaxBody::of),
            preserve_host: mapping.preserve_host.or(defaults::PRESERVE_HOST),
            encoded_slash: mapping.encoded_slash.or(defaults::ENCODED_SLASH),
            request_headers: self.header_rules(mapping.request_headers),
            response_headers: self.header_rules(mapping.response_headers),
            error_pages: self.error_pages(mapping.error_pages),
            compress: self.compress(mapping.compress),
            request_attributes: whole_named(mapping.request_attributes),
            access,
            identity,
            path: "/".to_owned(),
            pattern: None,
        };
        let (place, built) = self.taking(mapping.path, mapping.pattern, place, built)?;
        Some(BuiltMapping {
            built,
            number,
            place,
            all_hosts,
            excluded: exclude == Some(true),
            balancer,
        })
    }

    /// Whether every host could be read. Warns of a list without any.
    fn hosts_are_read(&self, hosts: &Field<Vec<Scalar<HostName>>>) -> bool {
        match hosts {
            Field::Absent => true,
            Field::Unreadable => false,
            Field::Given(place, hosts) => {
                if hosts.is_empty() {
                    self.report.warning(
                        *place,
                        "hosts: an empty list counts for every host",
                        "name the hosts, or remove the key",
                    );
                }
                hosts.iter().all(|host| host.value().is_some())
            }
        }
    }

    /// What is done with a request. `made`: the path of `to` is made of captures. Without any of the keys the file has an error,
    /// and the model is not used.
    fn action(&self, keys: ActionKeys, made: bool, balancers: &Balancers) -> Action {
        let files = self.files(keys.files);
        let action = if !keys.redirect.is_absent() {
            self.redirect(keys.redirect).map(Action::Redirect)
        } else if !keys.respond.is_absent() {
            self.respond(keys.respond).map(Action::Respond)
        } else {
            let to = self.target(keys.to, made, keys.member, balancers);
            files.map(Action::Files).or(to.map(Action::Forward))
        };
        action.unwrap_or(Action::Exclude)
    }

    /// The mapping with its `path` or `match`, and where that stands.
    fn taking(
        &self,
        path: Scalar<PathPrefix>,
        pattern: Scalar<MatchText>,
        place: Place,
        mapping: Mapping,
    ) -> Option<(Place, Mapping)> {
        if pattern.is_absent() {
            let need = Need {
                of: "a mapping",
                key: "path",
                example: "/",
            };
            let (place, path) = self.required(path, place, need)?;
            let path = path.0;
            return Some((place, Mapping { path, ..mapping }));
        }
        if let (Some(place), Some(_)) = (pattern.place(), path.place()) {
            self.report
                .error_with_hint(place, "match: `path` is given too", "keep one of them");
        }
        let (place, pattern) = pattern.given()?;
        let pattern = Some(pattern.0);
        Some((place, Mapping { pattern, ..mapping }))
    }

    /// Reports a mapping without redirect and answer that has several things to do, or none.
    pub(super) fn forward_or_files(
        &self,
        exclude: Option<bool>,
        to: &Scalar<TargetUrl>,
        files: &Scalar<FileName>,
        place: Place,
    ) {
        if files.is_absent() {
            return self.exclude_or_to(exclude, to, place);
        }
        let Some(files) = files.place() else {
            return;
        };
        if exclude == Some(true) || to.place().is_some() {
            self.report.error_with_hint(
                files,
                "files: the mapping has something else to do",
                "keep one of `to`, `files` and `exclude: true`",
            );
        }
    }

    /// Reports a mapping with both `exclude: true` and `to`, or with neither.
    fn exclude_or_to(&self, exclude: Option<bool>, to: &Scalar<TargetUrl>, place: Place) {
        if let (Some(true), Some(place)) = (exclude, to.place()) {
            self.report.error_with_hint(
                place,
                "to: an excluded path goes nowhere",
                "keep `exclude: true` or `to`",
            );
        }
        if exclude == Some(false) && to.is_absent() {
            self.report.error_with_hint(
                place,
                "a mapping needs `to`",
                "write `to: balancer://NAME/`, or `exclude: true`",
            );
        }
    }

    fn target(
        &self,
        to: Scalar<TargetUrl>,
        made_of_captures: bool,
        member: Field<file::Member>,
        balancers: &Balancers,
    ) -> Option<Target> {
        let member_place = member.place();
        let no_url_needed = to.is_absent();
        let destination = |to: TargetValue| match made_of_captures {
            true => to.bare,
            false => to.to,
        };
        match to.given().map(|(place, to)| (place, destination(to.0))) {
            Some((place, Destination::Balancer { name, path })) => {
                if let Some(place) = member_place {
                    self.report.error_with_hint(
                        place,
                        "member: goes with the url of a backend in `to`",
                        format!("the members of balancer://{name} stand under `balancers`"),
                    );
                }
                self.balancer_index(&name, place, balancers)
                    .map(|index| Target::Balancer { index, path })
            }
            Some((_, Destination::Member(url))) => {
                let member = whole(member);
                self.no_second_url(&member);
                self.member(member, Some(url))
                    .map(|member| Target::Member(Box::new(member)))
            }
            None => {
                if let (Some(place), true) = (member_place, no_url_needed) {
                    self.report.error_with_hint(
                        place,
                        "member: there is no `to` with the url of a backend",
                        "write `to` with a url, or remove this key",
                    );
                }
                self.member(whole(member), None);
                None
            }
        }
    }

    fn no_second_url(&self, member: &file::Member) {
        if let Some(place) = member.url.place() {
            self.report
                .error_with_hint(place, "url: it stands in `to`", "remove this key");
        }
    }

    fn balancer_index(&self, name: &str, place: Place, balancers: &Balancers) -> Option<usize> {
        let index = balancers.known.iter().position(|known| known.name == name);
        if index.is_none() && balancers.complete {
            let names = || balancers.known.iter().map(|known| known.name.as_str());
            let hint = did_you_mean(name, names()).unwrap_or_else(|| match balancers.known.len() {
                0 => "there are no balancers: write one under `balancers`".to_owned(),
                _ => format!(
                    "the balancers are {}",
                    names().collect::<Vec<_>>().join(", ")
                ),
            });
            self.report
                .error_with_hint(place, format!("to: there is no balancer {name:?}"), hint);
        }
        index
    }

    /// Reports a path that two mappings have for the same host. An exclusion counts before a mapping of the same path, which is
    /// then one that is never reached.
    fn different_paths(&self, mappings: &[BuiltMapping]) {
        let mut seen = HashMap::new();
        for mapping in mappings.iter().filter(|mapping| mapping.all_hosts) {
            let Mapping { hosts, scheme, .. } = &mapping.built;
            let (key, path) = mapping.takes();
            let hosts: Vec<Option<&String>> = match hosts.as_slice() {
                [] => vec![None],
                hosts => hosts.iter().map(Some).collect(),
            };
            for host in hosts {
                let Some(first) =
                    seen.insert((mapping.excluded, key, path, host, scheme), mapping.place)
                else {
                    continue;
                };
                let line = self.report.line_of(first, mapping.place);
                let host = host.map_or_else(String::new, |host| format!(" for {host}"));
                let scheme = scheme.map_or_else(String::new, |it| format!(" over {}", it.name()));
                self.report.error_with_hint(
                    mapping.place,
                    format!("{key}: {path}{host}{scheme} is already mapped in {line}"),
                    "remove one of them",
                );
            }
        }
    }
}

/// The name of the balancer that a mapping leads to.
fn balancer_of(mapping: &file::Mapping) -> Option<String> {
    match &mapping.to.value()?.0.to {
        Destination::Balancer { name, .. } => Some(name.clone()),
        _ => None,
    }
}

/// Names with their values, when both could be read.
fn whole_named(
    field: Field<
        crate::field::Named<
            crate::value::AttributeName,
            crate::field::Checked<crate::template::TemplateText>,
        >,
    >,
) -> Vec<(String, Template)> {
    let entries = field.given().map_or_else(Vec::new, |(_, named)| named.0);
    entries
        .into_iter()
        .filter_map(|(name, value)| name.optional().zip(value.optional()))
        .collect()
}
