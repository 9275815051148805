//! Cells as they ought to be, counted from stored clicks: to compare with those that there are, and to put in
//! their place.

use domain::{ClickId, Quarter};
use sea_orm::{ConnectionTrait, DatabaseTransaction, Statement};
use uuid::Uuid;

use crate::ingest::Head;
use crate::rollup::{COLUMNS, Changes, CountedRow, FullBlocks, Interner, Target, facts_of, numbering};
use crate::{StoreError, WorkspaceScope};

/// Clicks read at once.
pub(crate) const PAGE: usize = 10_000;
/// Clicks counted at once where some have values without a number.
const FEW: usize = 1_000;

/// What becomes of values that have no number yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unnumbered {
    Number,
    /// The cells can have counted them with the others only.
    Ignore,
}

impl WorkspaceScope {
    /// What the workspace's head says of how it is counted; locked where the scope may write.
    pub(crate) async fn counting_head(&self, lock: bool) -> Result<Head, StoreError> {
        let backend = self.transaction.get_database_backend();
        let lock = if lock && backend == sea_orm::DbBackend::Postgres { " FOR UPDATE" } else { "" };
        let sql = format!("SELECT {} FROM workspace_heads WHERE workspace_id = $1{lock}", Head::COLUMNS);
        let row = self.transaction.query_one_raw(Statement::from_sql_and_values(backend, sql, [self.workspace.0.into()])).await?;
        Ok(sea_orm::FromQueryResult::from_query_result(&row.ok_or(StoreError::NotFound)?, "")?)
    }

    /// The cells of all clicks from quarters from `first` on and before `end`.
    pub(crate) async fn recount(
        &self,
        head: &Head,
        values: &mut Interner,
        unnumbered: Unnumbered,
        (first, end): (Quarter, Quarter),
    ) -> Result<Changes, StoreError> {
        let mut counting = head.counting()?;
        let mut found = Changes::default();
        let (mut after, end) = (ClickId::floor(first.start()).0, ClickId::floor(end.start()).0);
        let mut is_first = true;
        loop {
            let rows = self.counted_rows(after, end, is_first).await?;
            is_first = false;
            let Some(last) = rows.last().map(|row| row.id) else { break };
            after = last;
            let facts = facts_of(&rows)?;
            // Before values are given numbers it must be known what has a place.
            let step = if values.missing(facts.iter(), &counting).is_empty() { PAGE } else { FEW };
            for facts in facts.chunks(step) {
                let missing = values.missing(facts.iter(), &counting);
                let fresh = numbering::read(&self.transaction, self.workspace, missing, values).await?;
                let (named, left_out) = match unnumbered {
                    Unnumbered::Number => FullBlocks::of(found.cells.iter()).part(fresh, facts, &mut counting),
                    Unnumbered::Ignore => (Vec::new(), fresh),
                };
                left_out.into_iter().for_each(|value| values.leave_out(value));
                numbering::give(&self.transaction, self.workspace, named, values).await?;
                let mut target = Target::new(&mut counting, values);
                facts.iter().try_for_each(|facts| target.add(facts))?;
                let page = target.finish();
                found.add(page);
            }
            if rows.len() < PAGE {
                break;
            }
        }
        found.merge(self.workspace, Vec::new())?;
        Ok(found)
    }

    async fn counted_rows(&self, from: Uuid, end: Uuid, with_first: bool) -> Result<Vec<CountedRow>, StoreError> {
        rows(&self.transaction, self.workspace.0, (from, end), with_first).await
    }
}

/// A page of clicks, as far as they are counted, by their ids.
pub(crate) async fn rows(
    transaction: &DatabaseTransaction,
    workspace: Uuid,
    (from, end): (Uuid, Uuid),
    with_first: bool,
) -> Result<Vec<CountedRow>, StoreError> {
    let after = if with_first { ">=" } else { ">" };
    let sql = format!("SELECT {COLUMNS} FROM clicks WHERE workspace_id = $1 AND id {after} $2 AND id < $3 ORDER BY id LIMIT {PAGE}");
    let values = [workspace.into(), from.into(), end.into()];
    let statement = Statement::from_sql_and_values(transaction.get_database_backend(), sql, values);
    transaction.query_all_raw(statement).await?.into_iter().map(CountedRow::of).collect()
}
