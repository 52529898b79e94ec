//! What the container is told of TLS with the client: protocol, cipher, key size, and the client's certificates.

use ajp13::Unencodable;
use ajp13::encode::RequestEncoder;
use ajp13::request::Attribute;
use ajp13::tables::request_attribute;
use tracing::warn;

use crate::client::{Client, Tls};
use crate::telemetry::WarnLimit;

/// Adds the attributes, in the order of both Apache modules. `certificates` are those of the client that go on, in PEM.
///
/// # Errors
/// They do not fit the packet.
pub(super) fn put_tls(
    head: &mut RequestEncoder<'_>,
    tls: &Tls,
    certificates: &str,
) -> Result<(), Unencodable> {
    if !certificates.is_empty() {
        head.ssl_cert(certificates.as_bytes())?;
    }
    head.attribute(Attribute::SslCipher, tls.cipher.as_bytes())?;
    head.ssl_key_size(tls.key_size);
    head.named_attribute(
        request_attribute::SSL_PROTOCOL.as_bytes(),
        tls.protocol.as_bytes(),
    )
}

/// What goes on in place of a chain that does not fit the packet: the client's own certificate, else none.
pub(super) fn fewer(tls: &Tls) -> impl Iterator<Item = &str> {
    let leaf = Some(tls.leaf()).filter(|leaf| leaf.len() < tls.chain.len());
    let none = (!tls.chain.is_empty()).then_some("");
    [leaf, none].into_iter().flatten()
}

/// Logs that certificates did not go on, once a minute.
#[derive(Debug)]
pub(super) struct CutCertificates(WarnLimit<bool>);

impl Default for CutCertificates {
    fn default() -> Self {
        Self(WarnLimit::per_minute())
    }
}

impl CutCertificates {
    /// `sent` is what went on.
    pub(super) fn log(&self, client: &Client, sent: &str) {
        let none = sent.is_empty();
        let Some(left_out) = self.0.due(none) else {
            return;
        };
        let (client, left_out) = (&client.ip, left_out.field());
        match none {
            true => warn!(
                client,
                left_out,
                "the certificate of the client does not fit the AJP13 packet and was left out: raise packet_size, and \
                 packetSize of the connector"
            ),
            false => warn!(
                client,
                left_out,
                "the certificate chain of the client does not fit the AJP13 packet, only its own certificate was sent: \
                 raise packet_size, and packetSize of the connector"
            ),
        }
    }
}
