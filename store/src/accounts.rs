//! Users, their workspaces and memberships.

use domain::{Email, Millis, Role, UserId, WorkspaceId};
use entity::{membership, user, workspace, workspace_head};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, QueryFilter, Statement};
use uuid::Uuid;

use crate::sessions::insert_session;
use crate::{Access, NewSession, Store, StoreError, WorkspaceScope};

/// A user as sign-in needs it.
#[derive(Clone)]
pub struct Account {
    pub id: UserId,
    pub email: String,
    pub password_hash: String,
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workspace {
    pub id: WorkspaceId,
    pub name: String,
    pub slug: String,
    pub time_zone: String,
    pub created_at: Millis,
}

/// A user's place in a workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    pub workspace: Workspace,
    pub role: Role,
}

/// Everything that a sign-up makes.
#[derive(Clone)]
pub struct NewAccount {
    pub email: Email,
    /// PHC string.
    pub password_hash: String,
    pub workspace: Workspace,
    /// The first session; its user and workspace are the new ones.
    pub session: NewSession,
}

impl std::fmt::Debug for NewAccount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewAccount").field("workspace", &self.workspace.id).finish_non_exhaustive()
    }
}

impl Store {
    /// Makes a user, a workspace it owns, and its first session, all or nothing.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the e-mail address is taken.
    pub async fn sign_up(&self, new: NewAccount) -> Result<(), StoreError> {
        let scope = self.workspace(new.workspace.id, Access::Write).await?;
        let transaction = &scope.transaction;
        let (user, created_at) = (new.session.user.0, new.session.now.0);
        let row = user::ActiveModel {
            id: Set(user),
            email: Set(new.email.as_str().to_owned()),
            password_hash: Set(new.password_hash),
            created_at: Set(created_at),
        };
        user::Entity::insert(row).exec_without_returning(transaction).await.map_err(StoreError::of_write)?;
        let row = workspace::ActiveModel {
            id: Set(new.workspace.id.0),
            name: Set(new.workspace.name),
            slug: Set(new.workspace.slug),
            time_zone: Set(new.workspace.time_zone.clone()),
            created_at: Set(new.workspace.created_at.0),
            ..Default::default()
        };
        workspace::Entity::insert(row).exec_without_returning(transaction).await.map_err(StoreError::of_write)?;
        let row = membership::ActiveModel {
            workspace_id: Set(new.workspace.id.0),
            user_id: Set(user),
            role: Set(Role::Owner.code()),
            created_at: Set(created_at),
        };
        membership::Entity::insert(row).exec_without_returning(transaction).await?;
        let row = workspace_head::ActiveModel {
            workspace_id: Set(new.workspace.id.0),
            head: Set(0),
            day_zone: Set(new.workspace.time_zone),
            ..Default::default()
        };
        workspace_head::Entity::insert(row).exec_without_returning(transaction).await?;
        insert_session(transaction, &new.session).await?;
        scope.commit().await
    }

    /// # Errors
    /// When the database does not answer.
    pub async fn account_by_email(&self, email: &Email) -> Result<Option<Account>, StoreError> {
        let transaction = self.installation(Access::Read).await?;
        let found = user::Entity::find().filter(user::Column::Email.eq(email.as_str())).one(&transaction).await?;
        Ok(found.map(account))
    }

    /// # Errors
    /// When the database does not answer.
    pub async fn account(&self, id: UserId) -> Result<Option<Account>, StoreError> {
        let transaction = self.installation(Access::Read).await?;
        Ok(user::Entity::find_by_id(id.0).one(&transaction).await?.map(account))
    }

    /// The workspaces of a user, oldest membership first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn memberships_of(&self, user: UserId) -> Result<Vec<Membership>, StoreError> {
        let transaction = self.installation(Access::Read).await?;
        let statement = if self.is_postgres() {
            Statement::from_sql_and_values(DbBackend::Postgres, "SELECT * FROM linklogger_memberships_of($1)", [user.0.into()])
        } else {
            let sql = "SELECT w.id AS workspace_id, m.role, w.name, w.slug, w.time_zone, w.created_at \
                       FROM memberships m JOIN workspaces w ON w.id = m.workspace_id WHERE m.user_id = ? ORDER BY m.created_at, w.id";
            Statement::from_sql_and_values(DbBackend::Sqlite, sql, [user.0.into()])
        };
        let rows = transaction.query_all_raw(statement).await?;
        rows.iter().map(|row| MembershipRow::from_query_result(row, "")?.membership()).collect()
    }
}

impl WorkspaceScope {
    /// The workspace of this scope.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when it is gone.
    pub async fn get(&self) -> Result<Workspace, StoreError> {
        match &self.snapshot {
            Some(snapshot) => Ok(snapshot.workspace.get_or_try_init(|| self.read_workspace()).await?.clone()),
            None => self.read_workspace().await,
        }
    }

    async fn read_workspace(&self) -> Result<Workspace, StoreError> {
        let row = workspace::Entity::find_by_id(self.workspace.0).one(&self.transaction).await?.ok_or(StoreError::NotFound)?;
        Ok(Workspace {
            id: WorkspaceId(row.id),
            name: row.name,
            slug: row.slug,
            time_zone: row.time_zone,
            created_at: Millis(row.created_at),
        })
    }
}

#[derive(FromQueryResult)]
struct MembershipRow {
    workspace_id: Uuid,
    role: i16,
    name: String,
    slug: String,
    time_zone: String,
    created_at: i64,
}

impl MembershipRow {
    fn membership(self) -> Result<Membership, StoreError> {
        let role = Role::from_code(self.role).ok_or_else(|| StoreError::Internal(format!("no role has the code {}", self.role)))?;
        let workspace = Workspace {
            id: WorkspaceId(self.workspace_id),
            name: self.name,
            slug: self.slug,
            time_zone: self.time_zone,
            created_at: Millis(self.created_at),
        };
        Ok(Membership { workspace, role })
    }
}

fn account(row: user::Model) -> Account {
    Account { id: UserId(row.id), email: row.email, password_hash: row.password_hash }
}
