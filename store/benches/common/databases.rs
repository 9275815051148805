//! Databases to measure in, with the durability that the product has: SQLite files that wait for the disk with
//! each commit, and a PostgreSQL server with its own settings. Each is a copy of a template that has the
//! workspaces and their links.

use std::path::PathBuf;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use platform::config::Database as Url;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, PgPool, SqlitePool};
use store::Store;
use testkit::Postgres;

use super::world::World;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Sqlite,
    Postgres,
}

impl Kind {
    /// Those that `BENCH_DATABASES` names, or both.
    pub fn chosen() -> Vec<Self> {
        [Self::Sqlite, Self::Postgres].into_iter().filter(|kind| super::chosen("DATABASES", kind.name())).collect()
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

/// Where the databases of a kind are.
#[derive(Debug)]
pub struct Place {
    pub kind: Kind,
    folder: PathBuf,
    server: Option<Postgres>,
    _temporary: Option<tempfile::TempDir>,
}

/// A database, through the store and past it.
#[derive(Debug)]
pub struct Database {
    pub store: Store,
    pub raw: Raw,
    name: String,
}

#[derive(Clone, Debug)]
pub enum Raw {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

const TEMPLATE: &str = "template";

impl Place {
    /// In the folder that `BENCH_DATA` names, which stays, or in a temporary one.
    pub async fn open(kind: Kind, world: &World) -> Self {
        let kept = super::setting("DATA").map(PathBuf::from);
        let temporary = kept.is_none().then(|| tempfile::Builder::new().prefix("ll-bench-").tempdir().unwrap());
        let folder = kept.clone().or_else(|| temporary.as_ref().map(|folder| folder.path().into())).unwrap();
        std::fs::create_dir_all(&folder).unwrap();
        let server = (kind == Kind::Postgres).then(|| Postgres::start_durable(kept.map(|folder| folder.join("postgres"))));
        let place = Self { kind, folder, server, _temporary: temporary };
        if !place.has(TEMPLATE) {
            place.execute_on_server(&format!("CREATE DATABASE {TEMPLATE}"));
            let store = Store::connect(&place.url(TEMPLATE)).await.unwrap();
            world.settle(&store).await;
            store.close().await;
        }
        place
    }

    /// Whether there is a database of this name.
    pub fn has(&self, name: &str) -> bool {
        match &self.server {
            Some(server) => server.sql("postgres", &format!("SELECT count(*) FROM pg_database WHERE datname = '{name}'")) == "1",
            None => self.file(name).exists(),
        }
    }

    /// A new copy of the template.
    pub async fn copy(&self, name: &str) -> Database {
        self.remove(name);
        self.execute_on_server(&format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE}"));
        if self.server.is_none() {
            std::fs::copy(self.file(TEMPLATE), self.file(name)).unwrap();
        }
        self.connect(name).await
    }

    pub async fn connect(&self, name: &str) -> Database {
        let raw = match &self.url(name) {
            Url::Postgres(url) => Raw::Postgres(PgPool::connect(url).await.unwrap()),
            Url::Sqlite(path) => Raw::Sqlite(SqlitePoolOptions::new().max_connections(1).connect_with(sqlite(path.clone())).await.unwrap()),
        };
        let store = Store::connect(&self.url(name)).await.unwrap();
        store.check_schema().await.unwrap_or_else(|error| panic!("{error} Or empty the folder that BENCH_DATA names."));
        Database { store, raw, name: name.into() }
    }

    pub async fn drop(&self, database: Database) {
        database.close().await;
        self.remove(&database.name);
    }

    /// Gives a database that is ready another name.
    pub async fn rename(&self, database: Database, name: &str) -> Database {
        database.close().await;
        self.execute_on_server(&format!("ALTER DATABASE {} RENAME TO {name}", database.name));
        if self.server.is_none() {
            std::fs::rename(self.file(&database.name), self.file(name)).unwrap();
        }
        self.connect(name).await
    }

    fn remove(&self, name: &str) {
        self.execute_on_server(&format!("DROP DATABASE IF EXISTS {name}"));
        for suffix in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{suffix}", self.file(name).display()));
        }
    }

    fn execute_on_server(&self, sql: &str) {
        if let Some(server) = &self.server {
            server.sql("postgres", sql);
        }
    }

    fn url(&self, name: &str) -> Url {
        match &self.server {
            Some(server) => Url::Postgres(server.url(name)),
            None => Url::Sqlite(self.file(name)),
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.db"))
    }
}

/// As the product opens it.
fn sqlite(path: PathBuf) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(60))
        .pragma("secure_delete", "ON")
        .pragma("temp_store", "MEMORY")
        .pragma("cache_size", "-16000")
        .pragma("wal_autocheckpoint", "4000")
        .statement_cache_capacity(256)
}

impl Database {
    async fn close(&self) {
        self.store.close().await;
        match &self.raw {
            Raw::Sqlite(pool) => pool.close().await,
            Raw::Postgres(pool) => pool.close().await,
        }
    }
}

impl Raw {
    pub async fn execute(&self, sql: &str) {
        let sql = AssertSqlSafe(sql.to_owned());
        match self {
            Self::Sqlite(pool) => drop(sqlx::raw_sql(sql).execute(pool).await.unwrap()),
            Self::Postgres(pool) => drop(sqlx::raw_sql(sql).execute(pool).await.unwrap()),
        }
    }

    /// Leaves it as it is after it has stood for a minute: SQLite's log written to its file, and on PostgreSQL what
    /// autovacuum does, which would come at any moment and without which plans are made for empty tables.
    pub async fn let_stand(&self) {
        match self {
            Self::Sqlite(_) => self.execute("PRAGMA wal_checkpoint(TRUNCATE)").await,
            Self::Postgres(_) => self.execute("VACUUM (ANALYZE)").await,
        }
    }

    /// A query of names, which may be missing, and numbers.
    pub async fn named_numbers(&self, sql: &str) -> Vec<(Option<String>, i64)> {
        let sql = AssertSqlSafe(sql.to_owned());
        match self {
            Self::Sqlite(pool) => sqlx::query_as(sql).fetch_all(pool).await.unwrap(),
            Self::Postgres(pool) => sqlx::query_as(sql).fetch_all(pool).await.unwrap(),
        }
    }

    pub async fn number(&self, sql: &str) -> i64 {
        let sql = AssertSqlSafe(sql.to_owned());
        match self {
            Self::Sqlite(pool) => sqlx::query_scalar(sql).fetch_one(pool).await.unwrap(),
            Self::Postgres(pool) => sqlx::query_scalar(sql).fetch_one(pool).await.unwrap(),
        }
    }
}

/// What PostgreSQL's COPY gives out as text, a line for each row.
pub async fn copy_out(pool: &PgPool, query: &str) -> Vec<u8> {
    use sqlx::postgres::PgPoolCopyExt as _;
    let mut stream = pool.copy_out_raw(&format!("COPY ({query}) TO STDOUT")).await.unwrap();
    let mut text = Vec::new();
    while let Some(part) = stream.try_next().await.unwrap() {
        text.extend_from_slice(&part);
    }
    text
}

/// Copies lines of text into `clicks` in a transaction.
pub async fn copy_in(pool: &PgPool, columns: &str, text: &[u8]) {
    use sqlx::postgres::PgPoolCopyExt as _;
    let mut copy = pool.copy_in_raw(&format!("COPY clicks {columns} FROM STDIN")).await.unwrap();
    copy.send(text).await.unwrap();
    copy.finish().await.unwrap();
}
