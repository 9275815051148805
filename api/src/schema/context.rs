//! What resolvers have at hand, and the ways to it.

use std::sync::Arc;

use async_graphql::Context;
use domain::{ShortDomain, WorkspaceId};
use platform::config::SignUp;
use platform::{Clock, Health, Rng};
use store::{Access, Store, WorkspaceScope};
use stream::LinkNotices;

use super::error::ApiError;
use crate::auth::{Passwords, Sessions};
use crate::caller::{Caller, Session};
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
    pub clock: Clock,
    pub rng: Rng,
    pub short_domain: ShortDomain,
    /// The host of the dashboard, where it has a name.
    pub public_host: Option<String>,
    pub proofs: Proofs,
    pub sign_up: SignUp,
    pub health: Health,
}

impl Services {
    pub async fn read(&self, workspace: WorkspaceId) -> Result<WorkspaceScope, ApiError> {
        Ok(self.store.workspace(workspace, Access::Read).await?)
    }

    pub async fn write(&self, workspace: WorkspaceId) -> Result<WorkspaceScope, ApiError> {
        Ok(self.store.workspace(workspace, Access::Write).await?)
    }
}

pub(crate) fn services<'a>(ctx: &Context<'a>) -> Result<&'a Services, ApiError> {
    ctx.data::<Services>().map_err(|error| ApiError::Internal(error.message))
}

/// The signed-in caller.
///
/// # Errors
/// [`ApiError::Unauthenticated`] for an anonymous one.
pub(crate) fn session<'a>(ctx: &Context<'a>) -> Result<&'a Session, ApiError> {
    match ctx.data_opt::<Caller>() {
        Some(Caller::Session(session)) => Ok(session),
        Some(Caller::Anonymous) | None => Err(ApiError::Unauthenticated),
    }
}

/// The signed-in caller, if its role may change links.
///
/// # Errors
/// [`ApiError::Unauthenticated`], or [`ApiError::Forbidden`] for a viewer.
pub(crate) fn editor<'a>(ctx: &Context<'a>) -> Result<&'a Session, ApiError> {
    let session = session(ctx)?;
    if session.role.may_edit_links() {
        Ok(session)
    } else {
        Err(ApiError::Forbidden("Your role in this workspace is viewer, which cannot change links. Ask an admin for the editor role."))
    }
}

/// The signed-in caller, if its role may change domains.
///
/// # Errors
/// [`ApiError::Unauthenticated`], or [`ApiError::Forbidden`] for editors and viewers.
pub(crate) fn domain_admin<'a>(ctx: &Context<'a>) -> Result<&'a Session, ApiError> {
    let session = session(ctx)?;
    if session.role.may_manage_domains() {
        Ok(session)
    } else {
        Err(ApiError::Forbidden("Your role in this workspace cannot change domains. Ask an owner or admin."))
    }
}
