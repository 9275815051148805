//! Salts of the days on which visitors are told apart, and their end.
//!
//! Only the worker reads them. They are deleted so that nothing of them stays in the file: SQLite overwrites
//! what is deleted (`secure_delete`), and its log, which still has the page, is emptied; on PostgreSQL the
//! table is vacuumed. What backups and archived logs of PostgreSQL keep is beyond the program's reach.

use domain::{DaySalt, LocalDay, Millis, WorkspaceId};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, Statement, Value};
use sqlx::Row as _;

use crate::connect::{BUSY_TIMEOUT, Pools};
use crate::{Access, Store, StoreError};

/// A salt, and when it is used no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Salt {
    pub day: LocalDay,
    pub salt: DaySalt,
    pub used_until: Millis,
}

/// What one step of the destruction did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Destroyed {
    pub salts: u64,
    /// Rows that said who had clicked.
    pub visitors: u64,
    /// Whether there is more to destroy.
    pub more: bool,
}

/// Rows forgotten in one transaction, so that clicks are stored in between.
const STEP: u32 = 5_000;

/// How long emptying the log may wait for readers; nothing is stored meanwhile.
const PATIENCE_MILLIS: u32 = 100;

impl Store {
    /// The salt of a day: `new`, or the one that was made before. `None` when it has been destroyed.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn day_salt(&self, workspace: WorkspaceId, new: Salt, now: Millis) -> Result<Option<Salt>, StoreError> {
        let transaction = self.begin_as("linklogger_worker", &workspace.0.to_string(), Access::Write).await?;
        let (of, day) = (Value::from(workspace.0), Value::from(new.day.0));
        let sql = "INSERT INTO visitor_salts (workspace_id, day, salt, made_at, used_until) VALUES ($1, $2, $3, $4, $5) \
                   ON CONFLICT (workspace_id, day) DO NOTHING";
        let values = [of.clone(), day.clone(), new.salt.0.to_vec().into(), now.0.into(), new.used_until.0.into()];
        transaction.execute_raw(Statement::from_sql_and_values(self.backend(), sql, values)).await?;
        let sql = "SELECT salt, used_until FROM visitor_salts WHERE workspace_id = $1 AND day = $2";
        let row = transaction.query_one_raw(Statement::from_sql_and_values(self.backend(), sql, [of, day])).await?;
        transaction.commit().await?;
        let Some(row) = row else { return Ok(None) };
        let (salt, used_until): (Vec<u8>, i64) = (row.try_get("", "salt")?, row.try_get("", "used_until")?);
        Ok(salt.try_into().ok().map(|salt| Salt { day: new.day, salt: DaySalt(salt), used_until: Millis(used_until) }))
    }

    /// Destroys salts whose time is over ([`LocalDay::KEPT`]), and a part of what was made with them; to
    /// be called again while there is more, and [`Store::wipe_salts`] when something was destroyed.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn destroy_salts(&self, now: Millis) -> Result<Destroyed, StoreError> {
        let until = now.plus(LocalDay::USED - LocalDay::KEPT);
        let transaction = self.begin_as("linklogger_worker", "", Access::Write).await?;
        let (salts, visitors) = if self.is_postgres() {
            let sql = "SELECT salts, visitors FROM linklogger_destroy_salts($1, $2)";
            let values = [until.0.into(), i32::try_from(STEP).unwrap_or(i32::MAX).into()];
            let row = transaction.query_one_raw(Statement::from_sql_and_values(DbBackend::Postgres, sql, values)).await?;
            let read = |row: sea_orm::QueryResult| Ok::<(i64, i64), StoreError>((row.try_get("", "salts")?, row.try_get("", "visitors")?));
            let (salts, visitors) = row.map(read).transpose()?.unwrap_or_default();
            (salts.unsigned_abs(), visitors.unsigned_abs())
        } else {
            destroy_in_sqlite(&transaction, until).await?
        };
        transaction.commit().await?;
        Ok(Destroyed { salts, visitors, more: visitors >= u64::from(STEP) })
    }

    /// Leaves nothing of deleted salts in the database's own files; false when readers stood in the way, so
    /// that it must be called again.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn wipe_salts(&self) -> Result<bool, StoreError> {
        match &self.pools {
            // For the tables' owner only; others are told so by a warning, and autovacuum does it later.
            Pools::Postgres(pool) => sqlx::raw_sql("VACUUM visitor_salts").execute(pool).await.map(|_| true).map_err(StoreError::from),
            Pools::Sqlite { .. } => self.empty_log().await,
        }
    }

    /// Leaves nothing in SQLite's log of what was overwritten; false when readers stood in the way. Nothing
    /// to do on PostgreSQL.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn empty_log(&self) -> Result<bool, StoreError> {
        match &self.pools {
            Pools::Postgres(_) => Ok(true),
            Pools::Sqlite { writer, .. } => {
                let mut connection = writer.acquire().await?;
                let patience = |millis: u128| sqlx::AssertSqlSafe(format!("PRAGMA busy_timeout = {millis}"));
                sqlx::query(patience(PATIENCE_MILLIS.into())).execute(&mut *connection).await?;
                let emptied = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&mut *connection).await;
                sqlx::query(patience(BUSY_TIMEOUT.as_millis())).execute(&mut *connection).await?;
                // Busy, frames of the log, frames moved.
                Ok(emptied?.try_get::<i64, _>(0)? == 0)
            }
        }
    }
}

/// As linklogger_destroy_salts on PostgreSQL.
async fn destroy_in_sqlite(transaction: &DatabaseTransaction, until: Millis) -> Result<(u64, u64), StoreError> {
    let run = async |sql: &str, values: Vec<Value>| {
        let statement = Statement::from_sql_and_values(DbBackend::Sqlite, sql, values);
        Ok::<u64, StoreError>(transaction.execute_raw(statement).await?.rows_affected())
    };
    let salts = run("UPDATE visitor_salts SET salt = x'' WHERE used_until <= $1 AND salt <> x''", vec![until.0.into()]).await?;
    let sql = "DELETE FROM visitor_days WHERE (workspace_id, day, visitor, link_id) IN ( \
                   SELECT v.workspace_id, v.day, v.visitor, v.link_id FROM visitor_salts s \
                   JOIN visitor_days v ON v.workspace_id = s.workspace_id AND v.day = s.day WHERE s.used_until <= $1 LIMIT $2)";
    let visitors = run(sql, vec![until.0.into(), STEP.into()]).await?;
    if visitors < u64::from(STEP) {
        run("DELETE FROM visitor_salts WHERE used_until <= $1", vec![until.0.into()]).await?;
    }
    Ok((salts, visitors))
}
