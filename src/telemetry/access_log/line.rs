//! LogFormat strings, filled in as httpd does it (`modules/loggers/mod_log_config.c`).

use std::borrow::Cow;

use ajpgate_config::log_format::{Item, Note, Port, TimeFormat, TimeOf, Token, Unit};
use ajpgate_config::{Fact, Variable};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use percent_encoding::percent_decode_str;

use super::clock;
use super::entry::{AfterResponse, Entry};
use super::fields::{escaped, field};
use crate::client::Host;
use crate::head::RequestHead;

/// The line of one request, without a line end.
pub(super) fn format(items: &[Item], entry: &Entry<'_>) -> String {
    let mut line = String::with_capacity(256);
    for item in items {
        match item {
            Item::Text(text) => line.push_str(text),
            Item::Token { token, condition } => {
                let holds = condition
                    .as_ref()
                    .is_none_or(|wanted| wanted.holds(entry.status));
                match value(token, entry).filter(|_| holds) {
                    Some(value) => line.push_str(&value),
                    None => line.push('-'),
                }
            }
        }
    }
    line
}

/// The value of a token; `None` is logged as `-`.
fn value<'a>(token: &Token, entry: &Entry<'a>) -> Option<Cow<'a, str>> {
    let head = entry.head;
    let text = |text: &str| Some(escaped(text.as_bytes()));
    match token {
        // The address needs no escapes.
        Token::Fact(Fact::ClientAddress) => Some((*entry.client.ip).into()),
        Token::Fact(fact) => entry.facts().get(fact).map(|value| escaped(&value)),
        Token::PeerAddress => Some(entry.client.peer_ip().into()),
        Token::LocalAddress => Some((*entry.client.local_ip).into()),
        Token::BodyBytes { dash: true } if entry.sent == 0 => None,
        Token::BodyBytes { .. } => number(entry.sent),
        Token::Duration(unit) => number(duration(*unit, entry)),
        Token::FileName => {
            let path = escaped(head?.target.path().as_bytes());
            Some(format!("proxy:{}{path}", entry.member?).into())
        }
        Token::Protocol => Some(format!("{:?}", head?.version).into()),
        Token::KeepAliveRequests => number(entry.requests.saturating_sub(1)),
        Token::Method => text(head?.method.as_str()),
        Token::Note(note) => self::note(note, entry),
        Token::ResponseHeader(name) => field(entry.response, name),
        Token::Port(port) => number(self::port(*port, entry)),
        Token::ProcessId => number(std::process::id()),
        Token::ThreadId => number(thread_id()),
        Token::HexThreadId => Some(format!("{:x}", thread_id()).into()),
        Token::Query => Some(query(head?)),
        Token::RequestLine => {
            let Some(head) = head else {
                let line = entry.refused_line;
                return (!line.is_empty()).then(|| escaped(line));
            };
            let line = format!("{} {} {:?}", head.method, head.target, head.version);
            text(&line)
        }
        Token::Handler => entry.balancer.map(|_| "proxy-server".into()),
        Token::Status => number(entry.status),
        Token::Time(of, format) => Some(time(*of, format, entry).into()),
        Token::Path => {
            let path: Cow<'_, [u8]> = percent_decode_str(head?.target.path()).into();
            Some(escaped(&path).into_owned().into())
        }
        Token::ServerName | Token::HostName => Some(host_name(entry).into()),
        Token::ConnectionStatus => Some(connection_status(entry.after).into()),
        Token::BytesReceived => number(entry.received),
        Token::BytesSent => number(entry.head_sent + entry.sent),
        Token::BytesTransferred => number(entry.received + entry.head_sent + entry.sent),
        Token::Https => {
            let https = entry.variables.get(Variable::Https);
            Some(https.map_or("off", |_| "on").into())
        }
        Token::Environment(_)
        | Token::NotHere(_)
        | Token::Identity
        | Token::RequestLogId
        | Token::ConnectionLogId => None,
    }
}

fn number<'a>(number: impl std::fmt::Display) -> Option<Cow<'a, str>> {
    Some(number.to_string().into())
}

fn duration(unit: Unit, entry: &Entry<'_>) -> u128 {
    match unit {
        Unit::Seconds => u128::from(entry.duration.as_secs()),
        Unit::Milliseconds => entry.duration.as_millis(),
        Unit::Microseconds => entry.duration.as_micros(),
    }
}

/// The query with its question mark; empty where the target has none.
fn query<'a>(head: &RequestHead) -> Cow<'a, str> {
    match head.target.query() {
        Some(query) => format!("?{}", escaped(query.as_bytes())).into(),
        None => "".into(),
    }
}

const fn connection_status(after: AfterResponse) -> &'static str {
    match after {
        AfterResponse::Aborted => "X",
        AfterResponse::KeepAlive => "+",
        AfterResponse::Close => "-",
    }
}

fn port(port: Port, entry: &Entry<'_>) -> u16 {
    match port {
        Port::Canonical => canonical_port(entry),
        Port::Local => entry.client.local.port(),
        Port::Remote => entry.client.address.port(),
    }
}

fn note<'a>(note: &Note, entry: &Entry<'a>) -> Option<Cow<'a, str>> {
    match note {
        Note::WorkerName => entry.balancer.map(Cow::from),
        Note::WorkerRoute => entry
            .variables
            .worker_route
            .as_deref()
            .map(|route| route.to_owned().into()),
        Note::FirstName => entry.first_member.map(Cow::from),
        Note::LastName => entry
            .variables
            .worker_name
            .as_deref()
            .map(|name| name.to_owned().into()),
        Note::RequestDuration => Some(format!("{:.6}", entry.duration.as_secs_f64()).into()),
        Note::Other(_) => None,
    }
}

/// The host of the client's URL, as far as it is known; the local address when it named none.
fn host_name(entry: &Entry<'_>) -> String {
    let text = entry.authority().unwrap_or_default();
    let name = match text.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => name,
        _ => text,
    };
    match name {
        "" => entry.client.local_ip.clone().into(),
        _ => escaped(name.as_bytes()).into_owned(),
    }
}

/// The port that members are told. A host that cannot be read is none.
fn canonical_port(entry: &Entry<'_>) -> u16 {
    let host = entry.authority().and_then(Host::parse);
    entry.client.port_told(&host.unwrap_or(Host::NONE))
}

fn time(of: TimeOf, format: &TimeFormat, entry: &Entry<'_>) -> String {
    let now = Timestamp::now();
    let stamp = match of {
        TimeOf::End => now,
        TimeOf::Begin => now.checked_sub(entry.duration).unwrap_or(now),
    };
    match format {
        TimeFormat::Common => clock::common(stamp),
        TimeFormat::Strftime(format) => {
            let time = stamp.to_zoned_datetime(TimeZone::system());
            jiff::fmt::strtime::format(format, &time).unwrap_or_default()
        }
        TimeFormat::Seconds => stamp.as_second().to_string(),
        TimeFormat::Milliseconds => stamp.as_millisecond().to_string(),
        TimeFormat::Microseconds => stamp.as_microsecond().to_string(),
        TimeFormat::MillisecondFraction => format!("{:03}", stamp.subsec_millisecond()),
        TimeFormat::MicrosecondFraction => format!("{:06}", stamp.subsec_microsecond()),
    }
}

/// `ThreadId(7)` as `7`.
fn thread_id() -> u64 {
    let id = format!("{:?}", std::thread::current().id());
    let digits: String = id.chars().filter(char::is_ascii_digit).collect();
    digits.parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use ajpgate_config::LogFormat;
    use http::Request;
    use http::header::HeaderValue;

    use super::*;
    use crate::client::{Client, Trusted, of_request};
    use crate::head::Fields;
    use crate::telemetry::metrics::StickyResult;
    use crate::variables::Variables;

    fn items(format: &str) -> Vec<Item> {
        let yaml = format!(
            "listeners: [{{ bind: \"127.0.0.1:0\" }}]\nproxy_pass: [{{ path: /, to: \"ajp://a:1/\" }}]\n\
             access_log: {{ format: {} }}\n",
            serde_json::to_string(format).unwrap()
        );
        let loaded = ajpgate_config::parse(&yaml, std::path::Path::new("x"), &|_| None).unwrap();
        match loaded.config.access_log.format {
            LogFormat::Line(items) => items,
            other => panic!("{other:?}"),
        }
    }

    /// The line of one request, by each of these formats.
    fn check(expectations: &[(&str, &str)]) {
        let (parts, ()) = Request::builder()
            .uri("/shop/caf%C3%A9;jsessionid=1.n1?a='b\\c'")
            .header("host", "shop.example.com:8080")
            .header("user-agent", "curl \"7\"")
            .header("cookie", "a=1; JSESSIONID=00.n2")
            .header("x-dup", "one")
            .header("x-dup", HeaderValue::from_bytes(b"t\xffwo").unwrap())
            .body(())
            .unwrap()
            .into_parts();
        let client = Client::new(
            "192.0.2.7:4711".parse().unwrap(),
            "198.51.100.1:80".parse().unwrap(),
        );
        let variables = Variables {
            session_sticky: Some(Arc::from("JSESSIONID")),
            session_route: Some(Arc::from("n2")),
            name: Some(Arc::from("balancer://shop")),
            worker_name: Some(Arc::from("ajp://a:1")),
            worker_route: Some(Arc::from("n1")),
            route_changed: true,
            ..Variables::default()
        };
        let mut cookies = Fields::default();
        cookies.push(b"Set-Cookie", b"x=1");
        cookies.push(b"Set-Cookie", b"y=2");
        cookies.push(b"X-Twice", b"first");
        cookies.push(b"X-Twice", b"second");
        let entry = Entry {
            user: None,
            head: Some(&parts.into()),
            refused_line: b"",
            client: &client,
            status: 404,
            sent: 1234,
            head_sent: 100,
            received: 50,
            duration: Duration::from_micros(1_234_567),
            variables: &variables,
            sticky: Some(StickyResult::Failover),
            balancer: Some("shop"),
            member: Some("ajp://a:1"),
            first_member: Some("ajp://b:1"),
            attempts: 2,
            response: &cookies,
            after: AfterResponse::KeepAlive,
            requests: 3,
        };
        for (format, expected) in expectations {
            assert_eq!(super::format(&items(format), &entry), *expected, "{format}");
        }
    }

    #[test]
    fn tokens_stand_for_what_httpd_puts_there() {
        check(&[
            (
                "%h %l %u \"%r\" %>s %b",
                "192.0.2.7 - - \"GET /shop/caf%C3%A9;jsessionid=1.n1?a='b\\\\c' HTTP/1.1\" 404 1234",
            ),
            (
                "%a %{c}a %A %{remote}p %{local}p %p",
                "192.0.2.7 192.0.2.7 198.51.100.1 4711 80 8080",
            ),
            (
                "%m %U %q %H",
                "GET /shop/caf\\xc3\\xa9;jsessionid=1.n1 ?a='b\\\\c' HTTP/1.1",
            ),
            (
                "%v %V %k %X %D %T %{ms}T",
                "shop.example.com shop.example.com 2 + 1234567 1 1234",
            ),
            (
                "%{User-Agent}i|%{X-Dup}i|%{X-None}i",
                "curl \\\"7\\\"|one, t\\xffwo|-",
            ),
            (
                "%{jsessionid}C|%{nothing}C|%{Set-Cookie}o|%{X-Twice}o",
                "00.n2|-|x=1, y=2|first",
            ),
            (
                "%{BALANCER_SESSION_STICKY}e %{BALANCER_SESSION_ROUTE}e %{BALANCER_NAME}e %{BALANCER_WORKER_NAME}e \
                 %{BALANCER_WORKER_ROUTE}e %{BALANCER_ROUTE_CHANGED}e %{OTHER}e",
                "JSESSIONID n2 balancer://shop ajp://a:1 n1 1 -",
            ),
            ("%I %O %S %B", "50 1334 1384 1234"),
            (
                "%{X-Sum}^ti|%{X-Sum}^to|%^FB|%^FU|%{version}c|%{errcode}c",
                "-|-|-|-|-|-",
            ),
            (
                "%{HTTPS}x|%{SSL_VERSION_LIBRARY}x|%F|%{x}D|%{x}b|%{x}H",
                "off|-|-|1234567|1234|HTTP/1.1",
            ),
            (
                "%404{User-Agent}i %!404{User-Agent}i %200,302{Host}i",
                "curl \\\"7\\\" - -",
            ),
            (
                "%{JK_WORKER_NAME}n %{JK_WORKER_ROUTE}n %{JK_LB_FIRST_NAME}n %{JK_LB_LAST_NAME}n",
                "shop n1 ajp://b:1 ajp://a:1",
            ),
            (
                "100%% %f %R",
                "100% proxy:ajp://a:1/shop/caf%C3%A9;jsessionid=1.n1 proxy-server",
            ),
        ]);
    }

    #[test]
    fn behind_a_trusted_proxy_the_client_and_its_host_are_shown() {
        let request = Request::builder()
            .uri("/")
            .header("host", "10.0.0.2:8080")
            .header("x-forwarded-for", "198.51.100.9")
            .header("x-forwarded-proto", "https")
            .header("x-forwarded-host", "shop.example.com");
        let head: RequestHead = request.body(()).unwrap().into_parts().0.into();
        let client = Client::new(
            "10.0.0.1:4711".parse().unwrap(),
            "10.0.0.2:8080".parse().unwrap(),
        );
        let trusted = Trusted::new(&["10.0.0.0/8".parse().unwrap()]);
        let client = of_request(Arc::new(client), &head, &trusted);
        let variables = Variables::default();
        let response = Fields::default();
        let entry = Entry {
            user: None,
            head: Some(&head),
            ..refused(&client, &variables, &response)
        };
        let line = format(&items("%h %a %{c}a %v %V %p %{remote}p"), &entry);
        assert_eq!(
            line,
            "198.51.100.9 198.51.100.9 10.0.0.1 shop.example.com shop.example.com 443 0"
        );
        let line = super::super::json::format(&entry);
        assert!(line.contains(r#""client":"198.51.100.9""#), "{line}");
        assert!(line.contains(r#""host":"shop.example.com""#), "{line}");
    }

    /// A request that was refused before it was one.
    fn refused<'a>(
        client: &'a Client,
        variables: &'a Variables,
        response: &'a Fields,
    ) -> Entry<'a> {
        Entry {
            user: None,
            head: None,
            refused_line: b"",
            client,
            status: 400,
            sent: 0,
            head_sent: 0,
            received: 0,
            duration: Duration::ZERO,
            variables,
            sticky: None,
            balancer: None,
            member: None,
            first_member: None,
            attempts: 0,
            response,
            after: AfterResponse::Close,
            requests: 0,
        }
    }

    #[test]
    fn a_refused_request_is_a_line_of_dashes_and_of_what_came() {
        let client = Client::new(
            "192.0.2.7:4711".parse().unwrap(),
            "198.51.100.1:80".parse().unwrap(),
        );
        let (variables, response) = (Variables::default(), Fields::default());
        let mut entry = refused(&client, &variables, &response);
        let items = items("%h \"%r\" %>s %b %X %{BALANCER_NAME}e");
        let line = format(&items, &entry);
        assert_eq!(line, "192.0.2.7 \"-\" 400 - - -");
        entry.refused_line = "GET /a\"<ü HTTP/1.1".as_bytes();
        let line = format(&items, &entry);
        let expected = r#"192.0.2.7 "GET /a\"<\xc3\xbc HTTP/1.1" 400 - - -"#;
        assert_eq!(line, expected);
    }

    #[test]
    fn control_characters_of_a_certificate_are_escaped() {
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        let name = rcgen::DnValue::Utf8String("a\u{1}b\n\"\u{e9}".to_owned());
        let kind = rcgen::DnType::CommonName;
        params.distinguished_name.push(kind, name);
        let key = rcgen::KeyPair::generate().unwrap();
        let chain = params.self_signed(&key).unwrap().pem();
        let mut client = Client::new(
            "192.0.2.7:4711".parse().unwrap(),
            "198.51.100.1:443".parse().unwrap(),
        );
        client.tls = Some(Arc::new(crate::client::Tls {
            protocol: "TLSv1.3",
            cipher: "",
            key_size: 128,
            server_name: None,
            leaf: chain.len(),
            chain: chain.into(),
        }));
        let (variables, response) = (Variables::default(), Fields::default());
        let entry = refused(&client, &variables, &response);
        let line = format(
            &items("%{SSL_CLIENT_S_DN_CN}x %{SSL_CIPHER_ALGKEYSIZE}x"),
            &entry,
        );
        assert_eq!(line, r#"a\x01b\n\"\xc3\xa9 128"#);
    }
}
