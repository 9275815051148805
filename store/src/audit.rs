//! The audit log: what was done in a workspace. Entries are added in the transaction of what they tell, so
//! that neither is there without the other, and only the purge deletes old ones.

use domain::{ApiKeyId, AuditActor, AuditEntry, AuditId, UserId};
use entity::audit_entry::{ActiveModel, Column, Entity, Model};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select};
use uuid::Uuid;

use crate::clicks::PageRequest;
use crate::{StoreError, WorkspaceScope};

/// A part of the audit log, newest first.
#[derive(Clone, Debug)]
pub struct AuditPage {
    pub entries: Vec<AuditEntry>,
    pub has_next: bool,
    pub has_previous: bool,
}

impl WorkspaceScope {
    /// Writes down what this scope's transaction does.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn tell(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        let (kind, actor) = stored_actor(entry.actor);
        let row = ActiveModel {
            workspace_id: Set(self.workspace.0),
            id: Set(entry.id.0),
            actor_kind: Set(kind),
            actor_id: Set(actor),
            action: Set(entry.action.clone()),
            details: Set(entry.details.to_string()),
        };
        Entity::insert(row).exec_without_returning(&self.transaction).await?;
        Ok(())
    }

    /// What was done, newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn audit_log(&self, page: &PageRequest<AuditId>) -> Result<AuditPage, StoreError> {
        let mut query = self.entries();
        if let Some(after) = page.after {
            query = query.filter(Column::Id.lt(after.0));
        }
        if let Some(before) = page.before {
            query = query.filter(Column::Id.gt(before.0));
        }
        query = if page.backwards { query.order_by_asc(Column::Id) } else { query.order_by_desc(Column::Id) };
        let rows = query.limit(page.limit + 1).all(&self.transaction).await?;
        let (rows, has_next, has_previous) = page.cut(rows);
        Ok(AuditPage { entries: rows.into_iter().map(to_entry).collect::<Result<_, _>>()?, has_next, has_previous })
    }

    /// How many entries there are.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn count_audit_log(&self) -> Result<u64, StoreError> {
        Ok(self.entries().count(&self.transaction).await?)
    }

    fn entries(&self) -> Select<Entity> {
        Entity::find().filter(Column::WorkspaceId.eq(self.workspace.0))
    }
}

fn stored_actor(actor: AuditActor) -> (i16, Option<Uuid>) {
    match actor {
        AuditActor::System => (0, None),
        AuditActor::User(user) => (1, Some(user.0)),
        AuditActor::Key(key) => (2, Some(key.0)),
    }
}

fn to_entry(row: Model) -> Result<AuditEntry, StoreError> {
    let actor = match (row.actor_kind, row.actor_id) {
        (0, _) => AuditActor::System,
        (1, Some(user)) => AuditActor::User(UserId(user)),
        (2, Some(key)) => AuditActor::Key(ApiKeyId(key)),
        (kind, _) => return Err(StoreError::Internal(format!("no actor of the audit log has the kind {kind}"))),
    };
    let details = serde_json::from_str(&row.details).map_err(|_| StoreError::Internal("details of the audit log are no JSON".into()))?;
    Ok(AuditEntry { id: AuditId(row.id), actor, action: row.action, details })
}
