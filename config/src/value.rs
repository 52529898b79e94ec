//! The kinds of scalars. Each one turns a text into a value, or says what is wrong with the text.

mod acme;
mod address;
mod amount;
mod auth;
mod control;
mod engine;
mod host;
mod media;
mod name;
mod path;
mod pattern;
mod redirect;
mod secret;
mod sticky;
mod url;
mod word;

pub(crate) use acme::{AuthorityUrl, DomainName, Email};
pub(crate) use address::{Bind, NameServer, Network};
pub(crate) use amount::{ErrorStatus, Factor, Part, Period, Size, StatusCode, Whole};
pub(crate) use auth::{AuthUrl, CollectorUrl, Realm, RequestRate};
pub(crate) use engine::EngineUrl;
pub(crate) use media::MediaRange;
pub use name::is_route;
pub(crate) use name::{
    AttributeName, BalancerName, ClusterName, CookieName, FieldName, FieldText, HostName,
    KubernetesName, PodPort, Route, ServerName,
};
pub(crate) use path::{CookiePath, EntryName, FileName, PathPrefix, RequestUri};
pub use pattern::Pattern;
pub(crate) use pattern::RegexText;
pub(crate) use redirect::{
    AnswerBody, AnswerStatus, ContentType, LARGEST_ANSWER, RedirectStatus, RedirectTarget,
    RedirectTo,
};
pub(crate) use secret::{FreeText, LONGEST_SECRET, MemberSecret, Password, UserName, too_long};
pub(crate) use sticky::{Separator, SessionNames};
pub use url::place_of;
pub(crate) use url::{Destination, MemberTarget, TargetUrl, TargetValue, UpgradeTarget};
pub(crate) use word::{Flag, Keyword, Off, Switch, Verify, Word};
