//! What resolvers have at hand, and the ways to it.

use std::sync::Arc;

use async_graphql::Context;
use domain::{ApiScope, AuditActor, AuditEntry, AuditId, HostName, OwnHosts, ShortDomain, TargetUrl, UserId, WorkspaceId};
use platform::config::SignUp;
use platform::{Clock, Health, Rng, SealKey};
use store::{Access, Store, WorkspaceScope};
use stream::LinkNotices;

use super::error::ApiError;
use crate::auth::{Passwords, Sessions};
use crate::caller::{Caller, Session};
use crate::conversions::Tracker;
use crate::domains::Proofs;
use crate::live::Hub;

/// The services behind the schema.
#[derive(Clone, Debug)]
pub(crate) struct Services {
    pub store: Store,
    pub hub: Arc<Hub>,
    pub notices: Arc<dyn LinkNotices>,
    pub sessions: Arc<Sessions>,
    pub passwords: Arc<Passwords>,
    pub tracker: Arc<Tracker>,
    pub clock: Clock,
    pub rng: Rng,
    pub short_domain: ShortDomain,
    /// The host of the dashboard, where it has a name.
    pub public_host: Option<String>,
    /// Where a workspace's archive is fetched.
    pub export_url: String,
    pub proofs: Proofs,
    pub sign_up: SignUp,
    pub health: Health,
    /// Seals and opens signing secrets.
    pub seal_key: Option<SealKey>,
}

impl Services {
    pub async fn read(&self, workspace: WorkspaceId) -> Result<WorkspaceScope, ApiError> {
        Ok(self.store.workspace(workspace, Access::Read).await?)
    }

    pub async fn write(&self, workspace: WorkspaceId) -> Result<WorkspaceScope, ApiError> {
        Ok(self.store.workspace(workspace, Access::Write).await?)
    }

    /// Where no target of a workspace with these domains may lead.
    pub fn own_hosts<'a>(&'a self, domains: &'a [HostName]) -> OwnHosts<'a> {
        OwnHosts::new(&self.short_domain, domains)
    }
}

pub(crate) fn services<'a>(ctx: &Context<'a>) -> Result<&'a Services, ApiError> {
    ctx.data::<Services>().map_err(|error| ApiError::Internal(error.message))
}

/// The signed-in caller.
///
/// # Errors
/// [`ApiError::Unauthenticated`] for an anonymous one, [`ApiError::Forbidden`] for a key.
pub(crate) fn session<'a>(ctx: &Context<'a>) -> Result<&'a Session, ApiError> {
    match ctx.data_opt::<Caller>() {
        Some(Caller::Session(session)) => Ok(session),
        Some(Caller::Key(_)) => Err(ApiError::Forbidden("API keys cannot do this. Sign in as a member of the workspace.")),
        Some(Caller::Anonymous) | None => Err(ApiError::Unauthenticated),
    }
}

/// The caller's workspace, be it a person's or any key's.
///
/// # Errors
/// [`ApiError::Unauthenticated`].
pub(crate) fn tenant(ctx: &Context<'_>) -> Result<WorkspaceId, ApiError> {
    ctx.data_opt::<Caller>().and_then(Caller::workspace).ok_or(ApiError::Unauthenticated)
}

/// The caller's workspace: that of who is signed in, or of a key with this scope.
///
/// # Errors
/// [`ApiError::Unauthenticated`], or [`ApiError::Scope`] for a key without the scope.
pub(crate) fn reader(ctx: &Context<'_>, scope: ApiScope) -> Result<WorkspaceId, ApiError> {
    match ctx.data_opt::<Caller>() {
        Some(Caller::Key(key)) if !key.scopes.contains(&scope) => Err(ApiError::Scope(scope)),
        _ => tenant(ctx),
    }
}

/// The workspace whose links the caller may change.
///
/// # Errors
/// [`ApiError::Unauthenticated`], [`ApiError::Forbidden`] for a viewer, [`ApiError::Scope`] for a key
/// without links:write.
pub(crate) fn editor(ctx: &Context<'_>) -> Result<WorkspaceId, ApiError> {
    match ctx.data_opt::<Caller>() {
        Some(Caller::Session(session)) if !session.role.may_edit_links() => {
            Err(ApiError::Forbidden("Your role in this workspace is viewer, which cannot change links. Ask an admin for the editor role."))
        }
        _ => reader(ctx, ApiScope::LinksWrite),
    }
}

/// The workspace for which the caller may tell what clicks led to.
///
/// # Errors
/// As [`editor`], with the scope conversions:write.
pub(crate) fn tracker(ctx: &Context<'_>) -> Result<WorkspaceId, ApiError> {
    match ctx.data_opt::<Caller>() {
        Some(Caller::Session(session)) if !session.role.may_edit_links() => Err(ApiError::Forbidden(
            "Your role in this workspace is viewer, which cannot tell of conversions. Ask an admin for the editor role.",
        )),
        _ => reader(ctx, ApiScope::ConversionsWrite),
    }
}

/// The signed-in caller, if its role may manage keys and the workspace.
///
/// # Errors
/// [`ApiError::Unauthenticated`], or [`ApiError::Forbidden`] for editors, viewers and keys.
pub(crate) fn admin<'a>(ctx: &Context<'a>) -> Result<&'a Session, ApiError> {
    let session = session(ctx)?;
    if session.role.may_manage_workspace() {
        Ok(session)
    } else {
        Err(ApiError::Forbidden("Only owners and admins of the workspace may do this. Ask one of them."))
    }
}

/// For the audit log.
pub(crate) fn audit_entry(services: &Services, user: UserId, action: &str, details: serde_json::Value) -> AuditEntry {
    let id = AuditId::new(services.clock.now(), services.rng.entropy());
    AuditEntry { id, actor: AuditActor::User(user), action: action.to_owned(), details }
}

/// Where the short domain begins: what stands for a target where there is none.
pub(crate) fn home(services: &Services) -> TargetUrl {
    TargetUrl::from_store(services.short_domain.short_url(""))
}
