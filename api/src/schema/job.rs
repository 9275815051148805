//! What is done in the background for a workspace, and how far it is.

use async_graphql::{ComplexObject, Context, Enum, ID, InputObject, Object, SimpleObject};
use domain::{Invalid, Issue, IssueCode, JobId, Millis};

use super::context::{admin, services, session};
use super::error::{ApiError, ApiResult};
use super::scalars::{DateTime, Url};

/// What comes in now is judged as it is stored.
const MOMENT_MILLIS: i64 = 60_000;

/// What a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::JobKind")]
pub enum JobKind {
    /// Judges clicks again by the rules of today.
    Reclassify,
    /// Clicks that are ready to be fetched.
    ExportClicks,
}

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::JobStatus")]
pub enum JobStatus {
    /// No worker is at it.
    Queued,
    Running,
    Done,
    /// It cannot go on; what it did so far stays.
    Failed,
}

/// Something that is done in the background.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct Job {
    pub id: ID,
    pub kind: JobKind,
    pub status: JobStatus,
    /// From 0 to 1, by how much of the range of time is done with.
    pub progress: f64,
    /// The first instant of the range.
    pub from: DateTime,
    /// The first instant no longer in the range.
    pub to: DateTime,
    /// Clicks that were looked at so far.
    pub looked: u64,
    /// Of these, those that are read or judged otherwise now.
    pub changed: u64,
    pub created_at: DateTime,
    /// Null until it is done or has failed.
    pub finished_at: Option<DateTime>,
    #[graphql(skip)]
    job: JobId,
}

#[ComplexObject]
impl Job {
    /// Where the result is fetched, by GET and without another credential: for an hour from now, and for as long as this
    /// session lives. Null for jobs that have none, and until they are done.
    async fn result_url(&self, ctx: &Context<'_>) -> ApiResult<Option<Url>> {
        if self.kind != JobKind::ExportClicks || self.status != JobStatus::Done {
            return Ok(None);
        }
        let (services, session) = (services(ctx)?, session(ctx)?);
        let token = services.sessions.export_token(session, self.job).await?;
        Ok(Some(Url(format!("{}?token={token}", services.clicks_url))))
    }
}

impl From<domain::Job> for Job {
    fn from(job: domain::Job) -> Self {
        Self {
            id: job.id.to_string().into(),
            kind: job.kind.into(),
            status: job.status.into(),
            progress: job.progress(),
            from: DateTime(job.from),
            to: DateTime(job.to),
            looked: job.looked,
            changed: job.changed,
            created_at: DateTime(job.created_at),
            finished_at: job.finished_at.map(DateTime),
            job: job.id,
        }
    }
}

/// Which clicks are judged again.
#[derive(Clone, Copy, Debug, InputObject)]
pub struct ReclassifyInput {
    /// First instant included. Default: that of the first click.
    from: Option<DateTime>,
    /// First instant no longer included, a minute ago at the latest. Default: a minute ago.
    to: Option<DateTime>,
}

#[derive(Clone, Debug, SimpleObject)]
pub struct ReclassifyPayload {
    /// To be asked for again until it is finished.
    pub job: Job,
}

#[derive(Default)]
pub struct JobQuery;

#[Object]
impl JobQuery {
    /// A job of this workspace.
    async fn job(&self, ctx: &Context<'_>, id: ID) -> ApiResult<Option<Job>> {
        let (services, session) = (services(ctx)?, session(ctx)?);
        let id: JobId = id.parse().map_err(|_| ApiError::NotFound("job"))?;
        let job = services.read(session.workspace).await?.job(id).await;
        Ok(Some(
            job.map_err(|error| if matches!(error, store::StoreError::NotFound) { ApiError::NotFound("job") } else { error.into() })?
                .into(),
        ))
    }
}

#[derive(Default)]
pub struct JobMutation;

#[Object]
impl JobMutation {
    /// Reads and judges the workspace's clicks again by the rules and geo databases of today, in the background;
    /// totals follow, and nobody is told of a click twice. What cannot be told from what is kept of a click stays
    /// as it was. For owners and admins; CONFLICT while an earlier one is under way.
    async fn reclassify(&self, ctx: &Context<'_>, input: ReclassifyInput) -> ApiResult<Option<ReclassifyPayload>> {
        let (services, session) = (services(ctx)?, admin(ctx)?);
        let now = services.clock.now();
        let scope = services.write(session.workspace).await?;
        let (from, to) = range(input, scope.first_kept().await?, now)?;
        if scope.open_job(domain::JobKind::Reclassify).await?.is_some() {
            return Err(ApiError::Conflict {
                field: "input",
                message: "Clicks are being judged again already. Wait until that job is finished.",
            });
        }
        let job = domain::Job::reclassify(JobId::new(now, services.rng.entropy()), session.workspace, (from, to), now);
        scope.create_job(&job, now).await?;
        scope.commit().await?;
        Ok(Some(ReclassifyPayload { job: job.into() }))
    }
}

fn range(input: ReclassifyInput, first: Option<Millis>, now: Millis) -> Result<(Millis, Millis), Invalid> {
    let latest = now.plus(-MOMENT_MILLIS);
    let mut invalid = Invalid::default();
    let mut refuse = |path: &str, message: &str| invalid.0.push(Issue::new(path, IssueCode::OutOfRange, message));
    let (from, to) = (input.from.map(|from| from.0), input.to.map(|to| to.0));
    if from.is_some_and(|from| from >= latest) {
        refuse("from", "The range must begin before a minute ago.");
    }
    if from.zip(to).is_some_and(|(from, to)| to <= from) {
        refuse("to", "The end of the range must be after its beginning.");
    } else if first.zip(to).is_some_and(|(first, to)| to <= first) {
        refuse("to", "No click from before this is kept. Choose an end after the first one.");
    }
    invalid.finish()?;
    let to = to.map_or(latest, |to| to.min(latest));
    let from = from.unwrap_or_else(|| first.map_or(to, |first| first.min(to)));
    Ok((from, to))
}
