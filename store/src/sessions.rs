//! Sessions and their one-time refresh tokens. A session is a family of tokens: each use of one
//! makes the next, and a token used twice ends the family, since one of the two was stolen.

use domain::{Millis, SessionId, UserId, WorkspaceId};
use entity::{refresh_token, session};
use sea_orm::{ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect, sea_query::LockType};

use crate::{Access, Store, StoreError};

/// A token repeated within this time is a client whose answer got lost, not a thief.
const GRACE_MILLIS: i64 = 30_000;

/// SHA-256 of a refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshHash(pub [u8; 32]);

/// A refresh token to be kept.
#[derive(Clone, Copy, Debug)]
pub struct Refresh {
    pub hash: RefreshHash,
    pub expires_at: Millis,
}

/// A sign-in.
#[derive(Clone, Copy, Debug)]
pub struct NewSession {
    pub id: SessionId,
    pub user: UserId,
    pub workspace: WorkspaceId,
    pub refresh: Refresh,
    pub now: Millis,
}

/// A session as stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionState {
    pub id: SessionId,
    pub user: UserId,
    pub workspace: WorkspaceId,
    pub version: i32,
    pub revoked: bool,
}

/// What became of a refresh token that was presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshOutcome {
    Renewed(SessionState),
    /// Never given out, or expired, or of a session that has ended.
    Refused,
    /// Used before: the session was ended.
    Reused(SessionId),
}

impl Store {
    /// # Errors
    /// When the database does not answer.
    pub async fn start_session(&self, new: &NewSession) -> Result<(), StoreError> {
        let transaction = self.installation(Access::Write).await?;
        insert_session(&transaction, new).await?;
        Ok(transaction.commit().await?)
    }

    /// # Errors
    /// When the database does not answer.
    pub async fn session(&self, id: SessionId) -> Result<Option<SessionState>, StoreError> {
        let transaction = self.installation(Access::Read).await?;
        Ok(session::Entity::find_by_id(id.0).one(&transaction).await?.map(state))
    }

    /// Ends a session; ending it again changes nothing.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn end_session(&self, id: SessionId, now: Millis) -> Result<(), StoreError> {
        let transaction = self.installation(Access::Write).await?;
        revoke(&transaction, id, now).await?;
        Ok(transaction.commit().await?)
    }

    /// Exchanges a refresh token for `next`.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn renew_session(&self, presented: RefreshHash, next: Refresh, now: Millis) -> Result<RefreshOutcome, StoreError> {
        let transaction = self.installation(Access::Write).await?;
        let mut find = refresh_token::Entity::find_by_id(presented.0.to_vec());
        if self.is_postgres() {
            find = find.lock(LockType::Update);
        }
        let Some(token) = find.one(&transaction).await? else { return Ok(RefreshOutcome::Refused) };
        let session = session::Entity::find_by_id(token.session_id).one(&transaction).await?.map(state);
        let Some(session) = session.filter(|session| !session.revoked && token.expires_at > now.0) else {
            return Ok(RefreshOutcome::Refused);
        };
        if token.used_at.is_some_and(|used_at| now.0 - used_at > GRACE_MILLIS) {
            revoke(&transaction, session.id, now).await?;
            transaction.commit().await?;
            return Ok(RefreshOutcome::Reused(session.id));
        }
        if token.used_at.is_none() {
            let used = refresh_token::ActiveModel { hash: Set(token.hash), used_at: Set(Some(now.0)), ..Default::default() };
            refresh_token::Entity::update(used).exec(&transaction).await?;
        }
        insert_refresh(&transaction, session.id, next).await?;
        transaction.commit().await?;
        Ok(RefreshOutcome::Renewed(session))
    }
}

pub(crate) async fn insert_session(transaction: &DatabaseTransaction, new: &NewSession) -> Result<(), StoreError> {
    let row = session::ActiveModel {
        id: Set(new.id.0),
        user_id: Set(new.user.0),
        active_workspace: Set(new.workspace.0),
        version: Set(1),
        created_at: Set(new.now.0),
        revoked_at: Set(None),
    };
    session::Entity::insert(row).exec_without_returning(transaction).await?;
    insert_refresh(transaction, new.id, new.refresh).await
}

async fn insert_refresh(transaction: &DatabaseTransaction, session: SessionId, refresh: Refresh) -> Result<(), StoreError> {
    let row = refresh_token::ActiveModel {
        hash: Set(refresh.hash.0.to_vec()),
        session_id: Set(session.0),
        expires_at: Set(refresh.expires_at.0),
        used_at: Set(None),
    };
    refresh_token::Entity::insert(row).exec_without_returning(transaction).await?;
    Ok(())
}

async fn revoke(transaction: &DatabaseTransaction, id: SessionId, now: Millis) -> Result<(), StoreError> {
    session::Entity::update_many()
        .set(session::ActiveModel { revoked_at: Set(Some(now.0)), ..Default::default() })
        .filter(session::Column::Id.eq(id.0))
        .filter(session::Column::RevokedAt.is_null())
        .exec(transaction)
        .await?;
    Ok(())
}

fn state(row: session::Model) -> SessionState {
    SessionState {
        id: SessionId(row.id),
        user: UserId(row.user_id),
        workspace: WorkspaceId(row.active_workspace),
        version: row.version,
        revoked: row.revoked_at.is_some(),
    }
}
