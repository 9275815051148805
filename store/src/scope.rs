//! The scope of one workspace: a transaction that can see and change that tenant's rows only.
//!
//! Every statement made through it filters by its workspace, on both databases. On PostgreSQL the
//! transaction's first statement also takes the role and names the workspace, so that the policies
//! hold even where a filter were forgotten; both end with the transaction.

use domain::WorkspaceId;
use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, IsolationLevel, SqliteTransactionMode, Statement,
    TransactionOptions, TransactionTrait,
};

use crate::snapshot::Snapshot;
use crate::{Store, StoreError};

/// What a scope is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// One snapshot: everything read in the scope belongs together.
    Read,
    Write,
}

/// A transaction in one workspace. Dropped without [`WorkspaceScope::commit`] it leaves no trace.
#[derive(Debug)]
pub struct WorkspaceScope {
    pub(crate) workspace: WorkspaceId,
    pub(crate) transaction: DatabaseTransaction,
    pub(crate) link_outbox: bool,
    /// Of a scope that reads only.
    pub(crate) snapshot: Option<Snapshot>,
}

impl Store {
    /// Begins a transaction in `workspace`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when no connection can be had.
    pub async fn workspace(&self, workspace: WorkspaceId, access: Access) -> Result<WorkspaceScope, StoreError> {
        let transaction = self.begin_as("linklogger_api", &workspace.0.to_string(), access).await?;
        let snapshot = (access == Access::Read).then(Snapshot::default);
        Ok(WorkspaceScope { workspace, transaction, link_outbox: self.link_outbox, snapshot })
    }

    /// Begins a transaction outside any workspace, for what the installation owns.
    pub(crate) async fn installation(&self, access: Access) -> Result<DatabaseTransaction, StoreError> {
        self.begin_as("linklogger_api", "", access).await
    }

    pub(crate) async fn begin_as(&self, role: &str, workspace: &str, access: Access) -> Result<DatabaseTransaction, StoreError> {
        let transaction = begin(self.connection(access), access).await?;
        if self.is_postgres() {
            let sql = "SELECT set_config('role', $1, true), set_config('app.workspace', $2, true)";
            transaction.query_one_raw(Statement::from_sql_and_values(DbBackend::Postgres, sql, [role.into(), workspace.into()])).await?;
        }
        Ok(transaction)
    }

    fn connection(&self, access: Access) -> &DatabaseConnection {
        match access {
            Access::Read => &self.reader,
            Access::Write => &self.writer,
        }
    }
}

async fn begin(connection: &DatabaseConnection, access: Access) -> Result<DatabaseTransaction, StoreError> {
    let postgres = connection.get_database_backend() == DbBackend::Postgres;
    let options = match (access, postgres) {
        (Access::Read, true) => TransactionOptions {
            isolation_level: Some(IsolationLevel::RepeatableRead),
            access_mode: Some(AccessMode::ReadOnly),
            ..TransactionOptions::default()
        },
        // A write begun as a reader can find itself unable to go on; begun IMMEDIATE it waits.
        (Access::Write, false) => {
            TransactionOptions { sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate), ..TransactionOptions::default() }
        }
        _ => TransactionOptions::default(),
    };
    Ok(connection.begin_with_options(options).await?)
}

impl WorkspaceScope {
    pub fn workspace(&self) -> WorkspaceId {
        self.workspace
    }

    /// Makes the scope's changes visible and durable.
    ///
    /// # Errors
    /// When the database cannot; then nothing was changed.
    pub async fn commit(self) -> Result<(), StoreError> {
        Ok(self.transaction.commit().await?)
    }
}
