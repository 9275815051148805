//! One step of an erasure: a transaction of a few hundred rows.

use domain::{ErasureId, LinkId, Millis, WorkspaceId};
use sea_orm::{ConnectionTrait, DatabaseTransaction, FromQueryResult, Statement, Value};
use uuid::Uuid;

use super::recipient::{Found, Sought};
use super::take_out::{Row, TakingOut};
use super::{ERASER, FreshSalt, Kept, ids};
use crate::ingest::hash_of_click;
use crate::{Access, Store, StoreError};

/// Clicks in one transaction.
const BATCH: usize = 500;
/// Those of a link are taken out within so much time, since all clicks of it may have to be read.
const SPAN_MILLIS: i64 = 24 * 3_600_000;

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Clicks that were erased.
    pub clicks: u64,
    /// Whether there is more to erase.
    pub more: bool,
}

#[derive(FromQueryResult)]
struct Open {
    visitor: Option<String>,
    visitor_recipe: Option<i16>,
    link_id: Option<Uuid>,
    ip: Option<String>,
    user_agent: Option<String>,
    recipient_parameter: Option<String>,
    recipient: Option<String>,
    /// Of a recipient's: the last click that was looked at.
    looked_to: Option<Uuid>,
    from_at: i64,
    before_at: i64,
}

const COLUMNS: &str = "id, seq, link_id, outcome, first_of_day, visitor, visitor_recipe";

impl Store {
    /// Goes on with an erasure; nothing where it is done.
    ///
    /// # Errors
    /// When the database does not answer; then the step has left no trace.
    pub async fn erase_step(&self, workspace: WorkspaceId, id: ErasureId, fresh: FreshSalt, now: Millis) -> Result<Step, StoreError> {
        let transaction = self.begin_as(ERASER, &workspace.0.to_string(), Access::Write).await?;
        let kept = self.keep_out(&transaction, workspace, fresh, now).await?;
        let sql = "SELECT visitor, visitor_recipe, link_id, ip, user_agent, recipient_parameter, recipient, looked_to, from_at, before_at \
                   FROM erasures WHERE workspace_id = $1 AND id = $2 AND done_at IS NULL";
        let Some(open) = transaction.query_one_raw(self.statement(sql, [workspace.0.into(), id.0.into()])).await? else {
            return Ok(Step { clicks: 0, more: false });
        };
        let open = Open::from_query_result(&open, "")?;
        let Found { rows, looked_to } = self.found(&transaction, workspace, &open).await?;
        if !rows.is_empty() {
            let zone = self.zone_of(&transaction, workspace).await?;
            TakingOut { transaction: &transaction, workspace, zone, values: &self.values }.take_out(&rows).await?;
            self.remember(&transaction, workspace, &rows, &kept).await?;
        }
        let more = match open.link_id {
            Some(_) if !rows.is_empty() => true,
            Some(link) => self.take_out_cells(&transaction, workspace, LinkId(link), Millis(open.before_at)).await?,
            None => rows.len() >= BATCH || looked_to.is_some(),
        };
        // Once nothing is left to be taken out, what it was named by may be nobody's.
        let more = more || {
            let zone = self.zone_of(&transaction, workspace).await?;
            let taking_out = TakingOut { transaction: &transaction, workspace, zone, values: &self.values };
            taking_out.settle_values(&taking_out.head().await?).await?
        };
        let done = (!more).then_some(now.0);
        let sql = "UPDATE erasures SET clicks = clicks + $3, done_at = $4, until = $6, \
                   visitor = CASE WHEN $5 THEN NULL ELSE visitor END, ip = CASE WHEN $5 THEN NULL ELSE ip END, \
                   user_agent = CASE WHEN $5 THEN NULL ELSE user_agent END, looked_to = $7, \
                   recipient = CASE WHEN $5 THEN NULL ELSE recipient END WHERE workspace_id = $1 AND id = $2";
        let clicks = rows.len() as u64;
        let values: [Value; 7] = [
            workspace.0.into(),
            id.0.into(),
            i64::try_from(clicks).unwrap_or(i64::MAX).into(),
            done.into(),
            (!more).into(),
            kept.until.0.into(),
            looked_to.into(),
        ];
        transaction.execute_raw(self.statement(sql, values)).await?;
        transaction.commit().await?;
        Ok(Step { clicks, more })
    }

    async fn found(&self, transaction: &DatabaseTransaction, workspace: WorkspaceId, open: &Open) -> Result<Found, StoreError> {
        let Some((parameter, id)) = open.recipient_parameter.as_deref().zip(open.recipient.as_deref()) else {
            return Ok(Found { rows: self.rows_of(transaction, workspace, open).await?, looked_to: None });
        };
        let (first, end) = ids(Millis(open.from_at), Millis(open.before_at));
        let sought = Sought { parameter, id, after: open.looked_to.unwrap_or(first), end };
        self.rows_of_recipient(transaction, workspace, &sought, (COLUMNS, BATCH)).await
    }

    async fn rows_of(&self, transaction: &DatabaseTransaction, workspace: WorkspaceId, open: &Open) -> Result<Vec<Row>, StoreError> {
        let (first, end) = ids(Millis(open.from_at), Millis(open.before_at));
        let within = format!("SELECT {COLUMNS} FROM clicks WHERE workspace_id = $1 AND id >= $2 AND id < $3");
        let range = [workspace.0.into(), first.into(), end.into()];
        let (sql, more): (String, Vec<Value>) = match (open.link_id, &open.visitor, open.visitor_recipe) {
            (Some(link), ..) => (format!("{within} AND link_id = $4 ORDER BY id LIMIT {BATCH}"), vec![link.into()]),
            (None, Some(visitor), Some(recipe)) => {
                // Written out for consented ids, since their index is for that recipe only.
                let recipe = format!("visitor_recipe = {recipe}");
                (format!("{within} AND visitor = $4 AND {recipe} LIMIT {BATCH}"), vec![visitor.clone().into()])
            }
            (None, ..) => match (&open.ip, &open.user_agent) {
                (Some(ip), Some(agent)) => (
                    format!("{within} AND ip = $4 AND (user_agent = $5 OR user_agent IS NULL) LIMIT {BATCH}"),
                    vec![ip.clone().into(), agent.clone().into()],
                ),
                _ => return Ok(Vec::new()),
            },
        };
        let statement = Statement::from_sql_and_values(self.backend(), sql, range.into_iter().chain(more));
        let rows = transaction.query_all_raw(statement).await?;
        let mut rows = rows.iter().map(|row| Ok(Row::from_query_result(row, "")?)).collect::<Result<Vec<Row>, StoreError>>()?;
        if open.link_id.is_some()
            && let Some(first) = rows.first().map(Row::made_at)
        {
            rows.retain(|row| row.made_at().0 < first.0 + SPAN_MILLIS);
        }
        Ok(rows)
    }

    async fn remember(
        &self,
        transaction: &DatabaseTransaction,
        workspace: WorkspaceId,
        rows: &[Row],
        kept: &Kept,
    ) -> Result<(), StoreError> {
        let places: Vec<String> = (0..rows.len()).map(|at| format!("($1, ${}, NULL, $2)", at + 3)).collect();
        let sql = format!(
            "INSERT INTO erased (workspace_id, hash, before_at, until) VALUES {} ON CONFLICT (workspace_id, hash) DO NOTHING",
            places.join(", ")
        );
        let hashes = rows.iter().map(|row| Value::from(hash_of_click(&kept.salt, row.id)));
        let values: Vec<Value> = [workspace.0.into(), kept.until.0.into()].into_iter().chain(hashes).collect();
        transaction.execute_raw(Statement::from_sql_and_values(self.backend(), sql, values)).await?;
        Ok(())
    }

    pub(super) async fn zone_of(
        &self,
        transaction: &DatabaseTransaction,
        workspace: WorkspaceId,
    ) -> Result<jiff::tz::TimeZone, StoreError> {
        let sql = "SELECT time_zone FROM workspaces WHERE id = $1";
        let row = transaction.query_one_raw(self.statement(sql, [workspace.0.into()])).await?.ok_or(StoreError::NotFound)?;
        let name: String = row.try_get("", "time_zone")?;
        // As ingest does: a zone that this program's data lacks costs only the local day.
        Ok(jiff::tz::TimeZone::get(&name).unwrap_or(jiff::tz::TimeZone::UTC))
    }
}
