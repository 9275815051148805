//! `POST /conversions`: `trackConversion` for programs that speak no GraphQL.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::{ApiScope, Conversion, ConversionDraft, Issue, IssueCode, Millis, WorkspaceId};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::caller::Caller;
use crate::schema::error::{ApiError, ErrorCode};
use crate::shell::{RequestId, Shell, refusal};

const MAX_BODY: usize = 8 * 1_024;
const TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Told {
    #[serde(default)]
    click_id: String,
    #[serde(default)]
    event_id: String,
    name: Option<String>,
    value: Option<ToldValue>,
    occurred_at: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ToldValue {
    /// A decimal, as text or as a number.
    amount: Value,
    currency: String,
}

impl Told {
    fn draft(self) -> Result<ConversionDraft, ApiError> {
        let occurred_at = self.occurred_at.map(|text| read_instant(&text)).transpose()?;
        let (amount, currency) = self.value.map(|value| (amount_of(&value.amount), value.currency)).unzip();
        Ok(ConversionDraft { click_id: self.click_id, event_id: self.event_id, name: self.name, amount, currency, occurred_at })
    }
}

fn amount_of(amount: &Value) -> String {
    match amount {
        Value::String(text) => text.clone(),
        // As it was written, but for zeros at its end.
        other => other.to_string(),
    }
}

fn read_instant(text: &str) -> Result<Millis, Issue> {
    let wrong = |_| Issue::new("occurredAt", IssueCode::Invalid, "This is no instant. Write it like 2026-03-01T09:30:00Z.");
    text.parse::<jiff::Timestamp>().map(Millis::from_timestamp).map_err(wrong)
}

pub(crate) async fn post(State(shell): State<Arc<Shell>>, request: Request<Body>) -> Response {
    let id = shell.request_id();
    let (head, body) = request.into_parts();
    let ip = shell.client(&head.headers, head.extensions.get().copied());
    let tracked = async {
        let workspace = may_track(&shell, &head.headers, ip).await?;
        let told = read(&head.headers, body).await?;
        shell.tracker.track(workspace, told.draft()?).await
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

async fn read(headers: &HeaderMap, body: Body) -> Result<Told, ApiError> {
    let wrong = |message: String| ApiError::from(Issue::new("body", IssueCode::Invalid, message));
    let essence = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).and_then(|value| value.split(';').next());
    if !essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json")) {
        return Err(wrong("Send the conversion as JSON with the header Content-Type: application/json.".into()));
    }
    let Ok(Ok(body)) = tokio::time::timeout(TIMEOUT, to_bytes(body, MAX_BODY)).await else {
        return Err(wrong("The conversion is larger than 8 KiB, or broke off.".into()));
    };
    serde_json::from_slice(&body)
        .map_err(|error| wrong(format!(r#"The body must be an object such as {{"clickId": "clk_…", "eventId": "order-1"}}: {error}."#)))
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
