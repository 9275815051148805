//! GraphQL over HTTP (<https://graphql.github.io/graphql-over-http/draft/>): POST with JSON only.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::{Request, Variables};
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::header::{ACCEPT, ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request as HttpRequest, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use http_body_util::LengthLimitError;
use serde::Deserialize;

use super::answer::{answer, refusal};
use super::limits::check_document;
use super::{RequestId, Shell};
use crate::schema::error::ErrorCode;
use crate::schema::rights;

const MAX_BODY: usize = 256 * 1_024;
/// What fills such a request is most often a list, and lists have bounds of their own.
const TOO_LARGE: &str = "The request is larger than 256 KiB. A field of a filter takes at most 100 values: name fewer, or ask for more by \
                         tags, folders or domains. What is to be changed or told goes into several requests.";
/// How long one request may take.
pub(super) const TIMEOUT: Duration = Duration::from_secs(15);
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The media type of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Media {
    /// `application/graphql-response+json`: the status tells what happened.
    Graphql,
    /// `application/json`: 200 for whatever was understood.
    Json,
}

impl Media {
    /// What the caller asks for, by the order of its list; `None` when it takes neither.
    fn of(headers: &HeaderMap) -> Option<Self> {
        let accepted: Vec<&str> =
            headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).collect();
        if accepted.is_empty() {
            return Some(Self::Json);
        }
        accepted.iter().find_map(|range| match range.split(';').next().unwrap_or_default().trim() {
            "application/graphql-response+json" => Some(Self::Graphql),
            "application/json" | "application/*" | "*/*" => Some(Self::Json),
            _ => None,
        })
    }

    fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Graphql => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
        })
    }
}

/// A request's parameters, on HTTP and on sockets alike.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Parameters {
    query: String,
    operation_name: Option<String>,
    variables: Option<serde_json::Map<String, serde_json::Value>>,
    #[expect(dead_code, reason = "checked to be an object, and ignored")]
    extensions: Option<serde_json::Map<String, serde_json::Value>>,
}

impl Parameters {
    pub fn request(self) -> Request {
        let variables = Variables::from_json(self.variables.map_or(serde_json::Value::Null, Into::into));
        let request = Request::new(self.query).variables(variables);
        match self.operation_name {
            Some(name) => request.operation_name(name),
            None => request,
        }
    }
}

fn respond(media: Media, status: StatusCode, body: &serde_json::Value, id: &RequestId) -> Response {
    let mut response = (status, body.to_string()).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, media.content_type());
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::from_str(&id.0) {
        headers.insert(REQUEST_ID, id);
    }
    response
}

pub(super) async fn post(State(shell): State<Arc<Shell>>, request: HttpRequest<Body>) -> Response {
    let id = shell.request_id();
    let (head, body) = request.into_parts();
    let Some(media) = Media::of(&head.headers) else {
        let message = "Answers are application/graphql-response+json or application/json. Accept one of them.";
        return respond(Media::Json, StatusCode::NOT_ACCEPTABLE, &refusal(ErrorCode::Validation, message), &id);
    };
    let refuse = |status, message: &str| respond(media, status, &refusal(ErrorCode::Validation, message), &id);
    if !is_json(&head.headers) {
        return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Send the request as JSON with the header Content-Type: application/json.");
    }
    let body = match to_bytes(body, MAX_BODY).await {
        Ok(body) => body,
        Err(error) if error.source().is_some_and(|source| source.is::<LengthLimitError>()) => {
            return refuse(StatusCode::PAYLOAD_TOO_LARGE, TOO_LARGE);
        }
        Err(_) => return refuse(StatusCode::BAD_REQUEST, "The request broke off before its end. Send it again."),
    };
    let parameters: Parameters = match serde_json::from_slice(&body) {
        Ok(parameters) => parameters,
        Err(error) => {
            let message = format!(
                r#"The body must be one JSON object such as {{"query": "{{ viewer {{ user {{ email }} }} }}", "variables": {{}}}}: {error}."#
            );
            return refuse(StatusCode::BAD_REQUEST, &message);
        }
    };
    let mut request = parameters.request();
    if let Err(message) = check_document(&mut request, false) {
        let status = if media == Media::Graphql { StatusCode::BAD_REQUEST } else { StatusCode::OK };
        return refuse(status, &message);
    }
    let authorization = head.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let ip = shell.client(&head.headers, head.extensions.get().copied());
    let caller = shell.sessions.authenticate(authorization, ip).await;
    let caller = match caller.and_then(|caller| rights::check(&caller, &mut request).map(|()| caller)) {
        Ok(caller) => caller,
        Err(error) => {
            let code = error.code();
            let status = match (media, code) {
                (Media::Json, _) => StatusCode::OK,
                (Media::Graphql, ErrorCode::Unauthenticated) => StatusCode::UNAUTHORIZED,
                (Media::Graphql, ErrorCode::Forbidden) => StatusCode::FORBIDDEN,
                (Media::Graphql, _) => StatusCode::SERVICE_UNAVAILABLE,
            };
            return respond(media, status, &refusal(code, &error.message()), &id);
        }
    };
    let execution = shell.schema.execute(shell.prepare(request, caller, &id));
    let Ok(response) = tokio::time::timeout(TIMEOUT, execution).await else {
        tracing::warn!(request = id.0, "a request took too long");
        let message = "The request took too long. Ask for less, or try again in a moment.";
        return respond(media, StatusCode::OK, &refusal(ErrorCode::Unavailable, message), &id);
    };
    let answer = answer(response, &id);
    let status = if answer.is_request_error && media == Media::Graphql { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    respond(media, status, &answer.body, &id)
}

fn is_json(headers: &HeaderMap) -> bool {
    let essence = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).and_then(|value| value.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

pub(super) async fn jwks(State(shell): State<Arc<Shell>>) -> Response {
    let body = shell.sessions.jwks().await.to_string();
    ([(CONTENT_TYPE, "application/jwk-set+json"), (CACHE_CONTROL, "public, max-age=300")], body).into_response()
}

/// At an address that takes others.
pub(super) async fn method_not_allowed(State(shell): State<Arc<Shell>>, uri: Uri) -> Response {
    let (allowed, message) = match uri.path() {
        "/export" | "/export/workspace" => ("GET, HEAD", "Exports are fetched by GET. Put format and filter into the address."),
        "/conversions" => {
            ("POST", "Tell of a conversion by POST, as a JSON object. Counts of them are asked for by GraphQL: conversionTotals.")
        }
        "/.well-known/jwks.json" => ("GET, HEAD", "The keys are fetched by GET."),
        _ => ("POST", "Send GraphQL requests by POST, or open a WebSocket."),
    };
    let body = refusal(ErrorCode::Validation, message);
    let mut response = respond(Media::Json, StatusCode::METHOD_NOT_ALLOWED, &body, &shell.request_id());
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}
