//! API keys of a workspace. Whoever presents one is looked up by its id before its workspace is
//! known; a revoked key stays for a month, so that it is known as one that was.

use domain::{ApiKeyHash, ApiKeyId, ApiKeyRight, ApiKeyState, ApiScope, Millis, TargetUrl, UserId, WorkspaceId};
use entity::api_key;
use ipnet::IpNet;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, Select, Statement,
};
use uuid::Uuid;

use crate::policy_outbox::PolicySubject;
use crate::{Access, Store, StoreError, WorkspaceScope};

/// Keys of one workspace that are not revoked.
pub const MAX_API_KEYS: u64 = 100;
/// Those that were revoked lately counted too: making and revoking in turn has an end as well.
const MAX_API_KEYS_WITH_REVOKED: u64 = 1_000;
const REVOKED_KEPT_MILLIS: i64 = 30 * 24 * 3_600 * 1_000;

/// A key to be made.
#[derive(Clone, Debug)]
pub struct NewApiKey {
    pub id: ApiKeyId,
    pub name: String,
    pub hash: ApiKeyHash,
    pub scopes: Vec<ApiScope>,
    pub expires_at: Option<Millis>,
    pub networks: Vec<IpNet>,
    /// The user who makes it.
    pub created_by: Option<UserId>,
}

/// A key as its workspace sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    pub id: ApiKeyId,
    pub name: String,
    pub scopes: Vec<ApiScope>,
    pub created_at: Millis,
    pub expires_at: Option<Millis>,
    pub networks: Vec<IpNet>,
    /// To the minute.
    pub last_used_at: Option<Millis>,
    pub revoked_at: Option<Millis>,
}

#[derive(FromQueryResult)]
struct KeyRow {
    id: Uuid,
    workspace_id: Uuid,
    hash: Vec<u8>,
    scopes: String,
    networks: String,
    version: i32,
    expires_at: Option<i64>,
    revoked_at: Option<i64>,
}

impl Store {
    /// What a presented key is good for; `None` when there never was one, or long ago.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn api_key(&self, id: ApiKeyId) -> Result<Option<ApiKeyState>, StoreError> {
        let sql = if self.is_postgres() {
            "SELECT * FROM linklogger_api_key($1)"
        } else {
            "SELECT id, workspace_id, hash, scopes, networks, version, expires_at, revoked_at FROM api_keys WHERE id = $1"
        };
        let transaction = self.begin_as("linklogger_redirector", "", Access::Read).await?;
        let row = transaction.query_one_raw(Statement::from_sql_and_values(self.backend(), sql, [id.0.into()])).await?;
        row.map(|row| state(KeyRow::from_query_result(&row, "")?)).transpose()
    }

    /// Notes that a key was used, at most once a minute.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn touch_api_key(&self, id: ApiKeyId, now: Millis) -> Result<(), StoreError> {
        let sql = if self.is_postgres() {
            "SELECT linklogger_touch_api_key($1, $2)"
        } else {
            "UPDATE api_keys SET last_used_at = $2 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at <= $2 - 60000)"
        };
        let transaction = self.begin_as("linklogger_redirector", "", Access::Write).await?;
        transaction.execute_raw(Statement::from_sql_and_values(self.backend(), sql, [id.0.into(), now.0.into()])).await?;
        Ok(transaction.commit().await?)
    }

    pub(crate) fn backend(&self) -> DbBackend {
        if self.is_postgres() { DbBackend::Postgres } else { DbBackend::Sqlite }
    }
}

impl WorkspaceScope {
    /// Makes a key. One that may log clicks also makes the link that these belong to, whose target
    /// is `home`.
    ///
    /// # Errors
    /// [`StoreError::TooMany`] when the workspace has [`MAX_API_KEYS`].
    pub async fn create_api_key(&self, new: &NewApiKey, home: &TargetUrl, now: Millis) -> Result<ApiKey, StoreError> {
        self.lock_workspace().await?;
        if self.live_keys().count(&self.transaction).await? >= MAX_API_KEYS {
            return Err(StoreError::TooMany);
        }
        let forgotten = api_key::Entity::delete_many()
            .filter(api_key::Column::WorkspaceId.eq(self.workspace.0))
            .filter(api_key::Column::RevokedAt.lt(now.0 - REVOKED_KEPT_MILLIS));
        forgotten.exec(&self.transaction).await?;
        let all = api_key::Entity::find().filter(api_key::Column::WorkspaceId.eq(self.workspace.0));
        if all.count(&self.transaction).await? >= MAX_API_KEYS_WITH_REVOKED {
            return Err(StoreError::TooMany);
        }
        let row = api_key::ActiveModel {
            id: Set(new.id.0),
            workspace_id: Set(self.workspace.0),
            name: Set(new.name.clone()),
            hash: Set(new.hash.0.to_vec()),
            scopes: Set(new.scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(" ")),
            networks: Set(new.networks.iter().map(IpNet::to_string).collect::<Vec<_>>().join(" ")),
            version: Set(1),
            created_at: Set(now.0),
            created_by: Set(new.created_by.map(|user| user.0)),
            expires_at: Set(new.expires_at.map(|at| at.0)),
            revoked_at: Set(None),
            last_used_at: Set(None),
        };
        api_key::Entity::insert(row).exec_without_returning(&self.transaction).await?;
        if new.scopes.contains(&ApiScope::ClicksWrite) {
            self.ensure_logged_link(home, now).await?;
        }
        self.record_policy_change(PolicySubject::Key(new.id)).await?;
        self.api_key(new.id).await
    }

    /// Ends a key for good; ending it again changes nothing.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn revoke_api_key(&self, id: ApiKeyId, now: Millis) -> Result<ApiKey, StoreError> {
        let key = self.api_key(id).await?;
        if key.revoked_at.is_none() {
            let changed = api_key::ActiveModel { version: Set(2), revoked_at: Set(Some(now.0)), ..Default::default() };
            api_key::Entity::update_many()
                .set(changed)
                .filter(api_key::Column::WorkspaceId.eq(self.workspace.0))
                .filter(api_key::Column::Id.eq(id.0))
                .exec(&self.transaction)
                .await?;
            self.record_policy_change(PolicySubject::Key(id)).await?;
        }
        self.api_key(id).await
    }

    /// The keys that are not revoked, newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn api_keys(&self) -> Result<Vec<ApiKey>, StoreError> {
        let rows = self.live_keys().order_by_desc(api_key::Column::Id).limit(MAX_API_KEYS).all(&self.transaction).await?;
        rows.into_iter().map(to_key).collect()
    }

    /// All keys that are still known, revoked ones too, oldest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn api_keys_of_any_state(&self) -> Result<Vec<ApiKey>, StoreError> {
        let all = api_key::Entity::find().filter(api_key::Column::WorkspaceId.eq(self.workspace.0)).order_by_asc(api_key::Column::Id);
        all.all(&self.transaction).await?.into_iter().map(to_key).collect()
    }

    async fn api_key(&self, id: ApiKeyId) -> Result<ApiKey, StoreError> {
        let row =
            api_key::Entity::find_by_id(id.0).filter(api_key::Column::WorkspaceId.eq(self.workspace.0)).one(&self.transaction).await?;
        to_key(row.ok_or(StoreError::NotFound)?)
    }

    fn live_keys(&self) -> Select<api_key::Entity> {
        api_key::Entity::find().filter(api_key::Column::WorkspaceId.eq(self.workspace.0)).filter(api_key::Column::RevokedAt.is_null())
    }
}

impl WorkspaceScope {
    /// Who made a key; `None` where that was not noted.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn api_key_creator(&self, id: ApiKeyId) -> Result<Option<UserId>, StoreError> {
        let own = api_key::Entity::find_by_id(id.0).filter(api_key::Column::WorkspaceId.eq(self.workspace.0));
        let key = own.one(&self.transaction).await?.ok_or(StoreError::NotFound)?;
        Ok(key.created_by.map(UserId))
    }
}

fn to_key(row: api_key::Model) -> Result<ApiKey, StoreError> {
    Ok(ApiKey {
        id: ApiKeyId(row.id),
        scopes: scopes(&row.scopes)?,
        networks: networks(&row.networks)?,
        name: row.name,
        created_at: Millis(row.created_at),
        expires_at: row.expires_at.map(Millis),
        last_used_at: row.last_used_at.map(Millis),
        revoked_at: row.revoked_at.map(Millis),
    })
}

fn state(row: KeyRow) -> Result<ApiKeyState, StoreError> {
    let right = ApiKeyRight {
        workspace: WorkspaceId(row.workspace_id),
        hash: ApiKeyHash(row.hash.try_into().map_err(|_| StoreError::Internal("a key's hash cannot be read".into()))?),
        scopes: scopes(&row.scopes)?,
        expires_at: row.expires_at.map(Millis),
        networks: networks(&row.networks)?,
    };
    Ok(ApiKeyState { id: ApiKeyId(row.id), version: row.version, right: row.revoked_at.is_none().then_some(right) })
}

fn scopes(text: &str) -> Result<Vec<ApiScope>, StoreError> {
    let scope = |text| ApiScope::from_text(text).ok_or_else(|| StoreError::Internal(format!("no scope is called {text}")));
    text.split_whitespace().map(scope).collect()
}

fn networks(text: &str) -> Result<Vec<IpNet>, StoreError> {
    let network = |text: &str| text.parse().map_err(|_| StoreError::Internal(format!("{text} is no network")));
    text.split_whitespace().map(network).collect()
}
