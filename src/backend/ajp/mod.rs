//! A member that speaks AJP13: FORWARD_REQUEST from an HTTP request, an HTTP answer from SEND_HEADERS.

mod certificates;
mod check;
mod codes;
mod driver;
mod fault;
mod head;
mod packets;
mod small_packets;
mod spare;
#[cfg(test)]
mod tests;
mod transport;

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use ajp13::encode::{RequestEncoder, RequestLine};
use ajp13::exchange::RequestBody;
use ajp13::request::Attribute;
use ajp13::tables::{RequestHeader, request_attribute};
use ajp13::{PacketSize, Unencodable};
use http::Version;

use self::certificates::CutCertificates;
pub(crate) use self::driver::AjpDriver;
use self::head::convert;
pub(crate) use self::transport::AjpSettings;
use self::transport::AjpTransport;
use super::error::{FailureKind, ForwardError};
use super::exchange::{Exchange as _, Streamed};
use super::forward::{Failed, Forward, Sent, Steps, Watched};
use super::head::{Head, Length};
use super::pool::{Pool, Reuse};
use crate::clock;
use crate::headers::Added;
use crate::upload::Upload;

/// Most header fields of a request with those that the gateway adds: Tomcat's `maxHeaderCount`, beyond which it answers 500.
const MAX_FIELDS: usize = 100;

/// A member that speaks AJP13.
#[derive(Debug, Clone)]
pub(crate) struct AjpBackend {
    pool: Pool<AjpTransport>,
    secret: Option<Arc<str>>,
    /// Longest silence between two packets.
    timeout: Duration,
    cut: Arc<CutCertificates>,
}

impl AjpBackend {
    pub(crate) fn new(pool: Pool<AjpTransport>, secret: Option<&str>, timeout: Duration) -> Self {
        Self {
            pool,
            secret: secret.map(Arc::from),
            timeout,
            cut: Arc::default(),
        }
    }

    pub(crate) const fn pool(&self) -> &Pool<AjpTransport> {
        &self.pool
    }

    fn packet_size(&self) -> PacketSize {
        self.pool.protocol().packet_size
    }

    /// Sends a request and waits for SEND_HEADERS. See [`Backend::send`](super::Backend::send).
    pub(crate) async fn send(
        &self,
        request: &Forward<'_>,
        upload: Upload,
        reuse: Reuse,
    ) -> Result<Sent<Streamed<AjpDriver>>, Box<Failed>> {
        let asked = clock::now();
        let lease = self.pool.lease(reuse).await;
        let steps = Steps::leased(asked, &lease);
        let lease = match lease {
            Ok(lease) => lease,
            Err(kind) => return Err(steps.failed(ForwardError::unsent(kind), upload)),
        };
        // One allocation, instead of a copy of the driver in each function that the answer passes.
        let mut driver = Box::new(AjpDriver::new(
            lease,
            upload,
            request.timeout.unwrap_or(self.timeout),
            self.packet_size(),
        ));
        match self.exchange(&mut driver, request).await {
            Ok(head) => {
                let came_at = driver.came_at();
                let body = Streamed::new(driver, head.length);
                Ok(steps.sent(head.answer, body, came_at))
            }
            Err(kind) => {
                let error = ForwardError::new(kind, driver.exposure(), driver.age());
                Err(steps.failed_after(driver.moved(), error, driver.into_upload()))
            }
        }
    }

    async fn exchange(
        &self,
        driver: &mut AjpDriver,
        request: &Forward<'_>,
    ) -> Result<Head, FailureKind> {
        driver.write_head(|out, length| self.encode(request, length, out))?;
        let mut watched = Watched::new(request, driver.length());
        let sent = poll_fn(|cx| {
            let polled = driver.poll_head(cx);
            watched.look(driver);
            polled
        })
        .await?;
        let head = convert(&sent, request.method).map_err(FailureKind::BadHead)?;
        if head.length == Length::None {
            // The end has mostly come with the head; then the connection is free before the client has the head.
            poll_fn(|cx| Poll::Ready(driver.peek_end(cx))).await;
        }
        Ok(head)
    }

    /// Writes FORWARD_REQUEST. The forwarding fields are left out where they do not fit the packet or Tomcat's number of
    /// fields: AJP13 tells the client's address, scheme and port by itself. Where the client's certificates do not fit even
    /// then, only its own goes on, or none.
    ///
    /// # Errors
    /// When the client's own fields do not fit the packet. Their number is limited by `max_headers`.
    fn encode(
        &self,
        request: &Forward<'_>,
        length: RequestBody,
        out: &mut Vec<u8>,
    ) -> Result<usize, Unencodable> {
        let tls = request.client.tls.as_deref();
        let chain = tls.map_or("", |tls| &tls.chain);
        let mut encoded = self.encode_with_or_without(request, length, chain, out);
        for fewer in tls.into_iter().flat_map(certificates::fewer) {
            let Err(Unencodable::TooLarge(_)) = encoded else {
                break;
            };
            encoded = self.encode_with_or_without(request, length, fewer, out);
            if encoded.is_ok() {
                self.cut.log(request.client, fewer);
            }
        }
        encoded
    }

    /// Writes FORWARD_REQUEST with the forwarding fields, or without them where they do not fit.
    fn encode_with_or_without(
        &self,
        request: &Forward<'_>,
        length: RequestBody,
        certificates: &str,
        out: &mut Vec<u8>,
    ) -> Result<usize, Unencodable> {
        let whole = self.encode_with(request, length, (Added::All, certificates), out);
        let Err(Unencodable::HeaderCount | Unencodable::TooLarge(_)) = whole else {
            return whole;
        };
        self.encode_with(request, length, (Added::ByRules, certificates), out)
    }

    /// `certificates` are those of the client that go on, in PEM.
    fn encode_with(
        &self,
        request: &Forward<'_>,
        length: RequestBody,
        (added, certificates): (Added, &str),
        out: &mut Vec<u8>,
    ) -> Result<usize, Unencodable> {
        let Forward { fields, client, .. } = request;
        let line = RequestLine {
            method: request.method.as_str().as_bytes(),
            protocol: match request.version {
                Version::HTTP_10 => b"HTTP/1.0",
                Version::HTTP_2 => b"HTTP/2.0",
                _ => b"HTTP/1.1",
            },
            uri: request.path.as_bytes(),
            remote_addr: client.ip.as_bytes(),
            remote_host: None,
            server_name: request.server_name.as_bytes(),
            server_port: fields.port,
            is_ssl: client.is_secure,
        };
        let mut head = RequestEncoder::begin(out, self.packet_size(), &line)?;
        let mut count = put_framing(&mut head, length, added)?;
        fields.try_each(added, |known, name, value| {
            count += 1;
            match codes::of_request(known) {
                Some(code) => head.coded_header(code, value),
                None => head.text_header(name, value),
            }
        })?;
        if count > MAX_FIELDS && added == Added::All {
            return Err(Unencodable::HeaderCount);
        }
        self.put_attributes(&mut head, request, certificates)?;
        head.finish()
    }

    /// Adds the request attributes, in the order of both Apache modules.
    fn put_attributes(
        &self,
        head: &mut RequestEncoder<'_>,
        request: &Forward<'_>,
        certificates: &str,
    ) -> Result<(), Unencodable> {
        let client = request.client;
        if let Some(secret) = &self.secret {
            head.attribute(Attribute::Secret, secret.as_bytes())?;
        }
        if let Some(user) = request.user {
            head.attribute(Attribute::RemoteUser, user.name.as_bytes())?;
            head.attribute(Attribute::AuthType, user.kind.auth_type().as_bytes())?;
        }
        if let Some(query) = request.query {
            head.attribute(Attribute::QueryString, query.as_bytes())?;
        }
        if let Some(route) = request.route {
            head.attribute(Attribute::Route, route.as_bytes())?;
        }
        if let Some(tls) = &client.tls {
            certificates::put_tls(head, tls, certificates)?;
        }
        let mut port = itoa::Buffer::new();
        head.named_attribute(
            request_attribute::REMOTE_PORT.as_bytes(),
            port.format(client.address.port()).as_bytes(),
        )?;
        head.named_attribute(
            request_attribute::LOCAL_ADDR.as_bytes(),
            client.local_ip.as_bytes(),
        )?;
        if let Some(activation) = request.activation {
            head.named_attribute(
                request_attribute::LB_ACTIVATION.as_bytes(),
                activation.text().as_bytes(),
            )?;
        }
        for (name, value) in request.attributes {
            head.named_attribute(name.as_bytes(), value)?;
        }
        let of_user = request.user.iter().flat_map(|user| &user.attributes);
        for known in of_user {
            head.named_attribute(known.name.as_bytes(), known.value.as_bytes())?;
        }
        Ok(())
    }
}

/// Adds the field that tells the length of the body, and returns the number of fields. The value is the length that was
/// parsed, never the client's own field. Without a body the field can be left out.
fn put_framing(
    head: &mut RequestEncoder<'_>,
    length: RequestBody,
    added: Added,
) -> Result<usize, Unencodable> {
    match length {
        RequestBody::Empty if added == Added::ByRules => return Ok(0),
        RequestBody::Empty => head.coded_header(RequestHeader::ContentLength, b"0")?,
        RequestBody::Known(length) => {
            let mut text = itoa::Buffer::new();
            head.coded_header(RequestHeader::ContentLength, text.format(length).as_bytes())?;
        }
        RequestBody::Unknown => head.text_header(b"transfer-encoding", b"chunked")?,
    }
    Ok(1)
}
