//! Changes of a running balancer: the keys of the file that an operator may send, and their values.
//!
//! Changes are read as the file is, so the same values are refused for the same reasons. JSON that comes over the network
//! must also have the JSON types of [`api_schemas`].

use std::marker::PhantomData;
use std::path::Path;
use std::sync::LazyLock;

use schemars::{JsonSchema, Schema, json_schema};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::build::build_member;
use crate::document::{read_document, read_json, unread};
use crate::fault::Fault;
use crate::field::{Field, Kind, Scalar};
use crate::file;
use crate::model::{BalancerChange, LbMethod, Member, MemberChange};
use crate::problem::Problems;
use crate::report::{Report, Source};
use crate::schema::without_references;
use crate::value::{Factor, Period, Route, SessionNames, Switch, Whole, Word};

/// Checks a change of a member that comes over the network: a JSON object with some of `loadfactor`, `lbset`, `route`,
/// `redirect` and `status`, a map of its flags.
///
/// # Errors
///
/// All problems of the text.
pub fn member_change_from_json(text: &str) -> Result<MemberChange, Problems> {
    from_json::<MemberKeys>(text, &MEMBER_CHANGE).map(MemberChange::from)
}

/// Checks a change of a balancer that comes over the network: a JSON object with some of `lbmethod`, `stickysession`,
/// `nofailover`, `timeout` and `maxattempts`, which may be `null` here.
///
/// # Errors
///
/// All problems of the text.
pub fn balancer_change_from_json(text: &str) -> Result<BalancerChange, Problems> {
    from_json::<BalancerKeys>(text, &BALANCER_CHANGE).map(BalancerChange::from)
}

/// Checks a member that comes over the network: a JSON object with the keys of a member, `url` among them. File names
/// are relative to `folder`.
///
/// # Errors
///
/// All problems of the text.
pub fn member_from_json(text: &str, folder: &Path) -> Result<Member, Problems> {
    let report = Report::new(Source::new(&folder.join("body"), ""));
    let built = read_json(text, &NEW_MEMBER, &report)
        .and_then(|(place, member)| build_member(member, place, &report));
    let (sources, _) = report.finish()?;
    built.ok_or_else(|| unread(sources.main()))
}

/// Checks a change of a member that was written down: JSON or YAML, where a text may stand for a number, as in the file.
///
/// # Errors
///
/// All problems of the text; `file` is its name in them.
pub fn parse_member_change(text: &str, file: &Path) -> Result<MemberChange, Problems> {
    from_file::<MemberKeys>(text, file).map(MemberChange::from)
}

/// Checks a change of a balancer that was written down: JSON or YAML. `maxattempts` may be `default`.
///
/// # Errors
///
/// All problems of the text; `file` is its name in them.
pub fn parse_balancer_change(text: &str, file: &Path) -> Result<BalancerChange, Problems> {
    from_file::<BalancerKeys>(text, file).map(BalancerChange::from)
}

/// The JSON Schemas (draft 2020-12, no references) of the bodies of requests: `MemberChange`, `BalancerChange`, `NewMember`.
/// Bodies are checked with these schemas.
#[must_use]
pub fn api_schemas() -> [(&'static str, Value); 3] {
    [
        ("MemberChange", MEMBER_CHANGE.clone()),
        ("BalancerChange", BALANCER_CHANGE.clone()),
        ("NewMember", NEW_MEMBER.clone()),
    ]
}

static MEMBER_CHANGE: LazyLock<Value> = LazyLock::new(without_references::<MemberKeys>);
static BALANCER_CHANGE: LazyLock<Value> = LazyLock::new(without_references::<BalancerKeys>);
static NEW_MEMBER: LazyLock<Value> = LazyLock::new(|| {
    let mut schema = without_references::<file::Member>();
    let additions = [
        ("", "required", json!(["url"])),
        ("/properties/loadfactor", "multipleOf", json!(0.01)),
    ];
    for (part, key, value) in additions {
        if let Some(Value::Object(part)) = schema.pointer_mut(part) {
            part.insert(key.to_owned(), value);
        }
    }
    schema
});

fn from_json<T: for<'de> Deserialize<'de>>(text: &str, schema: &Value) -> Result<T, Problems> {
    let report = Report::new(Source::new(Path::new("body"), ""));
    let keys = read_json(text, schema, &report).map(|(_, keys)| keys);
    let (sources, _) = report.finish()?;
    keys.ok_or_else(|| unread(sources.main()))
}

fn from_file<T: for<'de> Deserialize<'de>>(text: &str, file: &Path) -> Result<T, Problems> {
    let report = Report::new(Source::new(file, text));
    let keys = read_document(text, &|_| None, &report).map(|(_, keys, _)| keys);
    let (sources, _) = report.finish()?;
    keys.ok_or_else(|| unread(sources.main()))
}

impl From<MemberKeys> for MemberChange {
    fn from(member: MemberKeys) -> Self {
        let status = member.status.given().map(|(_, status)| status);
        let status = status.unwrap_or_default();
        let set = member.lbset.optional();
        Self {
            route: member.route.optional(),
            redirect: member.redirect.optional(),
            loadfactor: member.loadfactor.optional(),
            lbset: set.map(|set| u8::try_from(set).unwrap_or(u8::MAX)),
            disabled: status.disabled.optional(),
            stopped: status.stopped.optional(),
            drain: status.drain.optional(),
            hot_standby: status.hot_standby.optional(),
            hot_spare: status.hot_spare.optional(),
            ignore_errors: status.ignore_errors.optional(),
            clear_error: status.error.optional().is_some(),
        }
    }
}

impl From<BalancerKeys> for BalancerChange {
    fn from(balancer: BalancerKeys) -> Self {
        Self {
            lbmethod: balancer.lbmethod.optional(),
            stickysession: balancer.stickysession.optional(),
            nofailover: balancer.nofailover.optional(),
            timeout: balancer.timeout.optional(),
            maxattempts: balancer.maxattempts.optional(),
        }
    }
}

/// The settings of a member that can be changed.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename = "member", default, deny_unknown_fields)]
struct MemberKeys {
    /// The jvmRoute of the Tomcat; "" or null for none.
    route: Scalar<OrNull<Route>>,
    /// The route to prefer when this member is out; "" or null for none.
    redirect: Scalar<OrNull<Route>>,
    /// Its weight, 1 to 100 with at most two decimals.
    #[schemars(extend("multipleOf" = 0.01))]
    loadfactor: Scalar<Factor>,
    /// Its tier; the lowest one with a usable member is used.
    lbset: Scalar<Whole<0, 99>>,
    /// What the operator wants of it.
    status: Field<StatusKeys>,
}

/// Flags of a member.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename = "member.status", default, deny_unknown_fields)]
struct StatusKeys {
    /// No request at all.
    disabled: Scalar<Switch>,
    /// No request at all, and no health checks.
    stopped: Scalar<Switch>,
    /// Only requests of sessions that it has.
    drain: Scalar<Switch>,
    /// Used when its set has no other usable member.
    hot_standby: Scalar<Switch>,
    /// Replaces an unusable member of its set.
    hot_spare: Scalar<Switch>,
    /// Never put in error by traffic.
    ignore_errors: Scalar<Switch>,
    /// `false` clears the member's error state: it gets requests again at once.
    error: Scalar<Cleared>,
}

/// The settings of a balancer that can be changed.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename = "balancer", default, deny_unknown_fields)]
struct BalancerKeys {
    /// How a request without a usable session route is scheduled.
    lbmethod: Scalar<Word<LbMethod>>,
    /// COOKIE|PARAMETER, or one name for both; "" for no stickiness.
    stickysession: Scalar<SessionNames>,
    /// Fail a request whose member is out rather than send it to another one.
    nofailover: Scalar<Switch>,
    /// How long a request waits for a usable member; 0s: not at all.
    timeout: Scalar<Period<0>>,
    /// Further tries after the first; null: one less than there are members.
    maxattempts: Scalar<Attempts>,
}

/// `false` clears a member's error state. `true` is refused: only failures put a member in error.
enum Cleared {}

impl Kind for Cleared {
    type Value = ();

    fn read(text: &str) -> Result<(), Fault> {
        match Switch::read(text)? {
            false => Ok(()),
            true => Err(Fault::new("a member is not put in error by hand")
                .hint("`disabled: true` takes it out of service")),
        }
    }

    fn schema() -> Schema {
        json_schema!({ "type": "boolean", "enum": [false] })
    }
}

/// A scalar for which `null` is the empty text.
struct OrNull<K>(PhantomData<K>);

impl<K: Kind> Kind for OrNull<K> {
    type Value = K::Value;

    fn read(text: &str) -> Result<K::Value, Fault> {
        K::read(text)
    }

    fn nothing() -> Option<K::Value> {
        K::read("").ok()
    }

    fn schema() -> Schema {
        json_schema!({ "anyOf": [K::schema(), { "type": "null" }] })
    }
}

/// `maxattempts`; `null` (in the state file `default`) is the value of a file without the key.
enum Attempts {}

impl Kind for Attempts {
    type Value = Option<u32>;

    fn read(text: &str) -> Result<Option<u32>, Fault> {
        match text {
            "default" => Ok(None),
            _ => Whole::<0, 99>::read(text)
                .map(|number| u32::try_from(number).ok())
                .map_err(|fault| fault.hint("null is one less than there are members")),
        }
    }

    fn nothing() -> Option<Option<u32>> {
        Some(None)
    }

    fn schema() -> Schema {
        json_schema!({ "anyOf": [Whole::<0, 99>::schema(), { "type": "null" }] })
    }
}
