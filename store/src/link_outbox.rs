//! How the snapshot of links learns of changes: rows written in a link's own transaction, read in
//! order together with what is at their address *now*, and cleared once that is published. A row
//! read twice, or by two processes at once, does no harm: the snapshot takes no lower version.

use domain::{LinkAddress, LinkId, LinkState};
use entity::{link_outbox, link_slug};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, QueryFilter, QueryResult, Statement, Value,
};
use uuid::Uuid;

use crate::lookup::{CARD_BY_FUNCTION, RESOLVED, RESOLVED_BY_FUNCTION, ResolvedRow, resolved};
use crate::{Access, Store, StoreError, WorkspaceScope};

const MOST_COUNTED: i64 = 10_000;

/// A change that is to be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxEntry {
    pub id: i64,
    pub state: LinkState,
}

impl WorkspaceScope {
    /// Notes that all addresses of a link lead to something else than before.
    pub(crate) async fn record_change(&self, link: LinkId, version: i32) -> Result<(), StoreError> {
        if !self.link_outbox {
            return Ok(());
        }
        let slugs = link_slug::Entity::find()
            .filter(link_slug::Column::WorkspaceId.eq(self.workspace.0))
            .filter(link_slug::Column::LinkId.eq(link.0))
            .all(&self.transaction)
            .await?;
        let rows = slugs.into_iter().map(|slug| link_outbox::ActiveModel {
            workspace_id: Set(self.workspace.0),
            domain_id: Set(slug.domain_id),
            folded: Set(slug.folded),
            link_id: Set(link.0),
            version: Set(version),
            ..Default::default()
        });
        link_outbox::Entity::insert_many(rows).exec_without_returning(&self.transaction).await?;
        Ok(())
    }
}

impl Store {
    /// The oldest changes that are not published yet, at most `limit`.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn link_outbox(&self, limit: u32) -> Result<Vec<OutboxEntry>, StoreError> {
        let sql = if self.is_postgres() {
            format!(
                "SELECT k.id AS outbox_id, k.domain_id, k.folded, k.link_id, k.version AS changed_version, {RESOLVED_BY_FUNCTION} \
                 FROM linklogger_link_outbox($1) k LEFT JOIN LATERAL linklogger_resolve_link(k.domain_id, k.folded) r ON true \
                 {CARD_BY_FUNCTION} ORDER BY k.id"
            )
        } else {
            format!(
                "SELECT k.id AS outbox_id, k.domain_id, k.folded, k.link_id, k.version AS changed_version, {RESOLVED} FROM link_outbox k \
                 LEFT JOIN link_slugs s ON s.domain_id = k.domain_id AND s.folded = k.folded LEFT JOIN links l ON l.id = s.link_id \
                 ORDER BY k.id LIMIT $1"
            )
        };
        let rows = self.feed(Access::Read, sql, [i64::from(limit).into()]).await?;
        let entry = |row: &QueryResult| {
            let state = state(row, row.try_get("", "changed_version")?)?;
            Ok(OutboxEntry { id: row.try_get("", "outbox_id")?, state })
        };
        rows.iter().map(entry).collect()
    }

    /// How many changes are not published yet; at most 10,000 are counted.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn link_outbox_rows(&self) -> Result<u64, StoreError> {
        let from = if self.is_postgres() { "linklogger_link_outbox($1)" } else { "(SELECT id FROM link_outbox LIMIT $1)" };
        let rows = self.feed(Access::Read, format!("SELECT count(*) FROM {from}"), [MOST_COUNTED.into()]).await?;
        let count: i64 = rows.first().map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or(0);
        Ok(count.unsigned_abs())
    }

    /// Forgets changes that are published.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn clear_link_outbox(&self, published: &[i64]) -> Result<(), StoreError> {
        if published.is_empty() {
            return Ok(());
        }
        if self.is_postgres() {
            let ids = Value::from(published.to_vec());
            self.feed(Access::Write, "SELECT linklogger_clear_link_outbox($1)".to_owned(), [ids]).await?;
            return Ok(());
        }
        let transaction = self.installation(Access::Write).await?;
        let clear = link_outbox::Entity::delete_many().filter(link_outbox::Column::Id.is_in(published.iter().copied()));
        clear.exec(&transaction).await?;
        Ok(transaction.commit().await?)
    }

    /// What is at the addresses after `after`, in their order, at most `limit`.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn links_after(&self, after: Option<&LinkAddress>, limit: u32) -> Result<Vec<LinkState>, StoreError> {
        let sql = if self.is_postgres() {
            format!(
                "SELECT k.domain_id, k.folded, k.link_id, {RESOLVED_BY_FUNCTION} FROM linklogger_slugs_after($1, $2, $3) k \
                 JOIN LATERAL linklogger_resolve_link(k.domain_id, k.folded) r ON true {CARD_BY_FUNCTION} ORDER BY k.domain_id, k.folded"
            )
        } else {
            format!(
                "SELECT k.domain_id, k.folded, k.link_id, {RESOLVED} FROM link_slugs k JOIN links l ON l.id = k.link_id \
                 WHERE (k.domain_id, k.folded) > ($1, $2) ORDER BY k.domain_id, k.folded LIMIT $3"
            )
        };
        // No slug is empty.
        let (domain, folded) = after.map_or((Uuid::nil(), ""), |address| (address.domain, address.folded.as_str()));
        let rows = self.feed(Access::Read, sql, [domain.into(), folded.into(), i64::from(limit).into()]).await?;
        rows.iter().map(|row| state(row, 0)).collect()
    }

    /// Runs one statement outside any workspace.
    pub(crate) async fn feed<const N: usize>(
        &self,
        access: Access,
        sql: String,
        values: [Value; N],
    ) -> Result<Vec<QueryResult>, StoreError> {
        let transaction = self.installation(access).await?;
        let backend = if self.is_postgres() { DbBackend::Postgres } else { DbBackend::Sqlite };
        let rows = transaction.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
        transaction.commit().await?;
        Ok(rows)
    }
}

/// What a row says; `version` counts where there is no link any more.
fn state(row: &QueryResult, version: i32) -> Result<LinkState, StoreError> {
    let address = LinkAddress { domain: row.try_get("", "domain_id")?, folded: row.try_get("", "folded")? };
    let changed = LinkId(row.try_get("", "link_id")?);
    let is_link = row.try_get::<Option<Uuid>>("", "id")?.is_some();
    let link = if is_link { Some(resolved(ResolvedRow::from_query_result(row, "")?)?) } else { None };
    let (id, version) = link.as_ref().map_or((changed, version), |link| (link.id, link.version));
    Ok(LinkState { address, id, version, link })
}
