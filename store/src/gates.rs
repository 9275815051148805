//! What stands between a link and its target, as columns and as the domain has it; and the permits
//! of links whose clicks are limited.
//!
//! A limit is kept by one counter row for each link. Whoever leads visitors on takes permits from it
//! in one statement that never passes the limit, hands them out in memory, and gives back what was
//! not used. A process that dies keeps its permits, so a limit may be reached early, never passed.

use domain::{ClickLimit, Gate, GateChange, LinkId, Millis, PasswordHash, TargetUrl};
use entity::{link, link_permit};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ConnectionTrait, DbBackend, EntityTrait, Statement};

use crate::{Access, Store, StoreError, WorkspaceScope};

/// A gate's columns.
#[derive(Debug)]
pub(crate) struct StoredGate {
    pub disabled: bool,
    pub starts_at: Option<i64>,
    pub expires_at: Option<i64>,
    pub fallback_url: Option<String>,
    pub password_hash: Option<String>,
    pub click_limit: Option<i64>,
    pub rules: Option<String>,
}

impl StoredGate {
    pub fn read(self) -> Result<Gate, StoreError> {
        let rules = self.rules.map(|json| serde_json::from_str(&json)).transpose();
        let limit = self.click_limit.map(ClickLimit::parse).transpose();
        Ok(Gate {
            disabled: self.disabled,
            starts_at: self.starts_at.map(Millis),
            expires_at: self.expires_at.map(Millis),
            fallback: self.fallback_url.map(TargetUrl::from_store),
            password: self.password_hash.map(PasswordHash),
            click_limit: limit.map_err(|issue| StoreError::Internal(issue.message))?,
            rules: rules.map_err(|error| StoreError::Internal(format!("a link's rules cannot be read: {error}")))?.unwrap_or_default(),
        })
    }
}

/// Sets the columns of the fields that change.
pub(crate) fn write_change(row: &mut link::ActiveModel, change: GateChange) -> Result<(), StoreError> {
    if let Some(disabled) = change.disabled {
        row.disabled = Set(disabled);
    }
    if let Some(starts_at) = change.starts_at {
        row.starts_at = Set(starts_at.map(|at| at.0));
    }
    if let Some(expires_at) = change.expires_at {
        row.expires_at = Set(expires_at.map(|at| at.0));
    }
    if let Some(fallback) = change.fallback {
        row.fallback_url = Set(fallback.map(|target| target.as_str().to_owned()));
    }
    if let Some(password) = change.password {
        row.password_hash = Set(password.map(|hash| hash.0));
    }
    if let Some(limit) = change.click_limit {
        row.click_limit = Set(limit.map(|limit| limit.get().into()));
    }
    if let Some(rules) = change.rules {
        let json = serde_json::to_string(&rules).map_err(|error| StoreError::Internal(error.to_string()))?;
        row.rules = Set((!rules.is_empty()).then_some(json));
    }
    Ok(())
}

impl WorkspaceScope {
    /// Sets the limit of a link's permits. What was granted before stays granted, also where the
    /// limit was taken away for a while.
    pub(crate) async fn limit_permits(&self, link: LinkId, limit: Option<ClickLimit>) -> Result<(), StoreError> {
        let Some(limit) = limit else { return Ok(()) };
        let row = link_permit::ActiveModel {
            link_id: Set(link.0),
            workspace_id: Set(self.workspace.0),
            click_limit: Set(limit.get().into()),
            granted: Set(0),
            leased: Set(0),
        };
        let raised = OnConflict::column(link_permit::Column::LinkId).update_column(link_permit::Column::ClickLimit).to_owned();
        link_permit::Entity::insert(row).on_conflict(raised).exec_without_returning(&self.transaction).await?;
        Ok(())
    }
}

impl Store {
    /// Takes up to `wanted` permits of a link, fewer the nearer its limit is: at most an eighth of
    /// what is left, but one as long as any is. 0 when the limit is reached.
    ///
    /// # Errors
    /// When the database does not answer; permits may have been taken then, and stay unused.
    pub async fn lease(&self, link: LinkId, wanted: u32) -> Result<u32, StoreError> {
        const SQLITE: &str = "UPDATE link_permits SET granted = granted + max(1, min(?1, (click_limit - granted) / 8)), \
                              leased = max(1, min(?1, (click_limit - granted) / 8)) \
                              WHERE link_id = ?2 AND granted < click_limit RETURNING leased";
        let leased = self.change_permits(SQLITE, "SELECT leased FROM linklogger_lease_permits($2, $1)", link, wanted).await?;
        Ok(u32::try_from(leased.unwrap_or(0)).unwrap_or(0))
    }

    /// Gives back permits that were not used and never will be.
    ///
    /// # Errors
    /// When the database does not answer; the permits may stay unused then.
    pub async fn return_permits(&self, link: LinkId, unused: u32) -> Result<(), StoreError> {
        const SQLITE: &str = "UPDATE link_permits SET granted = max(0, granted - ?1) WHERE link_id = ?2 RETURNING granted";
        self.change_permits(SQLITE, "SELECT granted FROM linklogger_return_permits($2, $1)", link, unused).await?;
        Ok(())
    }

    async fn change_permits(&self, sqlite: &str, postgres: &str, link: LinkId, number: u32) -> Result<Option<i64>, StoreError> {
        let transaction = self.begin_as("linklogger_redirector", "", Access::Write).await?;
        let (backend, sql) = if self.is_postgres() { (DbBackend::Postgres, postgres) } else { (DbBackend::Sqlite, sqlite) };
        let values = [i64::from(number).into(), link.0.into()];
        let row = transaction.query_one_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
        let value = row.map(|row| row.try_get_by_index(0)).transpose()?;
        transaction.commit().await?;
        Ok(value)
    }
}
