//! Rules for header fields: `request_headers` and `response_headers`.

use ajpgate_config::{HeaderAction, HeaderRule, Pattern};

use crate::facts::Facts;
use crate::field_names;
use crate::head::{Fields, Known, is_name, is_value};
use crate::headers::{Overlay, Passing};

/// Longest value that `edit` writes, in bytes. It is below the bound of [`Facts`], so that no value is cut. A longer value is
/// not edited.
const LONGEST_EDITED: usize = 32 * 1024;

/// Applies `response_headers`. Fields that the answer did not have get the usual spelling of their names.
pub(crate) fn apply_rules(rules: &[HeaderRule], facts: &Facts<'_>, fields: &mut Fields) {
    for rule in rules.iter().filter(|rule| counts(rule, facts)) {
        let value = || facts.render(&rule.value);
        let name = &*field_names::usual(&rule.name);
        match &rule.action {
            HeaderAction::Set => fields.set(name, &value()),
            HeaderAction::Add => fields.push(name.as_bytes(), &value()),
            HeaderAction::Append => {
                let value = appended(fields.all(name), &value());
                fields.set(name, &value);
            }
            HeaderAction::Unset => fields.remove(name),
            HeaderAction::Edit(pattern) => {
                fields.map_named(name, |value| edited(rule, pattern, facts, value));
            }
        }
    }
}

/// Applies `request_headers` for one attempt, whose facts name its member. Of the client's fields only those are seen that go
/// on to a member: a rule brings back nothing that a client must not say. `overlay` has what the gateway says in place of the
/// client; rules see that.
pub(super) fn request_overlay<'a>(
    mut overlay: Overlay<'a>,
    rules: &'a [HeaderRule],
    facts: &Facts<'_>,
    passing: Passing<'_>,
) -> Overlay<'a> {
    for rule in rules.iter().filter(|rule| counts(rule, facts)) {
        let name = &*rule.name;
        let is_it = |added: &str| added.eq_ignore_ascii_case(name);
        let present = || {
            let goes_on = !overlay.removes(name.as_bytes());
            let sent = sent(facts, passing, name).filter(move |_| goes_on);
            let added = overlay.added.iter().filter(|(added, _)| is_it(added));
            sent.chain(added.map(|(_, value)| value.as_slice()))
        };
        let values = match &rule.action {
            HeaderAction::Set | HeaderAction::Add => vec![facts.render(&rule.value)],
            HeaderAction::Append => vec![appended(present(), &facts.render(&rule.value))],
            HeaderAction::Unset => Vec::new(),
            HeaderAction::Edit(pattern) => {
                let edit = |value: &[u8]| {
                    edited(rule, pattern, facts, value).unwrap_or_else(|| value.to_vec())
                };
                present().map(edit).collect()
            }
        };
        if rule.action != HeaderAction::Add {
            overlay.added.retain(|(added, _)| !is_it(added));
            overlay.removed.push(name);
        }
        overlay
            .added
            .extend(values.into_iter().map(|value| (name, value)));
    }
    overlay
}

/// The values of a client's fields of this name that go on to a member.
fn sent<'f>(
    facts: &Facts<'f>,
    passing: Passing<'_>,
    name: &'f str,
) -> impl Iterator<Item = &'f [u8]> {
    let goes_on = passing.goes_on(Known::of(name.as_bytes()), name.as_bytes());
    let head = facts.head.filter(|_| goes_on);
    head.into_iter().flat_map(move |head| head.fields.all(name))
}

fn counts(rule: &HeaderRule, facts: &Facts<'_>) -> bool {
    let is_due = rule.when.as_ref().is_none_or(|when| facts.holds(when));
    is_due && is_name(rule.name.as_bytes())
}

/// A value in which the first text that is found is replaced (`mod_headers.c: process_regexp()`); `None` where nothing is
/// found, or the value could not stand in a field.
fn edited(
    rule: &HeaderRule,
    pattern: &Pattern,
    facts: &Facts<'_>,
    value: &[u8],
) -> Option<Vec<u8>> {
    let groups = pattern.regex().captures(value)?;
    let found = groups.get(0)?;
    let group = |number| groups.get(number).map(|group| group.as_bytes());
    let text = facts.render_found(&rule.value, group);
    let (before, after) = (value.get(..found.start())?, value.get(found.end()..)?);
    let edited = [before, &text, after].concat();
    (edited.len() <= LONGEST_EDITED && is_value(&edited)).then_some(edited)
}

/// The present values and one more, joined by commas.
fn appended<'a>(present: impl Iterator<Item = &'a [u8]>, value: &'a [u8]) -> Vec<u8> {
    let all: Vec<&[u8]> = present.chain([value]).collect();
    all.join(&b", "[..])
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;
    use crate::client::{Believed, Claims, Client};
    use crate::head::RequestHead;
    use crate::headers::Nominated;
    use crate::variables::Variables;

    fn rules(yaml: &str) -> Vec<HeaderRule> {
        let yaml = format!(
            "listeners: [{{ bind: \"127.0.0.1:0\" }}]\nproxy_pass:\n  - path: /\n    to: \"ajp://a:1/\"\n    \
             response_headers: {yaml}\n"
        );
        let loaded = ajpgate_config::parse(&yaml, std::path::Path::new("x"), &|_| None);
        loaded.unwrap().config.mappings[0].response_headers.clone()
    }

    fn with_facts<T>(sent: &[(&str, &str)], test: impl FnOnce(&Facts<'_>) -> T) -> T {
        let mut request = Request::builder();
        for (name, value) in sent {
            request = request.header(*name, *value);
        }
        let head: RequestHead = request.body(()).unwrap().into_parts().0.into();
        let client = Client::new("192.0.2.7:1".parse().unwrap(), "[::1]:80".parse().unwrap());
        test(&Facts {
            head: Some(&head),
            client: &client,
            variables: &Variables::default(),
            user: None,
            believed: None,
        })
    }

    fn passing<'a>(
        facts: &Facts<'a>,
        claims: &'a Claims,
        nominated: &'a Nominated<'a>,
    ) -> Passing<'a> {
        let is_told = false;
        Passing {
            client: facts.client,
            believed: Believed { claims, is_told },
            nominated,
            keeps_authorization: false,
        }
    }

    fn shown<'a>(fields: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> Vec<String> {
        let shown = fields.map(|(name, value)| {
            let (name, value) = (
                String::from_utf8_lossy(name),
                String::from_utf8_lossy(value),
            );
            format!("{name}: {value}")
        });
        shown.collect()
    }

    #[test]
    fn each_field_of_the_name_is_edited_where_it_matches_first() {
        let mut fields = Fields::default();
        for (name, value) in [
            ("Set-Cookie", "a=aa"),
            ("X", "a"),
            ("set-cookie", "b=1"),
            ("set-cookie", ""),
        ] {
            fields.push(name.as_bytes(), value.as_bytes());
        }
        let rules = rules(
            r#"[{ edit: Set-Cookie, match: "a", value: "[$0$1]%{X-In}i" },
                { edit: Set-Cookie, match: "^(.*)$", value: "$1; SameSite=Lax" }]"#,
        );
        with_facts(&[("x-in", "$0")], |facts| {
            apply_rules(&rules, facts, &mut fields);
        });
        assert_eq!(
            shown(fields.iter()),
            [
                // What a client sends is no group.
                "Set-Cookie: [a]$0=aa; SameSite=Lax",
                "X: a",
                "set-cookie: b=1; SameSite=Lax",
                "set-cookie: ; SameSite=Lax"
            ]
        );
    }

    #[test]
    fn a_value_that_would_be_too_long_is_left_as_it_was() {
        let long = "x".repeat(40_000);
        let mut fields = Fields::default();
        fields.push(b"X", long.as_bytes());
        let rules = rules(r#"[{ edit: X, match: "^(.*)$", value: "$1$1" }]"#);
        with_facts(&[], |facts| apply_rules(&rules, facts, &mut fields));
        assert_eq!(fields.get("x"), Some(long.as_bytes()));
    }

    #[test]
    fn rules_of_requests_do_not_see_what_stays_here() {
        let sent = [
            ("authorization", "Basic YTpi"),
            ("connection", "X-Hop"),
            ("x-hop", "1"),
            ("destination", "/shop/x"),
        ];
        let rules = rules(
            r#"[{ edit: Authorization, match: "^Token ", value: "Bearer " }, { append: X-Hop, value: "2" },
                { edit: Destination, match: "^/", value: "/d/" }]"#,
        );
        with_facts(&sent, |facts| {
            let head = facts.head.unwrap();
            let (nominated, claims) = (Nominated::of(&head.fields), Claims::default());
            let passing = Passing {
                keeps_authorization: true,
                ..passing(facts, &claims, &nominated)
            };
            let mut mapped = Overlay::default();
            mapped.replace("Destination", Some(b"/app/x".to_vec()));
            let overlay = request_overlay(mapped, &rules, facts, passing);
            let added = overlay.added.iter();
            let added: Vec<_> = added
                .map(|(name, value)| (*name, str::from_utf8(value).unwrap()))
                .collect();
            assert_eq!(added, [("x-hop", "2"), ("destination", "/d/app/x")]);
        });
    }

    #[test]
    fn rules_of_requests_see_what_goes_on_and_what_rules_before_them_made() {
        let sent = [
            ("accept", "a"),
            ("accept", "b"),
            ("x-forwarded-for", "10.0.0.1"),
            ("ssl_client_cert", "forged"),
        ];
        for (rules_text, expected) in [
            (
                r#"[{ edit: Accept, match: "^", value: "q" }, { append: Accept, value: z }]"#,
                &["accept: qa, qb, z"][..],
            ),
            (
                r#"[{ append: X-Forwarded-For, value: me }]"#,
                &["x-forwarded-for: me"],
            ),
            (
                r#"[{ append: SSL_CLIENT_CERT, value: me }]"#,
                &["ssl_client_cert: me"],
            ),
            (r#"[{ edit: X-Forwarded-For, match: "^", value: q }]"#, &[]),
            (
                r#"[{ set: A, value: "1" }, { edit: A, match: "1", value: "2" }]"#,
                &["a: 2"],
            ),
            (r#"[{ set: A, value: "1", when: "%{Accept}i" }]"#, &["a: 1"]),
            (r#"[{ set: A, value: "1", when: "!%{Accept}i" }]"#, &[]),
        ] {
            let rules = rules(rules_text);
            let (nominated, claims) = (Nominated::default(), Claims::default());
            let added = with_facts(&sent, |facts| {
                let overlay = request_overlay(
                    Overlay::default(),
                    &rules,
                    facts,
                    passing(facts, &claims, &nominated),
                );
                let added = overlay.added.iter();
                shown(added.map(|(name, value)| (name.as_bytes(), value.as_slice())))
            });
            assert_eq!(added, expected, "{rules_text}");
        }
    }
}
