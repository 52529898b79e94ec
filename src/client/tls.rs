//! What TLS has agreed with a client.

use super::folded::{begins, is_same};

/// The facts of a TLS connection that backends and logs are told.
///
/// A session id is not among them: sessions are resumed with tickets (RFC 8446 section 2.2, RFC 5077), and TLS 1.3 knows
/// no ids.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tls {
    /// As OpenSSL names it: `TLSv1.2`, `TLSv1.3`.
    pub(crate) protocol: &'static str,
    /// As OpenSSL names it; of TLS 1.3 that is the name of the IANA.
    pub(crate) cipher: &'static str,
    /// Bits of the cipher's key.
    pub(crate) key_size: u16,
    /// The host name that the client asked for in the handshake.
    pub(crate) server_name: Option<Box<str>>,
    /// The client's certificates in PEM, its own first, each as it was sent; empty when it sent none.
    pub(crate) chain: Box<str>,
    /// Length of the client's own certificate in `chain`, in bytes.
    pub(crate) leaf: usize,
}

impl Tls {
    /// The client's own certificate in PEM; empty when it sent none.
    pub(crate) fn leaf(&self) -> &str {
        self.chain.get(..self.leaf).unwrap_or_default()
    }
}

/// Whether a field says what TLS has agreed with the client, as proxies tell backends: `SSL_CLIENT_CERT`, `X-SSL-Cipher`,
/// `X-Forwarded-Client-Cert`, `Client-Cert` (RFC 9440 section 2); in any spelling that some program takes for that name.
pub(super) fn is_tls_claim(name: &[u8]) -> bool {
    match name.first() {
        Some(b's' | b'S') => begins(name, b"ssl_"),
        Some(b'x' | b'X') => begins(name, b"x_ssl_") || is_same(name, b"x_forwarded_client_cert"),
        Some(b'c' | b'C') => is_same(name, b"client_cert") || is_same(name, b"client_cert_chain"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_known_in_every_spelling() {
        for claim in [
            "SSL_CLIENT_CERT",
            "ssl-client-cert",
            "Ssl_Cipher",
            "X-SSL-Client-Verify",
            "x_ssl_client-dn",
            "X-Forwarded-Client-Cert",
            "x_forwarded_client_cert",
            "SSL-",
            "SSL.CLIENT.CERT",
            "SSL!CLIENT_CERT",
            "X.SSL.Client-Cert",
            "X~Forwarded.Client!Cert",
            "Client-Cert",
            "CLIENT_CERT_CHAIN",
            "client.cert",
        ] {
            assert!(is_tls_claim(claim.as_bytes()), "{claim}");
        }
        for other in [
            "ssl",
            "sslx",
            "X-SSLish",
            "X-Forwarded-Client-Certs",
            "Client-Certs",
            "Client-Cert-Chains",
            "X-Client-Cert",
            "Accept",
            "x",
            "",
        ] {
            assert!(!is_tls_claim(other.as_bytes()), "{other}");
        }
    }
}
