//! Bringing the schema up to date: under a lock, so that two processes never do it at once, and
//! never backwards. A database newer than the program is refused.

use std::collections::HashSet;

use domain::Millis;
use migration::{Migrator, MigratorTrait};
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::connect::{Pools, Store};
use crate::{StoreError, partitions};

/// Any number: the same in every release.
const LOCK: i64 = 0x6c69_6e6b_6c6f;

/// Applies what is missing and makes the months' partitions around `now`.
///
/// # Errors
/// [`StoreError::Unusable`] when the database is newer than the program or its user may not
/// create roles.
pub async fn migrate(store: &Store, now: Millis) -> Result<(), StoreError> {
    match &store.pools {
        // The one writer is the lock within a process; between processes each migration is one
        // IMMEDIATE transaction, and the loser finds it done or fails without effect.
        Pools::Sqlite { .. } => apply(store).await,
        Pools::Postgres(pool) => {
            let mut lock = pool.acquire().await?;
            sqlx::query("SELECT pg_advisory_lock($1)").bind(LOCK).execute(&mut *lock).await?;
            let result = async {
                apply(store).await?;
                partitions::ensure(pool, now).await
            }
            .await;
            sqlx::query("SELECT pg_advisory_unlock($1)").bind(LOCK).execute(&mut *lock).await?;
            result
        }
    }
}

impl Store {
    /// Whether the schema is exactly the one this program knows.
    ///
    /// # Errors
    /// [`StoreError::Unusable`] saying what to do: upgrade the program, or migrate.
    pub async fn check_schema(&self) -> Result<(), StoreError> {
        let applied = applied(self).await?;
        refuse_newer(&applied)?;
        if Migrator::migrations().iter().any(|known| !applied.contains(known.name())) {
            return Err(StoreError::Unusable(
                "The database's schema is older than this program. Run `linklogger migrate` once, then start again.".into(),
            ));
        }
        Ok(())
    }
}

async fn apply(store: &Store) -> Result<(), StoreError> {
    refuse_newer(&applied(store).await?)?;
    Migrator::up(&store.writer, None).await.map_err(|error| match error.to_string() {
        text if text.contains("permission denied") => StoreError::Unusable(
            "The database's user may not create roles. Run `ALTER ROLE … CREATEROLE` for it, or run `linklogger migrate` once as a user that may.".into(),
        ),
        _ => error.into(),
    })
}

fn refuse_newer(applied: &HashSet<String>) -> Result<(), StoreError> {
    let known: HashSet<String> = Migrator::migrations().iter().map(|migration| migration.name().to_owned()).collect();
    if applied.is_subset(&known) {
        return Ok(());
    }
    Err(StoreError::Unusable("The database was written by a newer version of Link Logger. Start that version or a later one.".into()))
}

async fn applied(store: &Store) -> Result<HashSet<String>, StoreError> {
    let (backend, find) = if store.is_postgres() {
        (DbBackend::Postgres, "SELECT 1 FROM pg_catalog.pg_class WHERE relname = 'seaql_migrations' AND pg_table_is_visible(oid)")
    } else {
        (DbBackend::Sqlite, "SELECT 1 FROM sqlite_master WHERE name = 'seaql_migrations'")
    };
    if store.writer.query_one_raw(Statement::from_string(backend, find)).await?.is_none() {
        return Ok(HashSet::new());
    }
    let rows = store.writer.query_all_raw(Statement::from_string(backend, "SELECT version FROM seaql_migrations")).await?;
    rows.iter().map(|row| row.try_get::<String>("", "version").map_err(StoreError::from)).collect()
}
