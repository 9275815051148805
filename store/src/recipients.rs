//! Recipients: lists of those whom something was sent to, and the parameter of short URLs that tells them.

use domain::{MAX_RECIPIENT_LISTS, MAX_RECIPIENTS, RecipientImport, RecipientListId, RecipientParameter};
use entity::{recipient, recipient_list};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait as _, EntityTrait, PaginatorTrait as _, QueryFilter, QueryOrder, QuerySelect,
    Statement,
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
        self.forget_noted().await
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

    pub(crate) async fn own_list(&self, list: RecipientListId) -> Result<(), StoreError> {
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

    pub(crate) fn sql(&self, sql: &str, values: Vec<sea_orm::Value>) -> Statement {
        Statement::from_sql_and_values(self.transaction.get_database_backend(), sql, values)
    }
}
