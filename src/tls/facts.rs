//! What TLS has agreed with a client, in the words of OpenSSL, which are those of httpd and of the servlet API's users.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::CertificateDer;
use rustls::{CipherSuite, ProtocolVersion, ServerConnection};

use crate::client::Tls;

/// Letters of a line of PEM (RFC 7468 section 2).
const LINE: usize = 64;

/// The facts of a connection whose handshake is complete.
pub(super) fn facts(connection: &ServerConnection) -> Tls {
    let suite = connection.negotiated_cipher_suite();
    let (cipher, key_size) = suite.map_or(("", 0), |suite| cipher(suite.suite()));
    let chain = connection.peer_certificates().unwrap_or_default();
    let (chain, leaf) = pem(chain);
    Tls {
        protocol: match connection.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
            _ => "TLSv1.3",
        },
        cipher,
        key_size,
        server_name: connection.server_name().map(Box::from),
        chain,
        leaf,
    }
}

/// OpenSSL's name of a cipher suite and the bits of its key (openssl-ciphers(1)). The suites are those of rustls with ring.
const fn cipher(suite: CipherSuite) -> (&'static str, u16) {
    use CipherSuite as S;
    match suite {
        S::TLS13_AES_256_GCM_SHA384 => ("TLS_AES_256_GCM_SHA384", 256),
        S::TLS13_AES_128_GCM_SHA256 => ("TLS_AES_128_GCM_SHA256", 128),
        S::TLS13_CHACHA20_POLY1305_SHA256 => ("TLS_CHACHA20_POLY1305_SHA256", 256),
        S::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 => ("ECDHE-ECDSA-AES256-GCM-SHA384", 256),
        S::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 => ("ECDHE-ECDSA-AES128-GCM-SHA256", 128),
        S::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 => ("ECDHE-ECDSA-CHACHA20-POLY1305", 256),
        S::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 => ("ECDHE-RSA-AES256-GCM-SHA384", 256),
        S::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 => ("ECDHE-RSA-AES128-GCM-SHA256", 128),
        S::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 => ("ECDHE-RSA-CHACHA20-POLY1305", 256),
        _ => ("", 0),
    }
}

/// A chain as OpenSSL writes it, one certificate after the other, and the length of the first one.
fn pem(chain: &[CertificateDer<'_>]) -> (Box<str>, usize) {
    let mut text = String::new();
    let mut leaf = 0;
    for certificate in chain {
        text.push_str("-----BEGIN CERTIFICATE-----\n");
        let encoded = STANDARD.encode(certificate);
        let mut rest = encoded.as_str();
        while !rest.is_empty() {
            let (line, next) = rest.split_at_checked(LINE).unwrap_or((rest, ""));
            text.push_str(line);
            text.push('\n');
            rest = next;
        }
        text.push_str("-----END CERTIFICATE-----\n");
        if leaf == 0 {
            leaf = text.len();
        }
    }
    (text.into(), leaf)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_suite_that_is_offered_has_its_name() {
        let provider = rustls::crypto::ring::default_provider();
        for suite in provider.cipher_suites {
            let (name, bits) = cipher(suite.suite());
            let iana = format!("{:?}", suite.suite());
            // `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256` is `ECDHE-RSA-AES128-GCM-SHA256`, and SHA256 goes without saying beside
            // POLY1305.
            let expected = match iana.strip_prefix("TLS13_") {
                Some(rest) => format!("TLS_{rest}"),
                None => iana
                    .replace("TLS_", "")
                    .replace("WITH_", "")
                    .replace("AES_", "AES")
                    .replace("POLY1305_SHA256", "POLY1305")
                    .replace('_', "-"),
            };
            assert_eq!(name, expected);
            assert_eq!(
                bits,
                if name.contains("AES128") || name.contains("AES_128") {
                    128
                } else {
                    256
                }
            );
        }
    }

    #[test]
    fn pem_has_lines_of_64_letters() {
        let chain = [vec![7; 100], vec![8; 48]].map(CertificateDer::from);
        let (text, leaf) = pem(&chain);
        let (first, second) = text.split_at(leaf);
        let lines: Vec<_> = first.lines().collect();
        assert_eq!(lines.len(), 5);
        assert_eq!([1, 2, 3].map(|at: usize| lines[at].len()), [64, 64, 8]);
        assert_eq!(second.lines().nth(1).unwrap().len(), 64);
        assert!(
            second.starts_with("-----BEGIN") && second.ends_with("-----END CERTIFICATE-----\n")
        );
        assert_eq!(pem(&[]), ("".into(), 0));
    }
}
