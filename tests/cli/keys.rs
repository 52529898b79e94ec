//! No key of a configuration is ignored silently: `run` acts on each key or refuses it.

use std::collections::BTreeSet;
use std::path::Path;

use ajpgate_config::Config;
use serde_json::Value;

use crate::support::program::{Program, ajpgate, run};
use crate::support::{Scratch, taken};

/// What `run` does with a value that is not the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// `run` acts on it.
    Built,
    /// `run` exits with 2 at its line.
    Refused,
    /// It is accepted, and has the same effect as no value, on purpose.
    WithoutEffect,
}
use Fate::{Built, Refused, WithoutEffect};

/// The place of a line in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Top,
    /// A key of the first listener, balancer, member or mapping.
    Listener,
    Balancer,
    Member,
    Mapping,
    /// An additional item of the list.
    Members,
    Mappings,
}
use Place::{Balancer, Listener, Mapping, Mappings, Member, Members, Top};

/// Key, what `run` does with the value, its place, and a line of YAML.
type Row = (&'static str, Fate, Place, &'static str);

/// Every key of the schema, at least once. When a key is implemented, its row changes.
#[rustfmt::skip]
const ROWS: &[Row] = &[
    ("listeners", Built, Top, "listeners: [{ bind: \"[::1]:0\" }]"),
    ("balancers", Built, Top, "balancers: { c: { members: [{ url: \"ajp://c\" }] } }"),
    ("proxy_pass", Built, Top, "proxy_pass: [{ path: /, exclude: true }]"),
    ("include", Built, Top, "include: [\"*.yml\"]"),
    ("trusted_proxies", Built, Top, "trusted_proxies: [10.0.0.0/8]"),
    ("limits", Built, Top, "limits: { max_body: 1MiB }"),
    ("access_log", Built, Top, "access_log: json"),
    ("log", Built, Top, "log: { level: debug }"),
    ("admin", Built, Top, "admin: { bind: \"127.0.0.1:0\" }"),
    ("watch", Built, Top, "watch: true"),
    ("shutdown_timeout", Built, Top, "shutdown_timeout: 5s"),
    ("shutdown_delay", Built, Top, "shutdown_delay: 5s"),
    ("tracing", Built, Top, "tracing: { otlp: \"http://[::1]:1\" }"),
    ("tracing.otlp", Built, Top, "tracing: { otlp: \"http://[::1]:1\" }"),
    ("tracing.sample", Built, Top, "tracing: { otlp: \"http://[::1]:1\", sample: 0.01 }"),
    ("runtime", Built, Top, "runtime: { threads: 1 }"),
    ("runtime.threads", Built, Top, "runtime: { threads: 3 }"),

    ("listener.bind", Built, Top, "listeners: [{ bind: \"[::1]:0\" }]"),
    ("listener.proxy_protocol", Built, Top, "listeners: [{ bind: \"[::1]:0\", proxy_protocol: true }]\ntrusted_proxies: [\"::1\"]"),
    ("listener.http2", Built, Listener, "http2: true"),
    ("listener.tls", Built, Listener, "tls: { certificate: ca.pem, private_key: key.pem }"),
    ("listener.tls.certificate", Built, Listener, "tls: { certificate: ca.pem, private_key: key.pem }"),
    ("listener.tls.private_key", Built, Listener, "tls: { certificate: ca.pem, private_key: key.pem }"),
    ("listener.tls.certificates", Built, Listener, "tls: { certificates: [{ certificate: ca.pem, private_key: key.pem }] }"),
    ("certificate.certificate", Built, Listener, "tls: { certificates: [{ certificate: ca.pem, private_key: key.pem }] }"),
    ("certificate.private_key", Built, Listener, "tls: { certificates: [{ certificate: ca.pem, private_key: key.pem }] }"),
    ("listener.tls.client_auth", Built, Listener, "tls: { certificate: ca.pem, private_key: key.pem, client_auth: optional, client_ca: ca.pem }"),
    ("listener.tls.client_ca", Built, Listener, "tls: { certificate: ca.pem, private_key: key.pem, client_ca: ca.pem }"),
    ("listener.tls.client_crl", Built, Listener, "tls: { certificate: ca.pem, private_key: key.pem, client_ca: ca.pem, client_crl: crl.pem }"),
    ("listener.tls.acme", Built, Listener, "tls: { acme: { domains: [a.test], directory: \"https://[::1]:1/\", cache: acme } }"),
    ("listener.tls.acme.domains", Built, Listener, "tls: { acme: { domains: [a.test], directory: \"https://[::1]:1/\", cache: acme } }"),
    ("listener.tls.acme.email", Built, Listener, "tls: { acme: { domains: [a.test], email: a@a.test, directory: \"https://[::1]:1/\", cache: acme } }"),
    ("listener.tls.acme.directory", Built, Listener, "tls: { acme: { domains: [a.test], directory: \"https://[::1]:1/\", cache: acme } }"),
    ("listener.tls.acme.ca", Built, Listener, "tls: { acme: { domains: [a.test], directory: \"https://[::1]:1/\", ca: ca.pem, cache: acme } }"),
    ("listener.tls.acme.cache", Built, Listener, "tls: { acme: { domains: [a.test], directory: \"https://[::1]:1/\", cache: acme } }"),
    ("listener.tls.min_version", Built, Listener, "tls: { certificate: ca.pem, private_key: key.pem, min_version: 1.3 }"),

    ("balancer.members", Built, Members, "- url: ajp://localhost:8010"),
    ("balancer.discover", Built, Balancer, "discover: [{ file: \"members/*.yaml\" }]"),
    ("discover.file", Built, Balancer, "discover: [{ file: list.yaml }]"),
    ("discover.dns", Built, Balancer, "discover: [{ dns: \"ajp://localhost:1\" }]"),
    ("discover.srv", Built, Balancer, "discover: [{ srv: \"ajp://_ajp._tcp.localhost\" }]"),
    ("discover.kubernetes", Built, Balancer, "discover: [{ kubernetes: { service: tomcats, port: ajp } }]"),
    ("kubernetes.namespace", Built, Balancer, "discover: [{ kubernetes: { namespace: shop, service: tomcats, port: ajp } }]"),
    ("kubernetes.service", Built, Balancer, "discover: [{ kubernetes: { service: tomcats, port: ajp } }]"),
    ("kubernetes.port", Built, Balancer, "discover: [{ kubernetes: { service: tomcats, port: 8009 } }]"),
    ("kubernetes.scheme", Built, Balancer, "discover: [{ kubernetes: { service: tomcats, port: 8080, scheme: http } }]"),
    ("kubernetes.kubeconfig", Built, Balancer, "discover: [{ kubernetes: { service: tomcats, port: ajp, kubeconfig: kube.yaml } }]"),
    ("discover.route", Built, Balancer, "discover: [{ dns: \"ajp://localhost:1\", route: address }]"),
    ("discover.resolver", Built, Balancer, "discover: [{ dns: \"ajp://a.test:1\", resolver: \"[::1]:1\" }]"),
    ("discover.member", Built, Balancer, "discover: [{ dns: \"ajp://localhost:1\", member: { max: 7 } }]"),
    ("discover.interval", Built, Balancer, "discover: [{ file: list.yaml, interval: 1s }]"),
    ("balancer.lbmethod", Built, Balancer, "lbmethod: bytraffic"),
    ("balancer.lbmethod", Built, Balancer, "lbmethod: bybusyness"),
    ("balancer.lbmethod", Built, Balancer, "lbmethod: leastlatency"),
    ("balancer.lbmethod", Built, Balancer, "lbmethod: sessions"),
    ("balancer.lbmethod", Built, Balancer, "lbmethod: heartbeat\n    heartbeat: { storage: hb.dat }"),
    ("balancer.stickysession", Built, Balancer, "stickysession: SID"),
    ("balancer.stickysession", Built, Balancer, "stickysession: \"\""),
    ("balancer.scolonpathdelim", WithoutEffect, Balancer, "scolonpathdelim: false"),
    ("balancer.stickysessionsep", Built, Balancer, "stickysessionsep: \"!\""),
    ("balancer.nofailover", Built, Balancer, "nofailover: true"),
    ("balancer.forcerecovery", Built, Balancer, "forcerecovery: false"),
    ("balancer.maxattempts", Built, Balancer, "maxattempts: 3"),
    ("balancer.failonstatus", Built, Balancer, "failonstatus: [503]"),
    ("balancer.failontimeout", Built, Balancer, "failontimeout: true"),
    ("balancer.timeout", Built, Balancer, "timeout: 1s"),
    ("balancer.slow_start", Built, Balancer, "slow_start: 30s"),
    ("balancer.drain_timeout", Built, Balancer, "drain_timeout: 1m"),
    ("balancer.session_timeout", Built, Balancer, "session_timeout: 5m"),
    ("balancer.heartbeat", Built, Balancer, "heartbeat: { listen: \"127.0.0.1:0\" }"),
    ("heartbeat.listen", Built, Balancer, "heartbeat: { listen: \"127.0.0.1:0\" }"),
    ("heartbeat.storage", Built, Balancer, "heartbeat: { storage: hb.dat }"),
    ("balancer.sticky_cookie", Built, Balancer, "sticky_cookie: { name: ROUTEID }"),
    ("sticky_cookie.name", Built, Balancer, "sticky_cookie: { name: ROUTEID }"),
    ("sticky_cookie.path", Built, Balancer, "sticky_cookie: { name: R, path: /shop }"),
    ("sticky_cookie.secure", Built, Balancer, "sticky_cookie: { name: R, secure: true }"),
    ("sticky_cookie.http_only", Built, Balancer, "sticky_cookie: { name: R, http_only: false }"),
    ("sticky_cookie.same_site", Built, Balancer, "sticky_cookie: { name: R, same_site: strict }"),
    ("sticky_cookie.max_age", Built, Balancer, "sticky_cookie: { name: R, max_age: 1m }"),
    ("balancer.health_check", Built, Balancer, "health_check: {}"),
    ("health_check.method", Built, Balancer, "health_check: { method: tcp }"),
    ("health_check.interval", Built, Balancer, "health_check: { interval: 1s }"),
    ("health_check.passes", Built, Balancer, "health_check: { passes: 2 }"),
    ("health_check.fails", Built, Balancer, "health_check: { fails: 3 }"),
    ("health_check.uri", Built, Balancer, "health_check: { method: get, uri: /up }"),
    ("health_check.mandatory", Built, Balancer, "health_check: { mandatory: true }"),
    ("health_check.expect", Built, Balancer, "health_check: { method: get, expect: {} }"),
    ("expect.status", Built, Balancer, "health_check: { method: get, expect: { status: 200 } }"),
    ("expect.body", Built, Balancer, "health_check: { method: get, expect: { body: up } }"),

    ("member.url", Built, Members, "- url: ajp://localhost:8010"),
    ("member.url", Built, Members, "- url: http://localhost"),
    ("member.url", Built, Members, "- url: https://localhost"),
    ("member.url", Built, Members, "- url: ftp://localhost"),
    ("member.url", Built, Members, "- url: ftps://localhost"),
    ("member.route", Built, Member, "route: node1"),
    ("member.redirect", Built, Member, "redirect: node2"),
    ("member.domain", Built, Member, "domain: east"),
    ("member.loadfactor", Built, Member, "loadfactor: 2.5"),
    ("member.lbset", Built, Member, "lbset: 1"),
    ("member.status", Built, Member, "status: [disabled]"),
    ("member.status", Built, Member, "status: [stopped]"),
    ("member.status", Built, Member, "status: [hot_standby]"),
    ("member.status", Built, Member, "status: [hot_spare]"),
    ("member.status", Built, Member, "status: [drain]"),
    ("member.status", Built, Member, "status: [ignore_errors]"),
    ("member.secret", Built, Member, "secret: s3cret"),
    ("member.secret_file", Built, Member, "secret_file: secret"),
    ("member.max", Built, Member, "max: 7"),
    ("member.min", Built, Member, "min: 1"),
    ("member.ttl", Built, Member, "ttl: 5s"),
    ("member.acquire", Built, Member, "acquire: 1s"),
    ("member.connectiontimeout", Built, Member, "connectiontimeout: 2s"),
    ("member.timeout", Built, Member, "timeout: 5s"),
    ("member.ping", Built, Member, "ping: 100ms"),
    ("member.retry", Built, Member, "retry: 5s"),
    ("member.packet_size", Built, Member, "packet_size: 65536"),
    ("member.upgrade_url", Built, Member, "upgrade_url: http://localhost:8080"),
    ("member.tls", Built, Members, "- { url: \"https://localhost\", tls: {} }"),
    ("member.tls.ca", Built, Members, "- { url: \"https://localhost\", tls: { ca: ca.pem } }"),
    ("member.tls.server_name", Built, Members, "- { url: \"https://localhost\", tls: { server_name: n } }"),
    ("member.tls.certificate", Built, Members, "- { url: \"https://localhost\", tls: { certificate: ca.pem, private_key: key.pem } }"),
    ("member.tls.private_key", Built, Members, "- { url: \"https://localhost\", tls: { certificate: ca.pem, private_key: key.pem } }"),
    ("member.tls.verify", Built, Members, "- { url: \"https://localhost\", tls: { verify: off } }"),
    ("member.username", Built, Members, "- { url: \"ftp://localhost\", username: u }"),
    ("member.password", Built, Members, "- { url: \"ftp://localhost\", username: u, password: p }"),
    ("member.passive", Built, Members, "- { url: \"ftp://localhost\", passive: false }"),
    ("member.allow_write", Built, Members, "- { url: \"ftp://localhost\", allow_write: true }"),

    ("mapping.path", Built, Mappings, "- { path: /more, to: balancer://b }"),
    ("mapping.exclude", Built, Mappings, "- { path: /private, exclude: true }"),
    ("mapping.to", Built, Mappings, "- { path: /more, to: balancer://b/elsewhere }"),
    ("mapping.to", Built, Mappings, "- { path: /more, to: \"ajp://localhost:8010/\" }"),
    ("mapping.to", Built, Mappings, "- { path: /more, to: \"http://localhost/\" }"),
    ("mapping.to", Built, Mappings, "- { path: /more, to: \"https://localhost/\" }"),
    ("mapping.to", Built, Mappings, "- { path: /more, to: \"ftp://localhost/\" }"),
    ("mapping.to", Built, Mappings, "- { path: /more, to: \"ftps://localhost/\" }"),
    ("mapping.member", Built, Mappings, "- { path: /more, to: \"ajp://localhost:8010/\", member: { max: 7 } }"),
    ("mapping.member", Built, Mappings, "- { path: /more, to: \"ajp://localhost:8010/\", member: { domain: east } }"),
    ("mapping.member", Built, Mappings, "- { path: /more, to: \"ajp://localhost:8010/\", member: { upgrade_url: \"http://localhost\" } }"),
    ("mapping.match", Built, Mappings, "- { match: \"^/more$\", to: balancer://b }"),
    ("mapping.redirect", Built, Mappings, "- { path: /more, redirect: /elsewhere }"),
    ("redirect.to", Built, Mappings, "- { path: /more, redirect: { to: /elsewhere } }"),
    ("redirect.status", Built, Mappings, "- { path: /more, redirect: { to: /elsewhere, status: 301 } }"),
    ("mapping.respond", Built, Mappings, "- { path: /more, respond: {} }"),
    ("respond.status", Built, Mappings, "- { path: /more, respond: { status: 410 } }"),
    ("respond.body", Built, Mappings, "- { path: /more, respond: { body: gone } }"),
    ("respond.file", Built, Mappings, "- { path: /more, respond: { file: secret } }"),
    ("respond.content_type", Built, Mappings, "- { path: /more, respond: { body: gone, content_type: text/html } }"),
    ("mapping.files", Built, Mappings, "- { path: /more, files: . }"),
    ("mapping.index", Built, Mappings, "- { path: /more, files: ., index: start.html }"),
    ("mapping.cache_control", Built, Mappings, "- { path: /more, files: ., cache_control: no-cache }"),
    ("mapping.scheme", Built, Mapping, "scheme: http"),
    ("mapping.timeout", Built, Mapping, "timeout: 5m"),
    ("mapping.max_body", Built, Mapping, "max_body: 1GiB"),
    ("mapping.hosts", Built, Mapping, "hosts: [shop.example.com]"),
    ("mapping.encoded_slash", Built, Mapping, "encoded_slash: pass"),
    ("mapping.preserve_host", Built, Mapping, "preserve_host: false"),
    ("mapping.request_headers", Built, Mapping, "request_headers: [{ unset: X-A }]"),
    ("mapping.response_headers", Built, Mapping, "response_headers: [{ unset: X-A }]"),
    ("mapping.request_attributes", Built, Mapping, "request_attributes: { a: b }"),
    ("mapping.allow", Built, Mapping, "allow: [10.0.0.0/8]"),
    ("mapping.deny", Built, Mapping, "deny: [10.0.0.0/8]"),
    ("mapping.rate", Built, Mapping, "rate: 20/s"),
    ("mapping.rate.requests", Built, Mapping, "rate: { requests: 100/m }"),
    ("mapping.rate.burst", Built, Mapping, "rate: { requests: 100/m, burst: 7 }"),
    ("mapping.rate.per", Built, Mapping, "rate: { requests: 100/m, per: mapping }"),
    ("mapping.auth", Built, Mapping, "auth: { basic: { users: users } }"),
    ("mapping.auth.required", Built, Mapping, "auth: { basic: { users: users }, required: false }"),
    ("mapping.auth.basic", Built, Mapping, "auth: { basic: { users: users } }"),
    ("mapping.auth.basic.users", Built, Mapping, "auth: { basic: { users: users } }"),
    ("mapping.auth.basic.realm", Built, Mapping, "auth: { basic: { users: users, realm: Shop } }"),
    ("mapping.auth.basic.only", Built, Mapping, "auth: { basic: { users: users, only: [ann] } }"),
    ("mapping.auth.basic.pass", Built, Mapping, "auth: { basic: { users: users, pass: true } }"),
    ("mapping.auth.forward", Built, Mapping, "auth: { forward: { url: \"http://localhost/auth\" } }"),
    ("mapping.auth.forward.url", Built, Mapping, "auth: { forward: { url: \"http://localhost/auth?a=b\" } }"),
    ("mapping.auth.forward.timeout", Built, Mapping, "auth: { forward: { url: \"http://localhost/\", timeout: 1s } }"),
    ("mapping.auth.forward.user", Built, Mapping, "auth: { forward: { url: \"http://localhost/\", user: X-User } }"),
    ("mapping.auth.forward.attributes", Built, Mapping, "auth: { forward: { url: \"http://localhost/\", attributes: { groups: X-Groups } } }"),
    ("mapping.auth.forward.tls", Built, Mapping, "auth: { forward: { url: \"https://localhost/\", tls: { verify: off } } }"),
    ("mapping.auth.client_certificate", Built, Top, "listeners: [{ bind: \"[::1]:0\", tls: { certificate: ca.pem, private_key: key.pem, client_auth: optional, client_ca: ca.pem } }]\nproxy_pass: [{ path: /, to: \"ajp://a:1/\", auth: { client_certificate: {} } }]"),
    ("mapping.auth.client_certificate.user", Built, Top, "listeners: [{ bind: \"[::1]:0\", tls: { certificate: ca.pem, private_key: key.pem, client_auth: optional, client_ca: ca.pem } }]\nproxy_pass: [{ path: /, to: \"ajp://a:1/\", auth: { client_certificate: { user: DN } } }]"),
    ("mapping.auth.header", Built, Top, "trusted_proxies: [10.0.0.0/8]\nproxy_pass: [{ path: /, to: \"ajp://a:1/\", auth: { header: {} } }]"),
    ("mapping.auth.header.user", Built, Top, "trusted_proxies: [10.0.0.0/8]\nproxy_pass: [{ path: /, to: \"ajp://a:1/\", auth: { header: { user: X-User } } }]"),
    ("mapping.auth.header.attributes", Built, Top, "trusted_proxies: [10.0.0.0/8]\nproxy_pass: [{ path: /, to: \"ajp://a:1/\", auth: { header: { attributes: { mail: X-Mail } } } }]"),
    ("header_rule.set", Built, Mapping, "request_headers: [{ set: X-A, value: b }]"),
    ("header_rule.add", Built, Mapping, "request_headers: [{ add: X-A, value: b }]"),
    ("header_rule.append", Built, Mapping, "request_headers: [{ append: X-A, value: b }]"),
    ("header_rule.unset", Built, Mapping, "response_headers: [{ unset: X-A }]"),
    ("header_rule.edit", Built, Mapping, "response_headers: [{ edit: X-A, match: a, value: b }]"),
    ("header_rule.match", Built, Mapping, "request_headers: [{ edit: X-A, match: a, value: \"$1\" }]"),
    ("header_rule.value", Built, Mapping, "response_headers: [{ set: X-A, value: \"%{BALANCER_NAME}e\" }]"),
    ("header_rule.when", Built, Mapping, "response_headers: [{ unset: X-A, when: BALANCER_ROUTE_CHANGED }]"),

    ("response_headers", Built, Top, "response_headers: [{ set: X-A, value: b }]"),
    ("error_pages", Built, Top, "error_pages: { 404: \"/etc/hostname\" }"),
    ("error_override", Built, Top, "error_override: true"),
    ("error_override", Built, Top, "error_override: [404, 500]"),
    ("mapping.error_pages", Built, Mapping, "error_pages: { 503: \"/etc/hostname\" }"),
    ("mapping.compress", Built, Mapping, "compress: { min: 2KiB }"),
    ("compress.types", Built, Mapping, "compress: { types: [text/html] }"),
    ("compress.min", Built, Mapping, "compress: { min: 0 }"),

    ("limits.max_header_bytes", Built, Top, "limits: { max_header_bytes: 8KiB }"),
    ("limits.header_timeout", Built, Top, "limits: { header_timeout: 1s }"),
    ("limits.idle_timeout", Built, Top, "limits: { idle_timeout: 1s }"),
    ("limits.max_connections", Built, Top, "limits: { max_connections: 7 }"),
    ("limits.max_body", Built, Top, "limits: { max_body: 1MiB }"),
    ("limits.max_headers", Built, Top, "limits: { max_headers: 50 }"),
    ("limits.max_uri", Built, Top, "limits: { max_uri: 8KiB }"),
    ("limits.min_body_rate", Built, Top, "limits: { min_body_rate: 1KiB }"),
    ("limits.max_connections_per_ip", Built, Top, "limits: { max_connections_per_ip: 64 }"),
    ("limits.max_streams", Built, Top, "limits: { max_streams: 7 }"),

    ("access_log.path", Built, Top, "access_log: { path: access.log }"),
    ("access_log.format", Built, Top, "access_log: { format: \"%h\" }"),
    ("log.level", Built, Top, "log: { level: debug }"),
    ("log.format", Built, Top, "log: { format: json }"),

    ("cluster", Built, Top, "cluster: { url: \"redis://[::1]:1/0\", name: shop }"),
    ("cluster.url", Built, Top, "cluster: { url: \"redis://[::1]:1/0\", name: shop }"),
    ("cluster.name", Built, Top, "cluster: { url: \"redis://[::1]:1/0\", name: shop }"),
    ("cluster.tls", Built, Top, "cluster: { url: \"rediss://[::1]:1/0\", name: shop, tls: { ca: ca.pem } }"),

    ("admin.bind", Built, Top, "admin: { bind: \"127.0.0.1:0\" }"),
    ("admin.allow", Built, Top, "admin: { bind: \"127.0.0.1:0\", allow: [\"::1\"] }"),
    ("admin.auth", Built, Top, "admin: { bind: \"127.0.0.1:0\", auth: { token: t } }"),
    ("admin.tls", Built, Top, "admin: { bind: \"127.0.0.1:0\", tls: { certificate: ca.pem, private_key: key.pem } }"),
    ("admin.state_file", Built, Top, "admin: { bind: \"127.0.0.1:0\", state_file: state.json }"),
    ("auth.user", Built, Top, "admin: { bind: \"127.0.0.1:0\", auth: { user: u, password: p } }"),
    ("auth.password", Built, Top, "admin: { bind: \"127.0.0.1:0\", auth: { user: u, password: p } }"),
    ("auth.token", Built, Top, "admin: { bind: \"127.0.0.1:0\", auth: { token: t } }"),
];

/// A small configuration that listens on this address and has this line, and the number of the line.
fn file(place: Place, line: &str, bind: &str) -> (String, usize) {
    let top_level = |key: &str| place == Top && line.lines().any(|line| line.starts_with(key));
    let mut text = String::new();
    let mut number = 0;
    let mut put = |at: Option<Place>, indent: &str, template: &str| {
        let here = at == Some(place);
        if here {
            text += &format!("{indent}{line}\n");
            number = text.lines().count();
        } else if at.is_none() {
            text += &format!("{indent}{template}\n");
        }
    };
    if !top_level("listeners:") {
        put(None, "", "listeners:");
        put(None, "", &format!("- bind: {bind}"));
        put(Some(Listener), "  ", "");
    }
    if !top_level("balancers:") {
        put(None, "", "balancers:");
        put(None, "  ", "b:");
        put(Some(Balancer), "    ", "");
        put(None, "    ", "members:");
        put(None, "    ", "- url: ajp://localhost:8009");
        put(Some(Member), "      ", "");
        put(Some(Members), "    ", "");
    }
    if !top_level("proxy_pass:") && !top_level("balancers:") {
        put(None, "", "proxy_pass:");
        put(None, "", "- path: /");
        put(None, "  ", "to: balancer://b/");
        put(Some(Mapping), "  ", "");
        put(Some(Mappings), "", "");
    }
    if !top_level("admin:") {
        put(None, "", "admin: off");
    }
    put(Some(Top), "", "");
    (text, number)
}

fn keys_of_the_schema() -> BTreeSet<String> {
    let scratch = Scratch::new("keys");
    let done = run(&mut ajpgate(scratch.path(), &["schema"]));
    assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""), "{done:?}");
    let schema: Value = serde_json::from_str(&done.stdout).unwrap();
    let keys = |part: &Value, of: &str| -> Vec<String> {
        let properties = part["properties"].as_object();
        let keys = properties.into_iter().flat_map(|keys| keys.keys());
        keys.map(|key| format!("{of}{key}")).collect()
    };
    let mut found: BTreeSet<String> = keys(&schema, "").into_iter().collect();
    for (name, part) in schema["$defs"].as_object().unwrap() {
        found.extend(keys(part, &format!("{name}.")));
    }
    found
}

#[test]
fn the_table_has_every_key_of_the_schema() {
    let listed: BTreeSet<String> = ROWS.iter().map(|row| row.0.to_owned()).collect();
    let schema = keys_of_the_schema();
    let missing: Vec<_> = schema.difference(&listed).collect();
    let unknown: Vec<_> = listed.difference(&schema).collect();
    assert!(
        missing.is_empty() && unknown.is_empty(),
        "say in ROWS whether `run` acts on {missing:?} or refuses them; gone are {unknown:?}"
    );
}

/// With a default value, a row would show nothing.
#[test]
fn the_values_of_the_table_are_not_the_defaults() {
    let scratch = with_secret_file();
    let parse = |text: &str| -> Config {
        match ajpgate_config::parse(text, &scratch.path().join("test.yaml"), &|_| None) {
            Ok(loaded) => loaded.config,
            Err(problems) => panic!("{problems}\n{text}"),
        }
    };
    let usual = parse(&file(Balancer, "", "127.0.0.1:0").0);
    for (key, fate, place, line) in ROWS {
        let config = parse(&file(*place, line, "127.0.0.1:0").0);
        let same = config == usual;
        assert_eq!(same, *fate == WithoutEffect, "{key}: {line}");
    }
}

#[test]
fn run_refuses_each_key_that_is_not_implemented_and_binds_nothing() {
    // The address is in use: a program that binds first fails with exit code 1.
    let (_listener, address) = taken();
    let scratch = with_secret_file();
    let mut wrong = Vec::new();
    for (key, _, place, line) in rows(Refused) {
        let (text, number) = file(*place, line, &address.to_string());
        scratch.write("ajpgate.yaml", &text);
        let done = run(&mut ajpgate(scratch.path(), &["run"]));
        let begins = format!("./ajpgate.yaml:{number}:");
        let said = done
            .stderr
            .lines()
            .any(|said| said.starts_with(&begins) && is_reason(said));
        let shown = done.stderr.contains(&format!(
            "{number} | {}",
            text.lines().nth(number - 1).unwrap()
        ));
        if done.code != Some(2) || !said || !shown || !done.stdout.is_empty() {
            wrong.push(format!("{key} ({line}): {done:?}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "not refused at its line:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn run_accepts_each_key_that_is_implemented() {
    let scratch = with_secret_file();
    for (key, _, place, line) in rows(Built).chain(rows(WithoutEffect)) {
        let (text, _) = file(*place, line, "127.0.0.1:0");
        scratch.write("ajpgate.yaml", &text);
        let mut gateway = Program::start(&mut ajpgate(scratch.path(), &["run"]));
        gateway.prints(&format!("{key} ({line}): that it runs"), |gateway| {
            gateway
                .stderr()
                .contains("ajpgate is running")
                .then_some(())
        });
    }
}

/// `check` accepts keys that are not implemented yet, with a warning.
#[test]
fn check_warns_of_each_key_that_is_not_implemented() {
    let scratch = with_secret_file();
    let mut wrong = Vec::new();
    for (key, _, place, line) in rows(Refused) {
        let (text, number) = file(*place, line, "127.0.0.1:0");
        scratch.write("ajpgate.yaml", &text);
        let done = run(&mut ajpgate(scratch.path(), &["check"]));
        let begins = format!("./ajpgate.yaml:{number}:");
        let warned = done.stdout.lines().any(|said| {
            said.starts_with(&begins) && said.contains(": warning: ") && is_reason(said)
        });
        if done.code != Some(0) || !warned {
            wrong.push(format!("{key} ({line}): {done:?}"));
        }
    }
    assert!(wrong.is_empty(), "no warning:\n{}", wrong.join("\n"));
}

fn rows(fate: Fate) -> impl Iterator<Item = &'static Row> {
    ROWS.iter().filter(move |row| fate_of(row) == fate)
}

/// A program without FTP refuses the urls of FTP members.
fn fate_of((_, fate, _, line): &Row) -> Fate {
    match line.contains("ftp://") || line.contains("ftps://") {
        true if !cfg!(feature = "ftp") => Refused,
        _ => *fate,
    }
}

/// Whether a line says why a key is refused.
fn is_reason(said: &str) -> bool {
    said.ends_with("not built yet") || said.ends_with("built without FTP")
}

fn with_secret_file() -> Scratch {
    let scratch = Scratch::new("keys");
    let secret = scratch.write("secret", "s3cret\n");
    only_for_its_owner(&secret);
    scratch.write("crl.pem", &revocation_list());
    let anna = "$2y$04$Op6C1pTlDFfZeKh67qGrc.gOGq/stAT4iUoIfK/XOiesuw9FiBZ42";
    scratch.write("users", &format!("anna:{anna}\n"));
    let key = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    scratch.write("ca.pem", &key.cert.pem());
    scratch.write("key.pem", &key.signing_key.serialize_pem());
    let nowhere = "clusters: [{ name: a, cluster: { server: \"http://[::1]:1\" } }]
contexts: [{ name: a, context: { cluster: a } }]
current-context: a
";
    scratch.write("kube.yaml", nowhere);
    scratch
}

/// A list of some authority that revokes nothing.
pub(crate) fn revocation_list() -> String {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.key_usages = vec![rcgen::KeyUsagePurpose::CrlSign];
    let issuer = rcgen::CertifiedIssuer::self_signed(params, key).unwrap();
    let list = rcgen::CertificateRevocationListParams {
        this_update: rcgen::date_time_ymd(2026, 1, 1),
        next_update: rcgen::date_time_ymd(2100, 1, 1),
        crl_number: rcgen::SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: Vec::new(),
        key_identifier_method: rcgen::KeyIdMethod::Sha256,
    };
    list.signed_by(&issuer).unwrap().pem().unwrap()
}

fn only_for_its_owner(file: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).unwrap();
}
