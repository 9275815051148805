//! How the snapshot of links learns of changed keys and workspaces: rows written in the change's own
//! transaction, read in order, and cleared once what is *now* has been published. A row read twice
//! does no harm: the snapshot takes no lower version.

use domain::{ApiKeyId, WorkspaceId};
use entity::policy_outbox;
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Statement, Value};
use uuid::Uuid;

use crate::{Access, Store, StoreError, WorkspaceScope};

/// What redirectors know besides links.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PolicySubject {
    Key(ApiKeyId),
    Workspace(WorkspaceId),
}

const KEY: i16 = 0;
const WORKSPACE: i16 = 1;

impl PolicySubject {
    /// What begins before all keys.
    pub const FIRST: Self = Self::Key(ApiKeyId(Uuid::nil()));

    pub(crate) fn parts(self) -> (i16, Uuid) {
        match self {
            Self::Key(id) => (KEY, id.0),
            Self::Workspace(id) => (WORKSPACE, id.0),
        }
    }

    fn from_parts(kind: i16, id: Uuid) -> Result<Self, StoreError> {
        match kind {
            KEY => Ok(Self::Key(ApiKeyId(id))),
            WORKSPACE => Ok(Self::Workspace(WorkspaceId(id))),
            _ => Err(StoreError::Internal(format!("no subject of the outbox has the kind {kind}"))),
        }
    }
}

/// A change that is to be published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyChange {
    pub id: i64,
    pub subject: PolicySubject,
}

impl WorkspaceScope {
    pub(crate) async fn record_policy_change(&self, subject: PolicySubject) -> Result<(), StoreError> {
        if !self.link_outbox {
            return Ok(());
        }
        let (kind, subject) = subject.parts();
        let row = policy_outbox::ActiveModel {
            workspace_id: Set(self.workspace.0),
            kind: Set(kind),
            subject: Set(subject),
            ..Default::default()
        };
        policy_outbox::Entity::insert(row).exec_without_returning(&self.transaction).await?;
        Ok(())
    }
}

impl Store {
    /// The oldest changes that are not published yet, at most `limit`.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn policy_outbox(&self, limit: u32) -> Result<Vec<PolicyChange>, StoreError> {
        let sql = if self.is_postgres() {
            "SELECT id, kind, subject FROM linklogger_policy_outbox($1)"
        } else {
            "SELECT id, kind, subject FROM policy_outbox ORDER BY id LIMIT $1"
        };
        let transaction = self.installation(Access::Read).await?;
        let rows = transaction.query_all_raw(Statement::from_sql_and_values(self.backend(), sql, [i64::from(limit).into()])).await?;
        let change = |row: sea_orm::QueryResult| {
            let subject = PolicySubject::from_parts(row.try_get("", "kind")?, row.try_get("", "subject")?)?;
            Ok(PolicyChange { id: row.try_get("", "id")?, subject })
        };
        rows.into_iter().map(change).collect()
    }

    /// Forgets changes that are published.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn clear_policy_outbox(&self, published: &[i64]) -> Result<(), StoreError> {
        if published.is_empty() {
            return Ok(());
        }
        let transaction = self.installation(Access::Write).await?;
        if self.is_postgres() {
            let sql = "SELECT linklogger_clear_policy_outbox($1)";
            let ids = Value::from(published.to_vec());
            transaction.query_one_raw(Statement::from_sql_and_values(self.backend(), sql, [ids])).await?;
        } else {
            let clear = policy_outbox::Entity::delete_many().filter(policy_outbox::Column::Id.is_in(published.iter().copied()));
            clear.exec(&transaction).await?;
        }
        Ok(transaction.commit().await?)
    }

    /// All keys after `after` in the order of their ids, then all workspaces that ever decided
    /// something; at most `limit`, and of one kind at a time. Empty at the end.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn policy_subjects_after(&self, after: PolicySubject, limit: u32) -> Result<Vec<PolicySubject>, StoreError> {
        let (kind, id) = after.parts();
        let found = self.subjects(kind, id, limit).await?;
        if found.is_empty() && kind == KEY { self.subjects(WORKSPACE, Uuid::nil(), limit).await } else { Ok(found) }
    }

    async fn subjects(&self, kind: i16, after: Uuid, limit: u32) -> Result<Vec<PolicySubject>, StoreError> {
        let sql = match (self.is_postgres(), kind) {
            (true, _) => "SELECT subject FROM linklogger_policies_after($3, $1, $2)",
            (false, KEY) => "SELECT id AS subject FROM api_keys WHERE id > $1 ORDER BY id LIMIT $2",
            (false, _) => "SELECT id AS subject FROM workspaces WHERE policy_version > 0 AND id > $1 ORDER BY id LIMIT $2",
        };
        let mut values = vec![Value::from(after), Value::from(i64::from(limit))];
        if self.is_postgres() {
            values.push(kind.into());
        }
        let transaction = self.installation(Access::Read).await?;
        let rows = transaction.query_all_raw(Statement::from_sql_and_values(self.backend(), sql, values)).await?;
        rows.into_iter().map(|row| PolicySubject::from_parts(kind, row.try_get("", "subject")?)).collect()
    }
}
