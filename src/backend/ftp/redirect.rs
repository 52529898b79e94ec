//! The redirect of a directory whose URL has no slash at its end.

use http::StatusCode;

use super::answer::{Answer, value};
use super::fault::FtpError;
use super::request::FtpRequest;

/// A redirect to the same URL with a slash at its end, so that the links of the listing lead into the directory.
pub(super) fn redirect(request: &FtpRequest<'_>) -> Result<Answer, FtpError> {
    let mut url = request.path.directory_url();
    if let Some(query) = request.query {
        url = format!("{url}?{query}");
    }
    let answer = Answer::status(StatusCode::MOVED_PERMANENTLY);
    Ok(answer.with("Location", value(&url)?))
}
