//! Sessions as the API gives them out: an access token of 15 minutes that any process can check
//! by itself, and a refresh token that the store knows by its hash.
//!
//! A session that was ended is refused here at once, and by other processes as soon as they look
//! again, after [`LOOK_AGAIN`] at most; open sockets are told in the same time.

use std::net::IpAddr;
use std::time::Duration;

use domain::{ApiKeyId, KeyId, Millis, Role, SessionId, UserId, WorkspaceId, is_api_key};
use moka::future::Cache;
use platform::{Clock, Rng};
use store::{NewSession, Refresh, RefreshOutcome, SessionState, Store};
use tokio::sync::RwLock;
use uuid::Uuid;

use super::keys::Keys as ApiKeys;
use super::refresh;
use super::tokens::{self, AccessClaims, SigningKeys, TokenError};
use crate::caller::{Caller, Key, Session};
use crate::schema::error::ApiError;

/// How long an access token lasts.
const ACCESS_MILLIS: i64 = 15 * 60 * 1_000;
/// How long a refresh token lasts unused.
const REFRESH_MILLIS: i64 = 30 * 24 * 3_600 * 1_000;
/// How old the knowledge of a session's state may be.
pub(super) const LOOK_AGAIN: Duration = Duration::from_secs(2);
const KNOWN_SESSIONS: u64 = 100_000;

/// What an access token is made for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grant {
    pub id: SessionId,
    pub user: UserId,
    pub workspace: WorkspaceId,
    pub version: i32,
}

/// A session renewed.
#[derive(Debug)]
pub(crate) struct Granted {
    pub session: Grant,
    pub refresh_token: String,
}

#[derive(Debug)]
pub(crate) struct Sessions {
    store: Store,
    pub(super) clock: Clock,
    rng: Rng,
    pub(super) keys: RwLock<SigningKeys>,
    api_keys: ApiKeys,
    /// What was last known of a session.
    states: Cache<SessionId, Option<SessionState>>,
}

impl Sessions {
    /// Reads the signing keys; the first process of an installation makes one.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn open(store: Store, clock: Clock, rng: Rng, issuer: String) -> Result<Self, ApiError> {
        let fresh = tokens::generate(&rng, clock.now()).map_err(ApiError::Internal)?;
        let keys = store.signing_keys(|| fresh).await?;
        let keys = SigningKeys::new(issuer, &keys).ok_or_else(|| ApiError::Internal("there is no signing key".into()))?;
        let states = Cache::builder().max_capacity(KNOWN_SESSIONS).time_to_live(LOOK_AGAIN).build();
        let api_keys = ApiKeys::new(store.clone(), clock.clone());
        Ok(Self { api_keys, store, clock, rng, keys: RwLock::new(keys), states })
    }

    /// A session to be stored, and its refresh token.
    pub fn prepare(&self, user: UserId, workspace: WorkspaceId, now: Millis) -> (String, NewSession) {
        let (token, refresh) = self.refresh_token(now);
        (token, NewSession { id: SessionId::new(now, self.rng.entropy()), user, workspace, refresh, now })
    }

    fn refresh_token(&self, now: Millis) -> (String, Refresh) {
        let (token, hash) = refresh::generate(&self.rng);
        (token, Refresh { hash, expires_at: now.plus(REFRESH_MILLIS) })
    }

    /// An access token, and when it ends.
    pub async fn access_token(&self, grant: &Grant, role: Role) -> Result<(String, Millis), ApiError> {
        let keys = self.keys.read().await;
        let issued = self.clock.now().0.div_euclid(1_000);
        let expires = issued + ACCESS_MILLIS / 1_000;
        let claims = AccessClaims {
            iss: keys.issuer().to_owned(),
            aud: keys.issuer().to_owned(),
            sub: grant.user.to_string(),
            iat: issued,
            exp: expires,
            jti: Uuid::from_bytes(self.rng.bytes()).simple().to_string(),
            ws: grant.workspace.to_string(),
            role: role.code(),
            sid: grant.id.to_string(),
            ver: grant.version,
        };
        Ok((keys.sign(&claims).map_err(ApiError::Internal)?, Millis(expires * 1_000)))
    }

    /// Exchanges a refresh token.
    ///
    /// # Errors
    /// [`ApiError::BadCredential`] when it is wrong, used up or its session has ended.
    pub async fn renew(&self, token: &str) -> Result<Granted, ApiError> {
        let now = self.clock.now();
        let (refresh_token, next) = self.refresh_token(now);
        match self.store.renew_session(refresh::hash(token), next, now).await? {
            RefreshOutcome::Renewed(session) => {
                let session = Grant { id: session.id, user: session.user, workspace: session.workspace, version: session.version };
                Ok(Granted { session, refresh_token })
            }
            RefreshOutcome::Refused => Err(ApiError::BadCredential("This refresh token is not valid any more. Sign in again.")),
            RefreshOutcome::Reused(id) => {
                self.states.invalidate(&id).await;
                tracing::warn!(session = %id, "a refresh token was used twice; its session was ended");
                Err(ApiError::BadCredential("This refresh token was used before, so its session was ended. Sign in again."))
            }
        }
    }

    /// Ends a session.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn end(&self, id: SessionId) -> Result<(), ApiError> {
        self.store.end_session(id, self.clock.now()).await?;
        self.states.invalidate(&id).await;
        Ok(())
    }

    /// The caller of a credential, as it stands in `Authorization` or in connection_init: a session's
    /// access token, or an API key used from `ip`.
    ///
    /// # Errors
    /// [`ApiError::BadCredential`] when there is one and it is not good.
    pub async fn authenticate(&self, authorization: Option<&str>, ip: IpAddr) -> Result<Caller, ApiError> {
        let Some(credential) = authorization.map(str::trim).filter(|text| !text.is_empty()) else { return Ok(Caller::Anonymous) };
        let token = credential.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim());
        let token = token.ok_or(ApiError::BadCredential("The credential must look like: Bearer <access token or API key>."))?;
        if is_api_key(token) {
            return Ok(Caller::Key(self.api_keys.authenticate(token, ip).await?));
        }
        let session = session(&self.verify(token).await?).ok_or(WRONG)?;
        if self.is_live(&session).await? { Ok(Caller::Session(session)) } else { Err(ENDED) }
    }

    async fn verify(&self, token: &str) -> Result<AccessClaims, ApiError> {
        let now = self.clock.now();
        let mut verified = self.keys.read().await.verify(token, now);
        if verified == Err(TokenError::UnknownKey) && self.has_new_keys(token).await? {
            verified = self.keys.read().await.verify(token, now);
        }
        verified.map_err(|error| match error {
            TokenError::Expired => ApiError::BadCredential("The access token has expired. Renew it with refreshSession."),
            TokenError::UnknownKey | TokenError::Wrong => WRONG,
        })
    }

    /// Another process may have made a key since. Asks the store only for what looks like a key's id.
    pub(super) async fn has_new_keys(&self, token: &str) -> Result<bool, ApiError> {
        if tokens::key_id(token).and_then(|kid| kid.parse::<KeyId>().ok()).is_none() {
            return Ok(false);
        }
        let stored = self.store.read_keys().await?;
        let mut keys = self.keys.write().await;
        let issuer = keys.issuer().to_owned();
        if let Some(read) = SigningKeys::new(issuer, &stored) {
            *keys = read;
        }
        Ok(true)
    }

    pub(super) async fn is_live(&self, session: &Session) -> Result<bool, ApiError> {
        let look_up = self.store.session(session.id);
        let state = self.states.try_get_with(session.id, look_up).await.map_err(|error| ApiError::unavailable(&error))?;
        Ok(state.is_some_and(|state| !state.revoked && state.user == session.user && state.version == session.version))
    }

    /// Ends when the session has ended.
    pub async fn ended(&self, session: &Session) {
        loop {
            tokio::time::sleep(LOOK_AGAIN / 2).await;
            // A store that does not answer says nothing about the session.
            if let Ok(false) = self.is_live(session).await {
                return;
            }
        }
    }

    /// Ends when the key has ended.
    pub async fn key_ended(&self, key: &Key) {
        self.api_keys.ended(key).await;
    }

    /// A key is not what it was.
    pub async fn key_changed(&self, id: ApiKeyId) {
        self.api_keys.changed(id).await;
    }

    /// The public keys, for others to check access tokens.
    pub async fn jwks(&self) -> serde_json::Value {
        self.keys.read().await.jwks()
    }
}

const WRONG: ApiError = ApiError::BadCredential("The access token is not valid. Sign in again.");
const ENDED: ApiError = ApiError::BadCredential("This session has ended. Sign in again.");

fn session(claims: &AccessClaims) -> Option<Session> {
    Some(Session {
        id: claims.sid.parse().ok()?,
        user: claims.sub.parse().ok()?,
        workspace: claims.ws.parse().ok()?,
        role: Role::from_code(claims.role)?,
        version: claims.ver,
        expires_at: Millis(claims.exp * 1_000),
    })
}
