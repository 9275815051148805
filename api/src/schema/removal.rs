//! The end of a workspace, and the archive of what it has.

use async_graphql::{Context, InputObject, Object, SimpleObject};
use domain::{AuditEntry, Issue, IssueCode, Role};
use serde_json::json;
use stream::LinkEvent;

use super::account::Workspace;
use super::context::{admin, audit_entry, services, session};
use super::error::{ApiError, ApiResult};
use super::scalars::{DateTime, Url};
use crate::caller::Session;

/// How long a deletion can be taken back.
const GRACE_MILLIS: i64 = 7 * 24 * 3_600_000;

#[derive(InputObject)]
pub struct DeleteWorkspaceInput {
    /// The workspace's slug, so that nobody deletes one by mistake.
    confirm: String,
}

#[derive(Clone, Debug, SimpleObject)]
pub struct DeleteWorkspacePayload {
    pub workspace: Workspace,
    /// From then on everything of it goes, and nothing brings it back.
    pub deletion_at: DateTime,
}

#[derive(Clone, Debug, SimpleObject)]
pub struct RestoreWorkspacePayload {
    pub workspace: Workspace,
}

#[derive(Clone, Debug, SimpleObject)]
pub struct ExportWorkspacePayload {
    /// To be fetched by GET with the same Authorization: a ZIP archive, made while it is sent.
    pub url: Url,
}

#[derive(Default)]
pub struct RemovalMutation;

#[Object]
impl RemovalMutation {
    /// Has the workspace deleted in seven days, with everything in it. Its links lead nowhere from now on (410).
    /// Members without another workspace lose their account with it. For owners.
    async fn delete_workspace(&self, ctx: &Context<'_>, input: DeleteWorkspaceInput) -> ApiResult<Option<DeleteWorkspacePayload>> {
        let (services, session) = (services(ctx)?, owner(ctx)?);
        let scope = services.write(session.workspace).await?;
        let workspace = scope.get().await?;
        if input.confirm != workspace.slug {
            let message = format!("To delete this workspace, repeat its slug: {}.", workspace.slug);
            return Err(Issue::new("confirm", IssueCode::Invalid, message).into());
        }
        let at = scope.delete_at(services.clock.now().plus(GRACE_MILLIS)).await?;
        let details = json!({ "at": at.timestamp().to_string() });
        scope.tell(&audit_entry(services, session.user, AuditEntry::DELETION_ASKED, details)).await?;
        scope.commit().await?;
        services.notices.publish(LinkEvent::Workspace { id: session.workspace }).await;
        Ok(Some(DeleteWorkspacePayload { workspace: workspace.into(), deletion_at: DateTime(at) }))
    }

    /// Takes the deletion of the workspace back; its links lead on again. CONFLICT once it has begun. For owners.
    async fn restore_workspace(&self, ctx: &Context<'_>) -> ApiResult<Option<RestoreWorkspacePayload>> {
        let (services, session) = (services(ctx)?, owner(ctx)?);
        let scope = services.write(session.workspace).await?;
        scope.keep_workspace().await?;
        let workspace = scope.get().await?;
        scope.tell(&audit_entry(services, session.user, AuditEntry::DELETION_TAKEN_BACK, json!({}))).await?;
        scope.commit().await?;
        services.notices.publish(LinkEvent::Workspace { id: session.workspace }).await;
        Ok(Some(RestoreWorkspacePayload { workspace: workspace.into() }))
    }

    /// Where everything of the workspace is to be had: clicks, links, domains, members and settings, as NDJSON and
    /// CSV. For owners and admins.
    async fn export_workspace(&self, ctx: &Context<'_>) -> ApiResult<Option<ExportWorkspacePayload>> {
        let (services, _) = (services(ctx)?, admin(ctx)?);
        Ok(Some(ExportWorkspacePayload { url: Url(services.export_url.clone()) }))
    }
}

fn owner<'a>(ctx: &Context<'a>) -> Result<&'a Session, ApiError> {
    let session = session(ctx)?;
    let refused = ApiError::Forbidden("Only owners of the workspace may do this. Ask one of them.");
    if session.role == Role::Owner { Ok(session) } else { Err(refused) }
}
