//! API keys: making, listing and revoking them.

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use domain::{ApiKeyId, ApiScope, Invalid, Issue, IssueCode, compose_api_key, parse_key_name, parse_key_networks};
use store::{MAX_API_KEYS, NewApiKey, StoreError};
use stream::LinkEvent;

use super::context::{admin, home, services, session};
use super::error::{ApiError, ApiResult};
use super::scalars::DateTime;

/// What an API key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "ApiScope")]
pub enum ApiKeyScope {
    /// Find and list links.
    LinksRead,
    /// Make, change and delete links; sign addresses.
    LinksWrite,
    /// Clicks, counts, and clicks live.
    ClicksRead,
    /// Log clicks by POST /log-and-redirect.
    ClicksWrite,
    /// Tell what clicks led to.
    ConversionsWrite,
}

/// A key with which a program acts for the workspace.
#[derive(Clone, Debug, SimpleObject)]
pub struct ApiKey {
    pub id: ID,
    pub name: String,
    pub scopes: Vec<ApiKeyScope>,
    pub created_at: DateTime,
    /// Null when it does not expire.
    pub expires_at: Option<DateTime>,
    /// Where it may be used from, as CIDRs; empty is everywhere.
    pub networks: Vec<String>,
    /// To the minute; redirectors without a database do not tell. Null until it is used.
    pub last_used_at: Option<DateTime>,
    /// Null while it is good.
    pub revoked_at: Option<DateTime>,
}

impl From<store::ApiKey> for ApiKey {
    fn from(key: store::ApiKey) -> Self {
        Self {
            id: key.id.to_string().into(),
            name: key.name,
            scopes: key.scopes.into_iter().map(Into::into).collect(),
            created_at: DateTime(key.created_at),
            expires_at: key.expires_at.map(DateTime),
            networks: key.networks.iter().map(ToString::to_string).collect(),
            last_used_at: key.last_used_at.map(DateTime),
            revoked_at: key.revoked_at.map(DateTime),
        }
    }
}

#[derive(InputObject)]
pub struct CreateApiKeyInput {
    /// 1 to 100 characters.
    name: String,
    /// At least one.
    scopes: Vec<ApiKeyScope>,
    /// Left out, it does not expire.
    expires_at: Option<DateTime>,
    /// CIDRs or addresses that it may be used from, at most 32; left out, it may be from everywhere.
    networks: Option<Vec<String>>,
}

#[derive(InputObject)]
pub struct RevokeApiKeyInput {
    id: ID,
}

#[derive(Clone, Debug, SimpleObject)]
pub struct CreateApiKeyPayload {
    pub key: ApiKey,
    /// The key itself, for `Authorization: Bearer …`. It is shown this once and never again.
    pub secret: String,
}

#[derive(Clone, Debug, SimpleObject)]
pub struct RevokeApiKeyPayload {
    pub key: ApiKey,
}

#[derive(Default)]
pub struct ApiKeyQuery;

#[Object]
impl ApiKeyQuery {
    /// The workspace's keys that are not revoked, newest first: at most 100. Null with an error for
    /// who may not manage keys.
    async fn api_keys(&self, ctx: &Context<'_>) -> ApiResult<Option<Vec<ApiKey>>> {
        admin(ctx)?;
        let scope = services(ctx)?.read(session(ctx)?.workspace).await?;
        Ok(Some(scope.api_keys().await?.into_iter().map(Into::into).collect()))
    }
}

#[derive(Default)]
pub struct ApiKeyMutation;

#[Object]
impl ApiKeyMutation {
    /// Makes an API key. QUOTA_EXCEEDED when the workspace has 100 that are not revoked.
    async fn create_api_key(&self, ctx: &Context<'_>, input: CreateApiKeyInput) -> ApiResult<Option<CreateApiKeyPayload>> {
        let (services, session) = (services(ctx)?, admin(ctx)?);
        let now = services.clock.now();
        let mut invalid = Invalid::default();
        let name = invalid.check(parse_key_name(&input.name));
        let mut scopes: Vec<ApiScope> = input.scopes.into_iter().map(Into::into).collect();
        scopes.sort_unstable();
        scopes.dedup();
        if scopes.is_empty() {
            invalid.0.push(Issue::new("scopes", IssueCode::Required, "Choose at least one scope, or the key could do nothing."));
        }
        let expires_at = input.expires_at.map(|at| at.0);
        if expires_at.is_some_and(|at| at <= now) {
            invalid.0.push(Issue::new("expiresAt", IssueCode::OutOfRange, "The key must expire in the future, or not at all."));
        }
        let networks = invalid.check(parse_key_networks(&input.networks.unwrap_or_default()));
        invalid.finish()?;
        let Some((name, networks)) = name.zip(networks) else { return Err(ApiError::Internal("a checked input has no value".into())) };
        let id = ApiKeyId::new(now, services.rng.entropy());
        let (secret, hash) = compose_api_key(id, services.rng.bytes());
        let scope = services.write(session.workspace).await?;
        let new = NewApiKey { id, name, hash, scopes, expires_at, networks, created_by: Some(session.user) };
        let key = scope.create_api_key(&new, &home(services), now).await.map_err(|error| match error {
            StoreError::TooMany => {
                ApiError::Quota(format!("A workspace has at most {MAX_API_KEYS} API keys. Revoke one that is not used any more."))
            }
            other => other.into(),
        })?;
        scope.commit().await?;
        services.notices.publish(LinkEvent::Key { id }).await;
        Ok(Some(CreateApiKeyPayload { key: key.into(), secret }))
    }

    /// Ends an API key for good, everywhere within two seconds; a redirector that hears of no
    /// changes follows within 30, or within an hour where it cannot ask either. Revoking it again changes nothing.
    async fn revoke_api_key(&self, ctx: &Context<'_>, input: RevokeApiKeyInput) -> ApiResult<Option<RevokeApiKeyPayload>> {
        let (services, session) = (services(ctx)?, admin(ctx)?);
        let id: ApiKeyId = input.id.parse().map_err(|_| ApiError::NotFound("API key"))?;
        let scope = services.write(session.workspace).await?;
        let key = scope.revoke_api_key(id, services.clock.now()).await.map_err(|error| match error {
            StoreError::NotFound => ApiError::NotFound("API key"),
            other => other.into(),
        })?;
        scope.commit().await?;
        services.sessions.key_changed(id).await;
        services.notices.publish(LinkEvent::Key { id }).await;
        Ok(Some(RevokeApiKeyPayload { key: key.into() }))
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::{InputType as _, Name, Value};

    use super::*;

    #[test]
    fn a_scope_is_called_the_same_everywhere() {
        for scope in ApiScope::ALL {
            assert_eq!(ApiKeyScope::from(scope).to_value(), Value::Enum(Name::new(scope.name())));
        }
    }
}
