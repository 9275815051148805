//! What the workspaces of a batch decided about their visitors, which is needed before a click of theirs
//! is stored.

use std::collections::BTreeMap;

use domain::{Privacy, WorkspaceId};
use jiff::tz::TimeZone;
use sea_orm::{ConnectionTrait, Statement, Value};
use uuid::Uuid;

use crate::{Access, Store, StoreError};

/// One workspace's settings.
#[derive(Clone, Debug)]
pub struct IngestSettings {
    pub zone: TimeZone,
    pub privacy: Privacy,
}

impl Store {
    /// By workspace; one that is gone is not among them.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn ingest_settings(&self, workspaces: &[WorkspaceId]) -> Result<BTreeMap<WorkspaceId, IngestSettings>, StoreError> {
        let ids = workspaces.iter().map(|id| id.0);
        let statement = if self.is_postgres() {
            let sql = "SELECT id, time_zone, privacy FROM linklogger_ingest_settings($1)";
            Statement::from_sql_and_values(self.backend(), sql, [ids.collect::<Vec<Uuid>>().into()])
        } else {
            let places = vec!["?"; workspaces.len()].join(", ");
            let sql = format!("SELECT id, time_zone, privacy FROM workspaces WHERE id IN ({places})");
            Statement::from_sql_and_values(self.backend(), sql, ids.map(Value::from))
        };
        let transaction = self.begin_as("linklogger_worker", "", Access::Read).await?;
        let mut settings = BTreeMap::new();
        for row in transaction.query_all_raw(statement).await? {
            let id: Uuid = row.try_get("", "id")?;
            let zone: String = row.try_get("", "time_zone")?;
            // Checked when it was set; a zone that this program's data lacks costs only the local day.
            let zone = crate::zones::zone(&zone);
            settings.insert(WorkspaceId(id), IngestSettings { zone, privacy: read_privacy(row.try_get("", "privacy")?)? });
        }
        Ok(settings)
    }
}

/// # Errors
/// When it is not what this program writes.
pub(crate) fn read_privacy(text: Option<String>) -> Result<Privacy, StoreError> {
    let read = |text: String| {
        serde_json::from_str(&text).map_err(|error| StoreError::Internal(format!("a workspace's privacy cannot be read ({error})")))
    };
    text.map_or_else(|| Ok(Privacy::default()), read)
}
