//! API keys as credentials of the API. What a key is good for is looked up and remembered for as
//! long as a session's state, so that revoking one is felt in the same time.

use std::net::IpAddr;

use domain::{ApiKeyId, ApiKeyState, PresentedKey, read_api_key};
use moka::future::Cache;
use platform::{Clock, is_same};
use store::Store;

use super::sessions::LOOK_AGAIN;
use crate::caller::Key;
use crate::schema::error::ApiError;

const KNOWN_KEYS: u64 = 50_000;
/// A key's use is noted this often.
const NOTE_EVERY: std::time::Duration = std::time::Duration::from_secs(60);

#[derive(Debug)]
pub(crate) struct Keys {
    store: Store,
    clock: Clock,
    states: Cache<ApiKeyId, Option<ApiKeyState>>,
    /// Keys whose use was noted lately.
    noted: Cache<ApiKeyId, ()>,
}

impl Keys {
    pub fn new(store: Store, clock: Clock) -> Self {
        let states = Cache::builder().max_capacity(KNOWN_KEYS).time_to_live(LOOK_AGAIN).build();
        let noted = Cache::builder().max_capacity(KNOWN_KEYS).time_to_live(NOTE_EVERY).build();
        Self { store, clock, states, noted }
    }

    /// The caller with this key, from this address.
    ///
    /// # Errors
    /// [`ApiError::BadCredential`] for a key that is no good, [`ApiError::Forbidden`] for one that is
    /// bound to other networks.
    pub async fn authenticate(&self, token: &str, ip: IpAddr) -> Result<Key, ApiError> {
        let PresentedKey { id, hash } = read_api_key(token).ok_or(WRONG)?;
        let right = self.state(id).await?.and_then(|state| state.right).ok_or(WRONG)?;
        if !is_same(&right.hash.0, &hash.0) || right.is_over(self.clock.now()) {
            return Err(WRONG);
        }
        if !right.allows(ip) {
            return Err(ApiError::Forbidden("This API key may not be used from this address."));
        }
        self.note_use(id).await;
        Ok(Key { id, workspace: right.workspace, scopes: right.scopes, expires_at: right.expires_at })
    }

    async fn state(&self, id: ApiKeyId) -> Result<Option<ApiKeyState>, ApiError> {
        self.states.try_get_with(id, self.store.api_key(id)).await.map_err(|error| ApiError::unavailable(&error))
    }

    /// Ends when the key has ended.
    pub async fn ended(&self, key: &Key) {
        loop {
            tokio::time::sleep(LOOK_AGAIN / 2).await;
            // A store that does not answer says nothing about the key.
            if let Ok(state) = self.state(key.id).await
                && state.and_then(|state| state.right).is_none_or(|right| right.is_over(self.clock.now()))
            {
                return;
            }
        }
    }

    /// Forgets what was known of a key that this process has changed.
    pub async fn changed(&self, id: ApiKeyId) {
        self.states.invalidate(&id).await;
    }

    async fn note_use(&self, id: ApiKeyId) {
        if !self.noted.contains_key(&id) {
            self.noted.insert(id, ()).await;
            let (store, now) = (self.store.clone(), self.clock.now());
            tokio::spawn(async move {
                if let Err(error) = store.touch_api_key(id, now).await {
                    tracing::debug!(%error, "the use of a key cannot be noted");
                }
            });
        }
    }
}

const WRONG: ApiError = ApiError::BadCredential("This API key is not valid: it is mistyped, has expired or was revoked.");
