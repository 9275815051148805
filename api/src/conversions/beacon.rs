//! The script `/e.js`, which tells once that a click's visitor did something on the target, and `POST /e`, which
//! it tells. Neither sets nor reads a cookie, and nothing is kept but that it was so.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::ClickId;
use platform::Peer;

use super::Pages;
use super::pixel::RESOURCE_POLICY;
use crate::schema::error::{ApiError, ErrorCode};

const SCRIPT: &str = include_str!("e.js");
/// The text of an id has 30 bytes.
const MAX_BODY: usize = 64;
const TIMEOUT: Duration = Duration::from_secs(10);

pub(super) async fn script() -> Response {
    let kind = [
        (CONTENT_TYPE, "text/javascript; charset=utf-8"),
        (CACHE_CONTROL, "public, max-age=3600"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    ];
    (kind, [(RESOURCE_POLICY, "cross-origin")], SCRIPT).into_response()
}

/// A beacon is sent as text, which no browser asks about first; nobody reads the answer but who tries it out.
pub(super) async fn post(State(pages): State<Arc<Pages>>, Extension(peer): Extension<Peer>, request: Request<Body>) -> Response {
    let (head, body) = request.into_parts();
    if !pages.may_tell(&pages.beacons, peer, &head.headers) {
        pages.tracker.told("beacon", "rate_limited");
        return (StatusCode::TOO_MANY_REQUESTS, [(RETRY_AFTER, "1")]).into_response();
    }
    let body = tokio::time::timeout(TIMEOUT, to_bytes(body, MAX_BODY)).await;
    let text = body.ok().and_then(Result::ok).and_then(|body| String::from_utf8(body.into()).ok()).unwrap_or_default();
    let Ok(click) = text.trim().parse::<ClickId>() else {
        pages.tracker.told("beacon", "invalid");
        return answer(StatusCode::BAD_REQUEST, "Send the id of a click, the value of ll_click, as text.\n");
    };
    match pages.tracker.engage(click).await {
        Ok(()) => answer(StatusCode::NO_CONTENT, ""),
        Err(ApiError::NotFound(_)) => answer(StatusCode::NOT_FOUND, "There is no such click.\n"),
        Err(error) => {
            tracing::debug!(%error, "an engagement was not kept");
            let down = error.code() == ErrorCode::Unavailable;
            answer(if down { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::INTERNAL_SERVER_ERROR }, "")
        }
    }
}

fn answer(status: StatusCode, text: &'static str) -> Response {
    (status, [(CACHE_CONTROL, "no-store"), (ACCESS_CONTROL_ALLOW_ORIGIN, "*")], text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_is_small_and_keeps_nothing() {
        assert!(SCRIPT.len() < 1_024, "{}", SCRIPT.len());
        for word in ["cookie", "localStorage", "sessionStorage", "indexedDB", "fetch(", "XMLHttpRequest"] {
            assert!(!SCRIPT.contains(word), "{word}");
        }
    }
}
