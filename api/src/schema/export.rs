//! Exports of clicks that are asked for now and fetched later, by an address that needs no other credential.

use async_graphql::{Context, Enum, InputObject, InputType, Object, SimpleObject};
use domain::{Issue, IssueCode, JobId};
use serde_json::json;
use store::{MAX_EXPORTS, StoreError};

use super::context::{services, session};
use super::error::{ApiError, ApiResult};
use super::filter::{ClickFilterInput, resolve};
use super::job::Job;

/// What an export is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum ExportFormat {
    /// RFC 4180 with names in the first row, made harmless for spreadsheets.
    Csv,
    /// One JSON object a line.
    #[graphql(name = "NDJSON")]
    NdJson,
    /// Comes later.
    Parquet,
}

#[derive(InputObject)]
pub struct ExportClicksInput {
    /// Which clicks; of every verdict unless it says otherwise. Default: all. A range without an end ends now.
    filter: Option<ClickFilterInput>,
    format: ExportFormat,
}

#[derive(Clone, Debug, SimpleObject)]
pub struct ExportClicksPayload {
    /// Done already: its `resultUrl` reads the clicks while it sends them.
    pub job: Job,
}

#[derive(Default)]
pub struct ExportMutation;

#[Object]
impl ExportMutation {
    /// Makes clicks ready to be fetched at the job's `resultUrl`, which needs no other credential: it is good for an
    /// hour, and for as long as this session lives. The export itself is kept for a day; at most 100 a day. API keys
    /// fetch `GET /export` instead.
    async fn export_clicks(&self, ctx: &Context<'_>, input: ExportClicksInput) -> ApiResult<Option<ExportClicksPayload>> {
        let (services, session) = (services(ctx)?, session(ctx)?);
        let format = match input.format {
            ExportFormat::Csv => "CSV",
            ExportFormat::NdJson => "NDJSON",
            ExportFormat::Parquet => {
                return Err(Issue::new("format", IssueCode::NotAllowed, "PARQUET comes later. Choose CSV or NDJSON.").into());
            }
        };
        let asked = json!({ "format": format, "filter": input.filter.to_value().into_json().unwrap_or_default() });
        let now = services.clock.now();
        let scope = services.write(session.workspace).await?;
        let filter = resolve(services, &scope, input.filter).await?;
        let range = (filter.from.unwrap_or_default(), filter.to.unwrap_or(now));
        let job = domain::Job::export(JobId::new(now, services.rng.entropy()), session.workspace, range, now);
        scope.create_export(&job, &asked).await.map_err(|error| match error {
            StoreError::TooMany => {
                ApiError::Quota(format!("A workspace may ask for {MAX_EXPORTS} exports a day. Fetch one of these again, or wait."))
            }
            other => other.into(),
        })?;
        scope.commit().await?;
        Ok(Some(ExportClicksPayload { job: job.into() }))
    }
}
