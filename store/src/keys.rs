//! The keys that sign access tokens, shared by all API processes of an installation.

use domain::{KeyId, Millis};
use entity::signing_key;
use sea_orm::{ActiveValue::Set, EntityTrait, QueryOrder};

use crate::{Access, Store, StoreError};

/// An Ed25519 key pair.
#[derive(Clone)]
pub struct StoredKey {
    pub id: KeyId,
    /// PKCS #8.
    pub private: Vec<u8>,
    pub public: Vec<u8>,
    pub created_at: Millis,
}

impl std::fmt::Debug for StoredKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredKey").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Store {
    /// All keys, oldest first. When there is none yet `fresh` is kept and returned; of two
    /// processes that do so at once each sees both keys on its next look.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn signing_keys(&self, fresh: impl FnOnce() -> StoredKey) -> Result<Vec<StoredKey>, StoreError> {
        let found = self.read_keys().await?;
        if !found.is_empty() {
            return Ok(found);
        }
        let key = fresh();
        let transaction = self.installation(Access::Write).await?;
        let row = signing_key::ActiveModel {
            id: Set(key.id.0),
            private_key: Set(key.private),
            public_key: Set(key.public),
            created_at: Set(key.created_at.0),
        };
        signing_key::Entity::insert(row).exec_without_returning(&transaction).await?;
        transaction.commit().await?;
        self.read_keys().await
    }

    /// All keys, oldest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn read_keys(&self) -> Result<Vec<StoredKey>, StoreError> {
        let transaction = self.installation(Access::Read).await?;
        let rows = signing_key::Entity::find().order_by_asc(signing_key::Column::Id).all(&transaction).await?;
        let key = |row: signing_key::Model| StoredKey {
            id: KeyId(row.id),
            private: row.private_key,
            public: row.public_key,
            created_at: Millis(row.created_at),
        };
        Ok(rows.into_iter().map(key).collect())
    }
}
