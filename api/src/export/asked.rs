//! What an export of clicks is asked for with: `?format=…&filter=…` and a credential in the header, or `?token=…`
//! of an export that was asked for before. A filter is checked as that of a query is, by the schema itself.

use std::net::IpAddr;

use async_graphql::{InputType, Request, Value, Variables};
use axum::http::Uri;
use domain::{AuditActor, ClickFilter, Issue, IssueCode, WorkspaceId};
use serde_json::json;
use store::StoreError;

use crate::caller::Caller;
use crate::export::tables::Format;
use crate::schema::error::ApiError;
use crate::schema::{ClickFilterInput, Services, resolve, rights};
use crate::shell::{RequestId, Shell};

/// Looks at the clicks of five minutes at most, and is refused where the filter or the caller would be.
const PROBE: &str = "query($filter: ClickFilter) { liveVisitors(filter: $filter) { clicks } }";

pub(super) struct Asked {
    pub workspace: WorkspaceId,
    pub caller: Caller,
    pub format: Format,
    pub filter: ClickFilter,
}

/// Why an export is not begun.
pub(super) enum Refused {
    Error(ApiError),
    /// An answer of the schema.
    Body(serde_json::Value),
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
    if let Some(errors) = shell.errors_of(probe, caller.clone(), id).await {
        return Err(Refused::Body(errors));
    }
    let filter = filter(services, workspace, parameters.filter).await?;
    Ok(Asked { workspace, caller, format: parameters.format, filter })
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
        let mut issues = Vec::new();
        let mut refuse = |path: &str, code, message: &str| {
            issues.push(Issue::new(path.chars().take(64).collect::<String>(), code, message));
        };
        for (name, value) in domain::parse_form(query.as_bytes()) {
            match (name.as_str(), value.to_ascii_lowercase().as_str()) {
                ("format", "csv") => read.format = Format::Csv,
                ("format", "ndjson") => read.format = Format::NdJson,
                ("format", "parquet") => refuse("format", IssueCode::NotAllowed, "PARQUET comes later. Choose csv or ndjson."),
                ("format", _) => refuse("format", IssueCode::Invalid, "Choose csv or ndjson."),
                ("filter", _) => match serde_json::from_str(&value) {
                    Ok(filter) => read.filter = filter,
                    Err(_) => refuse("filter", IssueCode::Invalid, "This is no JSON. Write a ClickFilter as JSON, percent-encoded."),
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
