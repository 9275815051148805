//! What else than a click itself says why it is counted so, and why one that is asked for is not there.

use domain::{ClickId, JobKind, JobStatus, Millis, WorkspaceId};
use entity::click::{Column, Entity};
use entity::job;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Value};

use crate::erase::ERASER;
use crate::ingest::{Marks, hash_of_click};
use crate::{Access, Store, StoreError, WorkspaceScope};

/// Jobs that are looked through for one that judged a click again.
const JOBS: u64 = 100;

/// What a click is to its visitor's day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DayMarks {
    pub first_of_link: bool,
    pub first_of_workspace: bool,
    /// Its visitor was told from others.
    pub told: bool,
}

impl WorkspaceScope {
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn day_marks(&self, id: ClickId) -> Result<DayMarks, StoreError> {
        let query = Entity::find_by_id(id.0).filter(Column::WorkspaceId.eq(self.workspace.0)).select_only().column(Column::FirstOfDay);
        let bits: i16 = query.into_tuple().one(&self.transaction).await?.ok_or(StoreError::NotFound)?;
        let has = |mark| Marks(bits).has(mark);
        Ok(DayMarks {
            first_of_link: has(Marks::FIRST_OF_LINK),
            first_of_workspace: has(Marks::FIRST_OF_WORKSPACE),
            told: has(Marks::TOLD),
        })
    }

    /// When the last of the latest jobs ended that judged the clicks of that instant again; `None` where none did.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn judged_again_at(&self, at: Millis) -> Result<Option<Millis>, StoreError> {
        let done = job::Entity::find()
            .filter(job::Column::WorkspaceId.eq(self.workspace.0))
            .filter(job::Column::Kind.eq(JobKind::Reclassify.code()))
            .filter(job::Column::Status.eq(JobStatus::Done.code()))
            .order_by_desc(job::Column::Id)
            .limit(JOBS);
        let jobs = done.all(&self.transaction).await?.into_iter().map(crate::jobs::read).collect::<Result<Vec<_>, _>>()?;
        Ok(jobs.iter().filter(|job| job.from <= at && at < job.to).filter_map(|job| job.finished_at).max())
    }
}

impl Store {
    /// Whether a click of this workspace was erased, as far as that is still remembered.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn was_erased(&self, workspace: WorkspaceId, id: ClickId) -> Result<bool, StoreError> {
        let transaction = self.begin_as(ERASER, &workspace.0.to_string(), Access::Read).await?;
        let of: Value = workspace.0.into();
        let salts = "SELECT salt FROM erasure_salts WHERE workspace_id = $1 ORDER BY until";
        for row in transaction.query_all_raw(self.statement(salts, [of.clone()])).await? {
            let hash = hash_of_click(&row.try_get::<Vec<u8>>("", "salt")?, id.0);
            let sql = "SELECT 1 FROM erased WHERE workspace_id = $1 AND hash = $2";
            if transaction.query_one_raw(self.statement(sql, [of.clone(), hash.into()])).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
