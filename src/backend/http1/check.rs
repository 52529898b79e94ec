//! What a health check asks an HTTP member, on a connection of its own.

use ajp13::exchange::RequestBody;
use http::header::{ACCEPT, HOST, HeaderValue, USER_AGENT};
use http::{Method, Request, Uri};
use std::sync::Arc;

use super::super::check::{AGENT, Ask, Question, Reply, first_of_body};
use super::super::error::{BadHead, FailureKind};
use super::super::forward::Watched;
use super::super::pool::Lease;
use super::HttpBackend;
use super::answer::Asked;
use super::driver::HttpDriver;
use super::progress::Progress;
use super::stream::HttpTransport;
use super::upload_body::UploadBody;
use crate::upload::Upload;

impl HttpBackend {
    /// Asks the member whether it is well. HTTP has no CPING: a connection is enough, with TLS where that is used.
    pub(crate) async fn check(&self, question: Question<'_>) -> Result<Reply, FailureKind> {
        let lease = self.pool.connect_apart().await?;
        match question {
            Question::Tcp | Question::Cping => Ok(Reply::Alive),
            Question::Request(ask) => self.ask(lease, ask).await,
        }
    }

    async fn ask(&self, lease: Lease<HttpTransport>, ask: Ask<'_>) -> Result<Reply, FailureKind> {
        let asked = Asked {
            head_only: ask.method == "HEAD",
            upgrade: false,
        };
        let progress = Progress::new(Upload::default(), false, None);
        let body = UploadBody::new(Arc::clone(&progress), RequestBody::Empty);
        let mut driver = HttpDriver::new(lease, progress, self.timeout, asked).await?;
        let answer = driver.ask(request(&ask, body)?, Watched::default()).await?;
        let status = answer.status().as_u16();
        let body = first_of_body(&mut driver).await?;
        Ok(Reply::Answer { status, body })
    }
}

fn request(ask: &Ask<'_>, body: UploadBody) -> Result<Request<UploadBody>, FailureKind> {
    let bad = |_| FailureKind::BadHead(BadHead::Value);
    let mut request = Request::new(body);
    *request.method_mut() = match ask.method {
        "OPTIONS" => Method::OPTIONS,
        "HEAD" => Method::HEAD,
        _ => Method::GET,
    };
    *request.uri_mut() = ask.uri.parse::<Uri>().map_err(|_| bad(()))?;
    let headers = request.headers_mut();
    let host = HeaderValue::from_str(ask.authority).map_err(|_| bad(()))?;
    headers.insert(HOST, host);
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
    Ok(request)
}
