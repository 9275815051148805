//! Hosts as those know them who know no workspace: the redirector's look-up, the feeder of the
//! snapshot of links, and whoever looks for proofs anew each day.

use domain::{DomainId, DomainState, HostName, Millis, ServedDomain, WorkspaceId};
use entity::domain_outbox;
use sea_orm::{ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, QueryFilter, QueryResult, Statement, Value};
use uuid::Uuid;

use crate::domains::settings;
use crate::{Access, Store, StoreError};

/// A change of a host that is to be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainOutboxEntry {
    pub id: i64,
    pub state: DomainState,
}

/// A verified domain whose proof is to be looked for again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueDomain {
    pub id: DomainId,
    pub workspace: WorkspaceId,
    pub host: HostName,
    pub token: String,
}

/// The columns of [`ServedRow`] on SQLite, of domains `d`.
const SERVED: &str = "d.id, d.workspace_id, d.host, d.version, d.settings";

#[derive(FromQueryResult)]
struct ServedRow {
    id: Uuid,
    workspace_id: Uuid,
    host: String,
    version: i32,
    settings: String,
}

impl ServedRow {
    fn read(self) -> Result<ServedDomain, StoreError> {
        Ok(ServedDomain {
            id: DomainId(self.id),
            workspace: WorkspaceId(self.workspace_id),
            host: HostName::from_store(self.host),
            version: self.version,
            settings: settings(&self.settings)?,
        })
    }
}

impl Store {
    /// The verified domain of a host.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn resolve_host(&self, host: &HostName) -> Result<Option<ServedDomain>, StoreError> {
        let transaction = self.begin_as("linklogger_redirector", "", Access::Read).await?;
        let (backend, sql) = if self.is_postgres() {
            (DbBackend::Postgres, "SELECT * FROM linklogger_resolve_host($1)".to_owned())
        } else {
            (DbBackend::Sqlite, format!("SELECT {SERVED} FROM domains d WHERE d.host = ? AND d.verified_at IS NOT NULL"))
        };
        let row = transaction.query_one_raw(Statement::from_sql_and_values(backend, sql, [host.as_str().into()])).await?;
        row.map(|row| ServedRow::from_query_result(&row, "")?.read()).transpose()
    }

    /// The oldest changes of hosts that are not published yet, at most `limit`.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn domain_outbox(&self, limit: u32) -> Result<Vec<DomainOutboxEntry>, StoreError> {
        let columns = "k.id AS outbox_id, k.host AS changed_host, k.domain_id, k.version AS changed_version";
        let sql = if self.is_postgres() {
            format!(
                "SELECT {columns}, r.* FROM linklogger_domain_outbox($1) k LEFT JOIN LATERAL linklogger_resolve_host(k.host) r ON true \
                 ORDER BY k.id"
            )
        } else {
            format!(
                "SELECT {columns}, {SERVED} FROM domain_outbox k LEFT JOIN domains d ON d.host = k.host AND d.verified_at IS NOT NULL \
                 ORDER BY k.id LIMIT $1"
            )
        };
        let rows = self.feed(Access::Read, sql, [i64::from(limit).into()]).await?;
        let entry = |row: &QueryResult| {
            let is_served = row.try_get::<Option<Uuid>>("", "id")?.is_some();
            let domain = if is_served { Some(ServedRow::from_query_result(row, "")?.read()?) } else { None };
            let changed = (DomainId(row.try_get("", "domain_id")?), row.try_get("", "changed_version")?);
            let (id, version) = domain.as_ref().map_or(changed, |domain| (domain.id, domain.version));
            let host = HostName::from_store(row.try_get("", "changed_host")?);
            Ok(DomainOutboxEntry { id: row.try_get("", "outbox_id")?, state: DomainState { host, id, version, domain } })
        };
        rows.iter().map(entry).collect()
    }

    /// Forgets changes that are published.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn clear_domain_outbox(&self, published: &[i64]) -> Result<(), StoreError> {
        if published.is_empty() {
            return Ok(());
        }
        if self.is_postgres() {
            let ids = Value::from(published.to_vec());
            self.feed(Access::Write, "SELECT linklogger_clear_domain_outbox($1)".to_owned(), [ids]).await?;
            return Ok(());
        }
        let transaction = self.installation(Access::Write).await?;
        let clear = domain_outbox::Entity::delete_many().filter(domain_outbox::Column::Id.is_in(published.iter().copied()));
        clear.exec(&transaction).await?;
        Ok(transaction.commit().await?)
    }

    /// The verified domains after `after`, by host, at most `limit`.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn domains_after(&self, after: Option<&HostName>, limit: u32) -> Result<Vec<DomainState>, StoreError> {
        let sql = if self.is_postgres() {
            "SELECT * FROM linklogger_hosts_after($1, $2)".to_owned()
        } else {
            format!("SELECT {SERVED} FROM domains d WHERE d.verified_at IS NOT NULL AND d.host > $1 ORDER BY d.host LIMIT $2")
        };
        let after = after.map_or("", HostName::as_str);
        let rows = self.feed(Access::Read, sql, [after.into(), i64::from(limit).into()]).await?;
        let state = |row: &QueryResult| {
            let domain = ServedRow::from_query_result(row, "")?.read()?;
            Ok(DomainState { host: domain.host.clone(), id: domain.id, version: domain.version, domain: Some(domain) })
        };
        rows.iter().map(state).collect()
    }

    /// Takes the verified domain whose proof is longest due to be looked for, if one is; nobody else
    /// is given it before `again_at`.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn claim_domain_check(&self, now: Millis, again_at: Millis) -> Result<Option<DueDomain>, StoreError> {
        let sql = if self.is_postgres() {
            "SELECT * FROM linklogger_claim_domain_check($1, $2)"
        } else {
            "UPDATE domains SET next_check_at = $2 WHERE id = (SELECT id FROM domains WHERE verified_at IS NOT NULL AND next_check_at <= $1 \
             ORDER BY next_check_at LIMIT 1) RETURNING id, workspace_id, host, token"
        };
        let rows = self.feed(Access::Write, sql.to_owned(), [now.0.into(), again_at.0.into()]).await?;
        let due = |row: &QueryResult| {
            Ok(DueDomain {
                id: DomainId(row.try_get("", "id")?),
                workspace: WorkspaceId(row.try_get("", "workspace_id")?),
                host: HostName::from_store(row.try_get("", "host")?),
                token: row.try_get("", "token")?,
            })
        };
        rows.first().map(due).transpose()
    }
}
