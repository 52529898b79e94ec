//! What is known of a request: the values of the tokens that access-log formats, header values and conditions share, and the
//! texts that are made of them. No decision reads them, but those of `when`.

mod certificate;

use std::borrow::Cow;

use ajpgate_config::{Fact, Piece, Template, TlsFact, Variable, When};
use x509_parser::prelude::X509Name;

use self::certificate::{Decoded, attribute, dn, time};
use crate::client::{Believed, Client, Tls};
use crate::head::{Fields, Known, RequestHead};
use crate::trace_context::{TRACEPARENT, TraceContext};
use crate::variables::Variables;

/// Most bytes of one fact that go into a text; what is longer is cut off. Tomcat's own limit for a head is as much.
const LONGEST_FACT: usize = 8 * 1024;

/// Most bytes of a text; what is longer is cut off.
const LONGEST_TEXT: usize = 64 * 1024;

/// Most bytes of the id of a request that a trusted proxy says.
const LONGEST_REQUEST_ID: usize = 128;

/// A request, as far as it is known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts<'a> {
    /// `None` when it was refused before it was a request.
    pub(crate) head: Option<&'a RequestHead>,
    pub(crate) client: &'a Client,
    pub(crate) variables: &'a Variables,
    /// The user that the gateway has authenticated.
    pub(crate) user: Option<&'a str>,
    /// Which fields of the request count; `None`: all, as they came.
    pub(crate) believed: Option<Believed<'a>>,
}

impl<'a> Facts<'a> {
    /// The value as the client, or whoever said it, wrote it; `None` when it is not known.
    pub(crate) fn get<'f>(&self, fact: &'f Fact) -> Option<Cow<'f, [u8]>>
    where
        'a: 'f,
    {
        let text = |text: &'f str| Cow::Borrowed(text.as_bytes());
        match fact {
            Fact::ClientAddress => Some(text(&self.client.ip)),
            Fact::User => self.user.map(text),
            Fact::Variable(Variable::UniqueId) => Some(Cow::Borrowed(self.unique_id())),
            Fact::Variable(Variable::TraceId) => self.trace_id().map(Cow::Owned),
            Fact::Variable(variable) => self.variables.get(*variable).map(text),
            Fact::RequestHeader(name) => self.field(name.as_str()),
            Fact::Cookie(name) => cookie(&self.head?.fields, name).map(Cow::Borrowed),
            Fact::Tls(fact) => tls(self.client.tls.as_deref()?, *fact),
        }
    }

    /// The id of the request: what a trusted proxy says in X-Request-Id, else one of the gateway's own.
    pub(crate) fn unique_id(&self) -> &'a [u8] {
        let (head, told) = (self.head, self.client.said.is_some());
        let said = head.filter(|_| told).and_then(request_id);
        said.unwrap_or_else(|| self.variables.unique_id().as_bytes())
    }

    /// The id of the trace: the gateway's, else the client's.
    pub(crate) fn trace_id(&self) -> Option<Vec<u8>> {
        if let Some(id) = &self.variables.trace_id {
            return Some(id.as_bytes().to_vec());
        }
        let context = TraceContext::of(self.head?.fields.all(TRACEPARENT))?;
        Some(context.trace_id_text().into_bytes())
    }

    /// The values of a field, where they count.
    fn field<'f>(&self, name: &'f str) -> Option<Cow<'f, [u8]>>
    where
        'a: 'f,
    {
        let known = Known::of(name.as_bytes());
        let hides = |it: Believed<'_>| !it.counts(self.client, known, name.as_bytes());
        match self.believed.is_some_and(hides) {
            true => None,
            false => joined(self.head?.fields.all(name)),
        }
    }

    /// Whether a condition is met. A variable has to be set, as in httpd's `env=`; anything else must not be empty either.
    pub(crate) fn holds(&self, when: &When) -> bool {
        let known = match (self.get(&when.fact), &when.fact) {
            (Some(_), Fact::Variable(_)) => true,
            (value, _) => value.is_some_and(|value| !value.is_empty()),
        };
        known != when.negated
    }

    /// A text with the facts filled in. It has no control characters but tabs, so that it can be the value of a field, and at
    /// most [`LONGEST_TEXT`] bytes.
    pub(crate) fn render(&self, template: &Template) -> Vec<u8> {
        self.render_found(template, |_| None)
    }

    /// The same, with what a regular expression has found in each of its groups.
    pub(crate) fn render_found<'g>(
        &self,
        template: &Template,
        group: impl Fn(usize) -> Option<&'g [u8]>,
    ) -> Vec<u8> {
        let mut text = Vec::new();
        for piece in template.pieces() {
            match piece {
                Piece::Text(piece) => text.extend_from_slice(piece.as_bytes()),
                Piece::Fact(fact) => {
                    let value = self.get(fact).unwrap_or_default();
                    let value = value.get(..LONGEST_FACT).unwrap_or(&value);
                    text.extend(value.iter().copied().filter_map(in_one_line));
                }
                Piece::Group(number) => text.extend_from_slice(group(*number).unwrap_or_default()),
            }
            if text.len() > LONGEST_TEXT {
                text.truncate(LONGEST_TEXT);
                break;
            }
        }
        text
    }
}

/// A byte as it stands in the value of a field. Line ends, which a certificate in PEM has, become spaces, as mod_headers writes
/// them; other control characters are left out.
const fn in_one_line(byte: u8) -> Option<u8> {
    match byte {
        b'\r' | b'\n' => Some(b' '),
        b'\t' | b' '..=b'~' | 0x80.. => Some(byte),
        _ => None,
    }
}

/// The values of all fields of a name as one list with commas, as httpd joins them; `None` when there is no field.
pub(crate) fn joined<'v>(values: impl Iterator<Item = &'v [u8]>) -> Option<Cow<'v, [u8]>> {
    let mut values = values.peekable();
    let first = values.next()?;
    if values.peek().is_none() {
        return Some(Cow::Borrowed(first));
    }
    let all: Vec<&[u8]> = [first].into_iter().chain(values).collect();
    Some(Cow::Owned(all.join(&b", "[..])))
}

/// The id that the one X-Request-Id of a head says: up to [`LONGEST_REQUEST_ID`] letters, digits and signs that stand in ids.
fn request_id(head: &RequestHead) -> Option<&[u8]> {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:/+=@~".contains(byte);
    let mut fields = head.fields.all("x-request-id");
    let id = fields.next().filter(|_| fields.next().is_none())?;
    let fits = (1..=LONGEST_REQUEST_ID).contains(&id.len()) && id.iter().all(is_plain);
    fits.then_some(id)
}

/// The value of the first cookie of a name. Upper and lower case are the same.
fn cookie<'f>(fields: &'f Fields, wanted: &str) -> Option<&'f [u8]> {
    let fields = fields.all(Known::Cookie);
    let mut cookies = fields.flat_map(|field| field.split(|byte| *byte == b';'));
    cookies.find_map(|cookie| {
        let at = cookie.iter().position(|byte| *byte == b'=')?;
        let (name, value) = cookie.split_at_checked(at)?;
        let same = name.trim_ascii().eq_ignore_ascii_case(wanted.as_bytes());
        same.then(|| value.get(1..).unwrap_or_default())
    })
}

/// A variable of mod_ssl; `None` where the client's side of the connection has nothing to say of it.
fn tls(tls: &Tls, fact: TlsFact) -> Option<Cow<'_, [u8]>> {
    let text = |text: &str| Some(Cow::Owned(text.as_bytes().to_vec()));
    let is_there = |text: &&str| !text.is_empty();
    match fact {
        TlsFact::Protocol => Some(Cow::Borrowed(tls.protocol.as_bytes())),
        TlsFact::Cipher => Some(Cow::Borrowed(tls.cipher.as_bytes())),
        TlsFact::KeySize | TlsFact::AlgorithmSize => text(itoa::Buffer::new().format(tls.key_size)),
        TlsFact::ServerName => Some(Cow::Borrowed(tls.server_name.as_deref()?.as_bytes())),
        TlsFact::Verify => Some(Cow::Borrowed(match tls.leaf() {
            "" => b"NONE",
            _ => b"SUCCESS",
        })),
        TlsFact::Certificate => Some(tls.leaf())
            .filter(is_there)
            .map(|it| it.as_bytes().into()),
        fact => of_certificate(tls.leaf(), fact).and_then(|it| text(&it)),
    }
}

/// What the client's certificate says.
fn of_certificate(leaf: &str, fact: TlsFact) -> Option<String> {
    let certificate = Decoded::of(leaf)?;
    let certificate = certificate.parse()?;
    let (subject, issuer) = (certificate.subject(), certificate.issuer());
    let part = |name: &X509Name<'_>, short| attribute(name, short);
    let validity = certificate.validity();
    match fact {
        TlsFact::Serial => {
            let digits = certificate.serial.to_str_radix(16);
            // Whole bytes, as OpenSSL writes them.
            let filled = if digits.len() % 2 == 1 { "0" } else { "" };
            Some([filled, digits.to_uppercase().as_str()].concat())
        }
        TlsFact::Subject => Some(dn(subject)),
        TlsFact::SubjectName => part(subject, "CN"),
        TlsFact::SubjectOrganisation => part(subject, "O"),
        TlsFact::SubjectUnit => part(subject, "OU"),
        TlsFact::SubjectCountry => part(subject, "C"),
        TlsFact::SubjectState => part(subject, "ST"),
        TlsFact::SubjectLocality => part(subject, "L"),
        TlsFact::SubjectEmail => part(subject, "emailAddress"),
        TlsFact::Issuer => Some(dn(issuer)),
        TlsFact::IssuerName => part(issuer, "CN"),
        TlsFact::IssuerOrganisation => part(issuer, "O"),
        TlsFact::IssuerUnit => part(issuer, "OU"),
        TlsFact::IssuerCountry => part(issuer, "C"),
        TlsFact::ValidFrom => Some(time(validity.not_before)),
        TlsFact::ValidUntil => Some(time(validity.not_after)),
        TlsFact::ValidDays => {
            let left = validity.not_after.timestamp() - jiff::Timestamp::now().as_second();
            Some((left.max(0) / 86_400).to_string())
        }
        TlsFact::Protocol
        | TlsFact::Cipher
        | TlsFact::KeySize
        | TlsFact::AlgorithmSize
        | TlsFact::ServerName
        | TlsFact::Verify
        | TlsFact::Certificate => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http::Request;

    use super::*;
    use crate::head::is_value;

    /// The template of a text, read as a configuration reads it.
    fn template(text: &str) -> Template {
        let yaml = format!(
            "listeners: [{{ bind: \"127.0.0.1:0\" }}]\nproxy_pass: [{{ path: /, to: \"ajp://a:1/\", \
             response_headers: [{{ set: X, value: {} }}] }}]\n",
            serde_json::to_string(text).unwrap()
        );
        let loaded = ajpgate_config::parse(&yaml, std::path::Path::new("x"), &|_| None).unwrap();
        loaded.config.mappings[0].response_headers[0].value.clone()
    }

    fn check(rows: &[(&str, &str)]) {
        let request = Request::builder()
            .header("x-tenant", "a\u{e9}\tb")
            .header("x-two", "1")
            .header("x-two", "2")
            .header("x-empty", "")
            .header("cookie", "a=1; JSESSIONID=00.n2")
            .header("cookie", "b=\"2\"; a=9");
        let head: RequestHead = request.body(()).unwrap().into_parts().0.into();
        let mut client = Client::new(
            "192.0.2.7:4711".parse().unwrap(),
            "198.51.100.1:80".parse().unwrap(),
        );
        client.tls = Some(Arc::new(Tls {
            protocol: "TLSv1.3",
            cipher: "TLS_AES_256_GCM_SHA384",
            key_size: 256,
            server_name: Some("shop.example.com".into()),
            ..Tls::default()
        }));
        let variables = Variables {
            https: true,
            ..Variables::default()
        };
        let facts = Facts {
            head: Some(&head),
            client: &client,
            variables: &variables,
            user: Some("al\nice\u{7}"),
            believed: None,
        };
        for (text, expected) in rows {
            let rendered = facts.render(&template(text));
            assert_eq!(String::from_utf8_lossy(&rendered), *expected, "{text}");
            assert!(is_value(&rendered), "{text}");
        }
    }

    #[test]
    fn facts_are_filled_in() {
        check(&[
            ("%{X-Tenant}i|%{X-Two}i|%{X-None}i", "a\u{e9}\tb|1, 2|"),
            ("%{a}C|%{jsessionid}C|%{b}C|%{c}C", "1|00.n2|\"2\"|"),
            ("%a 100%%", "192.0.2.7 100%"),
            ("%{HTTPS}e%{BALANCER_NAME}e", "on"),
            (
                "%{SSL_PROTOCOL}x %{SSL_CIPHER}x %{SSL_CIPHER_USEKEYSIZE}x",
                "TLSv1.3 TLS_AES_256_GCM_SHA384 256",
            ),
            (
                "%{SSL_TLS_SNI}x %{SSL_CLIENT_VERIFY}x|%{SSL_CLIENT_S_DN}x%{SSL_CLIENT_CERT}x",
                "shop.example.com NONE|",
            ),
        ]);
    }

    #[test]
    fn no_fact_ends_a_line() {
        check(&[("%u!", "al ice!")]);
    }

    #[test]
    fn texts_are_bounded() {
        let long = "x".repeat(60_000);
        let request = Request::builder().header("x-long", &long);
        let head: RequestHead = request.body(()).unwrap().into_parts().0.into();
        let client = Client::new("[::1]:1".parse().unwrap(), "[::1]:80".parse().unwrap());
        let facts = Facts {
            head: Some(&head),
            client: &client,
            variables: &Variables::default(),
            user: None,
            believed: None,
        };
        assert_eq!(facts.render(&template("%{X-Long}i")).len(), LONGEST_FACT);
        let many = "%{X-Long}i".repeat(100);
        assert_eq!(facts.render(&template(&many)).len(), LONGEST_TEXT);
    }

    #[test]
    fn variables_are_set_or_not_and_anything_else_is_not_empty() {
        let request = Request::builder().header("x-empty", "").header("x", "1");
        let head: RequestHead = request.body(()).unwrap().into_parts().0.into();
        let client = Client::new("[::1]:1".parse().unwrap(), "[::1]:80".parse().unwrap());
        let variables = Variables {
            worker_route: Some("".into()),
            ..Variables::default()
        };
        let facts = Facts {
            head: Some(&head),
            client: &client,
            variables: &variables,
            user: None,
            believed: None,
        };
        let field = |name: &str| Fact::RequestHeader(name.to_owned());
        for (fact, expected) in [
            (Fact::Variable(Variable::WorkerRoute), true),
            (Fact::Variable(Variable::Name), false),
            (Fact::Variable(Variable::Https), false),
            (field("x"), true),
            (field("x-empty"), false),
            (field("x-none"), false),
            (Fact::User, false),
            (Fact::Tls(TlsFact::Protocol), false),
        ] {
            for negated in [false, true] {
                let fact = fact.clone();
                let when = When { fact, negated };
                assert_eq!(facts.holds(&when), expected != negated, "{when:?}");
            }
        }
    }
}
