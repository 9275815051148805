//! Forms that the redirector's own pages post to the address they are shown at.

use std::time::Duration;

use domain::parse_form;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{HeaderName, ORIGIN};
use hyper::http::request::Parts as Head;

use crate::answer::Page;
use crate::message;

/// A password, or an answer with the address that the visitor came from.
const MAX_FORM: usize = 8_192;
const FORM_TIMEOUT: Duration = Duration::from_secs(10);
const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The fields of a form.
///
/// # Errors
/// The page that says why it is not there whole. Nothing was said by it then, so nothing comes of it.
pub(crate) async fn read(body: &mut Incoming) -> Result<Vec<(String, String)>, Page> {
    let form = tokio::time::timeout(FORM_TIMEOUT, Limited::new(body, MAX_FORM).collect()).await.map_err(|_| Page::SlowForm)?;
    let form = form.map_err(|error| if error.is::<LengthLimitError>() { Page::LongForm } else { Page::CutForm })?;
    Ok(parse_form(&form.to_bytes()).collect())
}

/// Whether the form can be one that this host showed. Browsers say where a form was, so that no other
/// page answers for its visitors; what is no browser has no visitor to protect.
pub(crate) fn is_ours(head: &Head) -> bool {
    if let Some(site) = head.headers.get(SITE) {
        return matches!(site.as_bytes(), b"same-origin" | b"none");
    }
    let Some(origin) = head.headers.get(ORIGIN) else { return true };
    let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, authority)| authority);
    let host = message::host(head).ok().flatten();
    // A proxy in front may listen on another port.
    origin.zip(host).is_some_and(|(origin, host)| without_port(origin).eq_ignore_ascii_case(without_port(host)))
}

fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}
