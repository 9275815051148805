//! Erasing clicks for good: of a visitor, or of a link. What is asked for is a row of its own, so that a
//! process that dies half way loses nothing of it: whoever comes next goes on.
//!
//! Rows, rollup cells, link statistics and the firsts of visitors' days go together, step by step under the
//! head's lock, so that counts and clicks agree at every moment. Of what goes a salted hash stays for
//! [`KEPT_MILLIS`], by which the guard of ingest knows a copy that is delivered again.

mod cells;
mod recipient;
mod sketches;
mod step;
mod take_out;
mod values;

use std::net::IpAddr;

use domain::{DaySalt, ErasureId, LinkId, LocalDay, Millis, RecipientParameter, VisitorKey, WorkspaceId};
use entity::link;
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect, Statement, Value};
use uuid::Uuid;

use crate::ingest::{hash_of_address, hash_of_recipient, hash_of_visitor};
use crate::{Access, Salt, Store, StoreError};

pub use step::Step;
pub(crate) use values::forget_blocks;

/// For how long what was erased is kept from coming back: longer than anything keeps a copy of a click that
/// was stored. A spool does for 15 minutes, a dead letter for 48 hours.
pub const KEPT_MILLIS: i64 = 72 * 3_600_000;

/// One salt is used for what is erased within so long.
const SALT_MILLIS: i64 = 24 * 3_600_000;

pub(crate) const ERASER: &str = "linklogger_eraser";

/// Whose clicks go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    Visitor(VisitorKey),
    /// Of clicks that were stored with this address in full: those of this user agent, empty where none is sent,
    /// and those without one.
    Address(IpAddr, String),
    /// Of clicks whose short URL had the parameter with this value, be it not the first; and who is on lists by it.
    Recipient(RecipientParameter, String),
    /// Clicks and counts of a link, which stays.
    History(LinkId),
}

/// What is to be erased: clicks made from `from` on and before `before`.
#[derive(Clone, Debug)]
pub struct NewErasure {
    pub id: ErasureId,
    pub subject: Subject,
    pub from: Millis,
    pub before: Millis,
}

/// A salt under which visitors are hashed, in case none is in use for what is erased now.
#[derive(Clone, Copy)]
pub struct FreshSalt(pub [u8; 32]);

impl std::fmt::Debug for FreshSalt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FreshSalt(hidden)")
    }
}

impl Store {
    /// The salts of days on which visitors can still be told apart, oldest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn living_salts(&self, workspace: WorkspaceId, now: Millis) -> Result<Vec<Salt>, StoreError> {
        let transaction = self.begin_as(ERASER, &workspace.0.to_string(), Access::Read).await?;
        let sql = "SELECT day, salt, used_until FROM visitor_salts WHERE workspace_id = $1 AND used_until > $2 ORDER BY day";
        let mut salts = Vec::new();
        for row in transaction.query_all_raw(self.statement(sql, [workspace.0.into(), now.0.into()])).await? {
            let salt: Vec<u8> = row.try_get("", "salt")?;
            let (day, used_until) = (LocalDay(row.try_get("", "day")?), Millis(row.try_get("", "used_until")?));
            salts.extend(salt.try_into().ok().map(|salt| Salt { day, salt: DaySalt(salt), used_until }));
        }
        Ok(salts)
    }

    /// Whether any click of the workspace has its address in full.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn keeps_addresses(&self, workspace: WorkspaceId) -> Result<bool, StoreError> {
        let transaction = self.begin_as(ERASER, &workspace.0.to_string(), Access::Read).await?;
        let sql = "SELECT 1 FROM clicks WHERE workspace_id = $1 AND ip IS NOT NULL LIMIT 1";
        Ok(transaction.query_one_raw(self.statement(sql, [workspace.0.into()])).await?.is_some())
    }

    /// Notes what is to be erased, and keeps out from now on what comes of it. Recipients are taken off lists at once;
    /// returns off how many.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where the workspace or the link is none of these; then nothing was noted.
    pub async fn begin_erasures(
        &self,
        workspace: WorkspaceId,
        erasures: &[NewErasure],
        fresh: FreshSalt,
        now: Millis,
    ) -> Result<u64, StoreError> {
        let transaction = self.begin_as(ERASER, &workspace.0.to_string(), Access::Write).await?;
        // A removal holds this row for each of its steps, and ends with it: nothing is noted after its last.
        entity::workspace::Entity::find_by_id(workspace.0).lock_exclusive().one(&transaction).await?.ok_or(StoreError::NotFound)?;
        let kept = self.keep_out(&transaction, workspace, fresh, now).await?;
        let mut lists = 0;
        for erasure in erasures {
            let (mut visitor, mut address, mut recipient, mut link) = (None, None, None, None);
            let hashes = match &erasure.subject {
                Subject::Visitor(key) => {
                    visitor = Some(key);
                    vec![hash_of_visitor(&kept.salt, key.recipe, &key.key)]
                }
                Subject::Address(ip, agent) => {
                    address = Some((ip.to_canonical().to_string(), agent.clone()));
                    [Some(agent.as_str()), None].map(|agent| hash_of_address(&kept.salt, *ip, agent)).to_vec()
                }
                Subject::Recipient(parameter, id) => {
                    recipient = Some((parameter.as_str().to_owned(), id.clone()));
                    lists += self.take_off_lists(&transaction, workspace, id).await?;
                    vec![hash_of_recipient(&kept.salt, parameter.as_str(), id)]
                }
                Subject::History(of) => {
                    link = Some(*of);
                    Vec::new()
                }
            };
            if let Some(link) = link {
                let own = link::Entity::find_by_id(link.0).filter(link::Column::WorkspaceId.eq(workspace.0));
                own.one(&transaction).await?.ok_or(StoreError::NotFound)?;
            }
            for hash in hashes {
                let sql = "INSERT INTO erased (workspace_id, hash, before_at, until) VALUES ($1, $2, $3, $4) \
                           ON CONFLICT (workspace_id, hash) DO UPDATE SET before_at = excluded.before_at";
                let values: [Value; 4] = [workspace.0.into(), hash.into(), erasure.before.0.into(), kept.until.0.into()];
                transaction.execute_raw(self.statement(sql, values)).await?;
            }
            let sql = "INSERT INTO erasures \
                       (id, workspace_id, visitor, visitor_recipe, link_id, from_at, before_at, asked_at, clicks, until, ip, user_agent, \
                       recipient_parameter, recipient) \
                       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9, $10, $11, $12, $13)";
            let ((ip, agent), (parameter, recipient)) = (address.unzip(), recipient.unzip());
            let values: [Value; 13] = [
                erasure.id.0.into(),
                workspace.0.into(),
                visitor.map(|visitor| visitor.key.clone()).into(),
                visitor.map(|visitor| visitor.recipe).into(),
                link.map(|link| link.0).into(),
                erasure.from.0.into(),
                erasure.before.0.into(),
                now.0.into(),
                kept.until.0.into(),
                ip.into(),
                agent.into(),
                parameter.into(),
                recipient.into(),
            ];
            transaction.execute_raw(self.statement(sql, values)).await?;
        }
        transaction.commit().await?;
        Ok(lists)
    }

    /// Erasures that were asked for until then and are not done, of any workspace.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn open_erasures(&self, asked_until: Millis) -> Result<Vec<(WorkspaceId, ErasureId)>, StoreError> {
        let sql = if self.is_postgres() {
            "SELECT id, workspace_id FROM linklogger_open_erasures($1, 100)"
        } else {
            "SELECT id, workspace_id FROM erasures WHERE done_at IS NULL AND asked_at <= $1 ORDER BY asked_at LIMIT 100"
        };
        let transaction = self.begin_as("linklogger_worker", "", Access::Read).await?;
        let rows = transaction.query_all_raw(self.statement(sql, [asked_until.0.into()])).await?;
        rows.iter().map(|row| Ok((WorkspaceId(row.try_get("", "workspace_id")?), ErasureId(row.try_get("", "id")?)))).collect()
    }

    /// Forgets hashes of what cannot come back any more, some at a time; true while there are more.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn forget_erased(&self, now: Millis) -> Result<bool, StoreError> {
        const MOST: i64 = 5_000;
        let transaction = self.begin_as("linklogger_worker", "", Access::Write).await?;
        let forgotten = if self.is_postgres() {
            let row = transaction.query_one_raw(self.statement("SELECT linklogger_forget_erased($1, $2)", [now.0.into(), MOST.into()]));
            row.await?.map_or(Ok(0), |row| row.try_get_by_index(0))?
        } else {
            let run = async |sql: &str, values: Vec<Value>| {
                let done = transaction.execute_raw(Statement::from_sql_and_values(self.backend(), sql, values)).await?;
                Ok::<i64, StoreError>(i64::try_from(done.rows_affected()).unwrap_or(i64::MAX))
            };
            let sql = "DELETE FROM erased WHERE (workspace_id, hash) IN (SELECT workspace_id, hash FROM erased WHERE until <= $1 LIMIT $2)";
            let forgotten = run(sql, vec![now.0.into(), MOST.into()]).await?;
            if forgotten < MOST {
                run("DELETE FROM erasure_salts WHERE until <= $1", vec![now.0.into()]).await?;
                run("DELETE FROM erasures WHERE until <= $1 AND done_at IS NOT NULL", vec![now.0.into()]).await?;
            }
            forgotten
        };
        transaction.commit().await?;
        Ok(forgotten >= MOST)
    }

    /// Locks the head, has it say that something is to be kept out, and gives the salt for that.
    async fn keep_out(
        &self,
        transaction: &DatabaseTransaction,
        workspace: WorkspaceId,
        fresh: FreshSalt,
        now: Millis,
    ) -> Result<Kept, StoreError> {
        let until = now.0.div_euclid(SALT_MILLIS) * SALT_MILLIS + SALT_MILLIS + KEPT_MILLIS;
        let of = Value::from(workspace.0);
        let greatest = if self.is_postgres() { "GREATEST" } else { "max" };
        let sql = format!("UPDATE workspace_heads SET guarded_until = {greatest}(guarded_until, $2) WHERE workspace_id = $1");
        if transaction.execute_raw(self.statement(&sql, [of.clone(), until.into()])).await?.rows_affected() == 0 {
            return Err(StoreError::NotFound);
        }
        let sql = "INSERT INTO erasure_salts (workspace_id, until, salt) VALUES ($1, $2, $3) ON CONFLICT (workspace_id, until) DO NOTHING";
        transaction.execute_raw(self.statement(sql, [of.clone(), until.into(), fresh.0.to_vec().into()])).await?;
        let sql = "SELECT salt FROM erasure_salts WHERE workspace_id = $1 AND until = $2";
        let row = transaction.query_one_raw(self.statement(sql, [of, until.into()])).await?.ok_or(StoreError::NotFound)?;
        Ok(Kept { salt: row.try_get("", "salt")?, until: Millis(until) })
    }

    pub(crate) fn statement<const N: usize>(&self, sql: &str, values: [Value; N]) -> Statement {
        Statement::from_sql_and_values(self.backend(), sql, values)
    }
}

/// How what was erased is remembered.
struct Kept {
    salt: Vec<u8>,
    until: Millis,
}

/// Places `$first…` for rows of `width` values each, as both databases take them after `IN`.
pub(crate) fn places_of_rows(postgres: bool, first: usize, rows: usize, width: usize) -> String {
    let row = |row: usize| {
        let places: Vec<String> = (0..width).map(|at| format!("${}", first + row * width + at)).collect();
        format!("({})", places.join(", "))
    };
    let all: Vec<String> = (0..rows).map(row).collect();
    let values = if postgres { "" } else { "VALUES " };
    format!("({values}{})", all.join(", "))
}

/// Places `($first, …)` for single values.
fn places(first: usize, values: usize) -> String {
    let all: Vec<String> = (0..values).map(|at| format!("${}", first + at)).collect();
    format!("({})", all.join(", "))
}

/// All ids from the first instant of a range to the last before its end.
fn ids(from: Millis, before: Millis) -> (Uuid, Uuid) {
    let end = if before < Millis::MAX { domain::ClickId::floor(before).0 } else { Uuid::max() };
    (domain::ClickId::floor(from.max(Millis(0))).0, end)
}
