//! TLS for requests over HTTP/1.1 to servers that are no members: an authority, a collector.

use std::path::Path;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::crypto::ring;
use tokio_rustls::TlsConnector;

use super::roots::RootsError;
use super::verifying::verifying;

/// Verifies servers with the certificates of a file, or the system's.
///
/// # Errors
/// The file cannot be read or used, or the system has none.
pub(crate) fn https_connector(ca: Option<&Path>) -> Result<TlsConnector, RootsError> {
    let provider = Arc::new(ring::default_provider());
    let verifier = verifying(ca, Arc::clone(&provider))?;
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder
        .with_safe_default_protocol_versions()
        .map_err(|_| RootsError::None)?;
    let builder = builder
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = builder.with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}
