//! Sessions as the API gives them out: an access token of 15 minutes that any process can check
//! by itself, and a refresh token that the database knows by its hash.
//!
//! A session that was ended is refused here at once, and by other processes as soon as they look
//! again, after [`LOOK_AGAIN`] at most.

use std::time::Duration;

use domain::{Millis, Role, SessionId, UserId, WorkspaceId};
use moka::future::Cache;
use platform::{Clock, Rng};
use store::{NewSession, Refresh, RefreshHash, RefreshOutcome, SessionState, Store, StoredKey};
use tokio::sync::{RwLock, broadcast};

use super::refresh;
use super::tokens::{AccessClaims, SigningKeys, TokenError};
use crate::caller::{Caller, Session};
use crate::schema::error::ApiError;

/// How long an access token lasts.
const ACCESS_MILLIS: i64 = 15 * 60 * 1_000;
/// How long a refresh token lasts unused.
const REFRESH_MILLIS: i64 = 30 * 24 * 3_600 * 1_000;
/// How old the knowledge of a session's state may be.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_secs(2);
const KNOWN_SESSIONS: u64 = 100_000;
const SIGNED_OUT: ApiError = ApiError::BadCredential("This session has ended. Sign in again.");

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
    clock: Clock,
    rng: Rng,
    keys: RwLock<SigningKeys>,
    states: Cache<SessionId, Option<SessionState>>,
    ended: broadcast::Sender<SessionId>,
}
