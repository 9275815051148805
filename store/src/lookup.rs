//! Look-ups of the redirector, which knows no workspace before it has found the link.

use domain::{LinkAddress, LinkCard, LinkId, RedirectStatus, ResolvedLink, TargetUrl, WorkspaceId};
use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, Statement};
use uuid::Uuid;

use crate::gates::StoredGate;
use crate::{Access, Store, StoreError};

/// The columns of [`ResolvedRow`] on SQLite, of links `l`.
pub(crate) const RESOLVED: &str = "l.id, l.workspace_id, l.version, l.target_url, l.redirect_status, l.forward_query, \
                                   l.deleted_at IS NOT NULL AS deleted, l.disabled, l.starts_at, l.expires_at, l.fallback_url, l.password_hash, \
                                   l.click_limit, l.rules, l.click_limit_mode, l.title, l.description, l.image_url, l.append_click_id";
/// The same on PostgreSQL, of what linklogger_resolve_link returns as `r`: columns, and what to join.
pub(crate) const RESOLVED_BY_FUNCTION: &str = "r.*, c.title, c.description, c.image_url, a.append_click_id";
pub(crate) const CARD_BY_FUNCTION: &str =
    "LEFT JOIN LATERAL linklogger_link_card(r.id) c ON true LEFT JOIN LATERAL linklogger_link_appends(r.id) a ON true";

#[derive(FromQueryResult)]
pub(crate) struct ResolvedRow {
    id: Uuid,
    workspace_id: Uuid,
    version: i32,
    target_url: String,
    redirect_status: i16,
    forward_query: bool,
    deleted: bool,
    disabled: bool,
    starts_at: Option<i64>,
    expires_at: Option<i64>,
    fallback_url: Option<String>,
    password_hash: Option<String>,
    click_limit: Option<i64>,
    rules: Option<String>,
    click_limit_mode: i16,
    title: Option<String>,
    description: Option<String>,
    image_url: Option<String>,
    append_click_id: bool,
}

impl Store {
    /// The link that a folded slug of the shared domain leads to, deleted ones included.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn resolve_link(&self, folded_slug: &str) -> Result<Option<ResolvedLink>, StoreError> {
        self.resolve(&LinkAddress::shared(folded_slug)).await
    }

    /// The link at an address, deleted ones included.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn resolve(&self, address: &LinkAddress) -> Result<Option<ResolvedLink>, StoreError> {
        let transaction = self.begin_as("linklogger_redirector", "", Access::Read).await?;
        let (backend, sql) = if self.is_postgres() {
            (DbBackend::Postgres, format!("SELECT {RESOLVED_BY_FUNCTION} FROM linklogger_resolve_link($1, $2) r {CARD_BY_FUNCTION}"))
        } else {
            let from = "FROM link_slugs s JOIN links l ON l.id = s.link_id WHERE s.domain_id = ? AND s.folded = ?";
            (DbBackend::Sqlite, format!("SELECT {RESOLVED} {from}"))
        };
        let values = [address.domain.into(), address.folded.as_str().into()];
        let row = transaction.query_one_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
        row.map(|row| resolved(ResolvedRow::from_query_result(&row, "")?)).transpose()
    }
}

pub(crate) fn resolved(row: ResolvedRow) -> Result<ResolvedLink, StoreError> {
    let redirect_status = RedirectStatus::parse(row.redirect_status.into()).map_err(|issue| StoreError::Internal(issue.message))?;
    let gate = StoredGate {
        disabled: row.disabled,
        starts_at: row.starts_at,
        expires_at: row.expires_at,
        fallback_url: row.fallback_url,
        password_hash: row.password_hash,
        click_limit: row.click_limit,
        rules: row.rules,
        click_limit_mode: row.click_limit_mode,
    };
    Ok(ResolvedLink {
        id: LinkId(row.id),
        workspace: WorkspaceId(row.workspace_id),
        version: row.version,
        target: TargetUrl::from_store(row.target_url),
        redirect_status,
        forward_query: row.forward_query,
        append_click_id: row.append_click_id,
        deleted: row.deleted,
        gate: gate.read()?.closed(),
        card: LinkCard { title: row.title, description: row.description, image: row.image_url.map(TargetUrl::from_store) }.shown(),
    })
}
