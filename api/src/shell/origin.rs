//! Which pages may call: one list for CORS and for sockets. A request without an Origin is not a
//! browser's and passes.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS,
    ACCESS_CONTROL_MAX_AGE, CONTENT_TYPE, ORIGIN, VARY,
};
use axum::http::{HeaderValue, Request, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Shell;
use super::answer::refusal;
use crate::schema::error::ErrorCode;

const REFUSED: &str = "Pages of this origin may not call the API. Add it to LINKLOGGER_ALLOWED_ORIGINS.";

/// Refuses other origins, and tells browsers that this one is allowed.
pub(super) async fn check(State(shell): State<Arc<Shell>>, request: Request<Body>, next: Next) -> Response {
    let Some(origin) = request.headers().get(ORIGIN).cloned() else { return next.run(request).await };
    let mut response = if origin.to_str().is_ok_and(|origin| shell.origins.allow(origin)) {
        let mut response = next.run(request).await;
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(
            ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static("x-request-id, retry-after, x-live-cursor, x-data-from, content-disposition"),
        );
        response
    } else {
        let body = refusal(ErrorCode::Forbidden, REFUSED).to_string();
        (StatusCode::FORBIDDEN, [(CONTENT_TYPE, "application/json; charset=utf-8")], body).into_response()
    };
    response.headers_mut().append(VARY, HeaderValue::from_static("origin"));
    response
}

/// The browser's question before a request across origins.
pub(super) async fn preflight() -> Response {
    let headers = [
        (ACCESS_CONTROL_ALLOW_METHODS, "POST"),
        (ACCESS_CONTROL_ALLOW_HEADERS, "content-type, authorization, idempotency-key"),
        (ACCESS_CONTROL_MAX_AGE, "7200"),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}
