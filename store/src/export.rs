//! What an export holds that nothing else asks for: all links, deleted ones too, and the members.

use domain::{Link, LinkId, Millis, Role, UserId};
use entity::link;
use sea_orm::{ColumnTrait, ConnectionTrait, QueryFilter, QueryOrder, QuerySelect, Statement};
use uuid::Uuid;

use crate::{StoreError, WorkspaceScope};

/// A link, deleted or not.
#[derive(Clone, Debug)]
pub struct AnyLink {
    pub link: Link,
    pub deleted_at: Option<Millis>,
}

/// A user in a workspace.
#[derive(Clone)]
pub struct Member {
    pub user: UserId,
    pub email: String,
    pub role: Role,
    pub since: Millis,
}

impl std::fmt::Debug for Member {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Member").field("user", &self.user).field("role", &self.role).finish_non_exhaustive()
    }
}

impl WorkspaceScope {
    /// Links after that one in the order of their ids, deleted ones included.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn links_of_any_state(&self, after: Option<LinkId>, limit: u64) -> Result<Vec<AnyLink>, StoreError> {
        let mut query = self.all().order_by_asc(link::Column::Id).limit(limit);
        if let Some(after) = after {
            query = query.filter(link::Column::Id.gt(after.0));
        }
        let rows = query.all(&self.transaction).await?;
        let deleted: Vec<Option<Millis>> = rows.iter().map(|row| row.deleted_at.map(Millis)).collect();
        let links = self.with_stats(rows).await?.into_iter().zip(deleted);
        Ok(links.map(|(link, deleted_at)| AnyLink { link, deleted_at }).collect())
    }

    /// The members, oldest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn members(&self) -> Result<Vec<Member>, StoreError> {
        let sql = "SELECT m.user_id, u.email, m.role, m.created_at FROM memberships m JOIN users u ON u.id = m.user_id \
                   WHERE m.workspace_id = $1 ORDER BY m.created_at, m.user_id";
        let statement = Statement::from_sql_and_values(self.transaction.get_database_backend(), sql, [self.workspace.0.into()]);
        let member = |row: sea_orm::QueryResult| {
            let role: i16 = row.try_get("", "role")?;
            Ok(Member {
                user: UserId(row.try_get::<Uuid>("", "user_id")?),
                email: row.try_get("", "email")?,
                role: Role::from_code(role).ok_or_else(|| StoreError::Internal(format!("no role has the code {role}")))?,
                since: Millis(row.try_get("", "created_at")?),
            })
        };
        self.transaction.query_all_raw(statement).await?.into_iter().map(member).collect()
    }
}
