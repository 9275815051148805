//! What an export of clicks is asked for with: `?format=…&filter=…` and a credential in the header, or `?token=…`
//! of an export that was asked for before. A filter is checked as that of a query is, by the schema itself.

use std::collections::HashSet;
use std::net::IpAddr;

use async_graphql::{InputType, Request, Value, Variables};
use axum::http::Uri;
use domain::{AuditActor, ClickFilter, Issue, IssueCode, WorkspaceId};
use serde_json::json;
use store::StoreError;

use crate::caller::Caller;
use crate::export::tables::Format;
use crate::schema::error::{ApiError, ErrorCode};
use crate::schema::{ClickFilterInput, Services, resolve, rights};
use crate::shell::{RequestId, Shell};

/// Looks at the clicks of five minutes at most, and is refused where the filter or the caller would be.
const PROBE: &str = "query($filter: ClickFilter) { liveVisitors(filter: $filter) { clicks } }";

const FILTER: &str = "filter";
const NO_FILTER: &str = r#"This is no filter. Write a ClickFilter as a JSON object, such as {"period": "LAST_7_DAYS"}, percent-encoded."#;

pub(super) struct Asked {
    pub workspace: WorkspaceId,
    pub caller: Caller,
    pub format: Format,
    pub filter: ClickFilter,
}

/// Why an export is not begun.
pub(super) enum Refused {
    Error(ApiError),
    /// Errors as the schema tells them, without what is of the probe.
    Errors(serde_json::Value),
}

impl<E: Into<ApiError>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

impl Asked {
    pub fn actor(&self) -> AuditActor {
        match &self.caller {
            Caller::Session(session) => AuditActor::User(session.user),
            Caller::Key(key) => AuditActor::Key(key.id),
            Caller::Anonymous => AuditActor::System,
        }
    }
}

/// # Errors
/// The answer to whoever may not have it, or did not say what they want.
pub(super) async fn read(shell: &Shell, uri: &Uri, authorization: Option<&str>, ip: IpAddr, id: &RequestId) -> Result<Asked, Refused> {
    let parameters = Parameters::read(uri.query().unwrap_or_default())?;
    let services = &shell.services;
    if let Some(token) = &parameters.token {
        return by_token(shell, services, token).await;
    }
    let caller = shell.sessions.authenticate(authorization, ip).await?;
    let workspace = caller.workspace().ok_or(ApiError::Unauthenticated)?;
    let variables = Variables::from_json(json!({ "filter": parameters.filter }));
    let mut probe = Request::new(PROBE).variables(variables);
    rights::check(&caller, &mut probe)?;
    if let Some(answer) = shell.errors_of(probe, caller.clone(), id).await {
        return Err(Refused::Errors(errors_of_filter(&answer)));
    }
    let filter = filter(services, workspace, parameters.filter).await?;
    Ok(Asked { workspace, caller, format: parameters.format, filter })
}

/// Whoever asked sent a filter and no document: of an error that is its message and what is wrong with which field.
fn errors_of_filter(answer: &serde_json::Value) -> serde_json::Value {
    let error = |error: &serde_json::Value| {
        let (message, mut extensions) = (&error["message"], error["extensions"].clone());
        if extensions["code"] == ErrorCode::Validation.as_str() {
            if !extensions["issues"].is_array() {
                extensions["issues"] = json!([{ "path": FILTER, "code": "INVALID", "message": message }]);
            }
            for issue in extensions["issues"].as_array_mut().into_iter().flatten().filter(|issue| issue["path"] == "") {
                issue["path"] = json!(FILTER);
            }
            extensions["field"] = extensions["issues"][0]["path"].clone();
        }
        json!({ "message": message, "extensions": extensions })
    };
    json!({ "errors": answer["errors"].as_array().into_iter().flatten().map(error).collect::<Vec<_>>() })
}

/// The filter as it was asked for then: its range ends where the export was asked for.
async fn by_token(shell: &Shell, services: &Services, token: &str) -> Result<Asked, Refused> {
    let (session, job) = shell.sessions.export_grant(token).await?;
    let scope = services.read(session.workspace).await?;
    let (job, asked) = scope.export(job).await.map_err(|error| match error {
        StoreError::NotFound => ApiError::NotFound("export"),
        other => other.into(),
    })?;
    drop(scope);
    let filter = filter(services, session.workspace, asked["filter"].clone()).await?;
    let filter = ClickFilter { from: Some(job.from), to: Some(job.to), ..filter };
    let format = if asked["format"] == "CSV" { Format::Csv } else { Format::NdJson };
    Ok(Asked { workspace: session.workspace, caller: Caller::Session(session), format, filter })
}

async fn filter(services: &Services, workspace: WorkspaceId, json: serde_json::Value) -> Result<ClickFilter, ApiError> {
    let unreadable = || Issue::new("filter", IssueCode::Invalid, "This is no ClickFilter.");
    let value = Value::from_json(json).map_err(|_| unreadable())?;
    let input = Option::<ClickFilterInput>::parse(Some(value)).map_err(|_| unreadable())?;
    resolve(services, &services.read(workspace).await?, input).await
}

struct Parameters {
    format: Format,
    filter: serde_json::Value,
    token: Option<String>,
}

impl Parameters {
    /// # Errors
    /// All that is wrong with them at once.
    fn read(query: &str) -> Result<Self, domain::Invalid> {
        let mut read = Self { format: Format::NdJson, filter: serde_json::Value::Null, token: None };
        let (mut issues, mut known) = (Vec::new(), HashSet::new());
        let mut refuse = |path: &str, code, message: &str| {
            issues.push(Issue::new(path.chars().take(64).collect::<String>(), code, message));
        };
        for (name, value) in domain::parse_form(query.as_bytes()) {
            if !known.insert(name.clone()) {
                refuse(&name, IssueCode::NotAllowed, "This is there more than once. Give it once.");
                continue;
            }
            match (name.as_str(), value.to_ascii_lowercase().as_str()) {
                ("format", "csv") => read.format = Format::Csv,
                ("format", "ndjson") => read.format = Format::NdJson,
                ("format", "parquet") => refuse("format", IssueCode::NotAllowed, "PARQUET comes later. Choose csv or ndjson."),
                ("format", _) => refuse("format", IssueCode::Invalid, "Choose csv or ndjson."),
                // No database text can hold that character.
                (FILTER, value) if value.contains("\\u0000") => refuse(FILTER, IssueCode::Invalid, "Remove the character U+0000."),
                (FILTER, _) => match serde_json::from_str(&value) {
                    Ok(filter @ (serde_json::Value::Object(_) | serde_json::Value::Null)) => read.filter = filter,
                    Ok(_) => refuse(FILTER, IssueCode::Invalid, NO_FILTER),
                    Err(_) => refuse(FILTER, IssueCode::Invalid, "This is no JSON. Write a ClickFilter as JSON, percent-encoded."),
                },
                ("token", _) => read.token = Some(value),
                (name, _) => {
                    refuse(name, IssueCode::NotAllowed, "There are format and filter only; fields such as from go into the filter.")
                }
            }
        }
        if issues.is_empty() { Ok(read) } else { Err(domain::Invalid(issues)) }
    }
}
