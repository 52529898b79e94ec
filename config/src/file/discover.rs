//! Sources of members.

use schemars::JsonSchema;
use serde::Deserialize;

use super::member::Member;
use crate::field::{Field, Scalar};
use crate::model::{RouteRule, Scheme};
use crate::value::{FileName, KubernetesName, MemberTarget, NameServer, Period, PodPort, Word};

/// A source that names members while the gateway runs.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename = "discover", default, deny_unknown_fields)]
#[schemars(extend("oneOf" = [{ "required": ["dns"] }, { "required": ["srv"] }, { "required": ["file"] }, { "required": ["kubernetes"] }]))]
pub(crate) struct Discover {
    /// A name, with the protocol and port of its members: a member for each of its addresses, IPv4 and IPv6.
    pub(crate) dns: Scalar<MemberTarget>,
    /// A name with SRV records, with the protocol of its members: priorities become `lbset`, weights `loadfactor`.
    pub(crate) srv: Scalar<MemberTarget>,
    /// Files with lists of members, from the folder of the configuration file on; `*` stands for any letters of a name. They
    /// are read again when they change.
    pub(crate) file: Scalar<FileName>,
    /// A service of Kubernetes: a member for each of its pods, as its EndpointSlices name them.
    pub(crate) kubernetes: Field<Kubernetes>,
    /// Time from one question to the next. Beside `kubernetes`, whose changes count at once: from a failure to the next question;
    /// failures in a row make it longer.
    #[schemars(extend("default" = "5s"))]
    pub(crate) interval: Scalar<Period<100>>,
    /// Where the routes of its members come from: `learn` from the sessions that they issue, `label` the first label of the SRV
    /// target or the name of the pod, `address` with dashes. By default `learn` beside `dns`, `label` beside `srv` and
    /// `kubernetes`.
    pub(crate) route: Scalar<Word<RouteRule>>,
    /// The DNS server that is asked, and no other; by default those of the system.
    pub(crate) resolver: Scalar<NameServer>,
    /// The keys of its members, without `url` and `route`.
    pub(crate) member: Field<Member>,
}

/// A service of Kubernetes.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename = "kubernetes", default, deny_unknown_fields)]
#[schemars(extend("required" = ["service", "port"]))]
pub(crate) struct Kubernetes {
    /// The namespace of the service. By default that of the account (in a pod, the pod's own) or of the kubeconfig's context.
    pub(crate) namespace: Scalar<KubernetesName>,
    /// The name of the service.
    pub(crate) service: Scalar<KubernetesName>,
    /// The port of the pods: its name in the service, or its number.
    pub(crate) port: Scalar<PodPort>,
    /// The protocol of the members.
    #[schemars(extend("default" = "ajp"))]
    pub(crate) scheme: Scalar<Word<Scheme>>,
    /// A file that says where the cluster is and who asks; its current context counts. In a pod of the cluster it is not needed:
    /// the account of the pod asks.
    pub(crate) kubeconfig: Scalar<FileName>,
}
