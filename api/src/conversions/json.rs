//! `POST /conversions`: `trackConversion` for programs that speak no GraphQL.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::{ApiScope, Conversion, Issue, IssueCode, WorkspaceId};
use serde_json::{Value, json};

use super::told;
use crate::caller::Caller;
use crate::schema::error::{ApiError, ErrorCode};
use crate::shell::{RequestId, Shell, refusal};

const MAX_BODY: usize = 8 * 1_024;
const TIMEOUT: Duration = Duration::from_secs(10);

pub(crate) async fn post(State(shell): State<Arc<Shell>>, request: Request<Body>) -> Response {
    let id = shell.request_id();
    let (head, body) = request.into_parts();
    let ip = shell.client(&head.headers, head.extensions.get().copied());
    let tracked = async {
        let workspace = may_track(&shell, &head.headers, ip).await?;
        let body = read(&head.headers, body).await?;
        shell.tracker.track(workspace, told::read(&body, shell.clock.now())?).await
    };
    match tracked.await {
        Ok((conversion, duplicate)) => {
            let status = if duplicate { StatusCode::OK } else { StatusCode::CREATED };
            respond(status, &json!({ "conversion": written(&conversion), "duplicate": duplicate }), &id)
        }
        Err(error) => refuse(&error, &id),
    }
}

async fn may_track(shell: &Shell, headers: &HeaderMap, ip: std::net::IpAddr) -> Result<WorkspaceId, ApiError> {
    let authorization = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    match shell.sessions.authenticate(authorization, ip).await? {
        Caller::Key(key) if key.scopes.contains(&ApiScope::ConversionsWrite) => Ok(key.workspace),
        Caller::Key(_) => Err(ApiError::Scope(ApiScope::ConversionsWrite)),
        Caller::Session(_) => Err(ApiError::Forbidden("This is for API keys. Signed in, use the mutation trackConversion.")),
        Caller::Anonymous => Err(ApiError::BadCredential("Send an API key in the header Authorization: Bearer ….")),
    }
}

async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes, ApiError> {
    let wrong = |message: String| ApiError::from(Issue::new("body", IssueCode::Invalid, message));
    let essence = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).and_then(|value| value.split(';').next());
    if !essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json")) {
        return Err(wrong("Send the conversion as JSON with the header Content-Type: application/json.".into()));
    }
    match tokio::time::timeout(TIMEOUT, to_bytes(body, MAX_BODY)).await {
        Ok(Ok(body)) => Ok(body),
        _ => Err(wrong("The conversion is larger than 8 KiB, or broke off.".into())),
    }
}

fn written(conversion: &Conversion) -> Value {
    let value = conversion.value.map(|value| json!({ "amount": value.to_string(), "currency": value.currency.code() }));
    json!({
        "eventId": conversion.event_id,
        "clickId": conversion.click.to_string(),
        "linkId": conversion.link.to_string(),
        "name": conversion.name,
        "value": value,
        "occurredAt": conversion.occurred_at.to_string(),
        "receivedAt": conversion.received_at.to_string(),
    })
}

fn refuse(error: &ApiError, id: &RequestId) -> Response {
    let code = error.code();
    let status = match code {
        ErrorCode::Validation => StatusCode::BAD_REQUEST,
        ErrorCode::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorCode::Forbidden => StatusCode::FORBIDDEN,
        ErrorCode::NotFound => StatusCode::NOT_FOUND,
        ErrorCode::Conflict => StatusCode::CONFLICT,
        ErrorCode::QuotaExceeded | ErrorCode::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::Unavailable | ErrorCode::TotpRequired => StatusCode::SERVICE_UNAVAILABLE,
        ErrorCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let body = if code == ErrorCode::Internal {
        tracing::error!(request = id.0, %error, "a conversion could not be kept");
        refusal(code, &format!("Something went wrong on our side. Quote request {} to support.", id.0))
    } else {
        json!({ "errors": [{ "message": error.message(), "extensions": error.extensions() }] })
    };
    let mut response = respond(status, &body, id);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

fn respond(status: StatusCode, body: &Value, id: &RequestId) -> Response {
    let mut response = (status, body.to_string()).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::from_str(&id.0) {
        headers.insert(HeaderName::from_static("x-request-id"), id);
    }
    response
}
