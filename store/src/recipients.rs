//! Recipients: whom something was sent to, and who of them has clicked, by a parameter of the short URL.

use domain::{ClickFilter, MAX_RECIPIENT_LISTS, MAX_RECIPIENTS, Millis, RecipientImport, RecipientListId, RecipientParameter, Verdict};
use entity::click::{Column as ClickColumn, Entity as Click};
use entity::{recipient, recipient_list};
use sea_orm::sea_query::{Expr, ExprTrait as _, JoinType, OnConflict, Order, Query, SelectStatement};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait as _, DbBackend, EntityTrait, PaginatorTrait as _, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait, Statement,
};

use crate::{StoreError, WorkspaceScope};

/// Rows of one statement: three values each.
const ROWS: usize = 2_000;

/// A list, and how many are on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecipientList {
    pub id: RecipientListId,
    pub name: String,
    pub size: u64,
}

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
    pub parameter: RecipientParameter,
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
    /// The parameter that holds recipients' ids; `None` where nobody is to be known.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn recipient_parameter(&self) -> Result<Option<RecipientParameter>, StoreError> {
        let sql = "SELECT recipient_parameter FROM workspaces WHERE id = $1";
        let row = self.transaction.query_one_raw(self.sql(sql, vec![self.workspace.0.into()])).await?.ok_or(StoreError::NotFound)?;
        Ok(row.try_get::<Option<String>>("", "recipient_parameter")?.map(RecipientParameter::from_store))
    }

    /// # Errors
    /// When the database does not answer.
    pub async fn set_recipient_parameter(&self, parameter: Option<&RecipientParameter>) -> Result<(), StoreError> {
        let sql = "UPDATE workspaces SET recipient_parameter = $2 WHERE id = $1";
        let name = parameter.map(|parameter| parameter.as_str().to_owned());
        self.transaction.execute_raw(self.sql(sql, vec![self.workspace.0.into(), name.into()])).await?;
        Ok(())
    }

    /// Adds recipients to the list of that name, which is made with `fresh` where there is none. Returns it, and how
    /// many were not on it before.
    ///
    /// # Errors
    /// [`StoreError::TooMany`] above [`MAX_RECIPIENT_LISTS`] lists or [`MAX_RECIPIENTS`] on one; then nothing is to be kept.
    pub async fn import_recipients(&self, import: &RecipientImport, fresh: RecipientListId) -> Result<(RecipientList, u64), StoreError> {
        // Whoever imports at the same time waits, or both would find room for as many.
        self.lock_workspace().await?;
        let list = self.list_named(&import.name, fresh).await?;
        let before = self.size(list).await?;
        for some in import.ids.chunks(ROWS) {
            let row = |id: &String| recipient::ActiveModel {
                workspace_id: Set(self.workspace.0),
                list_id: Set(list.0),
                recipient: Set(id.clone()),
            };
            recipient::Entity::insert_many(some.iter().map(row))
                .on_conflict(OnConflict::new().do_nothing().to_owned())
                .exec_without_returning(&self.transaction)
                .await?;
        }
        let size = self.size(list).await?;
        if size > MAX_RECIPIENTS {
            return Err(StoreError::TooMany);
        }
        Ok((RecipientList { id: list, name: import.name.clone(), size }, size - before))
    }

    async fn list_named(&self, name: &str, fresh: RecipientListId) -> Result<RecipientListId, StoreError> {
        let lists = recipient_list::Entity::find().filter(recipient_list::Column::WorkspaceId.eq(self.workspace.0));
        if let Some(row) = lists.clone().filter(recipient_list::Column::Name.eq(name)).one(&self.transaction).await? {
            return Ok(RecipientListId(row.id));
        }
        if lists.count(&self.transaction).await? >= MAX_RECIPIENT_LISTS {
            return Err(StoreError::TooMany);
        }
        let row = recipient_list::ActiveModel { id: Set(fresh.0), workspace_id: Set(self.workspace.0), name: Set(name.to_owned()) };
        recipient_list::Entity::insert(row).exec_without_returning(&self.transaction).await?;
        Ok(fresh)
    }

    async fn size(&self, list: RecipientListId) -> Result<u64, StoreError> {
        let of_list = recipient::Entity::find()
            .filter(recipient::Column::WorkspaceId.eq(self.workspace.0))
            .filter(recipient::Column::ListId.eq(list.0));
        Ok(of_list.count(&self.transaction).await?)
    }

    /// By name.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn recipient_lists(&self) -> Result<Vec<RecipientList>, StoreError> {
        let rows = recipient_list::Entity::find()
            .filter(recipient_list::Column::WorkspaceId.eq(self.workspace.0))
            .order_by_asc(recipient_list::Column::Name)
            .all(&self.transaction)
            .await?;
        let mut lists = Vec::with_capacity(rows.len());
        for row in rows {
            let id = RecipientListId(row.id);
            lists.push(RecipientList { id, name: row.name, size: self.size(id).await? });
        }
        Ok(lists)
    }

    /// Takes these off a list, or off all; returns off how many places.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn remove_recipients(&self, list: Option<RecipientListId>, ids: &[String]) -> Result<u64, StoreError> {
        let mut removed = 0;
        for some in ids.chunks(ROWS) {
            removed += recipient::Entity::delete_many()
                .filter(recipient::Column::WorkspaceId.eq(self.workspace.0))
                .filter(Condition::all().add_option(list.map(|list| recipient::Column::ListId.eq(list.0))))
                .filter(recipient::Column::Recipient.is_in(some.iter().map(String::as_str)))
                .exec(&self.transaction)
                .await?
                .rows_affected;
        }
        Ok(removed)
    }

    /// Deletes a list and who is on it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn delete_recipient_list(&self, list: RecipientListId) -> Result<(), StoreError> {
        self.own_list(list).await?;
        recipient::Entity::delete_many()
            .filter(recipient::Column::WorkspaceId.eq(self.workspace.0))
            .filter(recipient::Column::ListId.eq(list.0))
            .exec(&self.transaction)
            .await?;
        recipient_list::Entity::delete_by_id(list.0).exec(&self.transaction).await?;
        Ok(())
    }

    async fn own_list(&self, list: RecipientListId) -> Result<(), StoreError> {
        let own = recipient_list::Entity::find_by_id(list.0).filter(recipient_list::Column::WorkspaceId.eq(self.workspace.0));
        own.one(&self.transaction).await?.map(drop).ok_or(StoreError::NotFound)
    }

    /// Everybody on any list, in the order of lists and ids.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn recipients_after(
        &self,
        after: Option<(RecipientListId, String)>,
        limit: u64,
    ) -> Result<Vec<(RecipientListId, String)>, StoreError> {
        let mut query = recipient::Entity::find().filter(recipient::Column::WorkspaceId.eq(self.workspace.0));
        if let Some((list, id)) = after {
            let later = Condition::all().add(recipient::Column::ListId.eq(list.0)).add(recipient::Column::Recipient.gt(id));
            query = query.filter(Condition::any().add(recipient::Column::ListId.gt(list.0)).add(later));
        }
        let rows = query
            .order_by_asc(recipient::Column::ListId)
            .order_by_asc(recipient::Column::Recipient)
            .limit(limit)
            .all(&self.transaction)
            .await?;
        Ok(rows.into_iter().map(|row| (RecipientListId(row.list_id), row.recipient)).collect())
    }

    /// Recipients by the bytes of their ids, with the clicks that match; one more than the limit where there are more.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for a list that is none.
    pub async fn recipient_clicks(&self, request: &RecipientRequest) -> Result<Vec<RecipientClicks>, StoreError> {
        if let Some(list) = request.list {
            self.own_list(list).await?;
        }
        let clicks = self.clicks_of_recipients(&request.filter.with_default_verdicts(&[Verdict::Human]), &request.parameter);
        let mut query = match request.list {
            Some(list) => self.on_list(list, clicks, request.clicked),
            None => Query::select().expr(Expr::cust("clicked.*")).from_subquery(clicks, "clicked").to_owned(),
        };
        let id = if request.list.is_some() { "recipients.recipient" } else { "clicked.recipient" };
        if let Some(after) = &request.after {
            query.and_where(Expr::cust(id).gt(after.as_str()));
        }
        query.order_by_expr(Expr::cust(id), Order::Asc).limit(request.limit + 1);
        let read = |row: &sea_orm::QueryResult| {
            let (first, last): (Option<i64>, Option<i64>) = (row.try_get("", "first_at")?, row.try_get("", "last_at")?);
            Ok(RecipientClicks {
                recipient: row.try_get("", "recipient")?,
                clicks: row.try_get::<Option<i64>>("", "clicks")?.unwrap_or(0).unsigned_abs(),
                between: first.map(Millis).zip(last.map(Millis)),
            })
        };
        self.transaction.query_all(&query).await?.iter().map(read).collect()
    }

    fn on_list(&self, list: RecipientListId, clicks: SelectStatement, clicked: Option<bool>) -> SelectStatement {
        let same = Expr::cust("clicked.recipient = recipients.recipient");
        let mut query = Query::select();
        query
            .expr(Expr::cust("recipients.recipient, clicked.clicks, clicked.first_at, clicked.last_at"))
            .from(recipient::Entity)
            .join_subquery(if clicked == Some(true) { JoinType::InnerJoin } else { JoinType::LeftJoin }, clicks, "clicked", same)
            .and_where(recipient::Column::WorkspaceId.eq(self.workspace.0))
            .and_where(recipient::Column::ListId.eq(list.0));
        if clicked == Some(false) {
            query.and_where(Expr::cust("clicked.recipient IS NULL"));
        }
        query
    }

    /// The clicks that have the parameter, by its first value.
    fn clicks_of_recipients(&self, filter: &ClickFilter, parameter: &RecipientParameter) -> SelectStatement {
        let name = parameter.as_str();
        // As the filter by parameters reads them: what looks like the beginning of such an object is one.
        let written = serde_json::to_string(name).unwrap_or_default();
        let (holds, value) = if self.transaction.get_database_backend() == DbBackend::Postgres {
            (
                "strpos(parameters, $1) > 0",
                "(SELECT p.value ->> 'value' FROM jsonb_array_elements(clicks.parameters::jsonb) WITH ORDINALITY AS p (value, place) \
                 WHERE p.value ->> 'key' = $1 ORDER BY p.place LIMIT 1) COLLATE \"C\"",
            )
        } else {
            (
                "instr(parameters, ?) > 0",
                "(SELECT json_extract(p.value, '$.value') FROM json_each(clicks.parameters) AS p \
                 WHERE json_extract(p.value, '$.key') = ? ORDER BY p.key LIMIT 1)",
            )
        };
        let each = Click::find()
            .select_only()
            .column(ClickColumn::OccurredAt)
            .expr_as(Expr::cust_with_values(value, [name]), "recipient")
            .filter(self.counted(filter))
            .filter(Expr::cust_with_values(holds, [format!("{{\"key\":{written},")]))
            .into_query();
        Query::select()
            .expr(Expr::cust("recipient, COUNT(*) AS clicks, MIN(occurred_at) AS first_at, MAX(occurred_at) AS last_at"))
            .from_subquery(each, "each_click")
            .and_where(Expr::cust("recipient IS NOT NULL"))
            .add_group_by([Expr::cust("recipient")])
            .to_owned()
    }

    fn sql(&self, sql: &str, values: Vec<sea_orm::Value>) -> Statement {
        Statement::from_sql_and_values(self.transaction.get_database_backend(), sql, values)
    }
}
