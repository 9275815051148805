//! What can go wrong with the database, in the terms that callers act on.

use domain::{Quarter, WorkspaceId};
use sea_orm::{DbErr, RuntimeErr, SqlErr};

/// What already exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conflict {
    Email,
    Slug,
    ExternalId,
    /// The workspace has this host already.
    Domain,
    /// The domain has links, and what was to be changed decides where those are found.
    DomainInUse,
    /// The workspace has as many domains as it may.
    DomainLimit,
    /// The host is verified in another workspace.
    Host,
    /// Another workspace has freed the host not long ago.
    HostQuarantined,
    /// The row was changed by someone else since it was read.
    Version,
    /// The row stands for something else and is not for users to change.
    Fixed,
    /// The event is of another click.
    Event,
    /// The workspace is being deleted already.
    Removed,
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The row does not exist in this workspace; whether it exists in another is not told.
    #[error("not found")]
    NotFound,
    #[error("conflicts with what is stored: {0:?}")]
    Conflict(Conflict),
    /// The workspace has as many of these as it may.
    #[error("there are as many as there may be")]
    TooMany,
    /// What is asked for is kept by the whole days of the workspace's zone only, before that instant.
    #[error("dimensions from before {0} are kept by whole days only")]
    Folded(domain::Millis),
    /// The database cannot be reached or asked to wait; the same call may succeed later.
    #[error("the database does not answer: {0}")]
    Unavailable(String),
    /// A sentence for the operator about the database's state.
    #[error("{0}")]
    Unusable(String),
    /// Bytes that count clicks are of no known form, or count less than what is to be taken out.
    #[error(
        "the counts of workspace {workspace} on the day of {} cannot be read or changed; `linklogger rebuild-rollups --workspace {workspace}` \
         counts them anew from the clicks that are kept", .quarter.start()
    )]
    Rollups { workspace: WorkspaceId, quarter: Quarter },
    /// A defect of the program or of the data.
    #[error("the database refused a statement: {0}")]
    Internal(String),
}

impl StoreError {
    /// The same for whoever does not wait for a server that is away: a sentence for the operator.
    #[must_use]
    pub fn not_waited_for(self) -> Self {
        match self {
            Self::Unavailable(reason) => {
                Self::Unusable(format!("PostgreSQL cannot be reached ({reason}). Start it, or mend LINKLOGGER_DATABASE_URL."))
            }
            other => other,
        }
    }

    /// The conflict that a unique constraint's violation means, by the names in the error.
    pub(crate) fn of_write(error: DbErr) -> Self {
        let Some(SqlErr::UniqueConstraintViolation(message)) = error.sql_err() else { return error.into() };
        let known = [
            (["users_email_key", "users.email"], Conflict::Email),
            (["link_slugs_pkey", "link_slugs.domain_id"], Conflict::Slug),
            (["links_by_external_id", "links.external_id"], Conflict::ExternalId),
            (["domains_by_workspace", "domains.workspace_id"], Conflict::Domain),
            (["domains_by_verified_host", "domains.host"], Conflict::Host),
        ];
        known
            .into_iter()
            .find(|(names, _)| names.iter().any(|name| message.contains(name)))
            .map_or_else(|| Self::Internal(message), |(_, conflict)| Self::Conflict(conflict))
    }
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        match error {
            DbErr::ConnectionAcquire(error) => Self::Unavailable(error.to_string()),
            DbErr::Conn(RuntimeErr::SqlxError(error))
            | DbErr::Exec(RuntimeErr::SqlxError(error))
            | DbErr::Query(RuntimeErr::SqlxError(error)) => Self::of_sqlx(&error),
            other => Self::Internal(other.to_string()),
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::of_sqlx(&error)
    }
}

impl StoreError {
    fn of_sqlx(error: &sqlx::Error) -> Self {
        if is_data_error(error) { Self::Internal(describe(error)) } else { Self::Unavailable(describe(error)) }
    }
}

/// Whether the statement's data are at fault, so that the same statement fails for ever: SQLSTATE
/// classes 22 and 23 on PostgreSQL, constraint, mismatch, too big and range on SQLite. Everything
/// else (connection, serialization, locks, resources, shutdown) may pass.
pub(crate) fn is_data_error(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(database) => {
            let code = database.code().unwrap_or_default();
            match code.parse::<u32>() {
                Ok(number) if code.len() < 5 => matches!(number & 0xff, 18 | 19 | 20 | 25),
                _ => code.starts_with("22") || code.starts_with("23"),
            }
        }
        sqlx::Error::Encode(_) | sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. } => true,
        _ => false,
    }
}

/// The error without the values that PostgreSQL quotes in its detail: they may be a visitor's.
pub(crate) fn describe(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(database) => {
            format!("{} ({})", database.message(), database.code().unwrap_or_default())
        }
        other => other.to_string(),
    }
}
