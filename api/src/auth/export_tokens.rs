//! Tokens that fetch one export without any other credential: in an address, so they are good for an hour and for
//! as long as the session that asked for them lives, and for nothing else.

use domain::{JobId, Millis};
use serde::{Deserialize, Serialize};

use super::sessions::Sessions;
use super::tokens::{Timed, TokenError};
use crate::caller::Session;
use crate::schema::error::ApiError;

/// How long an address of a result is good.
pub(crate) const EXPORT_SECONDS: i64 = 3_600;
/// Beside access tokens, which are not for this audience, nor this token for theirs.
const AUDIENCE: &str = "/export";

/// What a token says. Times are in seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct ExportClaims {
    iss: String,
    aud: String,
    /// The job.
    sub: String,
    iat: i64,
    exp: i64,
    /// Who asked.
    usr: String,
    ws: String,
    /// [`domain::Role::code`].
    role: i16,
    sid: String,
    ver: i32,
}

impl Timed for ExportClaims {
    fn times(&self) -> (i64, i64) {
        (self.iat, self.exp)
    }
}

impl Sessions {
    /// A token for the result of a job.
    ///
    /// # Errors
    /// When the crypto library refuses.
    pub async fn export_token(&self, session: &Session, job: JobId) -> Result<String, ApiError> {
        let keys = self.keys.read().await;
        let now = self.clock.now().0.div_euclid(1_000);
        let claims = ExportClaims {
            iss: keys.issuer().to_owned(),
            aud: format!("{}{AUDIENCE}", keys.issuer()),
            sub: job.to_string(),
            iat: now,
            exp: now + EXPORT_SECONDS,
            usr: session.user.to_string(),
            ws: session.workspace.to_string(),
            role: session.role.code(),
            sid: session.id.to_string(),
            ver: session.version,
        };
        keys.sign(&claims).map_err(ApiError::Internal)
    }

    /// On whose behalf a token fetches which job's result.
    ///
    /// # Errors
    /// [`ApiError::BadCredential`] when it is not good, or its session has ended.
    pub async fn export_grant(&self, token: &str) -> Result<(Session, JobId), ApiError> {
        let now = self.clock.now();
        let audience = format!("{}{AUDIENCE}", self.keys.read().await.issuer());
        let mut verified = self.keys.read().await.verify_for::<ExportClaims>(token, &audience, now);
        if matches!(verified, Err(TokenError::UnknownKey)) && self.has_new_keys(token).await? {
            verified = self.keys.read().await.verify_for(token, &audience, now);
        }
        let claims = verified.map_err(|error| match error {
            TokenError::Expired => ApiError::BadCredential("This address was good for an hour. Ask for the job's resultUrl again."),
            TokenError::UnknownKey | TokenError::Wrong => WRONG,
        })?;
        let (session, job) = read(&claims).ok_or(WRONG)?;
        if self.is_live(&session).await? { Ok((session, job)) } else { Err(WRONG) }
    }
}

const WRONG: ApiError = ApiError::BadCredential("This address is not good, or who asked for it has signed out. Ask for an export again.");

fn read(claims: &ExportClaims) -> Option<(Session, JobId)> {
    let session = Session {
        id: claims.sid.parse().ok()?,
        user: claims.usr.parse().ok()?,
        workspace: claims.ws.parse().ok()?,
        role: domain::Role::from_code(claims.role)?,
        version: claims.ver,
        expires_at: Millis(claims.exp * 1_000),
    };
    Some((session, claims.sub.parse().ok()?))
}
