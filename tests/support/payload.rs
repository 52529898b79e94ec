//! Bodies that both ends can compute, sent through a gateway in both directions and with both framings.

use super::client::{Answer, Client};
use super::noise;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const SEED: u64 = 7;

/// Sizes in bytes: nothing, one byte, a full AJP13 packet, one byte more, and several packets.
pub(crate) const SIZES: [usize; 5] = [0, 1, 8186, 8187, 64 * 1024];
/// More bytes than any buffer on the way holds.
pub(crate) const LARGE: usize = 100 * 1000 * 1000;

/// Bytes and their SHA-256.
pub(crate) struct Payload {
    pub(crate) bytes: Vec<u8>,
    /// In hexadecimal.
    pub(crate) sha256: String,
}

impl Payload {
    /// The first `size` bytes of the noise that the test application knows too.
    pub(crate) fn new(size: usize) -> Self {
        let bytes = noise::bytes(SEED, size);
        let digest = Sha256::digest(&bytes);
        let sha256 = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        Self { bytes, sha256 }
    }
}

/// How a message announces the end of its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    Length,
    Chunks,
}

pub(crate) const FRAMINGS: [Framing; 2] = [Framing::Length, Framing::Chunks];

/// Sends a body to the test application at `path`, which answers with its hash.
pub(crate) async fn upload(client: &mut Client, path: &str, payload: &Payload, framing: Framing) {
    let body = payload.bytes.as_slice();
    client
        .send(request("POST", &format!("{path}/sha"), payload, framing))
        .await;
    let seen = parsed(&client.answer().await);
    let said = ["bytes", "sha256"].map(|key| seen.get(key).cloned());
    let sent = [json!(body.len()), json!(payload.sha256)].map(Some);
    assert_eq!(said, sent, "{path} {framing:?}");
}

/// Gets a body of known bytes from the test application at `path`.
pub(crate) async fn download(client: &mut Client, path: &str, payload: &Payload, framing: Framing) {
    let body = payload.bytes.as_slice();
    let how = match framing {
        Framing::Length => "cl=1",
        Framing::Chunks => "flush=1&chunk=20000",
    };
    let target = format!("{path}/bytes?n={}&seed={SEED}&{how}", body.len());
    let answer = client.get(&target, "").await;
    let whole = answer.complete && answer.body == body;
    assert!(
        whole,
        "{path} {framing:?}: {} of {} bytes",
        answer.body.len(),
        body.len()
    );
    // An empty body is sent without chunks.
    let chunks = answer.field("transfer-encoding") == Some("chunked");
    assert_eq!(chunks, framing == Framing::Chunks && !body.is_empty());
}

/// The bytes of a request with this body.
pub(crate) fn request(method: &str, target: &str, payload: &Payload, framing: Framing) -> Vec<u8> {
    let (field, body) = match framing {
        Framing::Length => (
            format!("Content-Length: {}", payload.bytes.len()),
            payload.bytes.clone(),
        ),
        Framing::Chunks => (
            "Transfer-Encoding: chunked".to_owned(),
            chunked(&payload.bytes),
        ),
    };
    let head = format!("{method} {target} HTTP/1.1\r\nHost: a\r\n{field}\r\n\r\n");
    [head.as_bytes(), &body].concat()
}

/// The body in chunks whose sizes are no multiple of a packet.
pub(crate) fn chunked(body: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::with_capacity(body.len() + body.len() / 500 + 64);
    for piece in body.chunks(10_007) {
        encoded.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        encoded.extend_from_slice(piece);
        encoded.extend_from_slice(b"\r\n");
    }
    encoded.extend_from_slice(b"0\r\n\r\n");
    encoded
}

/// The JSON of an answer of the test application, which must be 200.
pub(crate) fn parsed(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{answer:?}");
    serde_json::from_slice(&answer.body).expect("JSON")
}
