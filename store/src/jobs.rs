//! Jobs: asked for in a workspace, taken up by whichever process finds one that nobody is at, and noted
//! after each step, so that another process goes on where one died.

use domain::{ClickId, Job, JobId, JobKind, JobStatus, Millis, WorkspaceId};
use entity::job::{ActiveModel, Column, Entity, Model};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder, Statement,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::annotations::note_job;
use crate::{Access, Store, StoreError, WorkspaceScope};

/// Exports of one workspace that may be asked for within a day.
pub const MAX_EXPORTS: u64 = 100;
const DAY_MILLIS: i64 = 24 * 60 * 60 * 1_000;

impl WorkspaceScope {
    /// Stores a new job. Until `leased_until` nobody takes it up.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn create_job(&self, job: &Job, leased_until: Millis) -> Result<(), StoreError> {
        self.insert_job(job, json!({ "from": job.from.0, "to": job.to.0 }), leased_until).await
    }

    /// Stores an export with what was asked for, which is done. Exports older than a day go.
    ///
    /// # Errors
    /// [`StoreError::TooMany`] when [`MAX_EXPORTS`] were asked for within a day.
    pub async fn create_export(&self, job: &Job, asked: &Value) -> Result<(), StoreError> {
        self.lock_workspace().await?;
        let of_kind = Condition::all().add(Column::WorkspaceId.eq(self.workspace.0)).add(Column::Kind.eq(JobKind::ExportClicks.code()));
        let old = Column::CreatedAt.lt(job.created_at.0 - DAY_MILLIS);
        Entity::delete_many().filter(of_kind.clone()).filter(old).exec(&self.transaction).await?;
        if Entity::find().filter(of_kind).count(&self.transaction).await? >= MAX_EXPORTS {
            return Err(StoreError::TooMany);
        }
        self.insert_job(job, json!({ "from": job.from.0, "to": job.to.0, "export": asked }), job.created_at).await
    }

    /// An export that was asked for within a day or so, and what was asked for.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn export(&self, id: JobId) -> Result<(Job, Value), StoreError> {
        let find = Entity::find_by_id(id.0).filter(Column::WorkspaceId.eq(self.workspace.0));
        let row = find.filter(Column::Kind.eq(JobKind::ExportClicks.code())).one(&self.transaction).await?.ok_or(StoreError::NotFound)?;
        let mut input: Value = serde_json::from_str(&row.input).map_err(|_| StoreError::Internal("a job's input is no JSON".into()))?;
        Ok((read(row)?, input["export"].take()))
    }

    async fn insert_job(&self, job: &Job, input: Value, leased_until: Millis) -> Result<(), StoreError> {
        let row = ActiveModel {
            id: Set(job.id.0),
            workspace_id: Set(self.workspace.0),
            kind: Set(job.kind.code()),
            status: Set(job.status.code()),
            input: Set(input.to_string()),
            position: Set(job.position.0),
            looked: Set(0),
            changed: Set(0),
            created_at: Set(job.created_at.0),
            finished_at: Set(job.finished_at.map(|at| at.0)),
            leased_until: Set(leased_until.0),
        };
        Entity::insert(row).exec_without_returning(&self.transaction).await?;
        Ok(())
    }

    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn job(&self, id: JobId) -> Result<Job, StoreError> {
        job(&self.transaction, self.workspace, id).await?.ok_or(StoreError::NotFound)
    }

    /// The oldest job of that kind that is not finished.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn open_job(&self, kind: JobKind) -> Result<Option<Job>, StoreError> {
        let open = Entity::find()
            .filter(Column::WorkspaceId.eq(self.workspace.0))
            .filter(Column::Kind.eq(kind.code()))
            .filter(Column::FinishedAt.is_null());
        open.order_by_asc(Column::Id).one(&self.transaction).await?.map(read).transpose()
    }
}

impl Store {
    /// Takes up the oldest job that nobody is at, of any workspace, until `leased_until`.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn claim_job(&self, now: Millis, leased_until: Millis) -> Result<Option<Job>, StoreError> {
        let (backend, sql) = if self.is_postgres() {
            (DbBackend::Postgres, "SELECT id, workspace_id FROM linklogger_claim_job($1, $2)")
        } else {
            let sql = "UPDATE jobs SET leased_until = $2, status = 1 WHERE id = (SELECT id FROM jobs WHERE finished_at IS NULL \
                       AND leased_until <= $1 ORDER BY created_at, id LIMIT 1) RETURNING id, workspace_id";
            (DbBackend::Sqlite, sql)
        };
        let transaction = self.begin_as("linklogger_worker", "", Access::Write).await?;
        let row = transaction.query_one_raw(Statement::from_sql_and_values(backend, sql, [now.0.into(), leased_until.0.into()])).await?;
        let claimed: Option<(Uuid, Uuid)> =
            row.map(|row| Ok::<_, StoreError>((row.try_get("", "id")?, row.try_get("", "workspace_id")?))).transpose()?;
        transaction.commit().await?;
        let Some((id, workspace)) = claimed else { return Ok(None) };
        let transaction = self.begin_as("linklogger_worker", &workspace.to_string(), Access::Read).await?;
        job(&transaction, WorkspaceId(workspace), JobId(id)).await
    }

    /// Notes how far a job is.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn advance_job(&self, job: &Job, leased_until: Millis) -> Result<(), StoreError> {
        let transaction = self.begin_as("linklogger_worker", &job.workspace.0.to_string(), Access::Write).await?;
        let (signed, of) = (|count: u64| i64::try_from(count).unwrap_or(i64::MAX), Column::WorkspaceId.eq(job.workspace.0));
        let row = ActiveModel {
            status: Set(job.status.code()),
            position: Set(job.position.0),
            looked: Set(signed(job.looked)),
            changed: Set(signed(job.changed)),
            finished_at: Set(job.finished_at.map(|at| at.0)),
            leased_until: Set(leased_until.0),
            ..ActiveModel::default()
        };
        Entity::update_many().set(row).filter(of).filter(Column::Id.eq(job.id.0)).exec(&transaction).await?;
        note_job(&transaction, job).await?;
        Ok(transaction.commit().await?)
    }

    /// The workspaces with ids after that one, in the order of their ids, at most `limit`.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn workspaces_after(&self, after: WorkspaceId, limit: u32) -> Result<Vec<WorkspaceId>, StoreError> {
        let (backend, sql) = if self.is_postgres() {
            (DbBackend::Postgres, "SELECT id FROM linklogger_workspaces_after($1, $2)")
        } else {
            (DbBackend::Sqlite, "SELECT id FROM workspaces WHERE id > $1 ORDER BY id LIMIT $2")
        };
        let transaction = self.begin_as("linklogger_worker", "", Access::Read).await?;
        let values = [after.0.into(), i32::try_from(limit).unwrap_or(i32::MAX).into()];
        let rows = transaction.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
        rows.into_iter().map(|row| Ok(WorkspaceId(row.try_get("", "id")?))).collect()
    }
}

async fn job(transaction: &DatabaseTransaction, workspace: WorkspaceId, id: JobId) -> Result<Option<Job>, StoreError> {
    let find = Entity::find_by_id(id.0).filter(Column::WorkspaceId.eq(workspace.0));
    find.one(transaction).await?.map(read).transpose()
}

pub(crate) fn read(row: Model) -> Result<Job, StoreError> {
    let unknown = |what: &str| StoreError::Internal(format!("a job's {what} is unknown"));
    let input: Value = serde_json::from_str(&row.input).map_err(|_| unknown("input"))?;
    let edge = |name: &str| input[name].as_i64().map(Millis).ok_or_else(|| unknown("input"));
    Ok(Job {
        id: JobId(row.id),
        workspace: WorkspaceId(row.workspace_id),
        kind: JobKind::from_code(row.kind).ok_or_else(|| unknown("kind"))?,
        status: JobStatus::from_code(row.status).ok_or_else(|| unknown("status"))?,
        from: edge("from")?,
        to: edge("to")?,
        position: ClickId(row.position),
        looked: row.looked.unsigned_abs(),
        changed: row.changed.unsigned_abs(),
        created_at: Millis(row.created_at),
        finished_at: row.finished_at.map(Millis),
    })
}
