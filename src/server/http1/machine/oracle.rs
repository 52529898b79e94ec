//! hyper reads the same bytes: every request that is read here is one that hyper reads too, with the same method, target,
//! fields and body. hyper may read more of them, since it is less strict.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::{Bytes, BytesMut};
use http::Response;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use proptest::prelude::*;
use tokio::io::AsyncWriteExt as _;

use super::{Answer, Machine, Queue, Read};
use crate::framing::HeadLimits;
use crate::head::Fields;

const LIMITS: HeadLimits = HeadLimits {
    max_bytes: 8192,
    max_fields: 100,
    max_target: usize::MAX,
};

/// A request, as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    line: String,
    fields: Vec<(String, Vec<u8>)>,
    /// `None`: its end has not come.
    body: Option<Vec<u8>>,
}

/// The fields, sorted by name: hyper keeps the order only among those of one name.
fn sorted(fields: &Fields) -> Vec<(String, Vec<u8>)> {
    let name = |name: &[u8]| String::from_utf8(name.to_ascii_lowercase()).unwrap();
    let fields = fields.iter();
    let mut sorted: Vec<_> = fields
        .map(|(found, value)| (name(found), value.to_vec()))
        .collect();
    sorted.sort_by(|(one, _), (other, _)| one.cmp(other));
    sorted
}

/// The requests that the machine reads.
fn ours(bytes: &[u8]) -> Vec<Seen> {
    let (mut machine, mut buffer, mut seen) = (
        Machine::new(LIMITS),
        BytesMut::from(bytes),
        Vec::<Seen>::new(),
    );
    let mut body = Vec::new();
    while let Ok(Some(read)) = machine.read(&mut buffer) {
        let ended = match read {
            Read::Head(parts, framing) => {
                seen.push(Seen {
                    line: format!("{} {} {:?}", parts.method, parts.target, parts.version),
                    fields: sorted(&parts.fields),
                    body: None,
                });
                framing.is_over()
            }
            Read::Data(data) => {
                body.extend_from_slice(&data);
                false
            }
            Read::End => true,
        };
        if ended {
            seen.last_mut().unwrap().body = Some(std::mem::take(&mut body));
            let answer = Answer {
                status: http::StatusCode::OK,
                fields: &Fields::default(),
                length: Some(0),
                date: b"now",
            };
            let mut out = Queue::default();
            // Behind the last request of a connection hyper reads no more.
            let goes_on = machine.answer(&answer, false, &mut out, |_| ());
            machine.end(&mut out).unwrap();
            if !goes_on {
                break;
            }
            assert!(machine.next());
        }
    }
    seen
}

/// The requests that hyper reads.
async fn hypers(bytes: &[u8]) -> Vec<Seen> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (mut client, server) = tokio::io::duplex(1 << 20);
    client.write_all(bytes).await.unwrap();
    client.shutdown().await.unwrap();
    let service = service_fn(|request: http::Request<Incoming>| {
        let seen = Arc::clone(&seen);
        async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await;
            seen.lock().unwrap().push(Seen {
                line: format!("{} {} {:?}", parts.method, parts.uri, parts.version),
                fields: sorted(&Fields::from(&parts.headers)),
                body: body.ok().map(|body| body.to_bytes().to_vec()),
            });
            Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
        }
    });
    let _ = http1::Builder::new()
        .half_close(true)
        .serve_connection(TokioIo::new(server), service)
        .await;
    drop(client);
    let seen = seen.lock().unwrap();
    seen.clone()
}

#[track_caller]
fn compare(bytes: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let (ours, hypers) = (ours(bytes), runtime.block_on(hypers(bytes)));
    let whole = ours.iter().filter(|seen| seen.body.is_some()).count();
    assert!(
        whole <= hypers.len() && ours[..whole] == hypers[..whole],
        "of {}\n{ours:?}\nhyper reads {hypers:?}",
        bytes.escape_ascii()
    );
}

#[test]
fn it_agrees_with_hyper_where_both_accept() {
    for bytes in [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /a?b HTTP/1.1\r\nContent-Length: 3\r\nX:\t y z \t\r\n\r\nabcGET / HTTP/1.0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nT: x\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\n\r\nGET http://a:80/x HTTP/1.1\r\n\r\nCONNECT a:443 HTTP/1.1\r\n\r\n",
    ] {
        assert!(!ours(bytes.as_bytes()).is_empty());
        compare(bytes.as_bytes());
    }
}

/// Method, target, version and fields of a head, as httparse reads them.
fn httparses(bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut fields = [httparse::EMPTY_HEADER; 100];
    let mut request = httparse::Request::new(&mut fields);
    request
        .parse(bytes)
        .ok()
        .filter(httparse::Status::is_complete)?;
    let line = format!(
        "{} {} HTTP/1.{}",
        request.method?, request.path?, request.version?
    );
    let fields = request.headers.iter();
    let fields = fields.flat_map(|field| [field.name.as_bytes().to_vec(), field.value.to_vec()]);
    Some([line.into_bytes()].into_iter().chain(fields).collect())
}

/// The same, as the machine reads them.
fn our_head(bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let read = Machine::new(LIMITS).read(&mut BytesMut::from(bytes));
    let Ok(Some(Read::Head(head, _))) = read else {
        return None;
    };
    let line = format!("{} {} {:?}", head.method, head.target, head.version);
    let fields = head.fields.iter();
    let fields = fields.flat_map(|(name, value)| [name.to_vec(), value.to_vec()]);
    Some([line.into_bytes()].into_iter().chain(fields).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// What is read as a head httparse reads too, with the same names and values to the byte.
    #[test]
    fn a_head_is_read_as_httparse_reads_it(
        method in "(GET|POST|[!-~]{1,3})", target in "/[!-~]{0,5}",
        fields in prop::collection::vec(("[!-~]{1,4}", prop::collection::vec(any::<u8>(), 0..9)), 0..3),
        space in "[ \t]{0,2}",
    ) {
        let mut bytes = format!("{method} {target} HTTP/1.1\r\n").into_bytes();
        for (name, value) in &fields {
            bytes.extend([name.as_bytes(), b":", space.as_bytes(), value, space.as_bytes(), b"\r\n"].concat());
        }
        bytes.extend(b"\r\n");
        if let Some(ours) = our_head(&bytes) {
            prop_assert_eq!(Some(ours), httparses(&bytes), "{}", bytes.escape_ascii());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Streams that are nearly right.
    #[test]
    fn whatever_it_reads_hyper_reads(
        bytes in "(\r|\n|\r\n){0,2}((GET|POST|HEAD|PROPFIND|A-b) (/[a-z%2-7;=?#\"{|]{0,6}|\\*|http://a/x|a:1) HTTP/1.[019]\r\n((Content-Length|Transfer-Encoding|Connection|Expect|X|x y|Host)( )?: ?(chunked|close|keep-alive|[0-9a-z,\t ]{0,3})(\r\n|\n|\r\n ))?((X-Two|Set-Cookie): ?[ -~]{0,9}\r\n){0,2}\r\n([0-9a-f]{1,2}(;a=b)?\r\n[a-z]{0,9}(\r\n)?){0,2}(0\r\n(T: u\r\n)?\r\n)?){1,3}",
    ) {
        compare(bytes.as_bytes());
    }

    /// Streams that are right, except for a byte.
    #[test]
    fn it_reads_what_hyper_reads_where_a_byte_is_wrong(at in 0..200_usize, byte in any::<u8>()) {
        let mut bytes = b"POST /a;b?c=d HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nX-Odd: \te \r\n\r\nhello\
            PUT /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;q=\"1\"\r\n0123456789\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n".to_vec();
        let place = at % bytes.len();
        bytes[place] = byte;
        compare(&bytes);
    }
}
