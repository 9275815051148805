//! Somebody who is known by the id that a parameter of short URLs gives them: their clicks, and their places on lists.

use domain::{Parameter, WorkspaceId};
use sea_orm::{ConnectionTrait, DatabaseTransaction, FromQueryResult, Statement, Value};
use uuid::Uuid;

use super::take_out::Row;
use crate::{Store, StoreError};

/// Clicks that are looked through in one transaction, for which storing clicks of the workspace waits.
const LOOKED: u64 = 20_000;

/// The clicks that a step erases.
pub(super) struct Found {
    pub rows: Vec<Row>,
    /// The last click that was looked at, where there may be more after it.
    pub looked_to: Option<Uuid>,
}

/// Whose, and among which clicks: those after one and before another.
pub(super) struct Sought<'a> {
    pub parameter: &'a str,
    pub id: &'a str,
    pub after: Uuid,
    pub end: Uuid,
}

impl Store {
    /// Takes a recipient off all lists of the workspace; off how many.
    pub(super) async fn take_off_lists(
        &self,
        transaction: &DatabaseTransaction,
        workspace: WorkspaceId,
        id: &str,
    ) -> Result<u64, StoreError> {
        // By list, which the key begins with.
        let sql = "DELETE FROM recipients WHERE workspace_id = $1 AND recipient = $2 \
                   AND list_id IN (SELECT id FROM recipient_lists WHERE workspace_id = $1)";
        Ok(transaction.execute_raw(self.statement(sql, [workspace.0.into(), id.into()])).await?.rows_affected())
    }

    /// At most so many of the next clicks that have the parameter with that value.
    pub(super) async fn rows_of_recipient(
        &self,
        transaction: &DatabaseTransaction,
        workspace: WorkspaceId,
        sought: &Sought<'_>,
        (columns, most): (&str, usize),
    ) -> Result<Found, StoreError> {
        let range: [Value; 3] = [workspace.0.into(), sought.after.into(), sought.end.into()];
        let within = "FROM clicks WHERE workspace_id = $1 AND id > $2 AND id < $3";
        let sql = format!("SELECT id {within} ORDER BY id LIMIT 1 OFFSET {}", LOOKED - 1);
        let last = transaction.query_one_raw(self.statement(&sql, range.clone())).await?;
        let last: Option<Uuid> = last.map(|row| row.try_get("", "id")).transpose()?;
        // Parameters are stored as serde writes them: what looks like such an object is one.
        let parameter = Parameter { key: sought.parameter.to_owned(), value: sought.id.to_owned() };
        let written = serde_json::to_string(&parameter).unwrap_or_default();
        let holds = if self.is_postgres() { "strpos" } else { "instr" };
        let sql = format!("SELECT {columns} {within} AND id <= $4 AND {holds}(parameters, $5) > 0 ORDER BY id LIMIT {most}");
        let values = range.into_iter().chain([last.unwrap_or(sought.end).into(), written.into()]);
        let rows = transaction.query_all_raw(Statement::from_sql_and_values(self.backend(), sql, values)).await?;
        let rows = rows.iter().map(|row| Ok(Row::from_query_result(row, "")?)).collect::<Result<Vec<Row>, StoreError>>()?;
        let looked_to = if rows.len() < most { last } else { rows.last().map(|row| row.id) };
        Ok(Found { rows, looked_to })
    }
}
