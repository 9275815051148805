//! Pools. SQLite has one writing connection for the whole process and a pool of readers that
//! cannot write; PostgreSQL has one pool for both.

use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use platform::config::Database;
use sea_orm::{DatabaseConnection, SqlxPostgresConnector, SqlxSqliteConnector};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection as _, PgConnection, PgPool, SqlitePool};

use crate::StoreError;
use crate::error::describe;
use crate::rollup::ValueCache;

/// How long a caller waits for a connection before it is told that the database does not answer.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
const READERS: u32 = 8;
const POSTGRES_CONNECTIONS: u32 = 16;

#[derive(Clone, Debug)]
pub(crate) enum Pools {
    Sqlite { writer: SqlitePool, reader: SqlitePool },
    Postgres(PgPool),
}

/// A handle to the database; clones share its pools.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) pools: Pools,
    pub(crate) writer: DatabaseConnection,
    pub(crate) reader: DatabaseConnection,
    /// Whether changes of links are written to the outbox.
    pub(crate) link_outbox: bool,
    /// Numbers of values that cells are counted by.
    pub(crate) values: ValueCache,
}

impl Store {
    /// Opens the pools and tries one connection. The schema must be there: see [`crate::migrate()`].
    ///
    /// # Errors
    /// [`StoreError::Unusable`] with a sentence that says what cannot be reached and what to do.
    pub async fn connect(database: &Database) -> Result<Self, StoreError> {
        let store = Self::open(database).await?;
        store.reach().await.map_err(StoreError::not_waited_for)?;
        Ok(store)
    }

    /// Opens the pools. A PostgreSQL server is not asked yet: see [`Store::reach`].
    ///
    /// # Errors
    /// [`StoreError::Unusable`] with a sentence that says what cannot be used and what to do.
    pub async fn open(database: &Database) -> Result<Self, StoreError> {
        match database {
            Database::Sqlite(path) => Self::sqlite(path).await,
            Database::Postgres(url) => Self::postgres(url),
        }
    }

    async fn sqlite(path: &Path) -> Result<Self, StoreError> {
        let options = sqlite_options(path);
        // In KiB and in pages of 4 KiB: a quarter more clicks a second than with SQLite's own 2,000 and 1,000, since a
        // batch changes some hundred pages all over the file.
        let writing = options.clone().pragma("cache_size", "-16000").pragma("wal_autocheckpoint", "4000");
        let writer = sqlite_pool(1).connect_with(writing).await.map_err(|error| sqlite_unusable(path, &error))?;
        let readers = options.create_if_missing(false).pragma("query_only", "ON");
        let reader = sqlite_pool(READERS).connect_with(readers).await.map_err(|error| sqlite_unusable(path, &error))?;
        Ok(Self {
            writer: SqlxSqliteConnector::from_sqlx_sqlite_pool(writer.clone()),
            reader: SqlxSqliteConnector::from_sqlx_sqlite_pool(reader.clone()),
            pools: Pools::Sqlite { writer, reader },
            link_outbox: false,
            values: ValueCache::default(),
        })
    }

    fn postgres(url: &str) -> Result<Self, StoreError> {
        let options: PgConnectOptions =
            url.parse().map_err(|_| postgres_unusable("the URL is not of the form postgres://user:password@host:port/database"))?;
        let pool = PgPoolOptions::new()
            .max_connections(POSTGRES_CONNECTIONS)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_lazy_with(options.application_name("linklogger"));
        let connection = SqlxPostgresConnector::from_sqlx_postgres_pool(pool.clone());
        Ok(Self {
            pools: Pools::Postgres(pool),
            writer: connection.clone(),
            reader: connection,
            link_outbox: false,
            values: ValueCache::default(),
        })
    }

    /// Writes each change of a link to the outbox too, in the change's own transaction. Only for a
    /// process whose links go on to a snapshot: where nobody drains it, it would grow for ever.
    #[must_use]
    pub fn with_link_outbox(self) -> Self {
        Self { link_outbox: true, ..self }
    }

    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self.pools, Pools::Postgres(_))
    }

    /// Asks the database for a sign of life.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.reader.ping().await.map_err(|error| StoreError::Unavailable(error.to_string()))
    }

    /// Tries a connection of its own, to say at once what the pools would say only in time.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] with the reason when the server may be there later,
    /// [`StoreError::Unusable`] with a sentence when only a person can mend what keeps it away.
    pub async fn reach(&self) -> Result<(), StoreError> {
        let Pools::Postgres(pool) = &self.pools else { return self.ping().await };
        let options = pool.connect_options();
        match tokio::time::timeout(ACQUIRE_TIMEOUT, PgConnection::connect_with(&options)).await {
            Ok(Ok(connection)) => {
                let _ = connection.close().await;
                Ok(())
            }
            Ok(Err(error)) if is_for_good(&error, &options) => Err(postgres_unusable(&describe(&error))),
            Ok(Err(error)) => Err(StoreError::Unavailable(describe(&error))),
            Err(_) => Err(StoreError::Unavailable("no answer in time".into())),
        }
    }

    /// Ends all connections, so that SQLite folds its log into the file.
    pub async fn close(&self) {
        match &self.pools {
            Pools::Sqlite { writer, reader } => {
                reader.close().await;
                writer.close().await;
            }
            Pools::Postgres(pool) => pool.close().await,
        }
    }
}

fn sqlite_options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .pragma("secure_delete", "ON")
        .pragma("temp_store", "MEMORY")
        .statement_cache_capacity(256)
}

fn sqlite_pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new().max_connections(connections).acquire_timeout(Duration::from_secs(30)).idle_timeout(None).max_lifetime(None)
}

fn sqlite_unusable(path: &Path, error: &sqlx::Error) -> StoreError {
    StoreError::Unusable(format!(
        "The SQLite file {} cannot be opened ({error}). Make its folder writable, or set LINKLOGGER_DATA_DIR or LINKLOGGER_DATABASE_URL.",
        path.display()
    ))
}

fn postgres_unusable(reason: &str) -> StoreError {
    StoreError::Unusable(format!("PostgreSQL cannot be reached ({reason}). Mend LINKLOGGER_DATABASE_URL."))
}

/// Whether a connection fails for what was configured: the server's certificate or its lack of one,
/// a file that is not there, and of its own refusals those of user, password (SQLSTATE class 28),
/// database (3D000) and right (42501).
fn is_for_good(error: &sqlx::Error, options: &PgConnectOptions) -> bool {
    match error {
        sqlx::Error::Database(database) => {
            let code = database.code().unwrap_or_default();
            code.starts_with("28") || code == "3D000" || code == "42501"
        }
        sqlx::Error::Tls(_) | sqlx::Error::Configuration(_) => true,
        // A socket's file is not there before the server is.
        sqlx::Error::Io(error) if !is_local(options) => matches!(error.kind(), ErrorKind::NotFound | ErrorKind::PermissionDenied),
        _ => false,
    }
}

fn is_local(options: &PgConnectOptions) -> bool {
    options.get_socket().is_some() || options.get_host().starts_with('/')
}
