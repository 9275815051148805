//! The clicks of recipients. Which clicks are of whom is noted when somebody asks, each click once, so that a page of
//! recipients reads the clicks of its own recipients only.

use std::collections::HashMap;

use domain::{ClickFilter, ClickId, Millis, RecipientListId, Verdict};
use entity::click::{Column as ClickColumn, Entity as Click};
use entity::click_recipient::{Column as Noted, Entity as NotedClick};
use entity::recipient;
use sea_orm::sea_query::{Expr, ExprTrait as _, Order, Query, SelectStatement};
use sea_orm::{ColumnTrait, ConnectionTrait as _, DbBackend, EntityTrait, QueryFilter, QuerySelect, QueryTrait};

use crate::{StoreError, WorkspaceScope};

/// Clicks that are noted in one transaction: whoever stores clicks waits meanwhile.
const AT_ONCE: i64 = 5_000;

/// Somebody something was sent to, and their clicks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecipientClicks {
    pub recipient: String,
    pub clicks: u64,
    /// The first and the last; `None` without any.
    pub between: Option<(Millis, Millis)>,
}

/// Which recipients are asked for.
#[derive(Clone, Debug)]
pub struct RecipientRequest {
    /// Those of one list; without it whoever has clicked.
    pub list: Option<RecipientListId>,
    pub filter: ClickFilter,
    /// Only those who have clicked, or only those who have not.
    pub clicked: Option<bool>,
    /// Those after this one.
    pub after: Option<String>,
    pub limit: u64,
}

impl WorkspaceScope {
    /// Whether there are clicks of which it is not noted whose they are: [`Self::note_recipients`] is to be called.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn has_unnoted_clicks(&self) -> Result<bool, StoreError> {
        Ok(self.head().await? > self.recipients_noted_to().await?)
    }

    /// Notes of some clicks that were stored since it was done last whose they are; true while there are more. To be
    /// committed.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn note_recipients(&self) -> Result<bool, StoreError> {
        // Who deletes clicks holds it too, so that none is noted that is gone by then.
        let Some(head) = self.lock_head().await? else { return Ok(false) };
        let Some(parameter) = self.recipient_parameter().await? else { return Ok(false) };
        let noted_to = self.recipients_noted_to().await?;
        let next = "SELECT MIN(seq) AS next FROM clicks WHERE workspace_id = $1 AND seq > $2";
        let next = self.transaction.query_one_raw(self.sql(next, vec![self.workspace.0.into(), noted_to.into()])).await?;
        let next: Option<i64> = next.map(|row| row.try_get("", "next")).transpose()?.flatten();
        let end = next.map_or(head.head, |next| Ord::min(next - 1 + AT_ONCE, head.head));
        let (holds, value) = self.first_value();
        let sql = format!(
            "INSERT INTO click_recipients (workspace_id, recipient, click_id) SELECT workspace_id, recipient, id \
             FROM (SELECT workspace_id, id, {value} AS recipient FROM clicks \
                WHERE workspace_id = $2 AND seq > $3 AND seq <= $4 AND id >= $5 AND {holds}) AS c \
             WHERE recipient IS NOT NULL ON CONFLICT DO NOTHING"
        );
        // As the filter by parameters reads them: what looks like the beginning of such an object is one.
        let written = serde_json::to_string(parameter.as_str()).unwrap_or_default();
        let kept = ClickId::floor(Millis(head.kept_from)).0;
        let values = vec![
            parameter.as_str().into(),
            self.workspace.0.into(),
            noted_to.into(),
            end.into(),
            kept.into(),
            format!("{{\"key\":{written},").into(),
        ];
        self.transaction.execute_raw(self.sql(&sql, values)).await?;
        self.set_noted_to(end).await?;
        Ok(end < head.head)
    }

    /// Forgets which clicks are of whom, since another parameter says it from now on.
    pub(crate) async fn forget_noted(&self) -> Result<(), StoreError> {
        NotedClick::delete_many().filter(Noted::WorkspaceId.eq(self.workspace.0)).exec(&self.transaction).await?;
        self.set_noted_to(0).await
    }

    async fn set_noted_to(&self, seq: i64) -> Result<(), StoreError> {
        let sql = "UPDATE workspaces SET recipients_noted_to = $2 WHERE id = $1";
        self.transaction.execute_raw(self.sql(sql, vec![self.workspace.0.into(), seq.into()])).await?;
        Ok(())
    }

    async fn recipients_noted_to(&self) -> Result<i64, StoreError> {
        let sql = "SELECT recipients_noted_to FROM workspaces WHERE id = $1";
        let row = self.transaction.query_one_raw(self.sql(sql, vec![self.workspace.0.into()])).await?.ok_or(StoreError::NotFound)?;
        Ok(row.try_get("", "recipients_noted_to")?)
    }

    /// Whether a click has the parameter $1, written as $6, and its first value.
    fn first_value(&self) -> (&'static str, &'static str) {
        if self.transaction.get_database_backend() == DbBackend::Postgres {
            (
                "strpos(parameters, $6) > 0",
                "(SELECT p.value ->> 'value' FROM jsonb_array_elements(clicks.parameters::jsonb) WITH ORDINALITY AS p (value, place) \
                 WHERE p.value ->> 'key' = $1 ORDER BY p.place LIMIT 1)",
            )
        } else {
            (
                "instr(parameters, $6) > 0",
                "(SELECT json_extract(p.value, '$.value') FROM json_each(clicks.parameters) AS p \
                 WHERE json_extract(p.value, '$.key') = $1 ORDER BY p.key LIMIT 1)",
            )
        }
    }

    /// Recipients by the bytes of their ids, with the clicks that match of those that are noted; one more than the
    /// limit where there are more.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for a list that is none.
    pub async fn recipient_clicks(&self, request: &RecipientRequest) -> Result<Vec<RecipientClicks>, StoreError> {
        let filter = request.filter.with_default_verdicts(&[Verdict::Human]);
        let Some(list) = request.list else {
            let mut query = self.by_recipient(&filter);
            if let Some(after) = &request.after {
                query.and_where(Noted::Recipient.gt(after.as_str()));
            }
            query.order_by((NotedClick, Noted::Recipient), Order::Asc).limit(request.limit + 1);
            return self.transaction.query_all(&query).await?.iter().map(read).collect();
        };
        self.own_list(list).await?;
        let mut query = self.on_list(list, &filter, request.clicked);
        query.column((recipient::Entity, recipient::Column::Recipient));
        if let Some(after) = &request.after {
            query.and_where(recipient::Column::Recipient.gt(after.as_str()));
        }
        query.order_by((recipient::Entity, recipient::Column::Recipient), Order::Asc).limit(request.limit + 1);
        let rows = self.transaction.query_all(&query).await?;
        let ids = rows.iter().map(|row| row.try_get("", "recipient")).collect::<Result<Vec<String>, _>>()?;
        let mut clicked = self.clicks_of_recipients(&filter, &ids).await?;
        let none = |recipient| RecipientClicks { recipient, clicks: 0, between: None };
        Ok(ids.into_iter().map(|id| clicked.remove(&id).unwrap_or_else(|| none(id))).collect())
    }

    /// How many recipients are asked for, on whatever page.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn count_recipients(&self, request: &RecipientRequest) -> Result<u64, StoreError> {
        let filter = request.filter.with_default_verdicts(&[Verdict::Human]);
        let query = match request.list {
            Some(list) => self.on_list(list, &filter, request.clicked).expr_as(Expr::cust("COUNT(*)"), "many").to_owned(),
            None => {
                let one_each = self.by_recipient(&filter);
                Query::select().expr_as(Expr::cust("COUNT(*)"), "many").from_subquery(one_each, "one_each").to_owned()
            }
        };
        let row = self.transaction.query_one(&query).await?;
        Ok(row.map(|row| row.try_get::<i64>("", "many")).transpose()?.unwrap_or_default().unsigned_abs())
    }

    async fn clicks_of_recipients(&self, filter: &ClickFilter, ids: &[String]) -> Result<HashMap<String, RecipientClicks>, StoreError> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let mut query = self.by_recipient(filter);
        query.and_where(Noted::Recipient.is_in(ids.iter().map(String::as_str)));
        let rows = self.transaction.query_all(&query).await?;
        rows.iter().map(|row| read(row).map(|clicks| (clicks.recipient.clone(), clicks))).collect()
    }

    /// Clicks that match, by whose they are.
    fn by_recipient(&self, filter: &ClickFilter) -> SelectStatement {
        let clicks = Click::find().filter(self.counted(filter)).select_only();
        let mut query = clicks.column_as(ClickColumn::Id.count(), "clicks").into_query();
        query
            .expr_as(ClickColumn::OccurredAt.min(), "first_at")
            .expr_as(ClickColumn::OccurredAt.max(), "last_at")
            .column((NotedClick, Noted::Recipient))
            .inner_join(NotedClick, Expr::col((NotedClick, Noted::ClickId)).equals((Click, ClickColumn::Id)))
            .and_where(Noted::WorkspaceId.eq(self.workspace.0))
            .group_by_col((NotedClick, Noted::Recipient));
        query
    }

    fn on_list(&self, list: RecipientListId, filter: &ClickFilter, clicked: Option<bool>) -> SelectStatement {
        let mut query = Query::select();
        query
            .from(recipient::Entity)
            .and_where(recipient::Column::WorkspaceId.eq(self.workspace.0))
            .and_where(recipient::Column::ListId.eq(list.0));
        if let Some(clicked) = clicked {
            // One within the other, so that SQLite begins with the recipient's clicks and not with the workspace's.
            let mut matching = Click::find().filter(self.counted(filter)).select_only().column(ClickColumn::Id).into_query();
            matching.and_where(Expr::col((Click, ClickColumn::Id)).equals((NotedClick, Noted::ClickId)));
            let mut theirs = NotedClick::find().select_only().column(Noted::ClickId).into_query();
            theirs
                .and_where(Noted::WorkspaceId.eq(self.workspace.0))
                .and_where(Expr::col((NotedClick, Noted::Recipient)).equals((recipient::Entity, recipient::Column::Recipient)))
                .and_where(Expr::exists(matching));
            let exists = Expr::exists(theirs);
            query.and_where(if clicked { exists } else { exists.not() });
        }
        query
    }
}

fn read(row: &sea_orm::QueryResult) -> Result<RecipientClicks, StoreError> {
    let (first, last): (Option<i64>, Option<i64>) = (row.try_get("", "first_at")?, row.try_get("", "last_at")?);
    Ok(RecipientClicks {
        recipient: row.try_get("", "recipient")?,
        clicks: row.try_get::<i64>("", "clicks")?.unsigned_abs(),
        between: first.map(Millis).zip(last.map(Millis)),
    })
}
