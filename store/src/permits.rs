//! Permits of links whose clicks are limited.
//!
//! A limit is kept by one counter row for each link. Whoever leads visitors on takes blocks of
//! permits from it, which never pass the limit, hands them out in memory, and gives back what was not
//! used. A process that dies keeps its permits, so a limit may be reached early, never passed.
//!
//! Each block has an id, chosen by who asks, and is remembered for a minute: asked for again it is the
//! same block, given back again it gives nothing. So questions may be repeated when an answer got lost.

use domain::{ClickLimit, LinkId, Millis, PermitLease, Wanted, WorkspaceId};
use entity::{link, link_lease, link_permit};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict, Query};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, QueryFilter, Statement, Value};

use crate::{Access, Store, StoreError, WorkspaceScope};

/// How long a block may be given back or asked for again; redirectors hand out from one for 10 seconds.
const REMEMBERED_MILLIS: i64 = 60_000;
/// How long it is remembered what was granted of a link that was deleted or has no limit any more.
const GRANTED_REMEMBERED_MILLIS: i64 = 90 * 86_400_000;

impl WorkspaceScope {
    /// Sets the limit of a link's permits. What was granted before stays granted, also where the
    /// limit was taken away for a while.
    pub(crate) async fn limit_permits(&self, link: LinkId, limit: Option<ClickLimit>) -> Result<(), StoreError> {
        let Some(limit) = limit else { return Ok(()) };
        let row = link_permit::ActiveModel {
            link_id: Set(link.0),
            workspace_id: Set(self.workspace.0),
            click_limit: Set(limit.get().into()),
            granted: Set(0),
            leased: Set(0),
        };
        let raised = OnConflict::column(link_permit::Column::LinkId).update_column(link_permit::Column::ClickLimit).to_owned();
        link_permit::Entity::insert(row).on_conflict(raised).exec_without_returning(&self.transaction).await?;
        Ok(())
    }
}

impl Store {
    /// Takes a block of permits, as [`Wanted::of`] what is left allows. 0 when the limit is reached, or
    /// the workspace has no such link with a limit.
    ///
    /// # Errors
    /// When the database does not answer; the block may have been taken then, and asking again for the
    /// same one is safe.
    pub async fn lease(&self, lease: &PermitLease, wanted: Wanted, now: Millis) -> Result<u32, StoreError> {
        let (wanted, until) = (wanted.bounded(), now.plus(REMEMBERED_MILLIS));
        let transaction = self.begin_as("linklogger_redirector", "", Access::Write).await?;
        let leased = if self.is_postgres() {
            let sql = "SELECT linklogger_lease_permits($1, $2, $3, $4, $5, $6, $7)";
            let [at_least, at_most] = [wanted.at_least, wanted.at_most].map(|number| Value::from(i64::from(number)));
            let ids = [lease.id.0.into(), lease.link.0.into(), lease.workspace.0.into()];
            let values = ids.into_iter().chain([at_least, at_most, now.0.into(), until.0.into()]);
            let row = transaction.query_one_raw(Statement::from_sql_and_values(DbBackend::Postgres, sql, values)).await?;
            row.map(|row| row.try_get_by_index::<i64>(0)).transpose()?.unwrap_or(0)
        } else {
            i64::from(lease_in_sqlite(&transaction, lease, wanted, now, until).await?)
        };
        transaction.commit().await?;
        Ok(u32::try_from(leased).unwrap_or(0))
    }

    /// Gives back permits of a block that were not used and never will be; more than once it gives
    /// nothing. True when something may have been given.
    ///
    /// # Errors
    /// When the database does not answer; giving back again is safe, and without it the permits stay unused.
    pub async fn return_permits(&self, lease: &PermitLease, unused: u32) -> Result<bool, StoreError> {
        let transaction = self.begin_as("linklogger_redirector", "", Access::Write).await?;
        let given = if self.is_postgres() {
            let sql = "SELECT linklogger_return_permits($1, $2, $3, $4)";
            let values = [lease.id.0.into(), lease.link.0.into(), lease.workspace.0.into(), i64::from(unused).into()];
            let row = transaction.query_one_raw(Statement::from_sql_and_values(DbBackend::Postgres, sql, values)).await?;
            row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or(false)
        } else {
            return_in_sqlite(&transaction, lease, unused).await?
        };
        transaction.commit().await?;
        Ok(given)
    }

    /// Forgets blocks whose time is over, and what was granted of links that were deleted, or have had
    /// no limit and no change, for 90 days.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn clean_permits(&self, now: Millis) -> Result<(), StoreError> {
        let since = now.plus(-GRANTED_REMEMBERED_MILLIS);
        let transaction = self.begin_as("linklogger_worker", "", Access::Write).await?;
        if self.is_postgres() {
            let sql = "SELECT linklogger_clean_permits($1, $2)";
            let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, [now.0.into(), since.0.into()]);
            transaction.query_one_raw(statement).await?;
        } else {
            clean_sqlite(&transaction, now, since).await?;
        }
        Ok(transaction.commit().await?)
    }
}

/// The counter's row of a link of that workspace.
async fn counter(
    transaction: &DatabaseTransaction,
    link: LinkId,
    workspace: WorkspaceId,
) -> Result<Option<link_permit::Model>, StoreError> {
    let row = link_permit::Entity::find_by_id(link.0).filter(link_permit::Column::WorkspaceId.eq(workspace.0));
    Ok(row.one(transaction).await?)
}

async fn set_granted(transaction: &DatabaseTransaction, link: LinkId, granted: i64) -> Result<(), StoreError> {
    let change = link_permit::Entity::update_many().col_expr(link_permit::Column::Granted, Expr::value(granted));
    change.filter(link_permit::Column::LinkId.eq(link.0)).exec(transaction).await?;
    Ok(())
}

/// As linklogger_lease_permits on PostgreSQL. Writes are one after the other on SQLite.
async fn lease_in_sqlite(
    transaction: &DatabaseTransaction,
    lease: &PermitLease,
    wanted: Wanted,
    now: Millis,
    until: Millis,
) -> Result<u32, StoreError> {
    let Some(counter) = counter(transaction, lease.link, lease.workspace).await? else { return Ok(0) };
    let over = link_lease::Column::LinkId.eq(lease.link.0).and(link_lease::Column::Until.lte(now.0));
    link_lease::Entity::delete_many().filter(over).exec(transaction).await?;
    let known = link_lease::Entity::find_by_id(lease.id.0).filter(link_lease::Column::LinkId.eq(lease.link.0)).one(transaction).await?;
    if let Some(known) = known {
        return Ok(u32::try_from(known.permits).unwrap_or(0));
    }
    let block = wanted.of(u32::try_from(counter.click_limit - counter.granted).unwrap_or(0));
    if block == 0 {
        return Ok(0);
    }
    set_granted(transaction, lease.link, counter.granted + i64::from(block)).await?;
    let row = link_lease::ActiveModel {
        id: Set(lease.id.0),
        link_id: Set(lease.link.0),
        workspace_id: Set(lease.workspace.0),
        permits: Set(block.into()),
        until: Set(until.0),
    };
    link_lease::Entity::insert(row).exec_without_returning(transaction).await?;
    Ok(block)
}

/// As linklogger_return_permits on PostgreSQL.
async fn return_in_sqlite(transaction: &DatabaseTransaction, lease: &PermitLease, unused: u32) -> Result<bool, StoreError> {
    let block = link_lease::Entity::find_by_id(lease.id.0)
        .filter(link_lease::Column::LinkId.eq(lease.link.0))
        .filter(link_lease::Column::WorkspaceId.eq(lease.workspace.0))
        .one(transaction)
        .await?;
    let counter = counter(transaction, lease.link, lease.workspace).await?;
    let Some((block, counter)) = block.zip(counter) else { return Ok(false) };
    link_lease::Entity::delete_by_id(block.id).exec(transaction).await?;
    let returned = Ord::min(block.permits, i64::from(unused));
    set_granted(transaction, lease.link, Ord::max(counter.granted - returned, 0)).await?;
    Ok(true)
}

/// As linklogger_clean_permits on PostgreSQL.
async fn clean_sqlite(transaction: &DatabaseTransaction, now: Millis, since: Millis) -> Result<(), StoreError> {
    link_lease::Entity::delete_many().filter(link_lease::Column::Until.lte(now.0)).exec(transaction).await?;
    let kept = Condition::all()
        .add(link::Column::DeletedAt.is_null().or(link::Column::DeletedAt.gte(since.0)))
        .add(link::Column::ClickLimit.is_not_null().or(link::Column::UpdatedAt.gte(since.0)));
    let kept = Query::select().column(link::Column::Id).from(link::Entity).cond_where(kept).to_owned();
    link_permit::Entity::delete_many().filter(link_permit::Column::LinkId.not_in_subquery(kept)).exec(transaction).await?;
    Ok(())
}
