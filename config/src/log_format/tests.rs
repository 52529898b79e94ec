//! Every token, and the messages about texts that are no tokens.

use super::*;
use crate::fact::Fact;
use crate::field::Kind;
use crate::tls_fact::TlsFact;
use crate::variable::Variable;

fn items(text: &str) -> Vec<Item> {
    match FormatText::read(text).expect(text) {
        LogFormat::Line(items) => items,
        other => panic!("{text}: {other:?}"),
    }
}

fn only(text: &str) -> Token {
    match items(text).as_slice() {
        [
            Item::Token {
                token,
                condition: None,
            },
        ] => token.clone(),
        other => panic!("{text}: {other:?}"),
    }
}

fn name(name: &str) -> String {
    name.to_owned()
}

fn check(tokens: &[(&str, Token)]) {
    for (text, token) in tokens {
        assert_eq!(only(text), *token, "{text}");
    }
}

#[test]
fn tokens_of_addresses_sizes_and_times() {
    check(&[
        ("%a", Token::Fact(Fact::ClientAddress)),
        ("%{c}a", Token::PeerAddress),
        ("%h", Token::Fact(Fact::ClientAddress)),
        ("%{c}h", Token::PeerAddress),
        ("%A", Token::LocalAddress),
        ("%b", Token::BodyBytes { dash: true }),
        ("%B", Token::BodyBytes { dash: false }),
        ("%D", Token::Duration(Unit::Microseconds)),
        ("%T", Token::Duration(Unit::Seconds)),
        ("%{s}T", Token::Duration(Unit::Seconds)),
        ("%{ms}T", Token::Duration(Unit::Milliseconds)),
        ("%{us}T", Token::Duration(Unit::Microseconds)),
        ("%k", Token::KeepAliveRequests),
        ("%p", Token::Port(Port::Canonical)),
        ("%{canonical}p", Token::Port(Port::Canonical)),
        ("%{local}p", Token::Port(Port::Local)),
        ("%{remote}p", Token::Port(Port::Remote)),
        ("%t", Token::Time(TimeOf::Begin, TimeFormat::Common)),
        ("%X", Token::ConnectionStatus),
        ("%I", Token::BytesReceived),
        ("%O", Token::BytesSent),
        ("%S", Token::BytesTransferred),
    ]);
}

#[test]
fn tokens_of_the_request_and_its_answer() {
    check(&[
        (
            "%{JSESSIONID}C",
            Token::Fact(Fact::Cookie(name("JSESSIONID"))),
        ),
        ("%f", Token::FileName),
        ("%H", Token::Protocol),
        (
            "%{User-Agent}i",
            Token::Fact(Fact::RequestHeader(name("user-agent"))),
        ),
        ("%{Set-Cookie}o", Token::ResponseHeader(name("set-cookie"))),
        ("%m", Token::Method),
        ("%q", Token::Query),
        ("%r", Token::RequestLine),
        ("%R", Token::Handler),
        ("%s", Token::Status),
        ("%>s", Token::Status),
        ("%<s", Token::Status),
        ("%u", Token::Fact(Fact::User)),
        ("%U", Token::Path),
        ("%v", Token::ServerName),
        ("%V", Token::HostName),
    ]);
}

#[test]
fn tokens_of_variables_notes_and_the_process() {
    check(&[
        (
            "%{BALANCER_WORKER_ROUTE}e",
            Token::Fact(Fact::Variable(Variable::WorkerRoute)),
        ),
        ("%{HTTPS}x", Token::Https),
        ("%{X}b", Token::BodyBytes { dash: true }),
        ("%{X}r", Token::RequestLine),
        ("%{X}H", Token::Protocol),
        ("%{ms}D", Token::Duration(Unit::Microseconds)),
        ("%{X}u", Token::Fact(Fact::User)),
        ("%{SSL_CIPHER}x", Token::Fact(Fact::Tls(TlsFact::Cipher))),
        ("%{SCRIPT_URI}e", Token::Environment(name("SCRIPT_URI"))),
        ("%l", Token::Identity),
        ("%L", Token::RequestLogId),
        ("%{c}L", Token::ConnectionLogId),
        ("%{JK_WORKER_NAME}n", Token::Note(Note::WorkerName)),
        ("%{JK_WORKER_ROUTE}n", Token::Note(Note::WorkerRoute)),
        ("%{JK_LB_FIRST_NAME}n", Token::Note(Note::FirstName)),
        ("%{JK_LB_LAST_NAME}n", Token::Note(Note::LastName)),
        (
            "%{JK_REQUEST_DURATION}n",
            Token::Note(Note::RequestDuration),
        ),
        (
            "%{JK_LB_LAST_STATE}n",
            Token::Note(Note::Other(name("JK_LB_LAST_STATE"))),
        ),
        ("%{cookie}n", Token::Note(Note::Other(name("cookie")))),
        ("%P", Token::ProcessId),
        ("%{tid}P", Token::ThreadId),
        ("%{hextid}P", Token::HexThreadId),
        ("%{version}c", Token::Fact(Fact::Tls(TlsFact::Protocol))),
        ("%{cipher}c", Token::Fact(Fact::Tls(TlsFact::Cipher))),
        ("%{clientcert}c", Token::Fact(Fact::Tls(TlsFact::Subject))),
        ("%{cacert}c", Token::Fact(Fact::Tls(TlsFact::Issuer))),
    ]);
    for written in [
        "%{X-Sum}^ti",
        "%{X-Sum}^to",
        "%^FB",
        "%^FU",
        "%{errcode}c",
        "%{errstr}c",
        "%F",
        "%{SSL_SERVER_S_DN}x",
        "%{SSL_SERVER_S_DN_CN}x",
        "%{SSL_CLIENT_S_DN_OU_1}x",
        "%{SSL_CLIENT_SAN_DNS_0}x",
        "%{SSL_CLIENT_CERT_CHAIN_2}x",
        "%{SSL_CLIENT_M_VERSION}x",
        "%{SSL_SESSION_ID}x",
        "%{SSL_VERSION_LIBRARY}x",
    ] {
        assert_eq!(only(written), Token::NotHere(name(written)), "{written}");
    }
}

#[test]
fn conditions() {
    let item = |token, negated, statuses: &[u16]| Item::Token {
        token,
        condition: Some(Condition {
            negated,
            statuses: statuses.to_vec(),
        }),
    };
    let agent = Token::Fact(Fact::RequestHeader(name("user-agent")));
    assert_eq!(
        items("%400,501{User-agent}i"),
        [item(agent, false, &[400, 501])]
    );
    let referer = Token::Fact(Fact::RequestHeader(name("referer")));
    assert_eq!(
        items("%!200,304,302{Referer}i"),
        [item(referer, true, &[200, 304, 302])]
    );
    assert_eq!(items("%!200>s"), [item(Token::Status, true, &[200])]);
}

#[test]
fn text_and_escapes() {
    assert_eq!(
        items(r#"100%% \"x\"\t"#),
        [Item::Text(name("100% \"x\"\t"))]
    );
    assert_eq!(items("%m!").len(), 2);
}

#[test]
fn words_stand_for_formats() {
    assert_eq!(FormatText::read("off"), Ok(LogFormat::Off));
    assert_eq!(FormatText::read("json"), Ok(LogFormat::Json));
    assert_eq!(items("combined"), items(LogFormat::COMBINED));
    assert_eq!(items("common").len() + 5, items("combined").len());
}

#[test]
fn unknown_tokens_are_named_and_pointed_at() {
    for (text, message, at) in [
        ("%h %Z", "\"%Z\" is an unknown token", 3),
        (
            "%h %{SSL_PROTOCOLL}x",
            "there is no variable \"SSL_PROTOCOLL\" of TLS",
            3,
        ),
        ("%{x}^FB", "\"%{x}^FB\" takes nothing in braces", 0),
        ("%{min}T", "\"%{min}T\" has an unknown \"min\"", 0),
        ("%h %i", "\"%i\" needs a name", 3),
        (
            "%{BALANCER_ROUTE}e",
            "there is no variable \"BALANCER_ROUTE\"",
            0,
        ),
        ("%{JK_WORKER}n", "there is no note \"JK_WORKER\"", 0),
        ("%99{Referer}i", "the condition is no list of statuses", 0),
        ("%!{Referer}i", "the condition is no list of statuses", 0),
        ("ä %{Referer", "`{` is not closed", 3),
        ("%h %", "a percent sign stands alone", 3),
        ("%{%Q}t", "\"%Q\" is not a directive of strftime", 0),
    ] {
        let fault = FormatText::read(text).expect_err(text);
        assert_eq!((&*fault.message, fault.at), (message, Some(at)), "{text}");
    }
    assert!(FormatText::read("combinde").is_err());
    assert!(FormatText::read("").is_err());
}
