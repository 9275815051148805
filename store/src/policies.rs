//! What a workspace decides for its redirects: the referrer policy, and the secrets under which it
//! signs addresses; and the link that clicks without one belong to.

use domain::{KeyId, LinkId, LinkKind, Millis, RedirectStatus, ReferrerPolicy, SIGNED_PATH, SealedSecret, TargetUrl, WorkspaceId};
use entity::{link, signing_secret, workspace};
use sea_orm::sea_query::{Expr, ExprTrait as _, LockType, OnConflict};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Statement};

use crate::ingest_settings::read_privacy;
use crate::policy_outbox::PolicySubject;
use crate::{Access, Conflict, Store, StoreError, WorkspaceScope};

/// Secrets of one workspace that may be valid at once: the present one and earlier ones.
const MAX_SECRETS: usize = 5;

/// A signing secret to be kept.
#[derive(Clone, Debug)]
pub struct NewSigningSecret {
    /// Rises with time: the highest is the present one.
    pub id: KeyId,
    pub sealed: String,
}

impl Store {
    /// What a workspace decides for its redirects.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn workspace_policy(&self, id: WorkspaceId) -> Result<domain::WorkspacePolicy, StoreError> {
        let sql = if self.is_postgres() {
            "SELECT p.*, linklogger_workspace_closed($1) AS closed FROM linklogger_workspace_policy($1) p"
        } else {
            "SELECT w.policy_version, w.referrer_policy, w.privacy, w.deletion_at IS NOT NULL AS closed, s.sealed, s.valid_until FROM workspaces w \
             LEFT JOIN signing_secrets s ON s.workspace_id = w.id WHERE w.id = $1 ORDER BY s.id DESC"
        };
        let transaction = self.begin_as("linklogger_redirector", "", Access::Read).await?;
        let rows = transaction.query_all_raw(Statement::from_sql_and_values(self.backend(), sql, [id.0.into()])).await?;
        let mut policy = domain::WorkspacePolicy::undecided(id);
        for row in rows {
            policy.version = row.try_get("", "policy_version")?;
            policy.referrer_policy = read_policy(row.try_get("", "referrer_policy")?)?;
            policy.privacy = read_privacy(row.try_get("", "privacy")?)?;
            policy.closed = row.try_get("", "closed")?;
            if let Some(sealed) = row.try_get("", "sealed")? {
                policy.secrets.push(SealedSecret { sealed, valid_until: row.try_get::<Option<i64>>("", "valid_until")?.map(Millis) });
            }
        }
        Ok(policy)
    }
}

fn read_policy(text: Option<String>) -> Result<Option<ReferrerPolicy>, StoreError> {
    let known =
        |text: String| ReferrerPolicy::from_text(&text).ok_or_else(|| StoreError::Internal(format!("no referrer policy is called {text}")));
    text.map(known).transpose()
}

impl WorkspaceScope {
    /// Sets what browsers tell the targets of this workspace's links; `None` leaves it to them.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn set_referrer_policy(&self, policy: Option<ReferrerPolicy>) -> Result<(), StoreError> {
        let row = workspace::ActiveModel { referrer_policy: Set(policy.map(|policy| policy.as_str().to_owned())), ..Default::default() };
        workspace::Entity::update_many().set(row).filter(workspace::Column::Id.eq(self.workspace.0)).exec(&self.transaction).await?;
        self.policy_changed().await
    }

    /// What is kept of this workspace's visitors; to be set in the same scope, since nobody else changes it
    /// meanwhile.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn privacy(&self) -> Result<domain::Privacy, StoreError> {
        self.lock_workspace().await?;
        let row = workspace::Entity::find_by_id(self.workspace.0).one(&self.transaction).await?.ok_or(StoreError::NotFound)?;
        read_privacy(row.privacy)
    }

    /// Sets what is kept of this workspace's visitors, from the next click on.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn set_privacy(&self, privacy: &domain::Privacy) -> Result<(), StoreError> {
        let text = serde_json::to_string(privacy).map_err(|error| StoreError::Internal(error.to_string()))?;
        let row = workspace::ActiveModel { privacy: Set(Some(text)), ..Default::default() };
        workspace::Entity::update_many().set(row).filter(workspace::Column::Id.eq(self.workspace.0)).exec(&self.transaction).await?;
        self.policy_changed().await
    }

    /// Makes `new` the secret under which this workspace signs. Earlier ones are good until
    /// `earlier_until`, if they were good so long; only the newest few are kept. Makes the link that
    /// signed clicks belong to as well.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn rotate_signing_secret(
        &self,
        new: NewSigningSecret,
        earlier_until: Millis,
        home: &TargetUrl,
        now: Millis,
    ) -> Result<(), StoreError> {
        self.policy_changed().await?;
        let ended = signing_secret::ActiveModel { valid_until: Set(Some(earlier_until.0)), ..Default::default() };
        signing_secret::Entity::update_many()
            .set(ended)
            .filter(signing_secret::Column::WorkspaceId.eq(self.workspace.0))
            .filter(signing_secret::Column::ValidUntil.is_null().or(signing_secret::Column::ValidUntil.gt(earlier_until.0)))
            .exec(&self.transaction)
            .await?;
        let row = signing_secret::ActiveModel {
            id: Set(new.id.0),
            workspace_id: Set(self.workspace.0),
            sealed: Set(new.sealed),
            created_at: Set(now.0),
            valid_until: Set(None),
        };
        signing_secret::Entity::insert(row).exec_without_returning(&self.transaction).await?;
        let all = signing_secret::Entity::find()
            .filter(signing_secret::Column::WorkspaceId.eq(self.workspace.0))
            .order_by_desc(signing_secret::Column::Id)
            .all(&self.transaction)
            .await?;
        let over = |(index, row): &(usize, signing_secret::Model)| *index >= MAX_SECRETS || row.valid_until.is_some_and(|end| end <= now.0);
        let gone = all.into_iter().enumerate().filter(over).map(|(_, row)| row.id);
        signing_secret::Entity::delete_many()
            .filter(signing_secret::Column::WorkspaceId.eq(self.workspace.0))
            .filter(signing_secret::Column::Id.is_in(gone))
            .exec(&self.transaction)
            .await?;
        self.ensure_logged_link(home, now).await
    }

    /// The present signing secret, sealed; `None` when none was made yet.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn signing_secret(&self) -> Result<Option<String>, StoreError> {
        let found = signing_secret::Entity::find()
            .filter(signing_secret::Column::WorkspaceId.eq(self.workspace.0))
            .filter(signing_secret::Column::ValidUntil.is_null())
            .order_by_desc(signing_secret::Column::Id)
            .one(&self.transaction)
            .await?;
        Ok(found.map(|row| row.sealed))
    }

    /// Makes the link that clicks without one belong to, unless it is there. No slug leads to it.
    pub(crate) async fn ensure_logged_link(&self, home: &TargetUrl, now: Millis) -> Result<(), StoreError> {
        let row = link::ActiveModel {
            id: Set(LinkId::logged(self.workspace).0),
            workspace_id: Set(self.workspace.0),
            slug: Set(SIGNED_PATH.to_owned()),
            target_url: Set(home.as_str().to_owned()),
            title: Set(Some("Logged without a link".to_owned())),
            redirect_status: Set(RedirectStatus::DEFAULT.code() as i16),
            forward_query: Set(false),
            version: Set(1),
            created_at: Set(now.0),
            updated_at: Set(now.0),
            ..Default::default()
        };
        let there = OnConflict::column(link::Column::Id).do_nothing().to_owned();
        link::Entity::insert(row).on_conflict(there).exec_without_returning(&self.transaction).await?;
        Ok(())
    }

    /// The link of clicks without one is not for users to change.
    pub(crate) fn check_changeable(&self, id: LinkId) -> Result<(), StoreError> {
        if LinkKind::of(id, self.workspace) == LinkKind::Logged { Err(StoreError::Conflict(Conflict::Fixed)) } else { Ok(()) }
    }

    /// Raises the policy's version, which also serialises such changes, and tells the snapshot.
    pub(crate) async fn policy_changed(&self) -> Result<(), StoreError> {
        let raised = workspace::Entity::update_many()
            .col_expr(workspace::Column::PolicyVersion, Expr::col(workspace::Column::PolicyVersion).add(1))
            .filter(workspace::Column::Id.eq(self.workspace.0))
            .exec(&self.transaction)
            .await?;
        if raised.rows_affected != 1 {
            return Err(StoreError::NotFound);
        }
        self.record_policy_change(PolicySubject::Workspace(self.workspace)).await
    }

    /// Makes others who count this workspace's rows wait.
    pub(crate) async fn lock_workspace(&self) -> Result<(), StoreError> {
        let mut find = workspace::Entity::find_by_id(self.workspace.0);
        if self.transaction.get_database_backend() == sea_orm::DbBackend::Postgres {
            find = find.lock(LockType::Update);
        }
        find.one(&self.transaction).await?.map(drop).ok_or(StoreError::NotFound)
    }
}
