//! The body of `POST /log-and-redirect`: JSON or a form, with the same fields.

use std::time::Duration;

use domain::{Issue, IssueCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::http::request::Parts as Head;

use super::draft::Draft;
use super::json;
use super::refusal::Refusal;

const MAX_BODY: usize = 16 * 1_024;
const TIMEOUT: Duration = Duration::from_secs(10);

/// # Errors
/// [`Refusal`] when it is too long, too slow, or cannot be read.
pub(super) async fn read(head: &Head, body: &mut Incoming) -> Result<Draft, Refusal> {
    let essence = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).and_then(|value| value.split(';').next());
    let essence = essence.unwrap_or_default().trim().to_ascii_lowercase();
    let is_json = match essence.as_str() {
        "application/json" => true,
        "application/x-www-form-urlencoded" => false,
        _ => return Err(Refusal::Media),
    };
    let collected = tokio::time::timeout(TIMEOUT, Limited::new(body, MAX_BODY).collect()).await.map_err(|_| Refusal::Slow)?;
    let bytes = collected.map_err(|error| if error.is::<LengthLimitError>() { Refusal::TooLarge } else { Refusal::Cut })?.to_bytes();
    if !is_json {
        return Ok(Draft::of_form(domain::parse_form(&bytes)));
    }
    let unreadable = |message| Refusal::Invalid(Issue::new("", IssueCode::Invalid, message).into());
    json::object(&bytes).map(Draft::of_json).map_err(unreadable)
}
