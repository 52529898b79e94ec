//! Each case arrives whole, and split at every byte.

use proptest::prelude::*;

use super::*;
use http::StatusCode;

use crate::head::Fields;

const MAX_HEAD: usize = 1000;
const LIMITS: HeadLimits = HeadLimits {
    max_bytes: MAX_HEAD,
    max_fields: 100,
    max_target: usize::MAX,
};

/// What a stream of bytes is read as.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    /// Method, target and body of each request; the body is `None` while its end has not come.
    requests: Vec<(String, Option<Vec<u8>>)>,
    refused: Option<Refused>,
}

/// Reads bytes that arrive in pieces of these lengths, and answers each request once it is complete.
fn read_in(bytes: &[u8], pieces: &mut dyn Iterator<Item = usize>) -> Seen {
    let (mut machine, mut buffer, mut seen) =
        (Machine::new(LIMITS), BytesMut::new(), Seen::default());
    let (mut rest, mut body) = (bytes, Vec::new());
    loop {
        match machine.read(&mut buffer) {
            Ok(Some(Read::Head(parts, framing))) => {
                let request = format!("{} {}", parts.method, parts.target);
                let whole = framing.is_over().then(Vec::new);
                seen.requests.push((request, whole));
                if framing.is_over() {
                    answer(&mut machine);
                }
            }
            Ok(Some(Read::Data(data))) => {
                assert!(!data.is_empty());
                body.extend_from_slice(&data);
            }
            Ok(Some(Read::End)) => {
                seen.requests.last_mut().unwrap().1 = Some(std::mem::take(&mut body));
                answer(&mut machine);
            }
            Ok(None) if rest.is_empty() => return seen,
            Ok(None) => {
                let length = pieces.next().unwrap().min(rest.len());
                let (piece, behind) = rest.split_at(length);
                buffer.extend_from_slice(piece);
                rest = behind;
            }
            Err(refusal) => {
                seen.refused = Some(refusal.why);
                assert!(machine.read(&mut buffer).unwrap().is_none());
                return seen;
            }
        }
    }
}

fn answer(machine: &mut Machine) {
    let mut out = Queue::default();
    let answered = Answered::default();
    machine.answer(&answered.answer(), false, &mut out, |_| ());
    machine.end(&mut out).unwrap();
    assert!(machine.next());
}

/// Reads bytes that arrive whole, byte by byte, and in two pieces split at every byte: always the same.
#[track_caller]
fn read(bytes: impl AsRef<[u8]>) -> Seen {
    let bytes = bytes.as_ref();
    let whole = read_in(bytes, &mut std::iter::repeat(usize::MAX));
    for first in 0..bytes.len() {
        let mut pieces = std::iter::once(first).chain(std::iter::repeat(usize::MAX));
        let split = read_in(bytes, &mut pieces);
        assert_eq!(split, whole, "split at {first}: {}", bytes.escape_ascii());
    }
    let bytewise = read_in(bytes, &mut std::iter::repeat(1));
    // What is too large may be seen before the whole of it has come.
    if whole.refused.is_none() {
        assert_eq!(bytewise, whole, "{}", bytes.escape_ascii());
    }
    whole
}

fn request(line: &str, body: &str) -> (String, Option<Vec<u8>>) {
    (line.to_owned(), Some(body.as_bytes().to_vec()))
}

#[track_caller]
fn refused(bytes: impl AsRef<[u8]>) -> Refused {
    let seen = read(bytes);
    assert_eq!(seen.requests, []);
    seen.refused.expect("a refusal")
}

/// A POST with these fields.
fn with(fields: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n")
}

#[test]
fn requests_follow_each_other() {
    let seen = read(
        "\r\nGET /1?q HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello\r\n\r\n\
         PUT /3 HTTP/1.1\r\ntransfer-encoding:CHUNKED\r\n\r\n5\r\nhello\r\n1; ext=\"y\"\r\n!\r\n0\r\nX-T: 1\r\n\r\n\
         OPTIONS * HTTP/1.0\r\n\r\nGET http://a/4 HTTP/1.1\r\nContent-Length: 0\r\n\r\nGET /5",
    );
    let expected = [
        request("GET /1?q", ""),
        request("POST /2", "hello"),
        request("PUT /3", "hello!"),
        request("OPTIONS *", ""),
        request("GET http://a/4", ""),
    ];
    assert_eq!((seen.requests, seen.refused), (expected.to_vec(), None));
}

#[test]
fn a_body_that_breaks_off_has_no_end() {
    for bytes in [
        "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhell",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhell\r\n0\r\n",
    ] {
        let seen = read(bytes);
        let expected = [("POST /".to_owned(), None)];
        assert_eq!((&seen.requests[..], seen.refused), (&expected[..], None));
    }
}

/// B12: every shape in which two readers could see different ends of a body.
#[test]
fn ambiguous_framing_is_refused() {
    for (fields, why) in [
        (
            "Content-Length: 5\r\nTransfer-Encoding: chunked",
            Refused::LengthAndEncoding,
        ),
        (
            "Transfer-Encoding: chunked\r\nContent-Length: 5",
            Refused::LengthAndEncoding,
        ),
        (
            "content-length: 0\r\ntransfer-encoding: chunked",
            Refused::LengthAndEncoding,
        ),
        (
            "Content-Length: 5\r\nContent-Length: 5",
            Refused::SeveralLengths,
        ),
        (
            "Content-Length: 5\r\ncontent-length: 6",
            Refused::SeveralLengths,
        ),
        ("Content-Length:", Refused::BadLength),
        ("Content-Length: +5", Refused::BadLength),
        ("Content-Length: -5", Refused::BadLength),
        ("Content-Length: 0x5", Refused::BadLength),
        ("Content-Length: 5 5", Refused::BadLength),
        ("Content-Length: 5, 5", Refused::BadLength),
        ("Content-Length: 5;", Refused::BadLength),
        ("Content-Length: 99999999999999999999", Refused::BadLength),
        ("Content-Length: 9223372036854775808", Refused::BadLength),
        ("Transfer-Encoding: gzip, chunked", Refused::BadEncoding),
        ("Transfer-Encoding: chunked, chunked", Refused::BadEncoding),
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            Refused::BadEncoding,
        ),
        ("Transfer-Encoding: identity", Refused::BadEncoding),
        ("Transfer-Encoding: \u{b}chunked", Refused::BadEncoding),
        ("Transfer-Encoding: chunked;q=1", Refused::BadEncoding),
        ("Transfer-Encoding:", Refused::BadEncoding),
        // A parser that allows the blank would see a length.
        ("Content-Length : 5", Refused::BadHead),
        ("Transfer-Encoding : chunked", Refused::BadHead),
        ("Transfer-Encoding:\r\n chunked", Refused::BadEncoding),
    ] {
        assert_eq!(refused(with(fields)), why, "{fields:?}");
    }
    let http10 = "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(refused(http10), Refused::EncodingInHttp10);
    for fine in [
        "Content-Length: 0",
        "Content-Length:\t00 ",
        "Content-Lengths: x",
        "Transfer_Encoding: gzip",
    ] {
        assert_eq!(read(with(fine)).requests, [request("POST /", "")], "{fine}");
    }
}

#[test]
fn malformed_heads_are_refused() {
    for (head, why) in [
        ("GET / HTTP/1.1\nHost: a\n\n", Refused::BareLineFeed),
        (
            "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
            Refused::FoldedField,
        ),
        ("\r\n\r\n\r\n\r\n\r\n", Refused::EmptyLines),
        ("\nGET / HTTP/1.1\r\n\r\n", Refused::BareLineFeed),
        ("\r\rGET / HTTP/1.1\r\n\r\n", Refused::BadHead),
        ("GET  / HTTP/1.1\r\n\r\n", Refused::BadHead),
        ("GET /\r\n\r\n", Refused::BadHead),
        ("GET / HTTP/9.9\r\n\r\n", Refused::BadHead),
        ("GET / http/1.1\r\n\r\n", Refused::BadHead),
        ("GET / HTTP/1.1 x\r\n\r\n", Refused::BadHead),
        ("G(T / HTTP/1.1\r\n\r\n", Refused::BadHead),
        ("GET / HTTP/1.1\r\nBad Name: x\r\n\r\n", Refused::BadHead),
        ("GET / HTTP/1.1\r\n: x\r\n\r\n", Refused::BadHead),
        ("GET / HTTP/1.1\r\nno colon\r\n\r\n", Refused::BadHead),
        ("GET / HTTP/1.1\r\nX: a\0b\r\n\r\n", Refused::BadHead),
        ("GET / HTTP/1.1\r\nX: a\rb\r\n\r\n", Refused::BadHead),
        ("GET / HTTP/1.1\r\nX: a\x7fb\r\n\r\n", Refused::BadHead),
        ("GET / HTTP/1.1\r\nX\u{e9}: a\r\n\r\n", Refused::BadHead),
        ("garbage\r\n\r\n", Refused::BadHead),
    ] {
        assert_eq!(refused(head), why, "{head:?}");
    }
}

/// A byte that may not stand in a target is refused; a parser that allows it would see another target.
#[test]
fn targets_have_no_fragment_and_no_byte_that_tomcat_refuses() {
    for target in ["/x#y", "/x?q=C#&page=2", "#", "/a\"b", "/a<b", "/a?b>c"] {
        let head = format!("GET {target} HTTP/1.1\r\n\r\n");
        assert_eq!(refused(head), Refused::BadTarget, "{target}");
    }
    for target in ["/ü", "/?n=日本", "/a\x7f"] {
        let head = format!("GET {target} HTTP/1.1\r\n\r\n");
        let why = refused(head);
        assert!(
            matches!(why, Refused::BadTarget | Refused::BadHead),
            "{target}: {why}"
        );
    }
    for target in ["/%23", "/a?[1]={2}|3", "/a'b!$&()*+,;=:@-._~"] {
        let seen = read(format!("GET {target} HTTP/1.1\r\n\r\n"));
        assert_eq!(seen.requests, [request(&format!("GET {target}"), "")]);
    }
}

#[test]
fn heads_are_bounded() {
    let long = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(MAX_HEAD));
    let mut buffer = BytesMut::from(long.as_bytes());
    let first = |buffer: &mut BytesMut| Machine::new(LIMITS).read(buffer).map(|_| ());
    let why = |refusal: Refusal| refusal.why;
    assert_eq!(first(&mut buffer).map_err(why), Err(Refused::HeadTooLarge));
    let mut buffer = BytesMut::from(&long.as_bytes()[..=MAX_HEAD]);
    assert_eq!(first(&mut buffer).map_err(why), Err(Refused::HeadTooLarge));
    let mut buffer = BytesMut::from(&long.as_bytes()[..MAX_HEAD]);
    assert_eq!(first(&mut buffer), Ok(()));
    for (count, refused) in [(100, None), (101, Some(Refused::TooManyFields))] {
        let head = format!("GET / HTTP/1.1\r\n{}\r\n", "a:b\r\n".repeat(count));
        assert_eq!(read(head).refused, refused);
    }
}

#[test]
fn malformed_chunks_are_refused() {
    let long_extension = "5;".to_owned() + &"x".repeat(300);
    let long_trailer = "0\r\nX: ".to_owned() + &"x".repeat(9000);
    for chunks in [
        "\r\n",
        "g\r\n",
        " 5\r\nhello\r\n",
        "-5\r\n",
        "+5\r\n",
        "0x5\r\n",
        // Another reader may take this for a size of 0x50.
        "5 0\r\nhello\r\n0\r\n\r\n",
        "5\t x\r\nhello\r\n0\r\n\r\n",
        "5\nhello\r\n",
        "5\r\nhelloX",
        "5\r\nhello\r\r",
        "5;a\nb\r\n",
        "5;a\r\r\n",
        "5;\u{1}\r\n",
        "0\r\nX: 1\nY: 2\r\n\r\n",
        "0\r\n\r\r",
        "1234567890123456\r\n",
        &long_extension,
        &long_trailer,
        "0\r\nabc\r\n\r\n",
        "0\r\n: x\r\n\r\n",
        "0\r\nA B: x\r\n\r\n",
        "0\r\n A: x\r\n\r\n",
        "0\r\nA: x\r\n y\r\n\r\n",
        "0\r\nA : x\r\n\r\n",
    ] {
        let bytes = with("Transfer-Encoding: chunked") + chunks;
        let seen = read_in(bytes.as_bytes(), &mut std::iter::repeat(7));
        assert_eq!(seen.refused, Some(Refused::BadChunk), "{chunks:?}");
        assert_eq!(seen.requests, [("POST /".to_owned(), None)], "{chunks:?}");
    }
}

#[test]
fn the_line_of_a_refused_request_is_kept_for_the_log() {
    for (head, line) in [
        (
            "\r\nGET /\"x HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /\"x HTTP/1.1",
        ),
        ("GET / HTTP/1.1\nHost", "GET / HTTP/1.1"),
    ] {
        let mut buffer = BytesMut::from(head);
        let refusal = Machine::new(LIMITS).read(&mut buffer).unwrap_err();
        assert_eq!(refusal.line, line, "{head:?}");
    }
    let mut machine = Machine::new(LIMITS);
    let mut buffer = BytesMut::from("GET /slow");
    assert!(machine.read(&mut buffer).unwrap().is_none());
    assert_eq!(
        machine.refuse(Refused::HeadTooSlow, &buffer).line,
        "GET /slow"
    );
}

#[test]
fn fields_and_targets_keep_within_their_limits() {
    let limits = HeadLimits {
        max_bytes: 200,
        max_fields: 3,
        max_target: 10,
    };
    for (head, refused) in [
        (
            "GET /23456789?1 HTTP/1.1\r\n\r\n",
            Some(Refused::TargetTooLong),
        ),
        ("GET /23456789? HTTP/1.1\r\n\r\n", None),
        ("GET http://a/b HTTP/1.1\r\n\r\n", None),
        (
            "GET http://a/bc HTTP/1.1\r\n\r\n",
            Some(Refused::TargetTooLong),
        ),
        ("GET / HTTP/1.1\r\na:1\r\nb:2\r\nc:3\r\n\r\n", None),
        (
            "GET / HTTP/1.1\r\na:1\r\nb:2\r\nc:3\r\nd:4\r\n",
            Some(Refused::TooManyFields),
        ),
        // The head becomes too large in its request line.
        (
            &format!("GET /{}", "x".repeat(200)),
            Some(Refused::TargetTooLong),
        ),
        (
            &format!("GET /{} HTTP/1.1\r\n", "x".repeat(200)),
            Some(Refused::TargetTooLong),
        ),
        (&"x".repeat(201), Some(Refused::HeadTooLarge)),
        (
            &format!("GET / HTTP/1.1{}", "x".repeat(200)),
            Some(Refused::HeadTooLarge),
        ),
        (
            &format!("GET / HTTP/1.1\r\na: {}", "x".repeat(200)),
            Some(Refused::HeadTooLarge),
        ),
    ] {
        let read = Machine::new(limits).read(&mut BytesMut::from(head));
        assert_eq!(read.err().map(|refusal| refusal.why), refused, "{head:?}");
    }
}

/// An answer of a test.
struct Answered {
    status: StatusCode,
    fields: Fields,
    length: Option<u64>,
}

impl Default for Answered {
    fn default() -> Self {
        Self {
            status: StatusCode::OK,
            fields: Fields::default(),
            length: Some(0),
        }
    }
}

impl Answered {
    fn answer(&self) -> Answer<'_> {
        Answer {
            status: self.status,
            fields: &self.fields,
            length: self.length,
            date: b"now",
        }
    }
}

/// The text that goes out for this answer to a request with this head, and whether the connection goes on.
fn written(head: &str, answered: &Answered, body: &[&str]) -> (String, bool) {
    let mut machine = Machine::new(LIMITS);
    let mut buffer = BytesMut::from(head);
    assert!(matches!(
        machine.read(&mut buffer),
        Ok(Some(Read::Head(..)))
    ));
    while machine.is_in_body() && machine.read(&mut buffer).unwrap().is_some() {}
    let mut out = Queue::default();
    let keep_alive = machine.answer(&answered.answer(), false, &mut out, |_| ());
    for piece in body {
        machine.piece(Bytes::copy_from_slice(piece.as_bytes()), &mut out);
    }
    machine.end(&mut out).unwrap();
    (text(&out), keep_alive)
}

fn text(out: &Queue) -> String {
    let mut slices = [std::io::IoSlice::new(&[]); 16];
    let count = out.slices(&mut slices);
    let slices: Vec<u8> = slices[..count].iter().flat_map(|s| s.to_vec()).collect();
    String::from_utf8(slices).unwrap()
}

const GET: &str = "GET / HTTP/1.1\r\n\r\n";

/// An answer of this length without further fields.
fn of_length(length: Option<u64>) -> Answered {
    Answered {
        length,
        ..Answered::default()
    }
}

/// An answer to a request of this head is written like this, and says whether the connection goes on.
#[track_caller]
fn writes(head: &str, answered: &Answered, body: &[&str], (expected, keep_alive): (&str, bool)) {
    let written = written(head, answered, body);
    assert_eq!(written, (expected.to_owned(), keep_alive), "{head:?}");
}

const OLD: &str = "GET / HTTP/1.0\r\n\r\n";
const OLD_KEPT: &str = "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n";
const LAST: &str = "GET / HTTP/1.1\r\nConnection: x, Close\r\n\r\n";
const HEAD: &str = "HEAD / HTTP/1.1\r\n\r\n";

#[test]
fn an_answer_of_known_length_announces_it() {
    let (known, body) = (of_length(Some(5)), &["hel", "lo"]);
    let text = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nDate: now\r\n\r\nhello";
    writes(GET, &known, body, (text, true));
    let text =
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nDate: now\r\nConnection: close\r\n\r\nhello";
    writes(LAST, &known, body, (text, false));
    let text =
        "HTTP/1.0 200 OK\r\nContent-Length: 5\r\nDate: now\r\nConnection: keep-alive\r\n\r\nhello";
    writes(OLD_KEPT, &known, body, (text, true));
    let text =
        "HTTP/1.0 200 OK\r\nContent-Length: 5\r\nDate: now\r\nConnection: close\r\n\r\nhello";
    writes(OLD, &known, body, (text, false));
}

#[test]
fn an_answer_of_unknown_length_has_chunks_or_ends_with_the_connection() {
    let (unknown, body) = (of_length(None), &["hello, world", "", "!"]);
    let text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nDate: now\r\n\r\n\
        c\r\nhello, world\r\n1\r\n!\r\n0\r\n\r\n";
    writes(GET, &unknown, body, (text, true));
    let text = "HTTP/1.0 200 OK\r\nDate: now\r\nConnection: close\r\n\r\nhello, world!";
    for head in [OLD, OLD_KEPT] {
        writes(head, &unknown, body, (text, false));
    }
}

#[test]
fn an_answer_without_a_body_has_none() {
    let text = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nDate: now\r\n\r\n";
    writes(HEAD, &of_length(Some(5)), &["hello"], (text, true));
    let text = "HTTP/1.1 200 OK\r\nDate: now\r\n\r\n";
    writes(HEAD, &of_length(None), &[], (text, true));
    for (status, text) in [
        (204, "HTTP/1.1 204 No Content\r\nDate: now\r\n\r\n"),
        (304, "HTTP/1.1 304 Not Modified\r\nDate: now\r\n\r\n"),
        // A status without a name has no phrase.
        (
            299,
            "HTTP/1.1 299 \r\nContent-Length: 0\r\nDate: now\r\n\r\n",
        ),
    ] {
        let answered = Answered {
            status: StatusCode::from_u16(status).unwrap(),
            ..Answered::default()
        };
        writes(GET, &answered, &[], (text, true));
    }
}

#[test]
fn fields_of_the_connection_are_the_gateways_own() {
    let mut answered = Answered::default();
    for (name, value) in [
        ("Set-Cookie", "a=1"),
        ("Set-Cookie", "b=2"),
        ("transfer-encoding", "gzip"),
        ("content-length", "77"),
        ("DATE", "then"),
        ("connection", "close"),
    ] {
        answered.fields.push(name.as_bytes(), value.as_bytes());
    }
    let expected = "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nDATE: then\r\nContent-Length: 0\r\n\
        Connection: close\r\n\r\n";
    assert_eq!(written(GET, &answered, &[]), (expected.to_owned(), false));
}

/// Contract section 6: the connection goes on where at most 256 KiB of the body are known to be left.
#[test]
fn an_early_answer_says_whether_the_connection_goes_on() {
    let head = |length: u64| with(&format!("Content-Length: {length}"));
    let chunked = with("Transfer-Encoding: chunked");
    for (request, keep_alive) in [
        (head(MAX_UNREAD), true),
        (head(MAX_UNREAD + 1), false),
        (head(MAX_UNREAD + 4) + "body", true),
        (chunked.clone(), false),
        (chunked.clone() + "3\r\nabc\r\n", false),
        (chunked + "3\r\nabc\r\n0\r\n\r\n", true),
        // A client that waits for 100 may send no body behind a final answer.
        (with("Content-Length: 5\r\nExpect: 100-continue"), false),
        (
            with("Content-Length: 5\r\nExpect: 100-continue") + "b",
            true,
        ),
    ] {
        let (text, kept) = written(&request, &Answered::default(), &[]);
        assert_eq!(kept, keep_alive, "{request:?}");
        assert_eq!(text.contains("Connection: close\r\n"), !keep_alive);
    }
}

#[test]
fn a_client_is_asked_for_its_body_once_and_only_before_the_answer() {
    let expecting = with("Content-Length: 5\r\nExpect: 100-Continue");
    let start = |bytes: &str| {
        let (mut machine, mut buffer) = (Machine::new(LIMITS), BytesMut::from(bytes));
        machine.read(&mut buffer).unwrap();
        while machine.is_in_body() && machine.read(&mut buffer).unwrap().is_some() {}
        machine
    };
    let (mut machine, mut out) = (start(&expecting), Queue::default());
    machine.ask_for_body(&mut out);
    machine.ask_for_body(&mut out);
    assert_eq!(text(&out), "HTTP/1.1 100 Continue\r\n\r\n");
    // Something of the body has come already.
    let (mut machine, mut out) = (start(&(expecting.clone() + "x")), Queue::default());
    machine.ask_for_body(&mut out);
    assert!(out.is_empty());
    // The answer is there.
    let (mut machine, mut out) = (start(&expecting), Queue::default());
    machine.answer(&Answered::default().answer(), false, &mut out, |_| ());
    let before = out.len();
    machine.ask_for_body(&mut out);
    machine.interim(&early_hints(), &mut out);
    assert_eq!(out.len(), before);
    assert!(!machine.next(), "the body has not been read");
}

fn early_hints() -> AnswerHead {
    let mut fields = Fields::default();
    fields.push(b"Link", b"</a>; rel=preload");
    AnswerHead {
        status: StatusCode::EARLY_HINTS,
        fields,
    }
}

#[test]
fn interim_answers_are_not_for_http_1_0() {
    for (head, goes) in [(GET, true), ("GET / HTTP/1.0\r\n\r\n", false)] {
        let (mut machine, mut out) = (Machine::new(LIMITS), Queue::default());
        machine.read(&mut BytesMut::from(head)).unwrap();
        machine.interim(&early_hints(), &mut out);
        let expected = "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n";
        assert_eq!(text(&out), if goes { expected } else { "" });
    }
}

#[test]
fn an_answer_is_as_long_as_announced() {
    let answered = Answered {
        length: Some(3),
        ..Answered::default()
    };
    let (text, _) = written(GET, &answered, &["ab", "cdef", "g"]);
    assert!(text.ends_with("\r\n\r\nabc"), "{text:?}");
    let (mut machine, mut out) = (Machine::new(LIMITS), Queue::default());
    machine.read(&mut BytesMut::from(GET)).unwrap();
    machine.answer(&answered.answer(), false, &mut out, |_| ());
    machine.piece(Bytes::from_static(b"ab"), &mut out);
    assert_eq!(machine.end(&mut out), Err(Short));
}

proptest! {
    /// However requests arrive, they are read the same.
    #[test]
    fn requests_read_the_same_in_pieces(
        bytes in "((GET|POST) /[a-z]{0,9} HTTP/1.[01]\r\n((Content-Length|Transfer-Encoding|X|Host): ?(chunked|[0-9a-z,]{0,2})(\r\n|\n)){0,3}\r\n([0-9a-f]{1,2}\r\n[a-z]{0,9}){0,2}){1,3}",
        pieces in proptest::collection::vec(1..20_usize, 1..30),
    ) {
        let whole = read_in(bytes.as_bytes(), &mut std::iter::repeat(usize::MAX));
        let split = read_in(bytes.as_bytes(), &mut pieces.iter().copied().cycle());
        prop_assert_eq!(whole, split);
    }

    #[test]
    fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        read_in(&bytes, &mut std::iter::repeat(3));
    }

    #[test]
    fn chunk_sizes_are_hexadecimal(length in 1..usize::MAX) {
        let mut out = Vec::new();
        put_chunk_size(&mut out, length);
        prop_assert_eq!(out, format!("{length:x}\r\n").into_bytes());
    }
}
