//! Responses as they leave: errors with codes, what is internal masked, and no `data` where
//! nothing was executed.

use async_graphql::{PathSegment, Response, ServerError};
use serde_json::{Map, Value, json};

use super::RequestId;
use super::wording::{is_argument, validation};
use crate::schema::error::{ApiError, ErrorCode};

/// A response, and whether it is a request error: the document was not executed at all.
#[derive(Debug)]
pub(super) struct Answer {
    pub body: Value,
    pub is_request_error: bool,
}

/// An answer with one error, for what never reaches the schema.
pub(crate) fn refusal(code: ErrorCode, message: &str) -> Value {
    json!({ "errors": [{ "message": message, "extensions": { "code": code.as_str() } }] })
}

pub(super) fn answer(response: Response, id: &RequestId) -> Answer {
    let is_request_error = response.data == async_graphql::Value::Null && response.errors.iter().any(|error| error.path.is_empty());
    // With every root field failed there is no object yet to put nulls in.
    let nothing = response.data == async_graphql::Value::Null;
    let mut body = Map::new();
    if !response.errors.is_empty() {
        body.insert("errors".into(), response.errors.iter().map(|error| error_json(error, id)).collect());
    }
    if !is_request_error {
        let mut data = if nothing { Map::new().into() } else { response.data.into_json().unwrap_or_default() };
        for error in &response.errors {
            put_null(&mut data, &error.path);
        }
        body.insert("data".into(), data);
    }
    Answer { body: body.into(), is_request_error }
}

/// async-graphql leaves a failed field out; the specification wants null in its place (6.4.4).
fn put_null(data: &mut Value, path: &[PathSegment]) {
    let Some((first, rest)) = path.split_first() else { return };
    let child = match (first, data) {
        (PathSegment::Field(name), Value::Object(fields)) => Some(fields.entry(name).or_insert(Value::Null)),
        (PathSegment::Index(index), Value::Array(items)) => items.get_mut(*index),
        _ => None,
    };
    if let Some(child) = child {
        put_null(child, rest);
    }
}

/// A resolver's error says itself what it is; a document's error is the caller's; an argument
/// that cannot be read is too. The rest is ours.
fn error_json(error: &ServerError, id: &RequestId) -> Value {
    let known = error.source::<ApiError>().filter(|known| known.code() != ErrorCode::Internal);
    let (message, extensions) = match known {
        Some(known) => (known.message(), known.extensions()),
        None if error.path.is_empty() || (error.source.is_none() && is_argument(&error.message)) => validation(&error.message),
        None => {
            tracing::error!(request = id.0, error = error.message, "a request failed");
            let message = format!("Something went wrong on our side. Quote request {} to support.", id.0);
            (message, json!({ "code": ErrorCode::Internal.as_str(), "requestId": id.0 }))
        }
    };
    let mut json = json!({ "message": message, "extensions": extensions });
    if !error.locations.is_empty() {
        json["locations"] = error.locations.iter().map(|at| json!({ "line": at.line, "column": at.column })).collect();
    }
    if !error.path.is_empty() {
        json["path"] = error.path.iter().map(segment).collect();
    }
    json
}

fn segment(segment: &PathSegment) -> Value {
    match segment {
        PathSegment::Field(name) => json!(name),
        PathSegment::Index(index) => json!(index),
    }
}
