//! What was discovered, as JSON: for the state file, the program after this one, and gateways that join the cluster.
//!
//! A gateway that starts knows the members of the program before it: those that vanished keep their sessions, and a source that does
//! not answer takes nobody out. The first answer of a source changes them as any later one.

use std::collections::HashSet;
use std::path::Path;

use ajpgate_config::{
    Config, Discover, ListedMember, Standing, parse_member, parse_source, place_of,
};
use serde_json::{Value, json};
use tracing::warn;

use super::{Discovered, OfSource};
use crate::cluster::ToldMembers;
use crate::discovery::Found;

/// The words for what a source says of a member.
const STANDINGS: [(&str, Standing); 6] = [
    ("ready", Standing::Ready),
    ("not ready", Standing::NotReady),
    ("ending", Standing::Ending),
    ("ending, not ready", Standing::EndingNotReady),
    ("vanished", Standing::Vanished),
    ("vanished, not ready", Standing::VanishedNotReady),
];

impl Discovered {
    /// By balancer and source.
    pub(in crate::state) fn to_json(&self) -> Value {
        let balancers = self.0.iter().map(|(balancer, sources)| {
            // Members that the file had itself are those of a running program: the next one reads the file.
            let sources = sources.iter().filter(|of| of.source.is_some());
            let sources = sources.map(|of| {
                let members: Vec<Value> = of.known.iter().map(of_found).collect();
                (of.subject.clone(), Value::from(members))
            });
            (balancer.clone(), Value::Object(sources.collect()))
        });
        Value::Object(balancers.collect())
    }

    /// The sources by balancer: their keys and, where the file no longer has one, the sources that are awaited in its place. A file
    /// that comes next may lack any of them.
    pub(in crate::state) fn sources_to_json(&self) -> Value {
        let balancers = self.0.iter().map(|(balancer, sources)| {
            let sources = sources.iter().filter_map(|of| {
                let keys = of.source.as_ref()?.keys();
                let source = json!({ "keys": keys, "awaited": of.awaited });
                Some((of.subject.clone(), source))
            });
            (balancer.clone(), Value::Object(sources.collect()))
        });
        Value::Object(balancers.collect())
    }

    /// What [`to_json`](Self::to_json) and [`sources_to_json`](Self::sources_to_json) have written, of the balancers that the file has.
    /// What cannot be used is left out, and the log says so. Files that members name are relative to `folder`.
    pub(in crate::state) fn from_json(
        value: &Value,
        sources: &Value,
        file: &Config,
        folder: &Path,
    ) -> Self {
        let mut all = Self::default();
        let mut unused = Unused::default();
        for (balancer, of_balancer) in value.as_object().into_iter().flatten() {
            for (subject, members) in of_balancer.as_object().into_iter().flatten() {
                let members = members.as_array().map_or(&[][..], Vec::as_slice);
                let of_file = source_of(file, balancer, subject).cloned();
                let before = || {
                    file.balancer(balancer)?;
                    let source = sources.get(balancer)?.get(subject)?;
                    source_before(source, subject, folder)
                };
                let of_file = of_file.map(|source| (source, None));
                let Some((source, awaited)) = of_file.or_else(before) else {
                    let why = || format!("{balancer}: there is no source {subject} any more");
                    unused.add(members.len(), why);
                    continue;
                };
                let mut known = Vec::new();
                for member in members {
                    match found_of(member, &source, folder) {
                        Ok(found) => known.push(found),
                        Err(why) => unused.add(1, || format!("{balancer}: {why}")),
                    }
                }
                all.set(balancer, &source, known);
                all.awaits(balancer, subject, awaited);
            }
        }
        unused.tell();
        all
    }

    /// For gateways that join the cluster, whose sources may not answer, or not name any more who has vanished. Members of lists are
    /// left out: their secrets are theirs.
    pub(in crate::state) fn told(&self) -> ToldMembers {
        let mut all = ToldMembers::new();
        for (balancer, of) in self.sources() {
            for found in &of.known {
                if found.member.is_none() {
                    let member = json!({ "source": of.subject, "member": of_found(found) });
                    let place = (balancer.clone(), found.url.place());
                    all.insert(place, member.to_string());
                }
            }
        }
        all
    }

    /// Takes up members that other gateways have told. Those that are known here are as they are, and what cannot be used is left out.
    pub(in crate::state) fn join(&mut self, told: &ToldMembers, file: &Config, folder: &Path) {
        for ((balancer, url), text) in told {
            let place = place_of(url);
            let Ok(said) = serde_json::from_str::<Value>(text) else {
                continue;
            };
            let subject = said.get("source").and_then(Value::as_str);
            let source = subject.and_then(|subject| source_of(file, balancer, subject));
            let member = said.get("member").filter(|_| !self.knows(balancer, &place));
            let (Some(source), Some(member)) = (source, member) else {
                continue;
            };
            let Ok(found) = found_of(member, source, folder) else {
                continue;
            };
            // Members of lists have their keys from the lists alone.
            if found.member.is_none() && found.url.place() == place {
                let mut known = self.known(balancer, &source.subject()).to_vec();
                known.push(found);
                self.set(balancer, source, known);
            }
        }
    }

    /// Notes which sources are awaited in place of one that the file of the program before did not have any more.
    fn awaits(&mut self, balancer: &str, subject: &str, awaited: Option<HashSet<String>>) {
        let mut sources = self.0.get_mut(balancer).into_iter().flatten();
        if let Some(of) = sources.find(|it| it.subject == subject) {
            of.awaited = awaited;
        }
    }

    pub(super) fn sources(&self) -> impl Iterator<Item = (&String, &OfSource)> {
        let balancers = self.0.iter();
        balancers.flat_map(|(balancer, sources)| sources.iter().map(move |of| (balancer, of)))
    }
}

/// Members that cannot be used any more.
#[derive(Debug, Default)]
struct Unused {
    members: usize,
    /// Why the first of them cannot.
    reason: Option<String>,
}

impl Unused {
    fn add(&mut self, members: usize, why: impl FnOnce() -> String) {
        self.members = self.members.saturating_add(members);
        if members > 0 {
            self.reason.get_or_insert_with(why);
        }
    }

    fn tell(self) {
        if let Some(reason) = self.reason {
            let members = self.members;
            warn!(
                members,
                reason,
                "members that were discovered before this start cannot be used: their sessions go elsewhere until a source names them"
            );
        }
    }
}

fn source_of<'c>(file: &'c Config, balancer: &str, subject: &str) -> Option<&'c Discover> {
    let mut sources = file.balancer(balancer)?.discover.iter();
    sources.find(|source| source.subject() == subject)
}

/// A source of the program before, and the sources that are awaited in its place, where the file of that program did not have it any
/// more.
fn source_before(
    source: &Value,
    subject: &str,
    folder: &Path,
) -> Option<(Discover, Option<HashSet<String>>)> {
    let awaited = serde_json::from_value(source.get("awaited")?.clone()).ok()?;
    let source = parse_source(source.get("keys")?, folder).ok()?;
    (source.subject() == subject).then_some((source, awaited))
}

fn of_found(found: &Found) -> Value {
    let standing = STANDINGS.iter().find(|(_, it)| *it == found.standing);
    let keys = [
        ("url", Some(Value::from(found.url.text.as_str()))),
        ("route", found.route.clone().map(Value::from)),
        (
            "loadfactor",
            found.loadfactor.map(|it| it.to_string().into()),
        ),
        ("lbset", found.lbset.map(Value::from)),
        ("standing", standing.map(|(word, _)| Value::from(*word))),
        ("part", Some(Value::from(found.part.as_str()))),
        ("keys", found.member.as_ref().map(|it| it.keys().clone())),
    ];
    let keys = keys.into_iter();
    keys.filter_map(|(key, value)| Some((key.to_owned(), value?)))
        .collect()
}

fn found_of(value: &Value, source: &Discover, folder: &Path) -> Result<Found, String> {
    let text = |key: &str| value.get(key).and_then(Value::as_str);
    let url = text("url").ok_or("a member has no url")?;
    let bad = |key: &str| format!("{url}: {key} cannot be read");
    let word = text("standing").unwrap_or_default();
    let standing = STANDINGS.iter().find(|(it, _)| *it == word);
    let (_, standing) = *standing.ok_or_else(|| bad("standing"))?;
    let part = text("part").unwrap_or_default();
    if source.template().is_none() {
        let keys = value.get("keys").cloned().ok_or_else(|| bad("keys"))?;
        let member = ListedMember::of_keys(keys, folder).map_err(|_| bad("keys"))?;
        return Ok(Found {
            standing,
            ..Found::whole(member, part)
        });
    }
    let read = ["url", "loadfactor", "lbset"].into_iter();
    let read = read.filter_map(|key| Some((key.to_owned(), value.get(key)?.clone())));
    let read = Value::Object(read.collect()).to_string();
    let read = parse_member(&read, Path::new("discovered")).map_err(|_| bad("it"))?;
    // The other keys are those of the source, credentials and TLS among them: they are for its scheme alone.
    if source.scheme() != Some(read.url.scheme) {
        return Err(format!("{url}: its source has members of another scheme"));
    }
    Ok(Found {
        route: text("route").map(str::to_owned),
        loadfactor: value.get("loadfactor").map(|_| read.loadfactor),
        lbset: value.get("lbset").map(|_| read.lbset),
        standing,
        part: part.to_owned(),
        member: None,
        url: read.url,
    })
}

#[cfg(test)]
mod tests {
    use ajpgate_config::{LoadFactor, parse};

    use super::*;

    const FILE: &str = "listeners: [{ bind: \"[::1]:1\" }]
balancers:
  shop:
    discover:
      - { file: list.yaml }
      - { dns: \"https://x.test:8443/app\", member: { max: 3 } }
      - { srv: \"ajp://_ajp._tcp.x.test\" }
proxy_pass: [{ path: /, to: \"balancer://shop/\" }]
";

    fn file(text: &str) -> Config {
        let parsed = parse(text, Path::new("ajpgate.yaml"), &|_| None);
        parsed.unwrap().config
    }

    fn known() -> (Config, Discovered) {
        let file = file(FILE);
        let mut all = Discovered::default();
        let keys = json!({ "url": "ajp://a:8009", "route": "a", "secret": "s$${x}" });
        let listed = ListedMember::of_keys(keys, Path::new("")).unwrap();
        let [list, dns, srv] = &file.balancers[0].discover[..] else {
            panic!("three sources");
        };
        all.set("shop", list, vec![Found::whole(listed, "list.yaml")]);
        for (source, url) in [
            (dns, "https://[::1]:8443/app"),
            (srv, "ajp://10.0.0.1:8009"),
        ] {
            let all_standings = STANDINGS.iter().enumerate().map(|(at, (_, standing))| {
                let url = url.replace('1', &(at + 1).to_string());
                let keys = json!({ "url": url }).to_string();
                Found {
                    url: parse_member(&keys, Path::new("")).unwrap().url,
                    member: None,
                    route: (at > 1).then(|| format!("r{at}")),
                    loadfactor: (at > 2).then(|| LoadFactor::from_hundredths(250).unwrap()),
                    lbset: (at > 3).then_some(7),
                    standing: *standing,
                    part: format!("part {at}"),
                }
            });
            all.set("shop", source, all_standings.collect());
        }
        (file, all)
    }

    /// Credentials and TLS of a source are for its scheme. The keys of members of lists come from the lists alone.
    #[test]
    fn what_others_tell_of_another_scheme_or_of_lists_is_left_out() {
        let file = file(FILE);
        let told = |source: &Discover, url: &str, keys: Option<&str>| {
            let member = json!({ "url": url, "standing": STANDINGS[0].0, "keys": keys.map(|_| json!({ "url": url })) });
            let text = json!({ "source": source.subject(), "member": member }).to_string();
            let told = ToldMembers::from([(("shop".to_owned(), url.to_owned()), text)]);
            let mut all = Discovered::default();
            all.join(&told, &file, Path::new(""));
            all.sources().count()
        };
        let [list, dns, _] = &file.balancers[0].discover[..] else {
            panic!("three sources");
        };
        assert_eq!(told(dns, "https://10.0.0.1:8443/app", None), 1);
        assert_eq!(told(dns, "http://10.0.0.1:8443/app", None), 0);
        assert_eq!(told(dns, "ftp://10.0.0.1:8443", None), 0);
        assert_eq!(told(list, "ajp://10.0.0.1:8009", Some("")), 0);
    }

    #[test]
    fn what_was_written_is_read_as_it_was() {
        let (file, all) = known();
        let read = Discovered::from_json(&all.to_json(), &Value::Null, &file, Path::new(""));
        let read = &read.0["shop"];
        assert_eq!(read.len(), 3);
        for of in &all.0["shop"] {
            assert!(read.contains(of), "{of:?}");
        }
    }

    #[test]
    fn what_cannot_be_used_is_left_out_and_the_rest_counts() {
        let (file, all) = known();
        let json = all.to_json();
        for foreign in [
            json!(null),
            json!([]),
            json!({ "shop": 1 }),
            json!({ "other": { "dns x": [{}] } }),
        ] {
            let read = Discovered::from_json(&foreign, &foreign, &file, Path::new(""));
            assert_eq!(read.places("shop").count(), 0, "{foreign}");
        }
        let mut spoilt = json.clone();
        for member in spoilt["shop"]["srv ajp://_ajp._tcp.x.test"]
            .as_array_mut()
            .unwrap()
        {
            member["standing"] = json!("asleep");
        }
        spoilt["shop"]["file list.yaml"][0]["keys"] = json!({ "url": "ajp://a", "rout": "a" });
        let read = Discovered::from_json(&spoilt, &Value::Null, &file, Path::new(""));
        assert_eq!(read.places("shop").count(), STANDINGS.len());
        // Without its source nobody knows the keys of a member.
        let other = self::file(&FILE.replace("https://x.test", "https://y.test"));
        let read = Discovered::from_json(&json, &Value::Null, &other, Path::new(""));
        assert_eq!(read.places("shop").count(), 1 + STANDINGS.len());
        let sources = all.sources_to_json();
        let read = Discovered::from_json(&json, &sources, &other, Path::new(""));
        let members = |all: &Discovered| all.over(&file).balancers[0].members.clone();
        assert_eq!(members(&read), members(&all));
    }

    #[test]
    fn gateways_that_join_are_told_who_there_is_and_no_secrets() {
        let (file, all) = known();
        let told = all.told();
        assert_eq!(told.len(), 2 * STANDINGS.len());
        assert!(!format!("{told:?}").contains("ajp://a:8009"), "of the list");
        let mut joined = Discovered::default();
        joined.join(&told, &file, Path::new(""));
        assert_eq!(joined.told(), told);
        // Whom it knows already is as it is.
        let mut knows = all.clone();
        knows.join(&told, &file, Path::new(""));
        assert_eq!(knows, all);
        // Somebody else's text is no member.
        let of_other = told.values().next().unwrap().as_str();
        for text in [
            "",
            "{}",
            "{\"source\": \"dns https://x.test:8443/app\"}",
            "[[[",
            of_other,
        ] {
            let place = ("shop".to_owned(), "ajp://h:1".to_owned());
            let told = ToldMembers::from([(place, text.to_owned())]);
            joined.join(&told, &file, Path::new(""));
        }
        assert_eq!(joined.told(), told);
    }
}
