//! The audit log: what was done in the workspace, and by whom.

use async_graphql::{ComplexObject, Context, Enum, ID, Json, Object, SimpleObject};
use domain::AuditActor;

use super::context::{admin, services};
use super::error::ApiResult;
use super::page::{Cursor, PageArgs, PageInfo, page_info};
use super::scalars::DateTime;

/// What kind of actor did something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum AuditActorKind {
    /// The program itself, by what the workspace decided.
    System,
    /// A member, or someone who was one.
    User,
    /// A program with an API key.
    Key,
}

/// Something that was done.
#[derive(Clone, Debug, SimpleObject)]
pub struct AuditEntry {
    pub id: ID,
    pub at: DateTime,
    pub actor_kind: AuditActorKind,
    /// Of the user or the key. Null for SYSTEM.
    pub actor_id: Option<ID>,
    /// What was done, as `thing.done`: `clicks.purged`, `addresses.removed`, `visitors.removed`, `privacy.changed`,
    /// `recipient_parameter.changed`, `visitor.erased`, `link.history_deleted`, `workspace.deletion_asked`,
    /// `workspace.deletion_taken_back`, `clicks.exported`, `workspace.exported`; more to come.
    pub action: String,
    /// What is to be known of it. `clicks.purged` has the clicks deleted (`clicks`) and the instant before which
    /// (`before`); `addresses.removed` likewise, `addresses` and `before` (null: of all clicks), of a day at
    /// a time; so `visitors.removed`, the `clicks` that lost the id that their visitor consented to;
    /// `privacy.changed` the `level` and the `retention` from then on, and `changed`: of each field of
    /// PrivacyInput that is another one (`keepCity`, `retention.clicksDays`), what it was (`from`) and is (`to`);
    /// `clicks.exported` the `format`; `recipient_parameter.changed` likewise `from` and `to`, null for none;
    /// `visitor.erased` and `link.history_deleted` how many `clicks`, and whether that was all (`complete`); the former
    /// also off how many `lists` a recipient was taken.
    pub details: Json<serde_json::Value>,
}

impl From<domain::AuditEntry> for AuditEntry {
    fn from(entry: domain::AuditEntry) -> Self {
        let (actor_kind, actor_id) = match entry.actor {
            AuditActor::System => (AuditActorKind::System, None),
            AuditActor::User(user) => (AuditActorKind::User, Some(user.to_string().into())),
            AuditActor::Key(key) => (AuditActorKind::Key, Some(key.to_string().into())),
        };
        Self {
            id: entry.id.to_string().into(),
            at: DateTime(entry.id.made_at()),
            actor_kind,
            actor_id,
            action: entry.action,
            details: Json(entry.details),
        }
    }
}

#[derive(Clone, Debug, SimpleObject)]
pub struct AuditEdge {
    pub cursor: String,
    pub node: AuditEntry,
}

/// What was done, newest first.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct AuditConnection {
    pub edges: Vec<AuditEdge>,
    pub nodes: Vec<AuditEntry>,
    pub page_info: PageInfo,
}

#[ComplexObject]
impl AuditConnection {
    /// How many entries there are; counted only when asked for.
    async fn total_count(&self, ctx: &Context<'_>) -> ApiResult<u64> {
        Ok(services(ctx)?.read(admin(ctx)?.workspace).await?.count_audit_log().await?)
    }
}

#[derive(Default)]
pub struct AuditQuery;

#[Object]
impl AuditQuery {
    /// What was done in the workspace, newest first, for owners and admins: as long as
    /// `privacy.retention.auditDays` says.
    async fn audit_log(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> ApiResult<Option<AuditConnection>> {
        let workspace = admin(ctx)?.workspace;
        let request = PageArgs { first, after, last, before }.request()?;
        let page = services(ctx)?.read(workspace).await?.audit_log(&request).await?;
        let cursors: Vec<String> = page.entries.iter().map(|entry| entry.id.encode()).collect();
        let nodes: Vec<AuditEntry> = page.entries.into_iter().map(AuditEntry::from).collect();
        let edges = cursors.iter().cloned().zip(&nodes).map(|(cursor, node)| AuditEdge { cursor, node: node.clone() }).collect();
        Ok(Some(AuditConnection { edges, page_info: page_info(&cursors, page.has_next, page.has_previous), nodes }))
    }
}
